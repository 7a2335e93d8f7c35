#ifndef BASE_KEY_FILE_H
#define BASE_KEY_FILE_H

#include <stdio.h>

struct buf;

/*
 * The file with the keys of publishers, which fcgi-sse and fcgi-sse publish
 * read alike: text in ASCII, a key on each line. Blanks around a key, empty
 * lines and lines that begin with "#" do not count. A key is made of visible
 * ASCII characters, since it stands in a header field.
 *
 * Both functions return the keys with an LF behind each, to be given to
 * key_file_free, or NULL with a line appended to problem, without LF, that
 * names the file and, where one is wrong, its line.
 */

/* Reads a file that nobody else may read or write. Does not block. */
char *key_file_read(const char *path, struct buf *problem);

/* Reads a file that is open. The path is for messages. */
char *key_file_read_stream(FILE *, const char *path, struct buf *problem);

/* Leaves no key in memory. NULL is allowed. */
void key_file_free(char *keys);

#endif
