#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A request as plain data, whichever way it came. It lives only as long as
 * the call it is passed to.
 */
struct request {
	char *const *env; /* NAME=value, as RFC 3875 names them; NULL ends it */
	const char  *body; /* may hold NUL; NULL when empty */
	size_t       body_bytes;
	bool         is_body_cut; /* the body was longer than we keep */
	bool         is_cgi;      /* the process answers this request only */
};

/* The variable's value, or NULL: no variable is sure to be there. */
const char *request_env(const struct request *, const char *name);

#endif
