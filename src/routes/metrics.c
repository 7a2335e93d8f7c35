#include "config.h"

#include "routes/metrics.h"

#include <uv.h>

#include "auth/access.h"
#include "auth/token.h"
#include "base/buf.h"
#include "http/answer.h"
#include "http/bearer.h"
#include "http/call.h"
#include "http/refusal.h"
#include "hub/clock.h"
#include "hub/hub.h"
#include "presence/presence.h"
#include "presence/roster.h"
#include "pure/histogram.h"
#include "routes/status.h"
#include "store/store.h"
#include "stream/streams.h"

static void
append_head(struct buf *buf, const char *name, const char *type,
    const char *help)
{
	buf_printf(buf, "# HELP fcgi_sse_%s %s\n# TYPE fcgi_sse_%s %s\n", name,
	    help, name, type);
}

static void
append_gauge(struct buf *buf, const char *name, uint64_t value,
    const char *help)
{
	append_head(buf, name, "gauge", help);
	buf_printf(buf, "fcgi_sse_%s %llu\n", name, (unsigned long long)value);
}

static void
append_counter(struct buf *buf, const char *name, uint64_t value,
    const char *help)
{
	append_head(buf, name, "counter", help);
	buf_printf(buf, "fcgi_sse_%s %llu\n", name, (unsigned long long)value);
}

static void
append_histogram(struct buf *buf, const char *name,
    const struct histogram *histogram, const char *help)
{
	uint64_t count = 0;
	size_t   i;

	append_head(buf, name, "histogram", help);
	for (i = 0; i < HISTOGRAM_BOUND_COUNT; i++) {
		count += histogram->counts[i];
		buf_printf(buf, "fcgi_sse_%s_bucket{le=\"%g\"} %llu\n", name,
		    (double)histogram_bounds_us[i] / 1e6,
		    (unsigned long long)count);
	}
	buf_printf(buf,
	    "fcgi_sse_%s_bucket{le=\"+Inf\"} %llu\n"
	    "fcgi_sse_%s_sum %.6f\nfcgi_sse_%s_count %llu\n",
	    name, (unsigned long long)histogram->total_count, name,
	    (double)histogram->sum_us / 1e6, name,
	    (unsigned long long)histogram->total_count);
}

static void
append_streams(struct buf *buf, const struct streams *streams)
{
	const struct stream_totals *totals = &streams->totals;
	int                         end, refusal;

	append_gauge(buf, "streams_open", streams->open_count,
	    "Streams that are open.");
	append_gauge(buf, "streams_stalled", streams->stalled_count,
	    "Open streams whose client does not read.");
	append_gauge(buf, "streams_open_shared", streams_shared_count(streams),
	    "Streams that are open in all processes that share the limit.");
	append_gauge(buf, "streams_max", streams->limits.count_max,
	    "Streams that may be open at a time.");
	append_counter(buf, "streams_opened_total", totals->opened_count,
	    "Streams that were opened.");
	append_counter(buf, "streams_refused_total",
	    streams_refused_count(streams),
	    "Streams that were refused for a limit.");
	append_head(buf, "stream_refusals_total", "counter",
	    "Streams that were refused, by reason.");
	for (refusal = STREAM_ADMITTED + 1; refusal < STREAM_REFUSAL_COUNT;
	     refusal++)
		buf_printf(buf,
		    "fcgi_sse_stream_refusals_total{reason=\"%s\"} %llu\n",
		    stream_refusal_word((enum stream_refusal)refusal),
		    (unsigned long long)totals->refusal_counts[refusal]);
	append_head(buf, "streams_ended_total", "counter",
	    "Streams that have ended, by reason.");
	for (end = 0; end < STREAM_END_COUNT; end++)
		buf_printf(buf,
		    "fcgi_sse_streams_ended_total{reason=\"%s\"} %llu\n",
		    stream_end_word((enum stream_end)end),
		    (unsigned long long)totals->end_counts[end]);
	append_counter(buf, "events_sent_total", totals->event_count,
	    "Events that were sent, each counted for each stream.");
	append_counter(buf, "bytes_sent_total", totals->byte_count,
	    "Bytes that were sent to streams, heads included.");
}

