/* Lists are answered one after the other, with time for others between them. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "auth/token.h"
#include "http/answer.h"
#include "http/call.h"
#include "hub/turns.h"
#include "routes/list_pace.h"

/* What writing a list takes. */
#define LIST_US 30000

#define CLIENT_A "REMOTE_ADDR=192.0.2.1"
#define CLIENT_B "REMOTE_ADDR=2001:db8::1"
#define CLIENT_B_TOO "REMOTE_ADDR=2001:db8::2"

static struct list_pace pace;
static struct turns     turns;
static int64_t          hand_us;
static struct grant     grant;
static struct token     token;
static char             answers[64]; /* those that had their list */

static int64_t
now_us(void)
{
	return hand_us;
}

static int
set_up(void **state)
{
	(void)state;
	hand_us = 1000000;
	answers[0] = '\0';
	token = (struct token){ .ref_count = 1, .grant = &grant };
	turns_init(&turns, now_us);
	list_pace_init(&pace, &turns);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_true(list_is_empty(&pace.waiting));
	assert_int_equal(token.ref_count, 1);
	turns_deinit(&turns);
	return 0;
}

static void
answer(struct call *call, const struct bearer_verdict *verdict, void *context)
{
	assert_ptr_equal(verdict->token, &token);
	strcat(answers, context);
	hand_us += LIST_US;
	answer_text_head(&call->answer, "200 OK");
	call_answer(call);
}

static void
on_late_answer(struct call *call)
{
	call_free(call);
}

/* The call if it is held; it is refused if that is to be. */
static struct call *
ask(const char *client, const char *name, bool is_refused)
{
	struct call                *call = call_new();
	char                        field[64], *env[] = { field, NULL };
	const struct bearer_verdict verdict = { .result = TOKEN_OK,
		.token = &token };

	snprintf(field, sizeof(field), "%s", client);
	call_set_env(call, env);
	call->on_answer = on_late_answer;
	call->is_running = true;
	list_pace_answer(&pace, call, &verdict, answer,
	    (void *)(uintptr_t)name);
	call->is_running = false;
	assert_int_equal(call->is_answered && call->answer.status == 503,
	    is_refused);
	if (!call->is_answered)
		return call;
	call_free(call);
	return NULL;
}

static void
assert_answers(const char *expected)
{
	assert_string_equal(answers, expected);
	answers[0] = '\0';
}

static void
test_others_have_as_much_time(void **state)
{
	(void)state;
	assert_int_equal(list_pace_next_ms(&pace), INT64_MAX);
	assert_null(ask(CLIENT_A, "1", false));
	assert_non_null(ask(CLIENT_A, "2", false));
	assert_non_null(ask(CLIENT_B, "3", false));
	assert_answers("1");
	list_pace_run(&pace);
	hand_us += LIST_US - 1;
	list_pace_run(&pace);
	assert_answers("");
	assert_int_equal(list_pace_next_ms(&pace), (hand_us + 2) / 1000 + 1);
	hand_us += 2;
	/* One in a turn, and never one that came later before. */
	assert_non_null(ask(CLIENT_A, "4", false));
	list_pace_run(&pace);
	list_pace_run(&pace);
	assert_answers("2");
	hand_us += 2 * LIST_US;
	list_pace_run(&pace);
	assert_answers("3");
	hand_us += 2 * LIST_US;
	list_pace_run(&pace);
	assert_answers("4");
	assert_int_equal(list_pace_next_ms(&pace), INT64_MAX);
	hand_us += 2 * LIST_US;
	assert_null(ask(CLIENT_A, "5", false));
	assert_answers("5");
}

/* A client that asks all the time keeps no other from its list. */
static void
test_each_client_has_some_held(void **state)
{
	struct call *held = NULL;

	(void)state;
	assert_null(ask(CLIENT_A, "a", false));
	for (int i = 0; i < LIST_PACE_HELD_MAX; i++) {
		held = ask(CLIENT_A, "a", false);
		assert_non_null(held);
	}
	assert_null(ask(CLIENT_A, "x", true));
	for (int i = 0; i < LIST_PACE_HELD_MAX; i++)
		assert_non_null(ask(CLIENT_B, "b", false));
	assert_null(ask(CLIENT_B_TOO, "x", true));
	/* One whose client has left makes room. */
	call_cancel(held);
	assert_non_null(ask(CLIENT_A, "c", false));
	assert_null(ask(CLIENT_A, "x", true));
	while (!list_is_empty(&pace.waiting)) {
		hand_us += 2 * LIST_US;
		list_pace_run(&pace);
	}
	assert_answers("aaaabbbbc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_others_have_as_much_time,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_client_has_some_held,
		    set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
