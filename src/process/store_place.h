#ifndef PROCESS_STORE_PLACE_H
#define PROCESS_STORE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "process/listen.h"

struct buf;

/*
 * Where the log of updates is kept with --store auto: in memory where this
 * process alone serves, and otherwise in a file that all processes find which
 * serve the same clients. These are the processes that share a socket, that
 * lighttpd started with a socket each, or that a web server starts from the
 * same program in the same folder to answer one request.
 *
 * The file is in a folder that only this user may read: $STATE_DIRECTORY, or
 * fcgi-sse in $XDG_STATE_HOME or ~/.local/state, or fcgi-sse-UID in /var/tmp
 * or /tmp. A folder on a network, below the document root, or that is not this
 * user's alone is passed over.
 */

/*
 * Appends the URL of that store, without NUL, and gives in *why the reason in
 * a few words. Without listeners the process answers one request by CGI.
 * Returns 0, or -1 with a line in error that says what to do.
 */
int store_place_find(const struct listeners *, struct buf *url,
    const char **why, char *error, size_t error_bytes);

/* Whether other processes may serve the same clients. */
bool store_place_is_shared(const struct listeners *);

/*
 * The file of the seats, which the streams of all processes with the same log
 * share. It is beside the store's file, or where that would be if the store is
 * not a file. It is to be freed. NULL: no folder can hold it.
 */
char *store_place_seats(const struct listeners *, const char *store_file);

/* The folder of the wills (store/wills.h), likewise. */
char *store_place_wills(const struct listeners *, const char *store_file);

/*
 * Whether the file is the folder or below it, once links are resolved. The file
 * need not exist yet.
 */
bool store_place_is_below(const char *path, const char *folder);

#endif
