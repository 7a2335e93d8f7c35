#include "process/routing.h"

#include <string.h>

#include "routes/page.h"

void
routing_init(struct routing *routing)
{
	void *clock = &routing->clock, *counter = &routing->counter;
	void *subscribe = &routing->subscribe, *publish = &routing->publish;
	void *status = &routing->status, *metrics = &routing->metrics;
	void *page = &routing->page;
	const struct route table[ROUTING_ROUTE_COUNT] = {
		{ "/clock", clock_route_get, clock, NULL, NULL, NULL },
		{ "/server-sent-events", clock_route_get, clock, NULL, NULL,
		    NULL },
		{ "/stream", clock_route_stream, clock, NULL, NULL, NULL },
		{ "/counter", counter_route_get, counter, NULL, NULL, NULL },
		{ "/.well-known/mercure", subscribe_route_get, subscribe,
		    publish_route_post, publish, publish_route_check },
		{ "/status/events", status_route_events, status, NULL, NULL,
		    NULL },
		{ "/events", subscribe_route_get, subscribe, publish_route_post,
		    publish, publish_route_check },
		{ "/healthz", status_route_health, status, NULL, NULL, NULL },
		{ "/metrics", metrics_route_get, metrics, NULL, NULL, NULL },
		{ "/status", status_route_page, status, NULL, NULL, NULL },
		{ "/status.css", status_route_page, status, NULL, NULL, NULL },
		{ "/status.js", status_route_page, status, NULL, NULL, NULL },
		{ "/page.css", page_route_get, NULL, NULL, NULL, NULL },
		{ "/page.js", page_route_get, NULL, NULL, NULL, NULL },
		{ "/page.json", page_route_settings, page, NULL, NULL, NULL },
		{ "/chat.js", page_route_get, NULL, NULL, NULL, NULL },
		{ "/client.js", page_route_get, NULL, NULL, NULL, NULL },
		{ "/icon.svg", page_route_get, NULL, NULL, NULL, NULL },
		{ "/web-servers", page_route_get, NULL, NULL, NULL, NULL },
		{ "/", page_route_get, NULL, NULL, NULL, NULL },
	};

	memcpy(routing->table, table, sizeof(table));
	routing->router.routes = routing->table;
	routing->router.route_count = ROUTING_ROUTE_COUNT;
	routing->subscribe.cors = &routing->router.cors;
	routing->publish.cors = &routing->router.cors;
	routing->publish.refusals = &routing->publish_refusals;
	routing->metrics.status = &routing->status;
	routing->metrics.publish_refusals = &routing->publish_refusals;
	routing->page.publish = &routing->publish;
}
