/* What the options set: at the start, and when they are read again. */

#include "config.h"

#include <stdint.h>

#include "auth/access.h"
#include "auth/publishers.h"
#include "config/options.h"
#include "presence/announcement.h"
#include "process/engine.h"
#include "process/keys.h"

#define PARAMS_BYTES_MAX (256 * 1024)
#define FOREIGN_BYTES_MAX (64 * 1024)

/* Memory for requests that are not whole, of small ones and of the others. */
#define SMALL_BYTES_MAX (16 * 1024 * 1024)
#define LARGE_BYTES_MAX (48 * 1024 * 1024)

/* A body of the largest size has a half more, for what records have beside. */
#define LARGE_EXTRA_PART 2

#define IDLE_TIMEOUT_MS 60000

/* Web servers wait for an answer for half a minute and more. */
#define CALL_TIMEOUT_MS 10000

/* The part of the history's bytes that topics without updates may take. */
#define EMPTY_TOPICS_PART 4

_Static_assert(OPTIONS_SUBSCRIPTIONS_07 == ANNOUNCEMENT_07 &&
	OPTIONS_SUBSCRIPTIONS_08 == ANNOUNCEMENT_08,
    "the option's words are no bits of the shapes");

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Whether clients without a token may subscribe. */
static bool
is_anonymous_allowed(const struct engine *engine, const struct options *options)
{
	return options->anonymous == OPTIONS_ANONYMOUS_YES ||
	    (options->anonymous == OPTIONS_ANONYMOUS_AUTO &&
		!access_has_keys(engine->access));
}

/* Takes over the token keys, and what requests' tokens are judged by. */
static void
engine_set_tokens(struct engine *engine, const struct options *options,
    struct keys *keys)
{
	struct routing *routing = &engine->routing;
	struct bearer  *bearer = &routing->bearer;

	access_set_keys(engine->access, keys->tokens, options->token_audience);
	keys->tokens = NULL;
	routing->metadata.cookie = options->access_token_cookie;
	routing_set_audience(routing, options->token_audience);
	bearer->cookie_07 = options->cookie_name;
	bearer->cookie_08 = options->access_token_cookie;
	bearer->takes_query = options->query_token;
	routing->count.is_on = options->count;
	routing->publish.origins = options->publish_origin;
	routing->publish.origin_count = options->publish_origin_count;
	routing->subscribe.is_anonymous_allowed = is_anonymous_allowed(engine,
	    options);
	streams_check_rights(&engine->streams,
	    routing->subscribe.is_anonymous_allowed);
}

static void
set_publishing(struct publish_route *publish, const struct options *options,
    const struct keys *keys)
{
	if (publish->publishers != NULL)
		publishers_free(publish->publishers);
	publish->publishers = publishers_new(keys->publish,
	    options->public_topic, options->public_topic_count);
	publish->tells_topic = options->topic_in_event ==
	    OPTIONS_TOPIC_IN_EVENT_COMMENT;
}

static void
set_conn_limits(struct conns *conns, const struct options *options)
{
	const size_t             body_bytes_max = options->max_body_bytes;
	const struct conn_limits limits = {
		.records.params_bytes_max = PARAMS_BYTES_MAX,
		.records.body_bytes_max = body_bytes_max,
		.records.foreign_bytes_max = FOREIGN_BYTES_MAX,
		.small_bytes_max = SMALL_BYTES_MAX,
		.large_bytes_max = larger(LARGE_BYTES_MAX,
		    body_bytes_max + body_bytes_max / LARGE_EXTRA_PART),
		.request_timeout_ms = options->request_timeout_ms,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
		.call_timeout_ms = CALL_TIMEOUT_MS,
		.answer_timeout_ms = options->stall_timeout_ms,
	};

	conns_set_limits(conns, &limits);
}

void
engine_set_options(struct engine *engine, const struct options *options,
    struct keys *keys)
{
	struct routing         *routing = &engine->routing;
	const size_t            count_max = seating_count_max(&engine->seating,
		       options->max_streams, routing->metrics.descriptors_max);
	const struct hub_limits hub_limits = {
		/* A client that is behind has the store wait. */
		.event_count_max = engine->tail.is_lean ?
		    SIZE_MAX :
		    options->history_events,
		.bytes_max = options->history_bytes,
		.empty_bytes_max = options->history_bytes / EMPTY_TOPICS_PART,
		.age_ms = options->history_age_ms,
	};
	const size_t               turn_count = options->turn_max_ms == 0 ?
			  0 :
			  seating_turn_count(&engine->seating, options->turns,
			      options->max_streams, count_max);
	const struct stream_limits limits = {
		.count_max = count_max,
		.seat_count = seating_seat_count(&engine->seating, turn_count,
		    options->max_streams, count_max),
		.client_count_max = options->max_streams_per_client,
		.heartbeat_ms = options->heartbeat_ms,
		.stall_timeout_ms = options->stall_timeout_ms,
		.lifetime_ms = options->stream_lifetime_ms,
		.return_spread_ms = options->drain_spread_ms,
		.places.count = turn_count,
		.places.turn_ms_min = options->turn_min_ms,
		.places.turn_ms_max = options->turn_max_ms,
		.padding_bytes = (unsigned)options->padding_bytes,
	};

	set_conn_limits(&engine->conns, options);
	streams_set_limits(&engine->streams, &limits);
	hub_set_limits(&engine->hub, &hub_limits);
	tail_set_limits(&engine->tail, options->history_bytes,
	    options->history_age_ms);
	turns_set_coalesce_ms(&engine->turns, options->coalesce_ms);
	routing->router.mounts = options->mount;
	routing->router.mount_count = options->mount_count;
	routing->router.cors = (struct cors){
		.origins = options->allow_origin,
		.origin_count = options->allow_origin_count,
	};
	routing->topic_by = (struct topic_by){
		.is_path_closed = options->topic_by == OPTIONS_TOPIC_BY_QUERY,
		.is_query_closed = options->topic_by == OPTIONS_TOPIC_BY_PATH,
	};
	routing->status.is_open = options->status;
	engine->presence.shapes = options->subscriptions;
	lease_set_ms(&engine->lease, options->subscriptions_lease_ms);
	routing->page.lifetime_ms = options->stream_lifetime_ms;
	set_publishing(&routing->publish, options, keys);
	engine_set_tokens(engine, options, keys);
}
