#include "config.h"

#include "auth/token_key_spec.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/jws_key.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/regular_file.h"

#define FILE_BYTES_MAX ((size_t)256 * 1024)

static const char *
read_all(int fd, struct buf *bytes)
{
	ssize_t len;

	do {
		buf_reserve(bytes, FILE_BYTES_MAX + 1 - bytes->len_bytes);
		len = read(fd, bytes->data + bytes->len_bytes,
		    FILE_BYTES_MAX + 1 - bytes->len_bytes);
		if (len == -1)
			return strerror(errno);
		bytes->len_bytes += (size_t)len;
		if (bytes->len_bytes > FILE_BYTES_MAX)
			return "is longer than 256 KiB, and so no file of keys";
	} while (len > 0);
	return bytes->len_bytes == 0 ? "is empty" : NULL;
}

const char *
token_key_spec_read(const char *path, struct buf *bytes, bool *is_private)
{
	struct stat status;
	const char *error;
	int         fd = regular_file_open(path, &status, &error);

	*bytes = (struct buf){ 0 };
	if (fd == -1)
		return error;
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		error = "others may write it, and so sign tokens; make its "
			"mode 0600, 0640 or 0644";
	else
		error = read_all(fd, bytes);
	*is_private = error == NULL && (status.st_mode & S_IROTH) == 0;
	close(fd);
	if (error != NULL)
		token_key_spec_wipe(bytes);
	return error;
}

void
token_key_spec_wipe(struct buf *bytes)
{
	if (bytes->data != NULL)
		explicit_bzero(bytes->data, bytes->size_bytes);
	buf_deinit(bytes);
}

bool
token_key_spec_parse_algs(const char *text, unsigned *algs)
{
	char         name[16];
	size_t       len;
	enum jws_alg alg;

	for (*algs = 0;; text += len + 1) {
		len = strcspn(text, "+");
		if (len >= sizeof(name))
			return false;
		memcpy(name, text, len);
		name[len] = '\0';
		if (!jws_alg_parse(name, &alg))
			return false;
		*algs |= JWS_ALG_BIT(alg);
		if (text[len] == '\0')
			return true;
	}
}

static bool
set_text(char **field, const char *value)
{
	if (*field != NULL || *value == '\0')
		return false;
	*field = mem_strdup(value);
	return true;
}

static bool
set_dialect(struct token_key_spec *spec, const char *value)
{
	spec->dialect = strcmp(value, "08") == 0 ? TOKEN_DIALECT_08 :
						   TOKEN_DIALECT_07;
	return strcmp(value, "07") == 0 || strcmp(value, "08") == 0;
}

static bool
set_role(struct token_key_spec *spec, const char *value)
{
	if (strcmp(value, "publisher") == 0)
		spec->roles = TOKEN_ROLE_PUBLISHER;
	else if (strcmp(value, "subscriber") == 0)
		spec->roles = TOKEN_ROLE_SUBSCRIBER;
	else if (strcmp(value, "both") == 0)
		spec->roles = TOKEN_ROLES_BOTH;
	else
		return false;
	return true;
}

static bool
set_alg(struct token_key_spec *spec, const char *value)
{
	return token_key_spec_parse_algs(value, &spec->algs);
}

static bool
set_issuer(struct token_key_spec *spec, const char *value)
{
	return set_text(&spec->issuer, value);
}

static bool
set_kid(struct token_key_spec *spec, const char *value)
{
	return set_text(&spec->kid, value);
}

static bool
set_file(struct token_key_spec *spec, const char *value)
{
	return set_text(&spec->path, value);
}

static bool
set_jwks(struct token_key_spec *spec, const char *value)
{
	spec->is_jwks = true;
	return set_text(&spec->path, value);
}

static const struct member {
	const char *name;
	bool (*set)(struct token_key_spec *, const char *value);
	const char *takes;
	bool        is_last;
} members[] = {
	{ "dialect", set_dialect, "07 (Mercure 0.x) or 08 (Mercure 1.0)",
	    false },
	{ "role", set_role, "publisher, subscriber or both", false },
	{ "alg", set_alg,
	    "names of algorithms with + between them: HS256, HS384, HS512, "
	    "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, "
	    "EdDSA",
	    false },
	{ "issuer", set_issuer, "the issuer of the tokens, once", false },
	{ "kid", set_kid, "the id of the key, once", false },
	{ "file", set_file, "the path of a secret or of a key in PEM", true },
	{ "jwks", set_jwks, "the path of a JWK Set", true },
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static const struct member *
find_member(const char *text, size_t name_bytes)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (strlen(members[i].name) == name_bytes &&
		    memcmp(members[i].name, text, name_bytes) == 0)
			return &members[i];
	}
	return NULL;
}

/* Reads one member and returns what is behind it; NULL: it is wrong. */
static const char *
read_member(struct token_key_spec *spec, const char *text, unsigned *seen,
    struct buf *problem)
{
	size_t               name_bytes = strcspn(text, "=,");
	const struct member *member = find_member(text, name_bytes);
	const char          *value = text + name_bytes + 1;
	size_t               value_bytes;
	char                *copy;
	bool                 is_good;

	if (member == NULL || text[name_bytes] != '=') {
		buf_printf(problem,
		    "\"%.*s\" is no member; there are dialect=, role=, alg=, "
		    "issuer=, kid=, and at the end file= or jwks=",
		    (int)strcspn(text, ","), text);
		return NULL;
	}
	value_bytes = member->is_last ? strlen(value) : strcspn(value, ",");
	copy = mem_strndup(value, value_bytes);
	is_good = (*seen & 1u << (member - members)) == 0 &&
	    member->set(spec, copy);
	free(copy);
	*seen |= 1u << (member - members);
	if (!is_good) {
		buf_printf(problem, "%s= takes %s", member->name,
		    member->takes);
		return NULL;
	}
	value += value_bytes;
	return *value == ',' ? value + 1 : value;
}

/* What is missing or too much in all; NULL: nothing. */
static const char *
find_gap(const struct token_key_spec *spec, unsigned seen)
{
	if ((seen & 1) == 0)
		return "the dialect of the tokens is missing; add dialect=07 "
		       "(Mercure 0.x) or dialect=08 (Mercure 1.0)";
	if (spec->path == NULL)
		return "the key is missing; add file=PATH or jwks=PATH at the "
		       "end";
	if (spec->dialect == TOKEN_DIALECT_08 && spec->issuer == NULL)
		return "the issuer of the tokens is missing, which dialect 08 "
		       "demands; add issuer=";
	if (spec->dialect == TOKEN_DIALECT_07 && spec->issuer != NULL)
		return "issuer= is for dialect=08; dialect 07 has no issuers";
	if (spec->is_jwks && spec->kid != NULL)
		return "kid= is for file=; the keys of a JWK Set have their "
		       "own ids";
	return NULL;
}

bool
token_key_spec_init(struct token_key_spec *spec, const char *text,
    struct buf *problem)
{
	unsigned    seen = 0;
	const char *gap;

	*spec = (struct token_key_spec){ .roles = TOKEN_ROLES_BOTH };
	while (*text != '\0') {
		text = read_member(spec, text, &seen, problem);
		if (text == NULL)
			return false;
	}
	gap = find_gap(spec, seen);
	if (gap != NULL)
		buf_append_str(problem, gap);
	return gap == NULL;
}

void
token_key_spec_deinit(struct token_key_spec *spec)
{
	free(spec->issuer);
	free(spec->kid);
	free(spec->path);
	*spec = (struct token_key_spec){ 0 };
}
