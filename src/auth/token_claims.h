#ifndef AUTH_TOKEN_CLAIMS_H
#define AUTH_TOKEN_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "auth/grant.h"
#include "auth/token_result.h"

/* What a token of the old dialect may hold in each list. */
#define TOKEN_SELECTORS_MAX 1000

/* What one of the new dialect may hold in all its details; each has one. */
#define TOKEN_TOPICS_MAX 100
#define TOKEN_TOPIC_BYTES_MAX 4096

/* Reads what JSON Web Tokens (RFC 7519) say and what Mercure puts into them. */

/* When a token holds, in ms since the epoch; fractions of a ms are cut. */
struct token_times {
	int64_t exp_ms; /* it ends; INT64_MAX: it has no exp */
	int64_t nbf_ms; /* it begins; INT64_MIN: it has no nbf */
};

/*
 * Reads exp and nbf, which are numbers, with a fraction or without, or strings
 * of such digits, as some libraries write them. Anything else is
 * TOKEN_MALFORMED, since it cannot be taken for "no end".
 */
enum token_result token_claims_times(const json_t *payload,
    struct token_times *);

/* Whether the claim aud is the audience, or an array that holds it. */
bool token_claims_has_audience(const json_t *payload, const char *audience);

/* Tells whether a selector is well formed: auth knows no patterns itself. */
struct token_selector_check {
	bool (*is_valid)(const void *data, enum grant_match, const char *text);
	const void *data; /* what is_valid needs, such as the hub's URL */
};

/* One payload of a token, for presence. */
struct token_payload {
	char                  *json; /* NULL: none for these topics */
	struct grant_selector *selectors;
	size_t                 selector_count;
	struct rights         *rights; /* access.c's: they are compiled once */
};

/* What a token says about rights. */
struct token_rights {
	struct grant_selector *selectors; /* for the role that was asked for */
	size_t                 selector_count;

	/*
	 * In the order of the token. The first whose selectors match is the
	 * payload of a subscription; one without selectors matches all. None
	 * unless the role is that of a subscriber.
	 */
	struct token_payload *payloads;
	size_t                payload_count;
};

/*
 * Reads the rights for a role. Returns TOKEN_OK, or TOKEN_CLAIM if anything in
 * them is wrong or too much, also what is meant for the other role. Without a
 * check, which may be NULL, no text is wrong. The texts are the payload's own,
 * so it has to stay; token_rights_deinit is due in any case.
 */
enum token_result token_claims_rights(const json_t *payload, enum token_dialect,
    enum token_role, const struct token_selector_check *,
    struct token_rights *);
void              token_rights_deinit(struct token_rights *);

#endif