static void
append_topics(struct buf *buf, const struct hub *hub)
{
	append_gauge(buf, "topics", hub->topic_count,
	    "Topics with a subscriber or an event that is kept.");
	append_gauge(buf, "history_events", hub->update_count,
	    "Events that are kept for those who come back.");
	append_gauge(buf, "history_bytes", hub_bytes(hub),
	    "Memory that topics and their kept events take.");
	append_gauge(buf, "history_bytes_max", hub->limits.bytes_max,
	    "Memory that they may take.");
	append_counter(buf, "events_published_total", hub->published_count,
	    "Events that were published.");
	append_histogram(buf, "publish_latency_seconds", &hub->latency,
	    "From a publish until the topic's last subscriber had it.");
}

/* Those that documents name are there from the start, with 0. */
static void
append_publish_refusals(struct buf *buf, const struct refusal_counts *counts)
{
	static const int usual[] = { 400, 401, 403, 413, 415, 429, 501, 503 };
	uint64_t         count;
	size_t           i = 0;
	int              status;

	append_head(buf, "publish_refusals_total", "counter",
	    "Updates that were refused, by the status of the answer.");
	for (status = REFUSAL_STATUS_MIN; status <= REFUSAL_STATUS_MAX;
	     status++) {
		count = counts->by_status[status - REFUSAL_STATUS_MIN];
		if (i < sizeof(usual) / sizeof(usual[0]) && status == usual[i])
			i++;
		else if (count == 0)
			continue;
		buf_printf(buf,
		    "fcgi_sse_publish_refusals_total{status=\"%d\"} %llu\n",
		    status, (unsigned long long)count);
	}
}

static void
append_tokens(struct buf *buf, const struct bearer *bearer)
{
	const struct token_cache_totals *totals = access_totals(bearer->access);
	int                              result;

	append_head(buf, "token_refusals_total", "counter",
	    "Requests that were refused for their token, by reason.");
	for (result = TOKEN_OK + 1; result < TOKEN_RESULT_COUNT; result++)
		buf_printf(buf,
		    "fcgi_sse_token_refusals_total{reason=\"%s\"} %llu\n",
		    token_result_word((enum token_result)result),
		    (unsigned long long)bearer->refused_counts[result]);
	buf_printf(buf,
	    "fcgi_sse_token_refusals_total{reason=\"scope\"} %llu\n",
	    (unsigned long long)bearer->scope_refused_count);
	append_counter(buf, "token_signatures_total", totals->verify_count,
	    "Signatures of tokens that were checked.");
	append_counter(buf, "token_hits_total", totals->hit_count,
	    "Tokens that were known already.");
	append_counter(buf, "token_waits_total", bearer->held_count,
	    "Requests that waited for a turn to have their token checked.");
	append_gauge(buf, "tokens_known", totals->token_count,
	    "Tokens that are kept so that they are not checked again.");
}

static void
append_presence(struct buf *buf, const struct presence *presence,
    const struct roster *roster)
{
	append_gauge(buf, "presence_selectors", presence->selector_count,
	    "Selectors of streams that are announced.");
	append_counter(buf, "presence_unheard_total", presence->unheard_count,
	    "Streams that were not announced, since there were too many.");
	append_gauge(buf, "presence_others",
	    roster->entry_count - roster->ending_count,
	    "Subscriptions of other processes that are known.");
	append_counter(buf, "presence_others_unheard_total",
	    roster->unheard_count,
	    "Subscriptions of others without room to remember them.");
}

static void
append_seconds(struct buf *buf, const char *name, int64_t us, const char *help)
{
	append_head(buf, name, "gauge", help);
	buf_printf(buf, "fcgi_sse_%s %.6f\n", name, (double)us / 1e6);
}

