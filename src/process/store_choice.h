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
	 * How many streams may be open in all processes together, unless an
	 * option says it, where each process serves one at a time; 0: each
	 * counts its own, which are many.
	 */
	size_t streams_max;

	/* The file of their seats; NULL: none, or there is no place for it. */
	char *seats_path;
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
 * What "auto" is for a process that is started as this one was and listens on
 * so many sockets of its own: a line that is to be freed. The sockets that it
 * was started with are closed, for it only prints.
 */
char *store_choice_describe(size_t listen_count);

/* The file's name, which is to be freed; NULL: the store is no file. */
char *store_choice_file(const struct store_choice *);

#endif
