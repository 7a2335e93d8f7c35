#ifndef HTTP_FORM_H
#define HTTP_FORM_H

struct buf;
struct call;

/* The media type of the bodies that we read. */
#define FORM_TYPE "application/x-www-form-urlencoded"

/*
 * The status that refuses the call's body, or NULL for a form that can be read.
 * Why, as a string, is appended to why; it names what the body is to be, such
 * as "an update". Without a type it is taken for a form.
 */
const char *form_refusal(const struct call *, const char *what,
    struct buf *why);

#endif