/* What the store's engine does not know is 0. */
static void
append_store(struct buf *buf, const struct store *store, int64_t lag_ms)
{
	struct store_health health;

	if (store == NULL)
		return;
	store_get_health(store, &health);
	append_head(buf, "store_up", "gauge", "1 while updates are taken.");
	buf_printf(buf, "fcgi_sse_store_up{engine=\"%s\"} %d\n", health.engine,
	    health.state == STORE_UP);
	append_gauge(buf, "store_updates", health.update_count,
	    "Updates in the log, as far as is known.");
	append_gauge(buf, "store_bytes", health.byte_count,
	    "Bytes of these updates.");
	append_gauge(buf, "store_processes", health.process_count,
	    "Processes that share the log; 0: not known.");
	append_counter(buf, "store_published_total", health.published_count,
	    "Updates that this process has put into the log.");
	append_counter(buf, "store_failed_total", health.failed_count,
	    "Updates that the log did not take.");
	append_counter(buf, "store_unknown_total", health.unknown_count,
	    "Updates of which it is not known whether they were taken.");
	append_counter(buf, "store_batches_total", health.batch_count,
	    "Commits or pipelines that put updates into the log.");
	append_counter(buf, "store_lost_total", health.lost_count,
	    "Times that a part of the log was discarded before it was read.");
	append_seconds(buf, "store_append_seconds", health.append_us,
	    "What the last update took until it was kept.");
	append_seconds(buf, "store_append_seconds_max", health.append_us_max,
	    "The most that one has taken.");
	append_seconds(buf, "store_read_seconds", health.read_us,
	    "What the last look into the log took.");
	append_seconds(buf, "store_lag_seconds", lag_ms * 1000,
	    "From the log to this process, of the newest update.");
}

/* Whose numbers these are. */
static void
append_scope(struct buf *buf, const struct status_route *status)
{
	if (status->is_single_use)
		buf_append_str(buf,
		    "# This process serves one request, and others are beside "
		    "it. These are of all: streams_open_shared, streams_max, "
		    "store_up, store_updates, store_bytes, store_processes. "
		    "The others are of this process.\n");
	append_gauge(buf, "single_use", status->is_single_use,
	    "1 if the process answers one request at a time, beside others.");
}

static void
append_all(struct buf *buf, const struct metrics_route *route)
{
	append_streams(buf, route->status->streams);
	append_tokens(buf, route->bearer);
	append_presence(buf, route->presence, route->roster);
	append_gauge(buf, "connections_open", *route->connection_count,
	    "Connections from the web server, those of streams included.");
	append_gauge(buf, "connections_waiting",
	    *route->connection_count - route->status->streams->open_count,
	    "Connections that carry no stream (yet).");
	append_gauge(buf, "request_buffer_bytes", *route->buffered_bytes,
	    "Bytes of requests that are not whole yet.");
	append_gauge(buf, "descriptors_max", route->descriptors_max,
	    "Files that the process may have open.");
	append_topics(buf, route->hub);
	append_store(buf, route->status->store, route->hub->lag_ms);
	append_publish_refusals(buf, route->publish_refusals);
	append_histogram(buf, "tick_latency_seconds",
	    clock_latency(route->clock),
	    "From a tick of the clock until its last subscriber had it.");
	append_head(buf, "build_info", "gauge", "The program's version.");
	buf_printf(buf,
	    "fcgi_sse_build_info{version=\"%s\",libuv=\"%s\"} "
	    "1\n",
	    PACKAGE_VERSION, uv_version_string());
	buf_printf(buf,
	    "# HELP process_start_time_seconds "
	    "When the process started, in seconds since the epoch.\n"
	    "# TYPE process_start_time_seconds gauge\n"
	    "process_start_time_seconds %.3f\n",
	    (double)route->started_ms / 1000);
}

static void
answer_all(struct call *call, void *context)
{
	const struct metrics_route *route = context;
	struct answer              *answer = &call->answer;
	struct buf                  text = { 0 };

	append_scope(&text, route->status);
	append_all(&text, route);
	answer_head(answer, "200 OK",
	    "text/plain; version=0.0.4; charset=utf-8");
	answer_field(answer, "Cache-Control", "no-store");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
	answer_field(answer, "Content-Length", "%zu", text.len_bytes);
	answer_body(answer, text.data, text.len_bytes);
	buf_deinit(&text);
	call_answer(call);
}

void
metrics_route_get(struct call *call, void *context)
{
	struct metrics_route *route = context;

	if (!status_route_allows(route->status, call))
		return;
	status_route_learn(route->status, call, answer_all, route);
}
