#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_fixture.h"
#include "store/seats.h"
#include "stream/rota.h"
#include "stream_fixture.h"

/* Nobody is told to come back sooner. */
#define LEAST_MS 1000

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIFETIME_MS 100000
#define SPREAD_MS 5000

static void
set_limits(const struct stream_limits *limits)
{
	struct stream_limits own = *limits;

	if (own.count_max == 0)
		own.count_max = SIZE_MAX;
	streams_set_limits(&streams, &own);
}

static void
assert_admission(const char *client, enum stream_refusal refusal)
{
	long return_ms;

	assert_int_equal(streams_admit(&streams, client, "/test", &return_ms),
	    refusal);
	assert_in_range(return_ms, LEAST_MS, LONG_MAX);
}

/* What the client was told is one retry field, between these. */
static void
assert_told_to_come_back(struct client_peer *client, long min_ms, long max_ms)
{
	char *text = strndup(client->received.data, client->received.len_bytes);
	char  again[64];
	long  retry_ms;

	assert_int_equal(sscanf(text, "retry: %ld", &retry_ms), 1);
	snprintf(again, sizeof(again), "retry: %ld\n\n", retry_ms);
	assert_string_equal(text, again);
	assert_in_range(retry_ms, min_ms, max_ms);
	free(text);
}

static void
test_no_more_streams_than_the_limit(void **state)
{
	struct client_peer clients[3];

	(void)state;
	set_limits(&(struct stream_limits){ .count_max = 3 });
	for (size_t i = 0; i < COUNT(clients); i++) {
		assert_admission("192.0.2.1", STREAM_ADMITTED);
		client_open(&clients[i]);
	}
	assert_admission("192.0.2.1", STREAM_REFUSED_FULL);
	assert_admission(NULL, STREAM_REFUSED_FULL);
	assert_int_equal(streams_refused_count(&streams), 2);
	assert_int_equal(streams.totals.opened_count, 3);
	client_close(&clients[1]);
	assert_admission("192.0.2.1", STREAM_ADMITTED);
	client_close(&clients[0]);
	client_close(&clients[2]);
}

static void
test_no_more_streams_of_a_client_than_the_limit(void **state)
{
	struct client_peer clients[3], other, unknown;

	(void)state;
	set_limits(&(struct stream_limits){ .client_count_max = 2 });
	client_open(&clients[0]);
	assert_admission("192.0.2.1", STREAM_ADMITTED);
	client_open(&clients[1]);
	assert_admission("192.0.2.1", STREAM_REFUSED_CLIENT);
	assert_admission("192.0.2.10", STREAM_ADMITTED);
	client_open_as(&other, &(struct stream_spec){ .client = "::1" });
	client_open_as(&unknown, &(struct stream_spec){ .client = NULL });
	assert_admission("::1", STREAM_ADMITTED);
	assert_admission(NULL, STREAM_ADMITTED);
	stream_end(clients[0].peer.stream, STREAM_END_CLIENT_CLOSED);
	streams_reap(&streams);
	assert_admission("192.0.2.1", STREAM_ADMITTED);
	client_open(&clients[2]);
	assert_admission("192.0.2.1", STREAM_REFUSED_CLIENT);
	for (size_t i = 0; i < COUNT(clients); i++)
		client_close(&clients[i]);
	client_close(&other);
	client_close(&unknown);
}

static void
test_addresses_of_one_net_are_one_client(void **state)
{
	struct client_peer one, other;

	(void)state;
	set_limits(&(struct stream_limits){ .client_count_max = 2 });
	client_open_as(&one,
	    &(struct stream_spec){ .client = "2001:db8:1:2::1" });
	client_open_as(&other,
	    &(struct stream_spec){ .client = "2001:db8:1:2:ffff::2" });
	assert_admission("2001:db8:1:2:a:b:c:d", STREAM_REFUSED_CLIENT);
	assert_admission("2001:db8:1:3::1", STREAM_ADMITTED);
	client_close(&one);
	assert_admission("2001:db8:1:2:a:b:c:d", STREAM_ADMITTED);
	client_close(&other);
}

