#ifndef ROUTES_REPLAY_H
#define ROUTES_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "pure/position.h"

struct call;
struct hub;
struct topic;
struct update;
struct update_reader;

/*
 * The position behind which everything is new. While older updates are still
 * read, and calls do not wait for them any more, the clock decides: positions
 * are made from one. wall_ms is the time since the epoch.
 */
uint64_t replay_now(const struct hub *, int64_t wall_ms);

/*
 * Where the replay begins: without an id at the last so many, or now; behind
 * the event with that id or, if that is not kept, which is no error, before
 * all that is kept. found: what the store has for an id that the hub does not
 * know, or NULL. *from is then what the Last-Event-ID field of the response
 * says: the event before the first that is sent, or that there is none.
 */
uint64_t replay_position(const struct hub *, uint64_t now, const struct call *,
    struct topic *const *topics, size_t topic_count, size_t last_count,
    const struct update_reader *, const struct update *found,
    const char **from);

/*
 * Draft 08 tells who sent an empty id too which event is before the first that
 * it is sent. NULL: the call has no empty id.
 */
const char *replay_id_before(const struct hub *, const struct call *,
    uint64_t position, const struct update_reader *,
    char     id[static POSITION_ID_BYTES]);

#endif
