#include "config.h"

#include "auth/token_keys.h"

#include <stdlib.h>
#include <string.h>

#include "auth/jwk.h"
#include "auth/secret.h"
#include "auth/token_json.h"
#include "auth/token_key_spec.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "pure/hash.h"

/* A key and what it is bound to. */
struct token_key {
	struct jws_key    *key;
	enum token_dialect dialect;
	unsigned           roles;
	char              *issuer; /* NULL under the old dialect */
	uint64_t           id;
};

struct token_keys {
	struct token_key list[TOKEN_KEYS_MAX];
	size_t           count;
};

/* What is being read, and where errors are told. */
struct loader {
	struct token_keys           *keys;
	const struct token_key_spec *spec;
	const char                  *source; /* stands before each error */
	bool                         may_be_weak;
	struct buf                  *problem;
};

static bool
fail(const struct loader *loader, const char *error)
{
	buf_printf(loader->problem, "%s: %s", loader->source, error);
	return false;
}

/* Takes over the key and binds it as the spec says. */
static bool
add_key(const struct loader *loader, struct jws_key *key)
{
	const struct token_key_spec *spec = loader->spec;
	struct token_key            *added;
	uint64_t                     print = jws_key_print(key);

	if (loader->keys->count == TOKEN_KEYS_MAX) {
		jws_key_free(key);
		return fail(loader,
		    "there are more than 64 keys in all; take "
		    "out what is no longer used");
	}
	added = &loader->keys->list[loader->keys->count++];
	added->key = key;
	added->dialect = spec->dialect;
	added->roles = spec->roles;
	added->issuer = spec->issuer == NULL ? NULL : mem_strdup(spec->issuer);
	/* The ids only have to differ; equal ones would give nobody a right. */
	added->id = hash_bytes(HASH_START, &print, sizeof(print));
	added->id = hash_bytes(added->id, &spec->dialect,
	    sizeof(spec->dialect));
	added->id = hash_bytes(added->id, &spec->roles, sizeof(spec->roles));
	if (spec->issuer != NULL)
		added->id = hash_bytes(added->id, spec->issuer,
		    strlen(spec->issuer));
	return true;
}

/* A secret, which is only ever used by HS algorithms. */
static bool
add_secret(const struct loader *loader, struct crypto_bytes secret)
{
	const char     *weakness = secret_weakness(secret);
	struct jws_key *key;

	if (weakness != NULL && !loader->may_be_weak)
		return fail(loader, weakness);
	if (weakness != NULL)
		log_warn("token-key-weak", LOG_STR("source", loader->source),
		    LOG_STR("reason", weakness));
	if (loader->spec->algs == 0)
		return fail(loader,
		    "is a secret, whose algorithm is missing; "
		    "add alg=HS256, HS384 or HS512");
	key = jws_key_new(crypto_key_new_secret(secret), loader->spec->algs,
	    loader->spec->kid);
	if (key == NULL)
		return fail(loader,
		    "is no public key in PEM, which the "
		    "algorithm demands; a secret takes HS256, "
		    "HS384 or HS512");
	return add_key(loader, key);
}

static bool
add_pem(const struct loader *loader, struct crypto_bytes pem)
{
	const char        *error;
	struct crypto_key *crypto_key = crypto_key_new_pem(pem, &error);
	struct jws_key    *key;

	if (crypto_key == NULL)
		return fail(loader, error);
	if (crypto_key_kind(crypto_key) == CRYPTO_RSA &&
	    loader->spec->algs == 0) {
		crypto_key_free(crypto_key);
		return fail(loader,
		    "is an RSA key, whose algorithm is "
		    "missing; add alg=RS256, or another of "
		    "RS and PS");
	}
	key = jws_key_new(crypto_key, loader->spec->algs, loader->spec->kid);
	if (key == NULL)
		return fail(loader,
		    "is a public key in PEM that does not fit "
		    "its algorithm (alg)");
	return add_key(loader, key);
}

/* A secret or PEM; a PEM is never taken as a secret. */
static bool
add_bytes(const struct loader *loader, struct crypto_bytes bytes)
{
	if (memmem(bytes.data, bytes.len_bytes, "-----BEGIN", 10) != NULL)
		return add_pem(loader, bytes);
	if (bytes.len_bytes > 0 && bytes.data[0] == '{' &&
	    memmem(bytes.data, bytes.len_bytes, "\"kty\"", 5) != NULL)
		return fail(loader, "is a JWK; name it by jwks=");
	return add_secret(loader, bytes);
}

static bool
load_file(const struct loader *loader, const struct buf *text, bool is_private)
{
	struct crypto_bytes bytes = { (const uint8_t *)text->data,
		text->len_bytes };

	if (memmem(bytes.data, bytes.len_bytes, "-----BEGIN", 10) != NULL)
		return add_bytes(loader, bytes);
	if (!is_private)
		return fail(loader,
		    "is a secret that others may read; make "
		    "its mode 0600 or 0640");
	/* An editor ends the last line; a secret does not. */
	if (bytes.len_bytes > 0 && bytes.data[bytes.len_bytes - 1] == '\n')
		bytes.len_bytes--;
	if (bytes.len_bytes > 0 && bytes.data[bytes.len_bytes - 1] == '\r')
		bytes.len_bytes--;
	return add_bytes(loader, bytes);
}