/* From four fifths of it up to it, and not all at once. */
static void
test_a_stream_ends_at_its_lifetime(void **state)
{
	static struct client_peer clients[200];
	size_t                    early = 0, late = 0;

	(void)state;
	set_limits(&(struct stream_limits){ .lifetime_ms = LIFETIME_MS,
	    .return_spread_ms = SPREAD_MS });
	for (size_t i = 0; i < COUNT(clients); i++) {
		client_open(&clients[i]);
	}
	turn_after(LIFETIME_MS * 4 / 5 - 1);
	assert_int_equal(streams.open_count, COUNT(clients));
	assert_in_range(streams_next_ms(&streams), turns_now_ms(&turns),
	    turns_now_ms(&turns) + LIFETIME_MS / 5);
	turn_after(LIFETIME_MS / 10 + 1);
	for (size_t i = 0; i < COUNT(clients); i++) {
		early += clients[i].end_count > 0;
		late += clients[i].end_count == 0;
	}
	assert_true(early > COUNT(clients) / 5);
	assert_true(late > COUNT(clients) / 5);
	turn_after(LIFETIME_MS / 10);
	for (size_t i = 0; i < COUNT(clients); i++) {
		assert_told_to_come_back(&clients[i], 100, 500);
		assert_ended(&clients[i], STREAM_END_LIFETIME);
	}
}

static void
test_without_lifetime_a_stream_lasts(void **state)
{
	struct client_peer client;

	(void)state;
	client_open(&client);
	for (int day = 0; day < 400; day++)
		turn_after(24 * 60 * 60 * 1000);
	assert_int_equal(client.end_count, 0);
	client_close(&client);
}

static void
test_a_drain_ends_all_in_slices(void **state)
{
	enum { CLIENT_COUNT = 1000 };
	struct client_peer *clients = calloc(CLIENT_COUNT, sizeof(*clients));
	size_t              open_count, turn_count = 0;

	(void)state;
	set_limits(&(struct stream_limits){ .return_spread_ms = SPREAD_MS });
	for (size_t i = 0; i < CLIENT_COUNT; i++) {
		client_open(&clients[i]);
	}
	assert_false(streams_is_busy(&streams));
	streams_drain(&streams);
	assert_admission("192.0.2.1", STREAM_REFUSED_DRAINING);
	while (streams_is_busy(&streams)) {
		open_count = streams.open_count;
		turn_after(0);
		turn_count++;
		assert_in_range(open_count - streams.open_count, 1, 500);
	}
	assert_int_equal(streams.open_count, 0);
	assert_true(turn_count > 1);
	for (size_t i = 0; i < CLIENT_COUNT; i++) {
		assert_told_to_come_back(&clients[i], LEAST_MS,
		    LEAST_MS + streams.limits.return_spread_ms);
		assert_ended(&clients[i], STREAM_END_SHUTDOWN);
	}
	free(clients);
}

/* Who cannot be told is ended all the same. */
static void
test_who_is_not_told_to_come_back(void **state)
{
	struct client_peer opening, stalled, full, plain, gone;

	(void)state;
	client_open_waiting(&opening, &(struct stream_spec){ 0 }, 0);
	client_open(&stalled);
	client_open(&full);
	client_open(&gone);
	client_open_as(&plain, &(struct stream_spec){ .is_plain = true });
	stalled.room_bytes = 0;
	publish(topic, "x");
	turns_settle();
	assert_received(&full, "x");
	assert_received(&plain, "x");
	full.room_bytes = 0;
	gone.is_gone = true;
	streams_drain(&streams);
	turn_after(0);
	assert_received(&opening, "");
	assert_received(&stalled, "");
	assert_received(&full, "");
	assert_received(&plain, "");
	assert_ended(&gone, STREAM_END_WRITE_FAILED);
	/* Without a head it has no end either. */
	assert_int_equal(opening.end_count, 1);
	assert_false(opening.is_polite);
	client_close(&opening);
	assert_ended(&stalled, STREAM_END_SHUTDOWN);
	assert_ended(&full, STREAM_END_SHUTDOWN);
	assert_ended(&plain, STREAM_END_SHUTDOWN);
}

