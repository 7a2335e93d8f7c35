#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine_fixture.h"
#include "http/call.h"
#include "http/refusal.h"
#include "http/router.h"

/* A handler that answers when the test says so. */
struct slow {
	struct call *held;
	int          cancel_count;
	bool         is_answered_at_once;
};

static struct slow   slow;
static struct router router;
static int           late_count; /* calls of on_answer */
static char          late_bytes[256];

static void
on_cancel(void *holder)
{
	struct slow *own = holder;

	own->held = NULL;
	own->cancel_count++;
}

static void
slow_get(struct call *call, void *context)
{
	struct slow *own = context;

	own->held = call;
	call_hold(call, on_cancel, own);
	if (own->is_answered_at_once)
		refusal_text(call, "409 Conflict", "at once");
}

/* As the edge does. */
static void
on_answer(struct call *call)
{
	const struct buf *bytes = &call->answer.bytes;

	late_count++;
	assert_true(bytes->len_bytes < sizeof(late_bytes));
	memcpy(late_bytes, bytes->data, bytes->len_bytes);
	late_bytes[bytes->len_bytes] = '\0';
	call_free(call);
}

static int
set_up(void **state)
{
	static const struct route table[] = { { "/slow", slow_get, &slow,
	    slow_get, &slow, NULL } };

	(void)state;
	slow = (struct slow){ 0 };
	late_count = 0;
	late_bytes[0] = '\0';
	router = (struct router){ .routes = table, .route_count = 1 };
	return 0;
}

/* The call, which the router has run; *is_answered is what it said. */
static struct call *
run(const char *method, bool *is_answered)
{
	char         text[64] = "REQUEST_METHOD=";
	char         path[] = "SCRIPT_NAME=/slow";
	char        *env[] = { strcat(text, method), path, NULL };
	struct call *call = engine_call(&(struct engine_request){ .env = env });

	call->on_answer = on_answer;
	*is_answered = router_run(&router, call);
	return call;
}

static void
test_an_answer_in_the_same_turn(void **state)
{
	bool         is_answered;
	struct call *call;

	(void)state;
	slow.is_answered_at_once = true;
	call = run("GET", &is_answered);
	assert_true(is_answered);
	/* The edge takes it from what the router returns. */
	assert_int_equal(late_count, 0);
	assert_true(call->answer.bytes.len_bytes > 0);
	call_free(call);
	assert_int_equal(slow.cancel_count, 0);
}

static void
test_an_answer_in_a_later_turn(void **state)
{
	bool is_answered;

	(void)state;
	(void)run("POST", &is_answered);
	assert_false(is_answered);
	assert_int_equal(late_count, 0);
	refusal_text(slow.held, "409 Conflict", "later");
	assert_int_equal(late_count, 1);
	assert_non_null(strstr(late_bytes, "\r\n\r\n409 Conflict: later\n"));
	assert_int_equal(slow.cancel_count, 0);
}

static void
test_nobody_waits_for_it(void **state)
{
	bool         is_answered;
	struct call *call;

	(void)state;
	call = run("GET", &is_answered);
	call_cancel(call);
	assert_int_equal(slow.cancel_count, 1);
	assert_int_equal(late_count, 0);
}

/* What the holder has begun to answer is not a part of the other answer. */
static void
test_another_answer_than_the_holders(void **state)
{
	bool         is_answered;
	struct call *call;

	(void)state;
	call = run("GET", &is_answered);
	answer_text_head(&call->answer, "201 Created");
	call_take_back(call);
	assert_int_equal(slow.cancel_count, 1);
	refusal_come_back(call, 2500, "the reason");
	assert_int_equal(late_count, 1);
	assert_null(strstr(late_bytes, "201"));
	assert_non_null(strstr(late_bytes, "Retry-After: 3\r\n"));
	assert_non_null(strstr(late_bytes,
	    "503 Service Unavailable: the reason\n"));
	assert_int_equal(slow.cancel_count, 1);
}

/* The environment is the call's own. */
static void
test_variables_are_copied(void **state)
{
	char         one[] = "A=1", method[] = "REQUEST_METHOD=GET";
	char        *env[] = { one, method, NULL }, *none[] = { NULL };
	struct call *call = call_new();

	(void)state;
	call_set_env(call, env);
	one[2] = '2';
	method[15] = 'P';
	assert_string_equal(call_env(call, "A"), "1");
	assert_string_equal(call->method, "GET");
	assert_null(call->origin);
	call_set_env(call, none);
	assert_null(call_env(call, "A"));
	assert_null(call->method);
	call_free(call);
}

#define CALL_TEST(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CALL_TEST(test_an_answer_in_the_same_turn),
		CALL_TEST(test_an_answer_in_a_later_turn),
		CALL_TEST(test_nobody_waits_for_it),
		CALL_TEST(test_another_answer_than_the_holders),
		CALL_TEST(test_variables_are_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