/* Returns false only for what must not be skipped. */
static bool
load_jwk(const struct loader *loader, const json_t *jwk, bool is_private,
    const char **error)
{
	struct jws_key *key = jwk_read(jwk, loader->spec->algs,
	    loader->may_be_weak, error);
	const char     *kid;

	if (key == NULL) {
		kid = json_string_value(json_object_get(jwk, "kid"));
		log_warn("token-key-skipped", LOG_STR("source", loader->source),
		    LOG_STR("kid", kid), LOG_STR("reason", *error));
		return true;
	}
	if (jws_key_is_secret(key) && !is_private) {
		jws_key_free(key);
		return fail(loader,
		    "holds a secret (oct), and others may "
		    "read it; make its mode 0600 or 0640");
	}
	return add_key(loader, key);
}

static bool
load_jwks(const struct loader *loader, const json_t *set, bool is_private)
{
	const json_t *keys = json_object_get(set, "keys"), *jwk;
	const char   *error = NULL;
	size_t        before_count = loader->keys->count, i;

	if (json_object_get(set, "kty") != NULL) {
		if (!load_jwk(loader, set, is_private, &error))
			return false;
	} else if (!json_is_array(keys) || json_array_size(keys) == 0)
		return fail(loader, "is no JWK Set: it has no keys");
	json_array_foreach (keys, i, jwk) {
		if (!load_jwk(loader, jwk, is_private, &error))
			return false;
	}
	if (loader->keys->count > before_count)
		return true;
	buf_printf(loader->problem, "%s: no key in it can be used; one %s",
	    loader->source, error == NULL ? "is missing" : error);
	return false;
}

/* Reads the file that the spec names. */
static bool
load_path(const struct loader *loader)
{
	struct buf  text;
	bool        is_private, is_good;
	const char *error;
	json_t     *set;

	error = token_key_spec_read(loader->spec->path, &text, &is_private);
	if (error != NULL) {
		buf_printf(loader->problem, "token-key, file %s: %s",
		    loader->source, error);
		return false;
	}
	if (!loader->spec->is_jwks)
		is_good = load_file(loader, &text, is_private);
	else {
		set = token_json_object(text.data, text.len_bytes);
		is_good = set == NULL ?
		    fail(loader, "is no JSON object, and so no JWK Set") :
		    load_jwks(loader, set, is_private);
		json_decref(set);
	}
	token_key_spec_wipe(&text);
	return is_good;
}

static bool
load_spec(const struct loader *loader, const char *text)
{
	struct token_key_spec spec;
	struct buf            why = { 0 };
	struct loader         own = *loader;
	bool                  is_good;

	is_good = token_key_spec_init(&spec, text, &why);
	if (is_good) {
		own.spec = &spec;
		own.source = spec.path;
		is_good = load_path(&own);
	} else
		buf_printf(loader->problem, "token-key %s: %.*s", text,
		    (int)why.len_bytes, why.data);
	buf_deinit(&why);
	token_key_spec_deinit(&spec);
	return is_good;
}

static bool
load_env(const struct loader *loader, const char *name, const char *alg_name,
    const struct token_env_key *env, enum token_role role)
{
	struct token_key_spec spec = { .dialect = TOKEN_DIALECT_07,
		.roles = role };
	const char           *alg = env->alg;
	struct loader         own = *loader;

	if (env->key == NULL || env->key[0] == '\0')
		return true;
	if (alg == NULL || alg[0] == '\0')
		alg = "HS256";
	if (!token_key_spec_parse_algs(alg, &spec.algs) ||
	    strchr(alg, '+') != NULL) {
		buf_printf(loader->problem,
		    "%s: \"%s\" is no algorithm; there are HS256, RS256, "
		    "PS256, ES256, those with 384 and 512, and EdDSA",
		    alg_name, alg);
		return false;
	}
	own.source = name;
	own.spec = &spec;
	return add_bytes(&own,
	    (struct crypto_bytes){ (const uint8_t *)env->key,
		strlen(env->key) });
}

static bool
load_all(const struct loader *loader, const struct token_key_sources *sources)
{
	for (size_t i = 0; i < sources->spec_count; i++) {
		if (!load_spec(loader, sources->specs[i]))
			return false;
	}
	return load_env(loader, "MERCURE_PUBLISHER_JWT_KEY",
		   "MERCURE_PUBLISHER_JWT_ALG", &sources->publisher,
		   TOKEN_ROLE_PUBLISHER) &&
	    load_env(loader, "MERCURE_SUBSCRIBER_JWT_KEY",
		"MERCURE_SUBSCRIBER_JWT_ALG", &sources->subscriber,
		TOKEN_ROLE_SUBSCRIBER);
}

