#include "process/server.h"

#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "edge/cgi.h"
#include "edge/fcgi.h"
#include "process/accept.h"
#include "process/engine.h"
#include "process/options.h"
#include "process/signals.h"

/* How long the responses may take to end after a signal to stop. */
#define DRAIN_TIMEOUT_MS 10000

struct server {
	struct engine	*engine;
	struct signals	 signals;
	struct acceptor	*acceptor;	/* NULL: accepts no more */
	uv_timer_t	 drain;
	bool		 is_stopping;
};

static void
on_drain_timeout(uv_timer_t *timer)
{
	struct server *server = timer->data;

	log_warn("drain-timeout", LOG_INT("open",
	    server->engine->conns.open_count));
	engine_stop(server->engine);
}

/* The first signal lets the responses end; the second does not wait. */
static void
on_stop(void *arg)
{
	struct server *server = arg;

	if (server->is_stopping) {
		engine_stop(server->engine);
		return;
	}
	server->is_stopping = true;
	log_info("stop", LOG_INT("open", server->engine->streams.open_count));
	acceptor_stop(server->acceptor);
	conns_drain(&server->engine->conns);
	streams_end_all(&server->engine->streams, STREAM_END_SHUTDOWN);
	uv_timer_start(&server->drain, on_drain_timeout, DRAIN_TIMEOUT_MS, 0);
}

static void
on_hangup(void *arg)
{
	(void)arg;
	if (log_reopen() == -1)
		log_error("log", LOG_STR("error", "cannot be opened again"));
}

static void
on_turn(void *arg)
{
	struct server *server = arg;

	if (server->is_stopping && server->engine->conns.open_count == 0)
		engine_stop(server->engine);
}

static void
log_ready(const struct listeners *listeners)
{
	size_t i;

	for (i = 0; i < listeners->count; i++)
		log_info("ready", LOG_STR("listen", listeners->all[i].name));
	log_flush();
}

int
server_run(struct engine *engine, const struct options *options,
    struct listeners *listeners, const char **error)
{
	struct server server = {
		.engine = engine,
		.signals = { .on_stop = on_stop, .on_hangup = on_hangup,
		    .arg = &server },
	};

	(void)options;
	engine->conns.fcgi = fcgi_new(error);
	if (engine->conns.fcgi == NULL) {
		listeners_close(listeners);
		return -1;
	}
	signals_init(&server.signals, &engine->loop);
	uv_timer_init(&engine->loop, &server.drain);
	server.drain.data = &server;
	engine->on_turn = on_turn;
	engine->arg = &server;
	log_ready(listeners);
	server.acceptor = acceptor_new(&engine->loop, listeners,
	    &engine->conns);
	engine_run(engine);

	log_info("exit", LOG_INT("open", engine->conns.open_count));
	engine->on_turn = NULL;
	uv_close((uv_handle_t *)&server.drain, NULL);
	signals_deinit(&server.signals);
	engine_deinit(engine);
	fcgi_free(engine->conns.fcgi);
	return 0;
}

static void
on_cgi_stop(void *arg)
{
	struct engine *engine = arg;

	streams_end_all(&engine->streams, STREAM_END_SHUTDOWN);
	engine_stop(engine);
}

static void
on_cgi_done(void *arg)
{
	engine_stop(arg);
}

void
server_run_cgi(struct engine *engine, const struct options *options)
{
	struct signals	 signals = {
		.on_stop = on_cgi_stop,
		.on_hangup = on_hangup,
		.arg = engine,
	};
	struct cgi	*cgi;

	signals_init(&signals, &engine->loop);
	cgi = cgi_new(&engine->loop, &engine->routes, options->max_body_bytes,
	    on_cgi_done, engine);
	engine_run(engine);
	streams_end_all(&engine->streams, STREAM_END_SHUTDOWN);
	cgi_free(cgi);
	signals_deinit(&signals);
	engine_deinit(engine);
}
