#ifndef AUTH_GRANT_H
#define AUTH_GRANT_H

#include <stddef.h>
#include <stdint.h>

struct rights;

struct grants;

/* The two drafts of the Mercure protocol: 0.x hubs speak 07, 1.0 speaks 08. */
enum token_dialect { TOKEN_DIALECT_07, TOKEN_DIALECT_08 };

/* What a request wants to do; a key may be for both. */
enum token_role { TOKEN_ROLE_PUBLISHER = 1, TOKEN_ROLE_SUBSCRIBER = 2 };
#define TOKEN_ROLES_BOTH (TOKEN_ROLE_PUBLISHER | TOKEN_ROLE_SUBSCRIBER)

/* How a selector's text is matched with a topic. */
enum grant_match {
	GRANT_MATCH_ALL,   /* every topic: "*" in either dialect */
	GRANT_MATCH_TOPIC, /* 07: byte for byte, or as an RFC 6570 template */
	GRANT_MATCH_EXACT, /* 08: byte for byte */
	GRANT_MATCH_URLPATTERN /* 08: a WHATWG URL Pattern */
};

struct grant_selector {
	enum grant_match match;
	const char      *text;
};

/*
 * The rights that a token gives for one role: the topics that one of the
 * selectors matches. Grants with equal rights are one: all streams whose
 * tokens give the same share it, whoever they are, so what is found out for a
 * grant and a topic holds for all of them.
 */
struct grant {
	uint64_t              id; /* never used again while the process runs */
	uint32_t              ref_count;
	struct grants        *grants; /* where it is from */
	struct rights        *rights; /* what they allow (auth/rights.h) */
	enum token_dialect    dialect;
	enum token_role       role;
	size_t                selector_count; /* 0: no rights */
	struct grant_selector selectors[];    /* sorted, each once */
};

/* All grants that are referenced. */
struct grants;

struct grants *grants_new(void);

/* No grant is held any more. */
void grants_free(struct grants *);

size_t grants_count(const struct grants *);

/*
 * The grant with these rights, which is new or held by others too; give it
 * back with grant_unref. The selectors are copied; their order, repetitions
 * and what "*" covers do not count.
 */
struct grant *grants_get(struct grants *, enum token_dialect, enum token_role,
    const struct grant_selector *, size_t selector_count);

/* Drops a reference; the last one frees it. NULL is allowed. */
void grant_unref(struct grants *, struct grant *);

#endif
