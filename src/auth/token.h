#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "auth/grant.h"
#include "auth/jws.h"
#include "auth/token_claims.h"
#include "auth/token_keys.h"
#include "auth/token_result.h"

/* A token that was verified, for one role. Several may hold it. */
struct token {
	uint32_t           ref_count;
	uint32_t           payload_count;
	struct grant      *grant;
	struct token_times times;
	uint64_t           key_id; /* what token_keys_has_id knows */

	/* As in struct token_rights, but with texts of its own. */
	struct token_payload *payloads;
	size_t                size_bytes; /* about, without the grant */
};

/* What tokens are judged by. */
struct token_rules {
	const struct token_keys *keys;

	/* What aud has to name in the new dialect; NULL: nothing fits. */
	const char                        *audience;
	const struct token_selector_check *check; /* NULL: none */
	struct grants                     *grants;
};

/*
 * A token between the cheap checks and its signature, so that the caller can
 * decide whether it is worth cost_us.
 */
struct token_attempt {
	const struct token_rules *rules;
	struct jws                jws;
	enum token_dialect        dialect;
	enum token_role           role;
	struct token_times        times;
	uint64_t                  candidates; /* keys, a bit for each */
	unsigned                  cost_us;    /* at most */
};

/*
 * Does all checks but those that need the signature: form, algorithm, dialect,
 * issuer, key, time and audience. What the header's type (typ) says decides
 * the dialect: at+jwt is the new one with all its demands, and is never tried
 * as the old one. Each key is bound to one dialect. An empty text is
 * TOKEN_NONE. wall_ms is the time since the epoch. The rules and the text have
 * to stay. On TOKEN_OK, token_attempt_deinit is due.
 */
enum token_result token_attempt_init(struct token_attempt *,
    const struct token_rules *, const char *text, size_t len_bytes,
    enum token_role, int64_t wall_ms);
void              token_attempt_deinit(struct token_attempt *);

/*
 * Verifies the signature and then reads the rights. On TOKEN_OK *token is held
 * for the caller; give it back with token_unref.
 */
enum token_result token_attempt_finish(struct token_attempt *, struct token **);

/* TOKEN_OK, TOKEN_EXPIRED or TOKEN_NOT_YET. */
enum token_result token_times_check(const struct token_times *,
    int64_t wall_ms);

struct token *token_ref(struct token *);

/* Gives back a token, as token_unref; for where a pointer is to be freed. */
void token_release(void *token);

/* Drops a reference; the last one frees it. NULL is allowed. */
void token_unref(struct grants *, struct token *);

/* The result in a word, for the log. */
const char *token_result_word(enum token_result);

#endif
