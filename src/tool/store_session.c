#include "tool/store_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "tool/report.h"

const char *
store_session_default_url(void)
{
	const char *url = getenv(STORE_URL_VARIABLE);

	return url == NULL || url[0] == '\0' ? NULL : url;
}

void
store_session_warn(const char *url)
{
	size_t len_bytes;

	if (store_url_password(url, &len_bytes) != NULL)
		report(0,
		    "warning: all can see the password on a command line; "
		    "set " STORE_URL_VARIABLE " instead");
}

static void
on_updates(void *arg, const struct update *updates, size_t count)
{
	const struct store_session *session = arg;

	if (session->tail != NULL)
		session->tail->on_updates(session->tail->arg, updates, count);
}

static void
on_level(void *arg, uint64_t position)
{
	const struct store_session *session = arg;

	if (session->tail != NULL)
		session->tail->on_level(session->tail->arg, position);
}

static void
on_lost(void *arg, uint64_t up_to)
{
	const struct store_session *session = arg;

	if (session->tail != NULL)
		session->tail->on_lost(session->tail->arg, up_to);
}

static void
on_state(void *arg, enum store_state state, const char *why)
{
	struct store_session *session = arg;

	(void)state;
	(void)why;
	session->is_told = true;
}

/* A file that no server uses is mostly a wrong name. */
static int
check_file(const char *url, char *error, size_t error_bytes)
{
	static const char scheme[] = "sqlite:";
	const char       *name = url + sizeof(scheme) - 1;
	struct stat       status;
	char             *path;
	int               result;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0 || *name == '\0')
		return 0;
	path = mem_strndup(name, strcspn(name, "?"));
	result = stat(path, &status);
	if (result == -1)
		snprintf(error, error_bytes,
		    "store %s: %s; fcgi-sse makes the file when it runs with "
		    "this --store",
		    url, strerror(errno));
	free(path);
	return result;
}

int
store_session_check_url(const char *url, bool is_new, char *error,
    size_t error_bytes)
{
	if (strcmp(url, "memory") == 0 || strcmp(url, "auto") == 0) {
		snprintf(error, error_bytes,
		    "store %s: it is inside a process of fcgi-sse; give "
		    "sqlite:FILE, redis://HOST or redis+unix:PATH",
		    url);
		return -1;
	}
	return is_new ? 0 : check_file(url, error, error_bytes);
}

static void
on_timer(uv_timer_t *timer)
{
	bool *is_over = timer->data;

	*is_over = true;
}

bool
store_session_wait(struct store_session *session, const bool *flag,
    int64_t wait_ms)
{
	bool is_over = false;

	session->timer.data = &is_over;
	uv_update_time(&session->loop);
	uv_timer_start(&session->timer, on_timer, (uint64_t)wait_ms, 0);
	while (!*flag && !is_over)
		uv_run(&session->loop, UV_RUN_ONCE);
	uv_timer_stop(&session->timer);
	return *flag;
}

bool
store_session_is_up(const struct store_session *session, const char **why)
{
	struct store_health health;

	store_get_health(session->store, &health);
	*why = health.state == STORE_UP ? NULL :
	    health.why != NULL          ? health.why :
					  "it does not answer";
	return *why == NULL;
}

static void
end_loop(struct store_session *session)
{
	uv_close((uv_handle_t *)&session->timer, NULL);
	while (uv_run(&session->loop, UV_RUN_DEFAULT) != 0)
		continue;
	uv_loop_close(&session->loop);
}

int
store_session_open(struct store_session *session, const char *url, bool is_new,
    uint64_t tag, const struct store_reader *tail, int64_t wait_ms, char *error,
    size_t error_bytes)
{
	const struct store_reader  reader = { on_updates, on_level, on_lost,
		 on_state, session };
	const struct store_options options = { .url = url,
		.is_guest = true,
		.tag = tag };
	const char                *why;

	*session = (struct store_session){ .tail = tail };
	if (store_session_check_url(url, is_new, error, error_bytes) == -1)
		return -1;
	if (uv_loop_init(&session->loop) != 0)
		mem_fail();
	uv_timer_init(&session->loop, &session->timer);
	session->store = store_open(&session->loop, &options, &reader, error,
	    error_bytes);
	if (session->store == NULL) {
		end_loop(session);
		return -1;
	}
	if (!store_session_is_up(session, &why))
		store_session_wait(session, &session->is_told, wait_ms);
	return 0;
}

static void
on_closed(void *arg)
{
	struct store_session *session = arg;

	session->store = NULL;
}

void
store_session_close(struct store_session *session)
{
	store_close(session->store, on_closed, session);
	while (session->store != NULL)
		uv_run(&session->loop, UV_RUN_ONCE);
	end_loop(session);
}
