#ifndef PURE_URL_PATH_H
#define PURE_URL_PATH_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * Appends segments to a path, which is empty or begins with a slash. The text
 * is what follows a slash; "." and ".." are resolved, also as %2E, and special
 * paths take a backslash for a slash (path state of the URL standard).
 */
void url_path_append(struct buf *, const char *text, size_t len_bytes,
    bool is_special);

/* Takes the last segment off the path, with its slash. */
void url_path_shorten(struct buf *);

#endif
