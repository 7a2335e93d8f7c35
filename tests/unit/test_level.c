/* Who subscribes before the hub has read all of the log. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine_fixture.h"
#include "http/call.h"
#include "hub/update.h"
#include "pure/position.h"

static size_t answer_count;
static char   head[1024];

static int
set_up(void **state)
{
	(void)state;
	engine_set_up((const char *const[]){ NULL });
	answer_count = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	engine_tear_down();
	return 0;
}

static void
on_answer(struct call *call)
{
	size_t len_bytes = call->answer.bytes.len_bytes;

	assert_true(len_bytes < sizeof(head));
	memcpy(head, call->answer.bytes.data, len_bytes);
	head[len_bytes] = '\0';
	answer_count++;
	call_free(call);
}

/* Asks, and does not turn the loop. */
static struct call *
ask(const char *query)
{
	const char *const env[] = { "REQUEST_METHOD=HEAD",
		"SCRIPT_NAME=/events", query, NULL };
	struct call      *call = engine_call(&(struct engine_request){
		 .env = (char *const *)env });

	call->on_answer = on_answer;
	if (router_run(&engine.routing.router, call))
		on_answer(call);
	return call;
}

static void
ingest(uint64_t position, const char *id)
{
	const char *const topics[] = { "t" };

	hub_ingest(&engine.hub,
	    &(struct update){
		.position = position,
		.id = id,
		.topics = topics,
		.topic_count = 1,
		.bytes = "data: x\n\n",
		.len_bytes = 9,
	    },
	    1, 0, 0);
}

static void
test_an_own_id_waits_for_the_log(void **state)
{
	(void)state;
	assert_false(engine.hub.is_level);
	ask("QUERY_STRING=topic=t&lastEventID=own");
	ask("QUERY_STRING=topic=t&lastEventID=unknown");
	assert_int_equal(answer_count, 0);
	ingest(1, "own");
	ingest(2, NULL);
	subscribe_route_resume(&engine.routing.subscribe);
	assert_int_equal(answer_count, 2);
	assert_non_null(strstr(head, "Last-Event-ID: earliest\r\n"));
	ask("QUERY_STRING=topic=t&lastEventID=own");
	assert_int_equal(answer_count, 3);
	assert_non_null(strstr(head, "Last-Event-ID: own\r\n"));
}

static void
test_the_loop_makes_it_level(void **state)
{
	(void)state;
	ask("QUERY_STRING=topic=t&lastEventID=own");
	assert_int_equal(answer_count, 0);
	for (int i = 0; i < 100 && answer_count == 0; i++)
		uv_run(&engine.loop, UV_RUN_NOWAIT);
	assert_int_equal(answer_count, 1);
	assert_true(engine.hub.is_level);
}

/* Of an id that we made the position is known, also if it is yet to come. */
static void
test_a_made_id_does_not_wait(void **state)
{
	char id[POSITION_ID_BYTES], query[128];

	(void)state;
	assert_true(hub_id(&engine.hub, UINT64_MAX >> 5, id));
	snprintf(query, sizeof(query), "QUERY_STRING=topic=t&lastEventID=%s",
	    id);
	ask(query);
	assert_int_equal(answer_count, 1);
	assert_non_null(strstr(head, id));
	ask("QUERY_STRING=topic=t&lastEventID=earliest");
	assert_int_equal(answer_count, 2);
}

/* The log may be ahead of the clock; what is new is behind its end. */
static void
test_what_is_new_is_behind_the_log(void **state)
{
	(void)state;
	ask("QUERY_STRING=topic=t");
	assert_int_equal(answer_count, 0);
	ingest(UINT64_MAX >> 5, NULL);
	subscribe_route_resume(&engine.routing.subscribe);
	assert_int_equal(answer_count, 1);
	assert_null(strstr(head, "Last-Event-ID"));
}

/* The log has not come to its end in time; what was published here will. */
static void
test_what_was_published_here_is_waited_for(void **state)
{
	(void)state;
	hub_expect(&engine.hub, 5);
	ask("QUERY_STRING=topic=t&lastEventID=own");
	ingest(4, NULL);
	subscribe_route_resume(&engine.routing.subscribe);
	assert_int_equal(answer_count, 0);
	ingest(5, "own");
	subscribe_route_run(&engine.routing.subscribe, 0);
	assert_int_equal(answer_count, 1);
	assert_non_null(strstr(head, "Last-Event-ID: own\r\n"));
}

static void
test_who_goes_away_waits_no_more(void **state)
{
	(void)state;
	call_cancel(ask("QUERY_STRING=topic=t&lastEventID=own"));
	subscribe_route_resume(&engine.routing.subscribe);
	assert_int_equal(answer_count, 0);
	assert_true(list_is_empty(&engine.routing.subscribe.waiting));
}

#define LEVEL_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* What this process has published is no news to who subscribes then. */
static void
test_what_was_published_is_waited_for(void **state)
{
	struct subscribe_route *route = &engine.routing.subscribe;
	int64_t                 due_ms;

	(void)state;
	ingest(1, "one");
	engine.hub.is_level = true;
	hub_expect(&engine.hub, 3);
	ask("QUERY_STRING=topic=t");
	ask("QUERY_STRING=topic=t&lastEventID=earliest");
	ask("QUERY_STRING=topic=t&lastEventID=three");
	assert_int_equal(answer_count, 0);
	due_ms = subscribe_route_next_ms(route);
	ingest(2, "two");
	subscribe_route_run(route, due_ms - 1);
	assert_int_equal(answer_count, 0);
	ingest(3, "three");
	subscribe_route_run(route, due_ms - 1);
	assert_int_equal(answer_count, 3);
	assert_non_null(strstr(head, "Last-Event-ID: three\r\n"));
	assert_int_equal(subscribe_route_next_ms(route), INT64_MAX);
	ask("QUERY_STRING=topic=t");
	assert_int_equal(answer_count, 4);
}

/* A store that was lost brings nothing: one waits, and no other. */
static void
test_what_does_not_come_is_not_waited_for(void **state)
{
	struct subscribe_route *route = &engine.routing.subscribe;

	(void)state;
	ingest(1, "one");
	engine.hub.is_level = true;
	hub_expect(&engine.hub, 3);
	ask("QUERY_STRING=topic=t");
	assert_int_equal(answer_count, 0);
	subscribe_route_run(route, subscribe_route_next_ms(route));
	assert_int_equal(answer_count, 1);
	ask("QUERY_STRING=topic=t");
	assert_int_equal(answer_count, 2);
	hub_expect(&engine.hub, 5);
	hub_lose(&engine.hub, 5);
	ask("QUERY_STRING=topic=t");
	assert_int_equal(answer_count, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LEVEL_TEST(test_an_own_id_waits_for_the_log),
		LEVEL_TEST(test_the_loop_makes_it_level),
		LEVEL_TEST(test_a_made_id_does_not_wait),
		LEVEL_TEST(test_what_is_new_is_behind_the_log),
		LEVEL_TEST(test_what_was_published_here_is_waited_for),
		LEVEL_TEST(test_who_goes_away_waits_no_more),
		LEVEL_TEST(test_what_was_published_is_waited_for),
		LEVEL_TEST(test_what_does_not_come_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
