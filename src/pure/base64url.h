#ifndef PURE_BASE64URL_H
#define PURE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room that is enough for what so many characters decode to. */
#define BASE64URL_BYTES_MAX(text_bytes) (((text_bytes) / 4 + 1) * 3)

/*
 * Decodes base64url (RFC 4648 section 5) as JOSE has it (RFC 7515 section 2):
 * no padding, no white space, and unused bits are zero, so that each sequence
 * of bytes has one text only. bytes has room for
 * BASE64URL_BYTES_MAX(text_bytes). Returns false if the text is not so.
 */
bool base64url_decode(const char *text, size_t text_bytes, uint8_t *bytes,
    size_t *len_bytes);

#endif
