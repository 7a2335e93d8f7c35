#include "config.h"

#include "auth/jwk.h"

#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "auth/token_json.h"
#include "base/mem.h"
#include "pure/base64url.h"

/* Bytes of a member, which are wiped when they are freed. */
struct member {
	uint8_t *data;
	size_t   len_bytes;
};

static bool
member_init(struct member *member, const json_t *jwk, const char *name)
{
	const char *text = json_string_value(json_object_get(jwk, name));

	*member = (struct member){ 0 };
	if (text == NULL)
		return false;
	member->data = mem_zalloc(BASE64URL_BYTES_MAX(strlen(text)));
	return base64url_decode(text, strlen(text), member->data,
		   &member->len_bytes) &&
	    member->len_bytes > 0;
}

static void
member_deinit(struct member *member)
{
	if (member->data != NULL)
		explicit_bzero(member->data, member->len_bytes);
	free(member->data);
}

static struct crypto_bytes
bytes_of(const struct member *member)
{
	return (struct crypto_bytes){ member->data, member->len_bytes };
}

static struct crypto_key *
read_secret(const json_t *jwk, bool may_be_weak, const char **error)
{
	struct member      k;
	struct crypto_key *key = NULL;

	if (!member_init(&k, jwk, "k"))
		*error = "has no member k in base64url";
	else if (may_be_weak ||
	    (*error = secret_weakness(bytes_of(&k))) == NULL)
		key = crypto_key_new_secret(bytes_of(&k));
	member_deinit(&k);
	return key;
}

static struct crypto_key *
read_rsa(const json_t *jwk, const char **error)
{
	struct member      n, e;
	bool               has_n = member_init(&n, jwk, "n");
	bool               has_e = member_init(&e, jwk, "e");
	struct crypto_key *key = NULL;

	if (has_n && has_e)
		key = crypto_key_new_rsa(bytes_of(&n), bytes_of(&e), error);
	else
		*error = "has no members n and e in base64url";
	member_deinit(&n);
	member_deinit(&e);
	return key;
}

/* The kind of key that has the type and the curve. */
static bool
find_curve(const char *type, const char *name, enum crypto_kind *kind)
{
	static const struct {
		const char      *type;
		const char      *name;
		enum crypto_kind kind;
	} curves[] = {
		{ "EC", "P-256", CRYPTO_P256 },
		{ "EC", "P-384", CRYPTO_P384 },
		{ "EC", "P-521", CRYPTO_P521 },
		{ "OKP", "Ed25519", CRYPTO_ED25519 },
		{ "OKP", "Ed448", CRYPTO_ED448 },
	};

	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (strcmp(type, curves[i].type) == 0 &&
		    strcmp(name, curves[i].name) == 0) {
			*kind = curves[i].kind;
			return true;
		}
	}
	return false;
}

static struct crypto_key *
read_curve(const json_t *jwk, const char *type, const char **error)
{
	const char      *name = json_string_value(json_object_get(jwk, "crv"));
	struct member    x, y;
	bool             has_x, has_y, is_ec = strcmp(type, "EC") == 0;
	enum crypto_kind kind;
	struct crypto_key *key = NULL;

	if (name == NULL || !find_curve(type, name, &kind)) {
		*error = "has no curve (crv) that tokens are signed with";
		return NULL;
	}
	has_x = member_init(&x, jwk, "x");
	has_y = member_init(&y, jwk, "y");
	if (!has_x || (is_ec && !has_y))
		*error = "lacks a coordinate in base64url";
	else if (is_ec)
		key = crypto_key_new_ec(kind, bytes_of(&x), bytes_of(&y),
		    error);
	else
		key = crypto_key_new_ed(kind, bytes_of(&x), error);
	member_deinit(&x);
	member_deinit(&y);
	return key;
}

static struct crypto_key *
read_key(const json_t *jwk, bool may_be_weak, const char **error)
{
	const char *type = json_string_value(json_object_get(jwk, "kty"));

	if (type != NULL && strcmp(type, "oct") == 0)
		return read_secret(jwk, may_be_weak, error);
	if (type != NULL && strcmp(type, "RSA") == 0)
		return read_rsa(jwk, error);
	if (type != NULL &&
	    (strcmp(type, "EC") == 0 || strcmp(type, "OKP") == 0))
		return read_curve(jwk, type, error);
	*error = "has no type (kty) that is known: oct, RSA, EC or OKP";
	return NULL;
}

/* Whether the members use and key_ops let a key verify (RFC 7517 4.2, 4.3). */
static bool
is_for_verifying(const json_t *jwk)
{
	const json_t *use = json_object_get(jwk, "use");
	const json_t *operations = json_object_get(jwk, "key_ops");
	const char   *text;
	size_t        i;

	if (use != NULL &&
	    (!json_is_string(use) ||
		strcmp(json_string_value(use), "sig") != 0))
		return false;
	if (operations == NULL)
		return true;
	for (i = 0; i < json_array_size(operations); i++) {
		text = json_string_value(json_array_get(operations, i));
		if (text != NULL && strcmp(text, "verify") == 0)
			return true;
	}
	return false;
}

/* Narrows the algorithms to the member alg; false: it is none of them. */
static bool
read_alg(const json_t *jwk, unsigned *allowed)
{
	const char  *name;
	enum jws_alg alg;

	if (!token_json_string(jwk, "alg", &name))
		return false;
	if (name == NULL)
		return true;
	if (!jws_alg_parse(name, &alg) ||
	    (*allowed != 0 && (*allowed & JWS_ALG_BIT(alg)) == 0))
		return false;
	*allowed = JWS_ALG_BIT(alg);
	return true;
}

struct jws_key *
jwk_read(const json_t *jwk, unsigned allowed, bool may_be_weak,
    const char **error)
{
	struct crypto_key *crypto_key;
	struct jws_key    *key;
	const char        *kid;

	*error = NULL;
	if (!json_is_object(jwk))
		*error = "is no JSON object";
	else if (!token_json_string(jwk, "kid", &kid))
		*error = "has an id (kid) that is no string";
	else if (!is_for_verifying(jwk))
		*error = "is not for verifying signatures (use, key_ops)";
	else if (!read_alg(jwk, &allowed))
		*error = "is for another algorithm (alg)";
	if (*error != NULL)
		return NULL;
	crypto_key = read_key(jwk, may_be_weak, error);
	if (crypto_key == NULL)
		return NULL;
	key = jws_key_new(crypto_key, allowed, kid);
	if (key == NULL)
		*error = "does not fit its algorithm (alg)";
	return key;
}
