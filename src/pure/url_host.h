#ifndef PURE_URL_HOST_H
#define PURE_URL_HOST_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* What a host is read as. */
enum url_host_kind {
	URL_HOST_DOMAIN,     /* of http and its like: a name or an address */
	URL_HOST_ANY_DOMAIN, /* the same; a name need not be ASCII */
	URL_HOST_OPAQUE      /* of other schemes: whatever is allowed there */
};

/*
 * Appends the host as the URL standard (section 3.5) writes it: names in lower
 * case, addresses in their shortest form, IPv6 in brackets. Returns 0, or -1
 * when it is none; then nothing is appended. We do not convert names that are
 * not ASCII: they are none but for URL_HOST_ANY_DOMAIN, which appends them
 * percent-encoded.
 */
int url_host_parse(struct buf *, const char *text, size_t len_bytes,
    enum url_host_kind);

#endif
