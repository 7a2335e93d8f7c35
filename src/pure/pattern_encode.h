#ifndef PURE_PATTERN_ENCODE_H
#define PURE_PATTERN_ENCODE_H

#include <stddef.h>

struct buf;

/*
 * Appends literal text of a pattern as a URL would have it: URL Pattern
 * standard, section 3.2. The text is not empty. Returns 0, or -1 when no URL
 * can have it.
 */
typedef int pattern_encode_fn(struct buf *, const char *, size_t len_bytes);

pattern_encode_fn pattern_encode_protocol;
pattern_encode_fn pattern_encode_userinfo;
pattern_encode_fn pattern_encode_hostname;
pattern_encode_fn pattern_encode_ipv6;
pattern_encode_fn pattern_encode_port;
pattern_encode_fn pattern_encode_pathname;
pattern_encode_fn pattern_encode_opaque_path;
pattern_encode_fn pattern_encode_search;
pattern_encode_fn pattern_encode_hash;

#endif
