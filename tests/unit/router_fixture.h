#ifndef ROUTER_FIXTURE_H
#define ROUTER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Up to eight variables, "NAME=value", beside those of the call. */
/* clang-format off */
#define VARS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NO_VARS ((const char *const[]){ NULL })
/* clang-format on */

/* A test with an engine of its own, with the options' defaults. */
#define ROUTER_TEST(name) \
	cmocka_unit_test_setup_teardown(name, router_set_up, router_tear_down)

int router_set_up(void **state);
int router_tear_down(void **state);

/*
 * Asks for the path; what stands behind its "?" is the query. The answer has
 * to be well-formed, and stays until the next call.
 */
const struct engine_answer *ask(const char *method, const char *path,
    const char *const *vars);

/* The last answer's body, a string, and a field of its head. */
const char *body(void);
void        assert_field(const char *name, const char *value);
void        assert_no_field(const char *name);

/* The last answer has this status; 200 is one without a Status field. */
void assert_status(const char *status);

/* It is one of this line of text, which is given without its end. */
void assert_text(const char *status, const char *line);

/* It opens an event stream with these frames. */
void assert_stream(const char *frames);

/*
 * Asks the same with GET and HEAD: the head is the same, with HEAD there is
 * nothing behind it, and no stream.
 */
void assert_head_alike(const char *path, const char *const *vars);

#endif
