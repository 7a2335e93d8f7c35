/*
 * Publishing from within calls: from each place at which the program calls out,
 * an update is taken, delivered later, and to all in the order of the log.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine_fixture.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/router.h"
#include "hub/cursor.h"
#include "hub/frame.h"
#include "store/store.h"
#include "stream/peer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Far more than what is under way takes. */
#define TURN_COUNT 20

/* More than are called in one turn of the loop. */
#define CROWD_COUNT 300

/* A client of the hub. */
struct listener {
	struct peer peer;
	struct buf  had;     /* the data of its events, with a space before */
	bool        is_gone; /* writes fail */
	size_t      end_count;
	void (*on_event)(void); /* called once, within the next write */
	void (*on_end)(void);
};

/* Somebody who has all updates, private ones too: their topics and data. */
static struct cursor watcher;
static struct buf    watched;
static void (*on_watch)(void); /* called once, within the next call */

/* What has happened: events, ends and answers of the store. */
static size_t happened_count;

/* A call of ours has not returned. */
static bool is_within;

static void
call_once(void (**fn)(void))
{
	void (*called)(void) = *fn;

	*fn = NULL;
	if (called != NULL)
		called();
}

/* The data of an event, or "" for a head or a comment. */
static void
append_data(struct buf *buf, const char *bytes, size_t len_bytes)
{
	char       *text = mem_strndup(bytes, len_bytes);
	const char *data = strstr(text, "data: ");

	if (data != NULL)
		buf_printf(buf, " %.*s", (int)strcspn(data + 6, "\n"),
		    data + 6);
	free(text);
}

static bool
on_has_room(struct peer *peer, size_t len_bytes)
{
	(void)peer;
	(void)len_bytes;
	return true;
}

static int
on_write(struct peer *peer, const struct iovec *parts, int count)
{
	struct listener *client = list_entry(peer, struct listener, peer);

	assert_false(is_within);
	if (client->is_gone)
		return -1;
	happened_count++;
	is_within = true;
	for (int i = 0; i < count; i++)
		append_data(&client->had, parts[i].iov_base, parts[i].iov_len);
	if (client->had.len_bytes > 0)
		call_once(&client->on_event);
	is_within = false;
	return 0;
}

static void
on_end(struct peer *peer, bool is_polite)
{
	struct listener *client = list_entry(peer, struct listener, peer);

	(void)is_polite;
	assert_false(is_within);
	happened_count++;
	client->end_count++;
	is_within = true;
	call_once(&client->on_end);
	is_within = false;
}

static const struct peer_ops ops = { .has_room = on_has_room,
	.write = on_write,
	.end = on_end };

static void
on_watcher(struct cursor *cursor, enum cursor_event event)
{
	struct frame *frame;

	assert_false(is_within);
	assert_int_equal(event, CURSOR_READY);
	is_within = true;
	while (cursor_peek(cursor, &frame, 1) == 1) {
		happened_count++;
		buf_printf(&watched, " %s", frame->update.topics[0]);
		append_data(&watched, frame->update.bytes,
		    frame->update.len_bytes);
		cursor_advance(cursor, frame);
		call_once(&on_watch);
	}
	is_within = false;
}

static void
turns_pass(void)
{
	for (int i = 0; i < TURN_COUNT; i++)
		uv_run(&engine.loop, UV_RUN_NOWAIT);
}

static void
set_up(const char *const *args)
{
	struct topic *all;

	engine_set_up(args);
	is_within = false;
	happened_count = 0;
	on_watch = NULL;
	turns_pass();
	all = hub_topic(&engine.hub, HUB_ALL, NULL, NULL);
	cursor_open(&watcher, &all, 1, CURSOR_FROM_NOW, on_watcher, NULL);
	cursor_resume(&watcher);
}

static void
tear_down(void)
{
	streams_end_all(&engine.streams, STREAM_END_SHUTDOWN);
	turns_pass();
	cursor_close(&watcher);
	buf_deinit(&watched);
	engine_tear_down();
}

static void
on_done(struct store_publish *publish, const struct store_receipt *receipt)
{
	assert_int_equal(receipt->result, STORE_KEPT);
	happened_count++;
	free(publish);
}

/* Nothing happens before it returns. */
static void
publish(const char *topic, const char *data)
{
	struct store_publish *publish = mem_zalloc(sizeof(*publish));
	struct buf            bytes = { 0 };
	size_t                before = happened_count;

	buf_printf(&bytes, "data: %s\n\n", data);
	publish->done = on_done;
	store_publish(engine.tail.store, publish,
	    &(struct update){ .topics = &topic,
		.topic_count = 1,
		.bytes = bytes.data,
		.len_bytes = bytes.len_bytes },
	    NULL);
	buf_deinit(&bytes);
	assert_int_equal(happened_count, before);
}

