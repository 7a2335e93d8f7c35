#ifndef BASE_REGULAR_FILE_H
#define BASE_REGULAR_FILE_H

struct stat;

/*
 * Opens a file for reading, and nothing else than a file: to open a FIFO, or to
 * read from a device, may wait for ever. Returns a descriptor, which is the
 * caller's, and sets *status; or -1, and *why says what is wrong.
 */
int regular_file_open(const char *path, struct stat *status, const char **why);

#endif