static void
test_the_time_to_come_back_is_spread(void **state)
{
	long least_ms = LONG_MAX, most_ms = 0, ms;

	(void)state;
	assert_int_equal(streams_return_ms(&streams), LEAST_MS);
	set_limits(&(struct stream_limits){ .return_spread_ms = SPREAD_MS });
	for (int i = 0; i < 1000; i++) {
		ms = streams_return_ms(&streams);
		least_ms = ms < least_ms ? ms : least_ms;
		most_ms = ms > most_ms ? ms : most_ms;
	}
	assert_in_range(least_ms, LEAST_MS, LEAST_MS + SPREAD_MS / 10);
	assert_in_range(most_ms, LEAST_MS + SPREAD_MS * 9 / 10,
	    LEAST_MS + SPREAD_MS);
}

/* A shorter time counts for new streams, whatever the old ones have. */
static void
test_new_times_are_not_held_up_by_open_streams(void **state)
{
	struct client_peer old, new;

	(void)state;
	set_limits(&(struct stream_limits){ .heartbeat_ms = 10 * HEARTBEAT_MS,
	    .lifetime_ms = 100 * LIFETIME_MS });
	client_open(&old);
	set_limits(&(struct stream_limits){ .heartbeat_ms = HEARTBEAT_MS,
	    .lifetime_ms = LIFETIME_MS });
	client_open(&new);
	turn_after(HEARTBEAT_MS);
	assert_received(&new, HEARTBEAT);
	assert_received(&old, HEARTBEAT);
	for (int i = 0; i < 10 && new.end_count == 0; i++)
		turn_after(HEARTBEAT_MS);
	assert_ended(&new, STREAM_END_LIFETIME);
	assert_int_equal(old.end_count, 0);
	client_close(&old);
}

#define PLACES 3
#define TURN_MS_MIN 200
#define TURN_MS_MAX 6000

static void
set_turns(void)
{
	set_limits(&(struct stream_limits){
	    .places = { PLACES, TURN_MS_MIN, TURN_MS_MAX } });
}

/* So soon nobody's turn is over. */
static void
assert_refused_for_turns(void)
{
	long return_ms;

	assert_int_equal(streams_admit(&streams, NULL, "/test", &return_ms),
	    STREAM_REFUSED_TURN);
	assert_in_range(return_ms, 100, TURN_MS_MAX);
}

static void
test_the_oldest_stream_makes_room(void **state)
{
	struct client_peer clients[PLACES + 1];

	(void)state;
	set_turns();
	for (size_t i = 0; i < PLACES; i++) {
		assert_admission(NULL, STREAM_ADMITTED);
		client_open(&clients[i]);
		turn_after(1);
	}
	assert_refused_for_turns();
	assert_int_equal(streams.totals.refusal_counts[STREAM_REFUSED_TURN], 1);
	turn_after(TURN_MS_MAX);
	assert_int_equal(streams.open_count, PLACES);
	assert_admission(NULL, STREAM_ADMITTED);
	/* What is admitted may still be refused for what it asks. */
	assert_int_equal(clients[0].end_count, 0);
	client_open(&clients[PLACES]);
	assert_told_to_come_back(&clients[0], 100, TURN_MS_MAX);
	assert_ended(&clients[0], STREAM_END_TURN);
	assert_int_equal(streams.open_count, PLACES);
	for (size_t i = 1; i < COUNT(clients); i++) {
		assert_int_equal(clients[i].end_count, 0);
		client_close(&clients[i]);
	}
}

