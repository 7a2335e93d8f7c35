#ifndef ANSWER_CHECK_H
#define ANSWER_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* A field is shorter. */
#define ANSWER_VALUE_BYTES_MAX 2048

/*
 * What is wrong with a CGI response (RFC 3875 section 6) as a web server would
 * read it, or NULL: a head of well-formed fields, none of them twice and none
 * that is the web server's, a body where there may be one and of the length
 * that is announced, and an event stream of whole frames. The fuzzers use this
 * too.
 */
const char *answer_problem(const char *bytes, size_t len_bytes, bool is_head);

/*
 * Copies the value of the head's field into value, a string; false when there
 * is no such field. The answer has no problem.
 */
bool answer_find_field(const char *bytes, size_t len_bytes, const char *name,
    char value[ANSWER_VALUE_BYTES_MAX]);

/* Where the body begins; the answer has no problem. */
size_t answer_head_bytes(const char *bytes, size_t len_bytes);

#endif
