#ifndef HUB_SHARES_H
#define HUB_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one client has taken. */
struct share;

/*
 * A sum of bytes that clients share. Each may take as much as half of what is
 * left then: one alone gets a third of all, two get a quarter each, and a
 * client that comes later still finds room, whatever the others have taken.
 */
struct shares {
	void  *tree; /* of shares, by client; {0}: none */
	size_t bytes_max;
	size_t bytes; /* taken by all together */
};

/*
 * Takes so many bytes for the client of this address, with those of the same
 * network where it is IPv6; NULL: unknown. Returns its share, or NULL if it is
 * to have no more. The first thing that a client takes may be larger.
 */
struct share *shares_take(struct shares *, const char *client, size_t bytes);

/* Gives so many of them back; a share without any is freed. */
void shares_give_back(struct shares *, struct share *, size_t bytes);

/* The name of who has the share. */
const char *shares_client(const struct share *);

/* So many more for who has a share; false: it is to have no more. */
bool shares_take_more(struct shares *, struct share *, size_t bytes);

/*
 * Beside memory each has some time: counts what a client's selectors have cost
 * beyond what is usual, in characters looked at. Returns false when that is too
 * much: more than SHARES_COST_MAX that have not been worked off since, at
 * SHARES_COST_PER_MS.
 */
#define SHARES_COST_MAX 3000000
#define SHARES_COST_PER_MS 1000
bool shares_spend(struct share *, uint64_t cost, int64_t now_ms);

#endif