/* It follows the topic, by a request. */
static void
listener_open(struct listener *client, const char *query)
{
	char  method[] = "REQUEST_METHOD=GET", path[] = "PATH_INFO=/events";
	char  address[] = "REMOTE_ADDR=192.0.2.1", asked[64];
	char *env[] = { method, path, address, asked, NULL };
	struct call *call;

	snprintf(asked, sizeof(asked), "QUERY_STRING=%s", query);
	*client = (struct listener){ .peer.ops = &ops };
	call = engine_call(&(struct engine_request){ .env = env });
	assert_true(router_run(&engine.routing.router, call));
	assert_non_null(call->answer.streams);
	answer_open_stream(&call->answer, &client->peer);
	call_free(call);
}

static void
assert_text(struct buf *had, const char *text)
{
	buf_append(had, "", 1);
	assert_string_equal(had->data, text);
	buf_deinit(had);
}

static void
publish_two(void)
{
	publish("a", "2");
	publish("b", "3");
}

/* The first of three that have an event publishes others. */
static void
assert_fanout_publishes(const char *const *args)
{
	struct listener clients[3], other;

	set_up(args);
	for (size_t i = 0; i < COUNT(clients); i++)
		listener_open(&clients[i], "topic=a");
	listener_open(&other, "topic=a&topic=b");
	clients[0].on_event = publish_two;
	publish("a", "1");
	turns_pass();
	for (size_t i = 0; i < COUNT(clients); i++)
		assert_text(&clients[i].had, " 1 2");
	assert_text(&other.had, " 1 2 3");
	assert_text(&watched, " a 1 a 2 b 3");
	tear_down();
}

/* With room for one, what is published pushes out what is being sent. */
static void
test_publish_within_a_fanout(void **state)
{
	(void)state;
	assert_fanout_publishes((const char *const[]){ NULL });
	assert_fanout_publishes((const char *const[]){ "--history-events", "1",
	    NULL });
}

static void
publish_gone(void)
{
	/* The stream is there as long as those who have called it. */
	assert_false(list_is_empty(&engine.streams.ended));
	publish("a", "gone");
}

/* A client is lost in the middle of a fan-out, and its end is told. */
static void
test_publish_at_the_end_of_a_stream(void **state)
{
	struct listener clients[3];

	(void)state;
	set_up((const char *const[]){ NULL });
	for (size_t i = 0; i < COUNT(clients); i++)
		listener_open(&clients[i], "topic=a");
	turns_pass();
	clients[1].is_gone = true;
	clients[1].on_end = publish_gone;
	publish("a", "1");
	turns_pass();
	assert_int_equal(clients[1].end_count, 1);
	assert_true(list_is_empty(&engine.streams.ended));
	assert_text(&clients[0].had, " 1 gone");
	assert_text(&clients[2].had, " 1 gone");
	assert_text(&watched, " a 1 a gone");
	tear_down();
}

/* The topic that is published to has lost its last subscriber just now. */
static void
test_publish_at_the_end_of_the_last_stream(void **state)
{
	struct listener last, next;

	(void)state;
	set_up((const char *const[]){ NULL });
	listener_open(&last, "topic=a");
	turns_pass();
	last.is_gone = true;
	last.on_end = publish_gone;
	publish("a", "1");
	turns_pass();
	listener_open(&next, "topic=a&last=2");
	turns_pass();
	assert_text(&next.had, " 1 gone");
	tear_down();
}

/* A topic that nobody follows is there until the end of the turn. */
static size_t topics_at_end;

static void
count_topics(void)
{
	topics_at_end = engine.hub.topic_count;
}

static void
test_a_topic_outlasts_the_end_of_its_last_stream(void **state)
{
	struct listener client;

	(void)state;
	set_up((const char *const[]){ NULL });
	listener_open(&client, "topic=a");
	client.on_end = count_topics;
	stream_end(client.peer.stream, STREAM_END_CLIENT_CLOSED);
	assert_int_equal(topics_at_end, 1);
	assert_int_equal(engine.hub.topic_count, 1);
	turns_pass();
	assert_int_equal(engine.hub.topic_count, 0);
	tear_down();
}

static void
publish_freed(void *arg)
{
	(void)arg;
	assert_false(turns_is_calling(&engine.turns));
	publish("a", "freed");
}

static void
test_publish_as_a_stream_is_freed(void **state)
{
	struct listener client, lost = { .peer.ops = &ops };
	struct topic   *topic;
	struct buf      head = { 0 };

	(void)state;
	set_up((const char *const[]){ NULL });
	listener_open(&client, "topic=a");
	topic = hub_topic(&engine.hub, "a", NULL, NULL);
	buf_append_str(&head, "head");
	stream_open(&engine.streams,
	    &(struct stream_spec){ .path = "/test",
		.topics = &topic,
		.topic_count = 1,
		.position = CURSOR_FROM_NOW,
		.release = publish_freed },
	    &lost.peer, &head);
	turns_pass();
	lost.is_gone = true;
	publish("a", "1");
	turns_pass();
	assert_text(&client.had, " 1 freed");
	tear_down();
}

