#ifndef HTTP_BEARER_H
#define HTTP_BEARER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"
#include "base/list.h"

struct access;
struct call;
struct turns;

/*
 * Finds the token that a request brings, has it judged, and answers requests
 * whose token is refused (RFC 6750). It stands in the field Authorization with
 * the scheme Bearer; other schemes are the web server's own log-in. Without
 * that field it stands in a cookie, or in the query where that is allowed. The
 * first place that has one counts alone: a bad token is never passed over.
 *
 * Verifying takes up to a millisecond for each new token, and one thread serves
 * all. What a turn of the loop may spend on it is limited; further calls are
 * held, and judged in later turns in the order in which they came.
 */
struct bearer {
	struct access *access;
	struct turns  *turns;
	int64_t (*wall_ms)(void);

	const char *cookie_07; /* names of cookies */
	const char *cookie_08;
	bool        takes_query;

	/* The URL of the metadata document, or NULL. */
	const char *metadata_url;

	struct list waiting; /* calls that are held, the oldest first */
	int64_t     used_us; /* in this turn */
	uint64_t    refused_counts[TOKEN_RESULT_COUNT];
	uint64_t    scope_refused_count;
	uint64_t    held_count;
};

enum bearer_source { BEARER_NONE, BEARER_HEADER, BEARER_COOKIE, BEARER_QUERY };

/* What became of a call's token. */
struct bearer_verdict {
	enum token_result  result;
	enum bearer_source source;
	bool               is_bad_field; /* Authorization is malformed */
	struct token      *token;        /* if the result is TOKEN_OK */
	int64_t            wait_ms;      /* if it is TOKEN_LATER */
};

/* All other members are to be set. */
void bearer_init(struct bearer *);

/* Without calls that are held. */
void bearer_deinit(struct bearer *);

/*
 * Answers the call, now or in a later turn: refuses it by bearer_refuse, or
 * goes on with it. The token is released when it returns, unless token_ref was
 * called.
 */
typedef void bearer_fn(struct call *, const struct bearer_verdict *,
    void *context);

/* Has the call's token judged, and then the function answer it. */
void bearer_judge(struct bearer *, struct call *, enum token_role,
    bearer_fn *answer, void *context);

/*
 * The token that the call has, or what could be one, which points into what
 * the call was sent with; NULL: none.
 */
const char *bearer_text(const struct bearer *, const struct call *,
    size_t *len_bytes);

/*
 * Refuses a call now whose token is bad, before more of it is read. Returns
 * whether it has answered; when there is no time for it, it has not.
 */
bool bearer_check(struct bearer *, struct call *, enum token_role);

/* Judges calls that were held, in each turn of the loop. */
void bearer_run(struct bearer *);

/* Whether bearer_run has more to do at once. */
bool bearer_is_busy(const struct bearer *);

/*
 * Refuses a call for its token, or for having none, and logs why. The client
 * is told no more than draft 08 allows.
 */
void bearer_refuse(struct bearer *, struct call *,
    const struct bearer_verdict *);

/* The token is good, but does not allow what is asked for: 403. */
void bearer_refuse_scope(struct bearer *, struct call *,
    const struct bearer_verdict *, const char *why);

#endif
