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
 * Reads an ini file: lines of `key = value`, before any section or in
 * [fcgi-sse], and lines that are a comment, which begin with ";" or "#". The
 * value is all that follows, without the blanks around it. No line continues
 * another, be it indented or not.
 * False: one line is appended to problem, without LF, that names the file, and
 * the line if there is one.
 */
bool config_file_read(const char *path, config_file_fn *set, void *arg,
    struct buf *problem);

#endif
