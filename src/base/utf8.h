#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the first character of the bytes into *code and returns how many
 * bytes it takes, 1 to 4; 0 when there is none or it is not valid UTF-8
 * (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
 */
size_t utf8_decode(const char *bytes, size_t len_bytes, uint32_t *code);

/*
 * Whether the bytes are valid UTF-8 without any character that a reader cannot
 * see: none of C0, DEL, C1 and Cf.
 */
bool utf8_is_visible(const char *bytes, size_t len_bytes);

#endif
