#ifndef HUB_UPDATE_H
#define HUB_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An update: one event that goes to one or more topics, as a store keeps it and
 * as the hub delivers it. All memory belongs to the code that fills it in.
 */
struct update {
	/*
	 * Its place in the log of all updates, for all processes and across
	 * restarts (pure/position.h); 0 until the store has given one.
	 */
	uint64_t position;

	/* The id that its publisher chose; NULL: made from the position. */
	const char *id;

	/* Different names, at least one; the first is the canonical topic. */
	const char *const *topics;
	size_t             topic_count;

	/* Only for subscribers who have a right to one of the topics. */
	bool is_private;

	/*
	 * The event as it is sent to clients, up to and with the blank line
	 * that ends it, but without its id line.
	 */
	const char *bytes;
	size_t      len_bytes;
};

/* No update has more topics. */
#define UPDATE_TOPICS_MAX 256

/*
 * Whether it is one, apart from its position: what comes from a store may have
 * been written by anybody. The text of the event itself is not looked at.
 */
bool update_is_sound(const struct update *);

/* Whether it went to one of these topics; with none, to all. */
bool update_went_to(const struct update *, const char *const *topics,
    size_t topic_count);

/* The room that a copy takes: pointers to topics, topics, id, bytes. */
size_t update_copy_bytes(const struct update *);

/*
 * Makes *copy the same update with all its memory in that room, which is as
 * aligned as a pointer. The names of the topics stand there one behind the
 * other, each with its NUL.
 */
void update_copy(struct update *copy, const struct update *, void *room);

/* Which updates a reader may have at all. */
enum update_reach {
	UPDATE_REACH_PUBLIC,
	UPDATE_REACH_SOME, /* private ones of some topics too */
	UPDATE_REACH_ALL
};

/* Who asks about updates, and whether it may have one. */
struct update_reader {
	bool (*may_have)(const void *arg, const struct update *);
	const void       *arg;
	enum update_reach reach;
};

#endif
