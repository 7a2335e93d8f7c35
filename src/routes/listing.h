#ifndef ROUTES_LISTING_H
#define ROUTES_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "presence/announcement.h"
#include "pure/position.h"

struct access;
struct presence;
struct roster;
struct token;

/* What one list has at most; it says how many it leaves out. */
#define LISTING_COUNT_MAX 1000
#define LISTING_BYTES_MAX ((size_t)1024 * 1024)

#define LISTING_SEGMENTS_MAX 3

/* A list of subscriptions: what is asked for, and what is found. */
struct listing {
	const struct access *access;
	const struct token  *token; /* of whoever asks */
	unsigned             shape;
	struct announcement  wanted; /* NULL in it: of whatever value */
	struct buf           segments[LISTING_SEGMENTS_MAX]; /* of the path */
	size_t               segment_count;
	struct buf           path; /* the one that the rights are about */
	char                 last_id[POSITION_ID_BYTES];
	struct buf           text; /* the JSON */
	size_t               count;
	size_t               omitted_count;
	uint64_t             cost; /* of finding the payloads */
};

/*
 * Writes the text: all that are wanted, of this process and of others, in an
 * order that is the same in each process; or, if a subscriber is wanted, the
 * one. False: there is no such subscription.
 */
bool listing_find(struct listing *, const struct presence *,
    const struct roster *);
void listing_deinit(struct listing *);

#endif
