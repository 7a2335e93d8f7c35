/* Calls whose tokens are judged now, and those that wait for a later turn. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "base/log.h"
#include "http/bearer.h"
#include "http/call.h"
#include "hub/turns.h"
#include "token_fixture.h"

#define PAYLOAD "{\"mercure\":{\"subscribe\":[\"/u/{id}\"]}}"

static struct bearer bearer;
static struct turns  turns;
static int64_t       hand_us;
static int64_t       step_us; /* that each look at the clock takes */

/* The results in the order of the answers, and the last token. */
static char   answers[512];
static size_t free_count;

static int64_t
now_us(void)
{
	hand_us += step_us;
	return hand_us;
}

static int64_t
wall_ms(void)
{
	return WALL_MS;
}

static int
setup(void **state)
{
	struct token_fixture     fixture;
	struct signer            signer;
	char                    *path, spec[160], *specs[] = { spec };
	struct token_key_sources sources = { specs, 1, { 0 }, { 0 }, false };

	(void)state;
	log_init("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	fixture_init(&fixture);
	signer_init(&signer, "HS256");
	path = fixture_write(&fixture, signer.secret, 0600);
	snprintf(spec, sizeof(spec), "dialect=07,alg=HS256,file=%s", path);
	turns_init(&turns, now_us);
	bearer = (struct bearer){ .access = access_new("/.well-known/mercure"),
		.turns = &turns,
		.wall_ms = wall_ms,
		.cookie_07 = "old",
		.cookie_08 = "new" };
	bearer_init(&bearer);
	access_set_keys(bearer.access, token_keys_new(&sources, NULL), NULL);
	free(path);
	signer_deinit(&signer);
	fixture_deinit(&fixture);
	step_us = 0;
	answers[0] = '\0';
	free_count = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	bearer_deinit(&bearer);
	access_free(bearer.access);
	turns_deinit(&turns);
	log_deinit();
	return 0;
}

static void
on_late_answer(struct call *call)
{
	free_count++;
	call_free(call);
}

static void
answer(struct call *call, const struct bearer_verdict *verdict, void *context)
{
	size_t len = strlen(answers);

	snprintf(answers + len, sizeof(answers) - len, "%s%s ",
	    (const char *)context, token_result_word(verdict->result));
	assert_int_equal(verdict->result == TOKEN_OK, verdict->token != NULL);
	call_answer(call);
}

/* A call with this token, which is judged or held. */
static struct call *
ask(const char *name, const char *token)
{
	struct call *call = call_new();
	char         field[1024], *env[] = { field, NULL };

	snprintf(field, sizeof(field), "HTTP_AUTHORIZATION=Bearer %s", token);
	call_set_env(call, env);
	call->on_answer = on_late_answer;
	call->is_running = true;
	bearer_judge(&bearer, call, TOKEN_ROLE_SUBSCRIBER, answer,
	    (void *)(uintptr_t)name);
	call->is_running = false;
	if (!call->is_answered)
		return call;
	call_free(call);
	return NULL;
}

static void
test_at_once(void **state)
{
	struct signer signer;
	char         *token;

	(void)state;
	signer_init(&signer, "HS256");
	token = maker_token_07(&signer, PAYLOAD);
	assert_null(ask("a", token));
	assert_null(ask("b", token));
	assert_null(ask("c", "x.y.z"));
	assert_string_equal(answers, "aok bok cmalformed ");
	assert_false(bearer_is_busy(&bearer));
	assert_int_equal(access_totals(bearer.access)->verify_count, 1);
	free(token);
	signer_deinit(&signer);
}

static void
test_what_a_turn_may_spend(void **state)
{
	struct call *calls[4];

	(void)state;
	/* Each judgement takes 2 ms, and a turn may spend 3. */
	step_us = 2000;
	assert_null(ask("a", "x"));
	assert_null(ask("b", "x"));
	for (int i = 0; i < 4; i++) {
		const char *const names[] = { "c", "d", "e", "f" };

		calls[i] = ask(names[i], "x");
		assert_non_null(calls[i]);
	}
	assert_string_equal(answers, "amalformed bmalformed ");
	/* One whose client is gone is passed over. */
	call_cancel(calls[1]);
	bearer_run(&bearer);
	assert_string_equal(answers,
	    "amalformed bmalformed cmalformed emalformed ");
	assert_int_equal(free_count, 2);
	assert_true(bearer_is_busy(&bearer));
	/* Who comes now is behind who waits. */
	assert_non_null(ask("g", "x"));
	bearer_run(&bearer);
	assert_string_equal(answers + strlen(answers) - 22,
	    "fmalformed gmalformed ");
	assert_false(bearer_is_busy(&bearer));
	assert_int_equal(free_count, 4);
	assert_int_equal(bearer.held_count, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_a_turn_may_spend,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
