#ifndef PURE_PERCENT_H
#define PURE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * The percent-encode sets of the URL standard, section 1.3: which bytes a part
 * of a URL holds as %XX only. All sets hold controls, DEL and what is not
 * ASCII.
 */
enum percent_set {
	PERCENT_CONTROL,
	PERCENT_FRAGMENT,
	PERCENT_QUERY,
	PERCENT_SPECIAL_QUERY,
	PERCENT_PATH,
	PERCENT_USERINFO
};

/* The value of a hexadecimal digit of either case, or -1. */
int percent_hex_value(char);

/* Whether a "%" and two hexadecimal digits stand at the start. */
bool percent_is_triplet(const char *bytes, size_t len_bytes);

/* Whether it is unreserved by RFC 3986, section 2.3. */
bool percent_is_unreserved(char);

/* Appends the bytes, those in the set as %XX; a "%" stays as it is. */
void percent_encode(struct buf *, const char *bytes, size_t len_bytes,
    enum percent_set);

/* Appends the bytes, every %XX decoded; a "%" without digits stays. */
void percent_decode(struct buf *, const char *bytes, size_t len_bytes);

/* The same, but decodes nothing but unreserved characters. */
void percent_decode_unreserved(struct buf *, const char *bytes,
    size_t len_bytes);

#endif
