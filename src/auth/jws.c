#include "config.h"

#include "auth/jws.h"

#include <stdlib.h>
#include <string.h>

#include "auth/token_json.h"
#include "base/mem.h"
#include "pure/base64url.h"

/* One of the three parts, still encoded. */
struct part {
	const char *text;
	size_t      len_bytes;
};

/* Splits at the dots; false unless there are two, with something between. */
static bool
split(const char *text, size_t len_bytes, struct part parts[static 3])
{
	const char *end = text + len_bytes, *dot;

	for (size_t i = 0; i < 3; i++) {
		dot = memchr(text, '.', (size_t)(end - text));
		if ((dot == NULL) != (i == 2))
			return false;
		if (dot == NULL)
			dot = end;
		parts[i].text = text;
		parts[i].len_bytes = (size_t)(dot - text);
		text = dot + 1;
	}
	return parts[0].len_bytes > 0 && parts[1].len_bytes > 0;
}

static json_t *
decode_object(const struct part *part)
{
	uint8_t *bytes = mem_alloc(BASE64URL_BYTES_MAX(part->len_bytes));
	size_t   len_bytes;
	json_t  *object = NULL;

	if (base64url_decode(part->text, part->len_bytes, bytes, &len_bytes))
		object = token_json_object((const char *)bytes, len_bytes);
	free(bytes);
	return object;
}

static enum token_result
read_header(struct jws *jws)
{
	const char *alg;

	/* A payload that is not encoded is none of a token (RFC 7797 7). */
	if (json_object_get(jws->header, "crit") != NULL ||
	    json_is_false(json_object_get(jws->header, "b64")) ||
	    !token_json_string(jws->header, "alg", &alg) || alg == NULL ||
	    !token_json_string(jws->header, "kid", &jws->kid) ||
	    !token_json_string(jws->header, "typ", &jws->typ))
		return TOKEN_MALFORMED;
	return jws_alg_parse(alg, &jws->alg) ? TOKEN_OK : TOKEN_ALGORITHM;
}

static enum token_result
read_parts(struct jws *jws, const struct part parts[static 3])
{
	enum token_result result;

	jws->header = decode_object(&parts[0]);
	if (jws->header == NULL)
		return TOKEN_MALFORMED;
	result = read_header(jws);
	if (result != TOKEN_OK)
		return result;
	jws->signature_data =
	    mem_alloc(BASE64URL_BYTES_MAX(parts[2].len_bytes));
	jws->signature.data = jws->signature_data;
	if (!base64url_decode(parts[2].text, parts[2].len_bytes,
		jws->signature_data, &jws->signature.len_bytes))
		return TOKEN_MALFORMED;
	jws->payload = decode_object(&parts[1]);
	return jws->payload == NULL ? TOKEN_MALFORMED : TOKEN_OK;
}

enum token_result
jws_init(struct jws *jws, const char *text, size_t len_bytes)
{
	struct part       parts[3];
	enum token_result result;

	*jws = (struct jws){ 0 };
	if (len_bytes > JWS_BYTES_MAX || !split(text, len_bytes, parts))
		return TOKEN_MALFORMED;
	jws->message.data = (const uint8_t *)text;
	jws->message.len_bytes = parts[0].len_bytes + 1 + parts[1].len_bytes;
	result = read_parts(jws, parts);
	if (result != TOKEN_OK)
		jws_deinit(jws);
	return result;
}

void
jws_deinit(struct jws *jws)
{
	json_decref(jws->header);
	json_decref(jws->payload);
	free(jws->signature_data);
	*jws = (struct jws){ 0 };
}

bool
jws_is_signed_by(const struct jws *jws, const struct jws_key *key)
{
	return jws_key_verify(key, jws->alg, jws->message, jws->signature);
}
