#ifndef PROCESS_STORE_CHOICE_H
#define PROCESS_STORE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "process/listen.h"

/* The store that a process opens, and why it is that one. */
struct store_choice {
	char       *url;
	const char *why;

	/*
	 * The process serves even if the store cannot be used: its clock and
	 * counter need none.
	 */
	bool is_auto;
	char problem[512]; /* why there is no store; empty: there is one */

	/*
	 * Where each process serves one stream at a time: how many may be open
	 * in all processes together, unless an option says it. 0: a process
	 * serves many streams.
	 */
	size_t streams_max;

	/* Whether other processes may serve the same clients. */
	bool is_shared;

	/* The file of their seats; NULL: none, or no folder can hold it. */
	char *seats_path;

	/* The folder of the wills of their processes (store/wills.h); or NULL.
	 */
	char *wills_path;
};

/*
 * Chooses by the option store: for "auto" as process/store_place.h says, and
 * memory with a problem where there is no place. Without listeners the process
 * answers one request by CGI. store_choice_deinit is due.
 */
void store_choice_init(struct store_choice *, const char *option,
    const struct listeners *);
void store_choice_deinit(struct store_choice *);

/*
 * Says which store "auto" would choose for a process that is started as this
 * one was and listens on this many sockets of its own, in a line that is to be
 * freed; NULL: that is not known. It closes the sockets that the process was
 * started with.
 */
char *store_choice_describe(size_t listen_count);

/* The file's name, which is to be freed; NULL: the store is no file. */
char *store_choice_file(const struct store_choice *);

#endif
