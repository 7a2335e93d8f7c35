#include "process/server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "config/options.h"
#include "edge/cgi.h"
#include "edge/fcgi.h"
#include "process/accept.h"
#include "process/engine.h"
#include "process/keys.h"
#include "process/listen.h"
#include "process/notify.h"
#include "process/remarks.h"
#include "process/signals.h"

/* How soon to try again to write to a log that is not read. */
#define LOG_RETRY_MS 100

/* How long requests wait at most until all of a store's log is read. */
#define LEVEL_WAIT_MS 2000

struct server {
	struct engine              *engine;
	const struct server_config *config;
	struct signals              signals;
	struct notify               notify;
	struct acceptor            *acceptor; /* until it stops */
	uv_timer_t                  drain;
	uv_timer_t                  log_retry;
	uv_timer_t                  late_ready;
	bool                        is_ready; /* and was said to be */
	bool                        is_stopping;
};

static void
on_drain_timeout(uv_timer_t *timer)
{
	struct server *server = timer->data;

	log_warn("drain-timeout",
	    LOG_INT("open", server->engine->conns.open_count));
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
	notify_send(&server->notify, "STOPPING=1");
	conns_drain(&server->engine->conns);
	streams_drain(&server->engine->streams);
	acceptor_stop(server->acceptor);
	uv_timer_start(&server->drain, on_drain_timeout,
	    (uint64_t)server->config->options->drain_timeout_ms, 0);
}

static void
log_limits(const struct engine *engine)
{
	log_info("limits",
	    LOG_INT("descriptors", engine->routing.metrics.descriptors_max),
	    LOG_INT("streams", engine->streams.limits.count_max));
}

/*
 * Reads the options and the keys again. False, with what is wrong in problem,
 * when they cannot be used.
 */
static bool
read_again(const struct server_config *config, struct options *options,
    struct keys *keys, struct buf *problem)
{
	if (options_load(options, config->argc, config->argv, problem) !=
	    OPTIONS_RUN)
		return false;
	if (keys_read(keys, options, problem) == 0)
		return true;
	options_deinit(options);
	return false;
}

/*
 * Has the log opened again, and the configuration read again. What is wrong
 * with it is said, and all stays as it was. What was opened at the start stays
 * open.
 */
static void
on_hangup(void *arg)
{
	struct server  *server = arg;
	struct options *options = server->config->options, fresh, old;
	struct buf      problem = { 0 };
	struct keys     keys;

	if (!read_again(server->config, &fresh, &keys, &problem)) {
		log_reopen();
		buf_append(&problem, "", 1);
		log_error("reload", LOG_STR("error", problem.data));
		buf_deinit(&problem);
		return;
	}
	buf_deinit(&problem);
	old = *options;
	*options = fresh;
	engine_set_options(server->engine, options, &keys);
	keys_deinit(&keys);
	if (log_init(options->log, options->log_format, options->log_level) ==
	    -1)
		log_error("reload", LOG_STR("log", options->log),
		    LOG_STR("error", strerror(errno)));
	options_deinit(&old);
	log_info("reload", LOG_STR("config", options->config));
	remarks_log(options, server->engine);
	log_limits(server->engine);
}

/* Its turn writes what the log still holds. */
static void
on_log_retry(uv_timer_t *timer)
{
	(void)timer;
}

/* Once; who waits for it may send requests by now. */
static void
server_tell_ready(struct server *server)
{
	if (server->is_ready || server->is_stopping)
		return;
	server->is_ready = true;
	uv_timer_stop(&server->late_ready);
	notify_send(&server->notify, "READY=1");
}

/* The log is long, or its store does not answer: topics come later. */
static void
on_late_ready(uv_timer_t *timer)
{
	struct server *server = timer->data;

	subscribe_route_resume(&server->engine->routing.subscribe);
	server_tell_ready(server);
}

static void
on_turn(void *arg)
{
	struct server *server = arg;

	log_flush();
	if (log_is_waiting() &&
	    !uv_is_active((const uv_handle_t *)&server->log_retry))
		uv_timer_start(&server->log_retry, on_log_retry, LOG_RETRY_MS,
		    0);
	if (server->engine->tail.is_level)
		server_tell_ready(server);
	if (server->is_stopping && server->engine->conns.open_count == 0)
		engine_stop(server->engine);
}

static void
log_ready(const struct engine *engine, const struct listeners *listeners)
{
	size_t i;

	log_limits(engine);
	for (i = 0; i < listeners->count; i++)
		log_info("ready", LOG_STR("listen", listeners->all[i].name));
	log_flush();
}

static void
server_init(struct server *server, struct listeners *listeners)
{
	struct engine *engine = server->engine;

	signals_init(&server->signals, &engine->loop);
	notify_init(&server->notify, &engine->loop);
	uv_timer_init(&engine->loop, &server->drain);
	server->drain.data = server;
	uv_timer_init(&engine->loop, &server->log_retry);
	uv_timer_init(&engine->loop, &server->late_ready);
	server->late_ready.data = server;
	engine->on_turn = on_turn;
	engine->arg = server;
	log_ready(engine, listeners);
	server->acceptor = acceptor_new(&engine->loop, listeners,
	    &engine->conns);
	uv_timer_start(&server->late_ready, on_late_ready, LEVEL_WAIT_MS, 0);
}

static void
server_deinit(struct server *server)
{
	log_info("exit", LOG_INT("open", server->engine->conns.open_count));
	server->engine->on_turn = NULL;
	uv_close((uv_handle_t *)&server->log_retry, NULL);
	uv_close((uv_handle_t *)&server->late_ready, NULL);
	uv_close((uv_handle_t *)&server->drain, NULL);
	notify_deinit(&server->notify);
	signals_deinit(&server->signals);
	engine_deinit(server->engine);
}

int
server_run(struct engine *engine, const struct server_config *config,
    struct listeners *listeners, const char **error)
{
	struct server server = {
		.engine = engine,
		.config = config,
		.signals = { .on_stop = on_stop,
		    .on_hangup = on_hangup,
		    .arg = &server },
	};

	engine->conns.fcgi = fcgi_new(error);
	if (engine->conns.fcgi == NULL) {
		listeners_close(listeners);
		return -1;
	}
	server_init(&server, listeners);
	engine_run(engine);
	server_deinit(&server);
	fcgi_free(engine->conns.fcgi);
	return 0;
}

/* A CGI program's log is its web server's; there is nothing to read again. */
static void
on_cgi_hangup(void *arg)
{
	(void)arg;
}

struct cgi_server {
	struct engine *engine;
	struct cgi    *cgi;
};

static void
on_cgi_stop(void *arg)
{
	struct cgi_server *server = arg;

	cgi_stop(server->cgi);
	streams_end_all(&server->engine->streams, STREAM_END_SHUTDOWN);
	engine_stop(server->engine);
}

static void
on_cgi_done(void *arg)
{
	engine_stop(arg);
}

void
server_run_cgi(struct engine *engine, const struct options *options)
{
	struct cgi_server server = { .engine = engine };
	struct signals    signals = {
		   .on_stop = on_cgi_stop,
		   .on_hangup = on_cgi_hangup,
		   .arg = &server,
	};

	signals_release();
	server.cgi = cgi_new(&engine->loop, &engine->routing.router,
	    options->max_body_bytes, on_cgi_done, engine);
	signals_init(&signals, &engine->loop);
	cgi_start(server.cgi);
	engine_run(engine);
	streams_end_all(&engine->streams, STREAM_END_SHUTDOWN);
	cgi_free(server.cgi);
	signals_deinit(&signals);
	engine_deinit(engine);
}
