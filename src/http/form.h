#ifndef HTTP_FORM_H
#define HTTP_FORM_H

struct buf;
struct call;

/* The media type of the bodies that we read. */
#define FORM_TYPE "application/x-www-form-urlencoded"

/*
 * Returns the status with which the call's body is refused, or NULL if it is a
 * form that can be read. The reason is appended to why, as a string; it calls
 * the body by the name in what, such as "an update". A body without a type is
 * taken for a form.
 */
const char *form_refusal(const struct call *, const char *what,
    struct buf *why);

#endif