static bool
has_sources(const struct token_key_sources *sources)
{
	const char *publisher = sources->publisher.key;
	const char *subscriber = sources->subscriber.key;

	return sources->spec_count > 0 ||
	    (publisher != NULL && *publisher != '\0') ||
	    (subscriber != NULL && *subscriber != '\0');
}

struct token_keys *
token_keys_new(const struct token_key_sources *sources, struct buf *problem)
{
	struct token_keys *keys = mem_zalloc(sizeof(*keys));
	struct loader      loader = { keys, NULL, NULL, sources->may_be_weak,
		     problem };
	const char        *error;

	if (!has_sources(sources))
		return keys;
	error = crypto_load();
	if (error != NULL)
		buf_append_str(problem, error);
	else if (load_all(&loader, sources))
		return keys;
	token_keys_free(keys);
	return NULL;
}

void
token_keys_free(struct token_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->count; i++) {
		jws_key_free(keys->list[i].key);
		free(keys->list[i].issuer);
	}
	free(keys);
}

size_t
token_keys_count(const struct token_keys *keys)
{
	return keys->count;
}

bool
token_keys_has_dialect(const struct token_keys *keys,
    enum token_dialect                          dialect)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->list[i].dialect == dialect)
			return true;
	}
	return false;
}

bool
token_keys_has_role(const struct token_keys *keys, enum token_role role)
{
	for (size_t i = 0; i < keys->count; i++) {
		if ((keys->list[i].roles & role) != 0)
			return true;
	}
	return false;
}

bool
token_keys_has_id(const struct token_keys *keys, uint64_t id)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->list[i].id == id)
			return true;
	}
	return false;
}

/* Whether a key meets one of the demands. */
typedef bool fits_fn(const struct token_key *, const struct token_wanted *);

static bool
fits_dialect(const struct token_key *key, const struct token_wanted *wanted)
{
	return key->dialect == wanted->dialect;
}

static bool
fits_issuer(const struct token_key *key, const struct token_wanted *wanted)
{
	return key->dialect == TOKEN_DIALECT_07 ||
	    (wanted->issuer != NULL &&
		strcmp(key->issuer, wanted->issuer) == 0);
}

static bool
fits_role(const struct token_key *key, const struct token_wanted *wanted)
{
	return (key->roles & wanted->role) != 0;
}

static bool
fits_alg(const struct token_key *key, const struct token_wanted *wanted)
{
	return jws_key_has_alg(key->key, wanted->alg);
}

static bool
has_same_kid(const struct token_key *key, const struct token_wanted *wanted)
{
	const char *kid = jws_key_kid(key->key);

	return kid != NULL && strcmp(kid, wanted->kid) == 0;
}

static bool
has_no_kid(const struct token_key *key, const struct token_wanted *wanted)
{
	(void)wanted;
	return jws_key_kid(key->key) == NULL;
}

static uint64_t
narrow(const struct token_keys *keys, uint64_t set,
    const struct token_wanted *wanted, fits_fn *fits)
{
	for (size_t i = 0; i < keys->count; i++) {
		if ((set >> i & 1) != 0 && !fits(&keys->list[i], wanted))
			set &= ~(UINT64_C(1) << i);
	}
	return set;
}

enum token_result
token_keys_select(const struct token_keys *keys,
    const struct token_wanted *wanted, uint64_t *candidates)
{
	static const struct {
		fits_fn          *fits;
		enum token_result failure;
	} steps[] = {
		{ fits_dialect, TOKEN_TYPE },
		{ fits_issuer, TOKEN_ISSUER },
		{ fits_role, TOKEN_KEY },
		{ fits_alg, TOKEN_ALGORITHM },
	};
	uint64_t set, same;

	set = keys->count == TOKEN_KEYS_MAX ? UINT64_MAX :
					      (UINT64_C(1) << keys->count) - 1;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		set = narrow(keys, set, wanted, steps[i].fits);
		if (set == 0)
			return steps[i].failure;
	}
	if (wanted->kid != NULL) {
		same = narrow(keys, set, wanted, has_same_kid);
		set = same != 0 ? same : narrow(keys, set, wanted, has_no_kid);
	}
	*candidates = set;
	return set == 0 ? TOKEN_KEY : TOKEN_OK;
}

unsigned
token_keys_cost_us(const struct token_keys *keys, uint64_t candidates,
    enum jws_alg alg)
{
	unsigned cost_us = 0;

	for (size_t i = 0; i < keys->count; i++) {
		if ((candidates >> i & 1) != 0)
			cost_us += jws_key_cost_us(keys->list[i].key, alg);
	}
	return cost_us;
}

bool
token_keys_verify(const struct token_keys *keys, uint64_t candidates,
    const struct jws *jws, uint64_t *key_id)
{
	for (size_t i = 0; i < keys->count; i++) {
		if ((candidates >> i & 1) != 0 &&
		    jws_is_signed_by(jws, keys->list[i].key)) {
			*key_id = keys->list[i].id;
			return true;
		}
	}
	return false;
}
