#ifndef STORE_REDIS_REPLY_H
#define STORE_REDIS_REPLY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/redis_id.h"

/* Why a connection is given up whose answers are not those of a Redis. */
#define REDIS_REPLY_ODD "the answer is not one of Redis"

/* Why the server refused, in a few words; a constant. */
const char *redis_reply_reason(const redisReply *error);

/* Whether it would refuse all updates for that reason, not this one alone. */
bool redis_reply_is_general(const redisReply *error);

/* Whether the error is an entry id that is not above the log's newest. */
bool redis_reply_is_behind(const redisReply *error);

/* Whether it is a string (or a status) of that text. */
bool redis_reply_is(const redisReply *, const char *text);

/* The answer to XINFO STREAM. */
struct redis_info {
	bool            is_there;
	uint64_t        length;
	struct redis_id first; /* kept; 0-0: none is */
	struct redis_id last;  /* given; 0-0: none was */

	/* Entries in all; 0: not told, as before Redis 7. */
	uint64_t added;
};

/* NULL, or why it cannot be used. No such key is an empty log. */
const char *redis_info_read(struct redis_info *, const redisReply *);

#endif
