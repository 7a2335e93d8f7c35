#ifndef PRESENCE_LEASE_RECORD_H
#define PRESENCE_LEASE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "presence/roster.h"

struct announcement;
struct buf;
struct json_t;
struct update;

/* Processes that one record names at most, for each reason. */
#define LEASE_RECORD_NAMES_MAX 16

struct lease_names {
	uint64_t numbers[LEASE_RECORD_NAMES_MAX];
	size_t   count;
};

/* How long a process may ask to be believed without a word, in ms. */
#define LEASE_MS_MIN 1000
#define LEASE_MS_MAX (24 * 60 * 60 * 1000)

/*
 * What a process says to the others through the log: that it is there, and what
 * it has. The update is private, and no subscriber receives it.
 */
struct lease_record {
	uint64_t           position; /* of its update */
	uint64_t           process;
	int64_t            lease_ms; /* it is dead if silent for longer */
	uint64_t           digest;   /* of its announcements that are out */
	bool               is_hello; /* the others are to speak, too */
	bool               is_bye;   /* it ends */
	struct lease_names ended;    /* these are dead, as it finds */
	struct lease_names asked;    /* these are to say what they have */

	/* What it has, in one record or in several that follow each other. */
	bool           is_list_begin;
	bool           is_list_end;
	struct json_t *list; /* of lease_record_item, or NULL; held */
};

/* One subscription for the list, in one of the shapes. */
struct json_t *lease_record_item(const struct announcement *, unsigned shape);

/* Appends the event that it is. */
void lease_record_append(const struct lease_record *, struct buf *);

/*
 * Reads an update; true: lease_record_deinit is due. Whatever is no record is
 * not read.
 */
bool lease_record_read(struct lease_record *, const struct update *);
void lease_record_deinit(struct lease_record *);

/*
 * Reads a subscription of its list, whose texts live with the record. False:
 * none that the record's process can have.
 */
bool lease_record_fact(const struct lease_record *, const struct json_t *item,
    struct roster_fact *);

#endif