static void
test_publish_as_a_cursor_is_called(void **state)
{
	struct listener client;

	(void)state;
	set_up((const char *const[]){ NULL });
	listener_open(&client, "topic=a&topic=b");
	on_watch = publish_two;
	publish("a", "1");
	turns_pass();
	assert_text(&client.had, " 1 2 3");
	assert_text(&watched, " a 1 a 2 b 3");
	tear_down();
}

/* Between two slices of a fan-out. */
static size_t left_count;

static void
on_timer(uv_timer_t *timer)
{
	struct listener *clients = timer->data;

	for (size_t i = 0; i < CROWD_COUNT; i++)
		left_count += clients[i].had.len_bytes == 0;
	publish("a", "2");
}

static void
test_publish_by_a_timer(void **state)
{
	static struct listener clients[CROWD_COUNT];
	uv_timer_t             timer;

	(void)state;
	set_up((const char *const[]){ NULL });
	left_count = 0;
	for (size_t i = 0; i < CROWD_COUNT; i++)
		listener_open(&clients[i], "topic=a");
	turns_pass();
	uv_timer_init(&engine.loop, &timer);
	timer.data = clients;
	publish("a", "1");
	/* It runs before the next slice does. */
	uv_run(&engine.loop, UV_RUN_NOWAIT);
	uv_timer_start(&timer, on_timer, 0, 0);
	turns_pass();
	assert_in_range(left_count, 1, CROWD_COUNT - 1);
	for (size_t i = 0; i < CROWD_COUNT; i++)
		assert_text(&clients[i].had, " 1 2");
	assert_text(&watched, " a 1 a 2");
	uv_close((uv_handle_t *)&timer, NULL);
	tear_down();
}

static uint64_t
published_count(void)
{
	struct store_health health;

	store_get_health(engine.tail.store, &health);
	return health.published_count;
}

/* Replaces each announcement that was watched by "+" or "-". */
static void
abridge_announcements(void)
{
	struct buf  told = { 0 };
	const char *word, *end, *active;

	buf_append(&watched, "", 1);
	for (word = watched.data; *word != '\0'; word = end) {
		end = word + 1 + strcspn(word + 1, " ");
		if (word[1] == '/')
			continue;
		active = strstr(word, "\"active\":true");
		if (word[1] != '{')
			buf_append(&told, word, (size_t)(end - word));
		else if (active != NULL && active < end)
			buf_append_str(&told, " +");
		else
			buf_append_str(&told, " -");
	}
	buf_deinit(&watched);
	watched = told;
}

static struct listener guest;

static void
open_guest(void)
{
	uint64_t before = published_count();

	/* It is sent its head at once. */
	is_within = false;
	listener_open(&guest, "topic=b");
	assert_int_equal(published_count(), before);
}

static void
end_guest(void)
{
	uint64_t before = published_count();

	is_within = false;
	stream_end(guest.peer.stream, STREAM_END_CLIENT_CLOSED);
	assert_int_equal(published_count(), before);
	publish("a", "2");
}

/* A subscriber that comes or leaves within a call is announced later. */
static void
test_joining_and_leaving_within_a_call(void **state)
{
	(void)state;
	set_up((const char *const[]){ "--subscriptions", "0.x", NULL });
	on_watch = open_guest;
	publish("a", "1");
	turns_pass();
	abridge_announcements();
	assert_text(&watched, " a 1 +");
	/* Behind the next look at who has come and left. */
	engine_hand_us += 2000 * PRESENCE_LOOK_MS;
	on_watch = end_guest;
	publish("a", "1");
	turns_pass();
	abridge_announcements();
	assert_text(&watched, " a 1 a 2 -");
	tear_down();
}

/* Nor is anything published as the stream is freed. */
static void
test_leaving_by_itself(void **state)
{
	uint64_t before;

	(void)state;
	set_up((const char *const[]){ "--subscriptions", "0.x", NULL });
	listener_open(&guest, "topic=b");
	turns_pass();
	engine_hand_us += 2000 * PRESENCE_LOOK_MS;
	before = published_count();
	stream_end(guest.peer.stream, STREAM_END_CLIENT_CLOSED);
	streams_reap(&engine.streams);
	assert_int_equal(published_count(), before);
	turns_pass();
	abridge_announcements();
	assert_text(&watched, " + -");
	tear_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish_within_a_fanout),
		cmocka_unit_test(test_publish_at_the_end_of_a_stream),
		cmocka_unit_test(test_publish_at_the_end_of_the_last_stream),
		cmocka_unit_test(
		    test_a_topic_outlasts_the_end_of_its_last_stream),
		cmocka_unit_test(test_publish_as_a_stream_is_freed),
		cmocka_unit_test(test_publish_as_a_cursor_is_called),
		cmocka_unit_test(test_publish_by_a_timer),
		cmocka_unit_test(test_joining_and_leaving_within_a_call),
		cmocka_unit_test(test_leaving_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
