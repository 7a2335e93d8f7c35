/*
 * The program with another route in the place of /web-servers, for the tests
 * of calls that end later:
 *
 *	/later?after=MS          one line of text, after so many ms
 *	/later?after=MS&stream   the clock's stream, after so many ms
 *	/later                   no answer at all
 *
 * A call that is taken back is logged as later-cancelled. It takes the place
 * of routing_init by the linker's --wrap.
 */

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/call.h"
#include "http/refusal.h"
#include "hub/clock.h"
#include "hub/topic.h"
#include "process/routing.h"
#include "stream/stream.h"

void __real_routing_init(struct routing *, const struct routing_parts *);
void __wrap_routing_init(struct routing *, const struct routing_parts *);

#define STREAM_INTERVAL_MS 250

/* One call that waits. */
struct later {
	uv_timer_t      timer;
	struct routing *routing;
	struct call    *call;
};

static void
on_closed(uv_handle_t *handle)
{
	free(list_entry((uv_timer_t *)handle, struct later, timer));
}

static void
on_cancel(void *holder)
{
	struct later *later = holder;

	log_info("later-cancelled", LOG_STR("path", later->call->full_path));
	uv_close((uv_handle_t *)&later->timer, on_closed);
}

static void
open_stream(struct later *later)
{
	struct clock_route *clock = &later->routing->clock;
	struct call        *call = later->call;
	struct topic       *topic;

	if (!refusal_admits(call, clock->streams, false))
		return;
	answer_stream_head(&call->answer);
	answer_body(&call->answer, NULL, 0);
	topic = clock_topic(clock->clock, STREAM_INTERVAL_MS, DATE_FORMAT_ISO,
	    clock->wall_ms());
	call_open_stream(call, clock->streams,
	    &(struct stream_spec){
		.topics = &topic,
		.topic_count = 1,
		.position = CURSOR_FROM_NOW,
	    });
	call_answer(call);
}

static void
on_timer(uv_timer_t *timer)
{
	struct later *later = list_entry(timer, struct later, timer);
	struct call  *call = later->call;

	if (query_find(&call->query, "stream", NULL) != NULL)
		open_stream(later);
	else {
		answer_text_head(&call->answer, "200 OK");
		answer_text(&call->answer, "later");
		call_answer(call);
	}
	uv_close((uv_handle_t *)timer, on_closed);
}

static void
later_get(struct call *call, void *context)
{
	struct routing          *routing = context;
	struct later            *later = mem_zalloc(sizeof(*later));
	const struct query_pair *after;

	later->routing = routing;
	later->call = call;
	call_hold(call, on_cancel, later);
	uv_timer_init(routing->counter.loop, &later->timer);
	after = query_find(&call->query, "after", NULL);
	if (after != NULL)
		uv_timer_start(&later->timer, on_timer,
		    strtoul(after->value, NULL, 10), 0);
}

void
__wrap_routing_init(struct routing *routing, const struct routing_parts *parts)
{
	size_t i = 0;

	__real_routing_init(routing, parts);
	while (strcmp(routing->table[i].path, "/web-servers") != 0)
		i++;
	routing->table[i] = (struct route){ "/later", later_get, routing,
		later_get, routing, NULL };
}