/* Who has too many streams ends nobody's to get one more. */
static void
test_an_address_with_enough_takes_no_turn(void **state)
{
	struct client_peer clients[PLACES];

	(void)state;
	set_limits(&(struct stream_limits){ .client_count_max = PLACES,
	    .places = { PLACES, TURN_MS_MIN, TURN_MS_MAX } });
	for (size_t i = 0; i < PLACES; i++)
		client_open(&clients[i]);
	turn_after(TURN_MS_MAX);
	assert_admission("192.0.2.1", STREAM_REFUSED_CLIENT);
	for (size_t i = 0; i < PLACES; i++) {
		assert_int_equal(clients[i].end_count, 0);
		client_close(&clients[i]);
	}
}

/* With fewer places than streams the oldest end when the next one comes. */
static void
test_fewer_places_than_before(void **state)
{
	struct client_peer clients[2 * PLACES];
	const size_t       last = COUNT(clients) - 1;

	(void)state;
	for (size_t i = 0; i < last; i++)
		client_open(&clients[i]);
	set_turns();
	turn_after(TURN_MS_MAX);
	assert_int_equal(streams.open_count, last);
	assert_admission(NULL, STREAM_ADMITTED);
	client_open(&clients[last]);
	assert_int_equal(streams.open_count, PLACES);
	for (size_t i = 0; i < COUNT(clients); i++)
		client_close(&clients[i]);
}

/* Seats that other processes share, and turns on them, set later. */
static void
test_streams_take_seats_and_leave_them(void **state)
{
	const struct places_limits places = { 2, TURN_MS_MIN, TURN_MS_MAX };
	const struct stream_limits limits = { .seat_count = 2,
		.places = places };
	struct client_peer         clients[3];
	struct seats              *others;
	struct rota               *rota;
	uint64_t                   key = client_key("192.0.2.1");

	assert_int_equal(file_set_up(state), 0);
	others = seats_open(file_path, 2);
	rota = rota_new(others, 2, 0);
	rota_set_limits(rota, &places);
	streams.seats = seats_open(file_path, 0);
	streams.rota = rota_new(streams.seats, 1, 0);
	client_open(&clients[0]);
	client_open(&clients[1]);
	assert_int_equal(seats_taken(others), 0);
	set_limits(&limits);
	assert_int_equal(seats_taken(others), 2);
	turn_after(100);
	assert_int_equal(rota_count_client(rota, key, hand_ms()), 2);
	/* The next one has the seat of the oldest. */
	turn_after(TURN_MS_MAX);
	assert_admission("192.0.2.1", STREAM_ADMITTED);
	client_open(&clients[2]);
	assert_int_equal(streams.open_count, 2);
	assert_int_equal(clients[0].end_count, 1);
	streams_reap(&streams);
	assert_int_equal(seats_taken(others), 2);
	client_close(&clients[1]);
	turn_after(1);
	streams_reap(&streams);
	assert_int_equal(seats_taken(others), 1);
	assert_int_equal(rota_count_client(rota, key, hand_ms()), 1);
	set_limits(&(struct stream_limits){ 0 });
	assert_int_equal(seats_taken(others), 0);
	client_close(&clients[0]);
	client_close(&clients[2]);
	rota_free(rota);
	rota_free(streams.rota);
	seats_close(others);
	seats_close(streams.seats);
	streams.seats = NULL;
	streams.rota = NULL;
	assert_int_equal(file_tear_down(state), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM_TEST(test_no_more_streams_than_the_limit),
		STREAM_TEST(test_no_more_streams_of_a_client_than_the_limit),
		STREAM_TEST(test_addresses_of_one_net_are_one_client),
		STREAM_TEST(test_a_stream_ends_at_its_lifetime),
		STREAM_TEST(test_without_lifetime_a_stream_lasts),
		STREAM_TEST(test_a_drain_ends_all_in_slices),
		STREAM_TEST(test_who_is_not_told_to_come_back),
		STREAM_TEST(test_the_time_to_come_back_is_spread),
		STREAM_TEST(test_new_times_are_not_held_up_by_open_streams),
		STREAM_TEST(test_the_oldest_stream_makes_room),
		STREAM_TEST(test_an_address_with_enough_takes_no_turn),
		STREAM_TEST(test_fewer_places_than_before),
		STREAM_TEST(test_streams_take_seats_and_leave_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
