#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>

struct buf;

/*
 * Takes one key and its value, both valid until it returns. `where` is
 * "FILE:LINE". False ends the reading; it has then appended what is wrong.
 */
typedef bool config_file_fn(void *arg, const char *where, const char *key,
    const char *value);

/*
 * Reads an ini file of `key = value` lines before any section or in
 * [fcgi-sse]. A line is read as it stands: indented or not, it continues none.
 * False: one line is appended to problem, without LF, that names the file, and
 * the line if there is one.
 */
bool config_file_read(const char *path, config_file_fn *set, void *arg,
    struct buf *problem);

#endif
