#include "edge/conns.h"

#include <stdlib.h>

#include "edge/conn.h"
#include "edge/request.h"
#include "hub/turns.h"
#include "stream/streams.h"

/* What a request that is on its way when the process stops may still take. */
#define DRAIN_REQUEST_MS 500

void
conns_init(struct conns *conns, const struct conn_limits *limits)
{
	conns->on_poll = request_on_poll;
	conns->limits = *limits;
	conns->open_count = 0;
	conns->is_draining = false;
	list_init(&conns->spares);
	conns->spare_count = 0;
	pool_init(&conns->pool);
	pool_set_limits(&conns->pool, limits->small_bytes_max,
	    limits->large_bytes_max);
	list_init(&conns->open);
	deadline_list_init(&conns->requests, limits->request_timeout_ms);
	deadline_list_init(&conns->idles, limits->idle_timeout_ms);
	deadline_list_init(&conns->calls, limits->call_timeout_ms);
	deadline_list_init(&conns->answers, limits->answer_timeout_ms);
}

void
conns_set_limits(struct conns *conns, const struct conn_limits *limits)
{
	int64_t now_ms = turns_now_ms(conns->turns);

	conns->limits = *limits;
	pool_set_limits(&conns->pool, limits->small_bytes_max,
	    limits->large_bytes_max);
	deadline_list_change(&conns->requests,
	    conns->is_draining ? DRAIN_REQUEST_MS : limits->request_timeout_ms,
	    now_ms);
	deadline_list_change(&conns->idles, limits->idle_timeout_ms, now_ms);
	deadline_list_change(&conns->calls, limits->call_timeout_ms, now_ms);
	deadline_list_change(&conns->answers, limits->answer_timeout_ms,
	    now_ms);
}

static struct conn *
conn_of_deadline(struct deadline *due)
{
	return list_entry(due, struct exchange, deadline)->conn;
}

void
conns_run(struct conns *conns)
{
	int64_t          now_ms = turns_now_ms(conns->turns);
	struct deadline *due;

	while ((due = deadline_take_due(&conns->requests, now_ms)) != NULL)
		request_time_out(conn_of_deadline(due));
	while ((due = deadline_take_due(&conns->calls, now_ms)) != NULL)
		request_time_out_answer(conn_of_deadline(due));
	while ((due = deadline_take_due(&conns->answers, now_ms)) != NULL)
		conn_lose(conn_of_deadline(due), STREAM_END_STALLED);
	while ((due = deadline_take_due(&conns->idles, now_ms)) != NULL)
		conn_close(conn_of_deadline(due));
}

int64_t
conns_next_ms(const struct conns *conns)
{
	const struct deadline_list *lists[] = { &conns->requests, &conns->calls,
		&conns->answers, &conns->idles };
	int64_t                     next_ms = INT64_MAX, list_ms;
	size_t                      i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		list_ms = deadline_next_ms(lists[i]);
		if (list_ms < next_ms)
			next_ms = list_ms;
	}
	return next_ms;
}

void
conns_drain(struct conns *conns)
{
	struct conn *conn;

	conns->is_draining = true;
	conns->requests.after_ms = DRAIN_REQUEST_MS;
	list_for_each (node, &conns->open) {
		conn = list_entry(node, struct conn, node);
		if (conn->state != CONN_READING)
			continue;
		if (conn->exchange->in.len_bytes == 0 &&
		    !conn->exchange->reader.is_passing && !conn_has_input(conn))
			conn_close(conn);
		else
			deadline_set(&conns->requests,
			    &conn->exchange->deadline,
			    turns_now_ms(conns->turns));
	}
}

void
conns_close_all(struct conns *conns)
{
	while (!list_is_empty(&conns->open))
		conn_lose(list_entry(conns->open.next, struct conn, node),
		    STREAM_END_SHUTDOWN);
	conns_trim(conns);
}

void
conns_trim(struct conns *conns)
{
	struct exchange *spare;

	while (!list_is_empty(&conns->spares)) {
		spare = list_entry(conns->spares.next, struct exchange,
		    spare_node);
		list_remove(&spare->spare_node);
		free(spare);
	}
	conns->spare_count = 0;
}
