#ifndef AUTH_TOKEN_BUDGET_H
#define AUTH_TOKEN_BUDGET_H

#include <stdint.h>

/*
 * The time that tokens with wrong signatures may take, for each client:
 * verifying is done by the one thread that serves all. Only what failed is
 * counted. An IPv6 client is its /64. Times are ms on the monotonic clock.
 */
struct token_budget;

/* What an address may use up at once. */
#define TOKEN_BUDGET_BURST_US 8000

/* How much of it comes back in each ms. */
#define TOKEN_BUDGET_US_EACH_MS 10

/* What costs no more is not worth counting. */
#define TOKEN_BUDGET_FREE_US 50

struct token_budget *token_budget_new(void);
void                 token_budget_free(struct token_budget *);

/*
 * After how many ms the address may have so much verified; 0: now. address
 * may be NULL, which is a client of its own.
 */
int64_t token_budget_wait_ms(struct token_budget *, const char *address,
    unsigned cost_us, int64_t now_ms);

/* A signature was wrong that took so long. */
void token_budget_spend(struct token_budget *, const char *address,
    unsigned cost_us, int64_t now_ms);

#endif
