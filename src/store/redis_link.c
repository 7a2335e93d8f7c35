#include "config.h"

#include "store/redis_link.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis_args.h"
#include "store/redis_loop.h"
#include "store/redis_reply.h"
#include "store/redis_url.h"

#define WAIT_MS_MIN 50
#define WAIT_MS_MAX 5000
#define ADDRESS_COUNT_MAX 16
#define WHY_BYTES 160

/* How long a state may last; 0: without limit. */
static const uint64_t state_ms_max[] = {
	[REDIS_LINK_CLOSED] = 0,
	[REDIS_LINK_WAITING] = 0, /* its own timer ends it */
	[REDIS_LINK_RESOLVING] = 5000,
	[REDIS_LINK_CONNECTING] = 5000,
	[REDIS_LINK_GREETING] = REDIS_LINK_ANSWER_MS,
	[REDIS_LINK_READY] = 0 /* each command has its own deadline */
};

static const char *const late_reasons[] = {
	[REDIS_LINK_RESOLVING] = "the host's name was not resolved in 5 s",
	[REDIS_LINK_CONNECTING] = "no connection in 5 s",
	[REDIS_LINK_GREETING] = "no answer in 5 s",
	[REDIS_LINK_READY] = "no answer in 5 s"
};

struct call {
	redis_answer_fn *fn;
	void            *arg;
};

static void on_timer(uv_timer_t *);
static void connect_next(struct redis_link *);

static void
enter(struct redis_link *link, enum redis_link_state state)
{
	link->state = state;
	if (state_ms_max[state] > 0)
		uv_timer_start(&link->timer, on_timer, state_ms_max[state], 0);
	else
		uv_timer_stop(&link->timer);
}

static void
wait_for(struct redis_link *link, uint64_t ms)
{
	enter(link, REDIS_LINK_WAITING);
	uv_timer_start(&link->timer, on_timer, ms, 0);
}

/* Half of the wait to all of it, so that many processes do not come at once. */
static void
wait_more(struct redis_link *link)
{
	uint32_t random = 0;
	uint64_t half = link->wait_ms / 2;

	uv_random(NULL, NULL, &random, sizeof(random), 0, NULL);
	wait_for(link, half + random % (half + 1));
	link->wait_ms *= 2;
	if (link->wait_ms > WAIT_MS_MAX)
		link->wait_ms = WAIT_MS_MAX;
}

/* Closes the connection; its calls are answered by NULL. */
static void
drop(struct redis_link *link)
{
	redisAsyncContext *context = link->context;

	link->context = NULL;
	link->pending_count = 0;
	if (context == NULL)
		return;
	/* Within an answer hiredis frees it later: it knows us no more. */
	context->data = NULL;
	redisAsyncFree(context);
}

void
redis_link_fail(struct redis_link *link, const char *why)
{
	char text[WHY_BYTES];

	snprintf(text, sizeof(text), "%s", why);
	wait_more(link);
	drop(link);
	link->on_down(link->arg, text);
}

/* The connection broke, or was never made; hiredis frees it by itself. */
static void
lost(const redisAsyncContext *context)
{
	struct redis_link *link = context->data;
	char               text[WHY_BYTES];

	if (link == NULL || link->context != context)
		return;
	snprintf(text, sizeof(text), "%s",
	    context->errstr != NULL && context->errstr[0] != '\0' ?
		context->errstr :
		"connection closed");
	link->context = NULL;
	link->pending_count = 0;
	if (link->state == REDIS_LINK_CONNECTING &&
	    link->address_next < link->address_count) {
		connect_next(link);
		return;
	}
	wait_more(link);
	link->on_down(link->arg, text);
}

static void
on_disconnect(const redisAsyncContext *context, int status)
{
	(void)status;
	lost(context);
}

static void
on_answer(redisAsyncContext *context, void *data, void *arg)
{
	struct redis_link *link = context->data;
	struct call        call = *(struct call *)arg;

	free(arg);
	if (data != NULL && link != NULL) {
		link->pending_count--;
		link->progress_ms = uv_now(link->loop);
	}
	/* One that was given up is as good as lost. */
	call.fn(call.arg, link != NULL ? data : NULL);
}

/* Sends a command in whatever state. */
static bool
send_call(struct redis_link *link, const struct redis_args *args,
    redis_answer_fn *fn, void *arg)
{
	struct call  *call = mem_alloc(sizeof(*call));
	const char  **argv;
	const size_t *lens;
	int           status;

	call->fn = fn;
	call->arg = arg;
	argv = redis_args_argv(args, &lens);
	status = redisAsyncCommandArgv(link->context, on_answer, call,
	    (int)args->count, argv, lens);
	free(argv);
	if (status != REDIS_OK) {
		free(call);
		return false;
	}
	if (link->pending_count++ == 0) {
		link->progress_ms = uv_now(link->loop);
		if (link->state == REDIS_LINK_READY)
			uv_timer_start(&link->timer, on_timer,
			    REDIS_LINK_ANSWER_MS, 0);
	}
	return true;
}

bool
redis_link_call(struct redis_link *link, const struct redis_args *args,
    redis_answer_fn *fn, void *arg)
{
	return link->state == REDIS_LINK_READY && link->context != NULL &&
	    send_call(link, args, fn, arg);
}

/* The answer to AUTH; that to SELECT, which comes last. */
static void
on_greeted(void *arg, const redisReply *reply, bool is_last)
{
	struct redis_link *link = arg;

	if (reply == NULL || link->state != REDIS_LINK_GREETING)
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		redis_link_fail(link, redis_reply_reason(reply));
	} else if (reply->type != REDIS_REPLY_STATUS) {
		redis_link_fail(link, REDIS_REPLY_ODD);
	} else if (is_last) {
		enter(link, REDIS_LINK_READY);
		link->on_ready(link->arg);
	}
}

static void
on_auth(void *arg, const redisReply *reply)
{
	on_greeted(arg, reply, false);
}

static void
on_select(void *arg, const redisReply *reply)
{
	on_greeted(arg, reply, true);
}

static void
greet(struct redis_link *link)
{
	const struct redis_url *url = link->url;
	struct redis_args       args = { 0 };

	enter(link, REDIS_LINK_GREETING);
	if (url->password != NULL) {
		redis_args_add_strs(&args, "AUTH",
		    url->user != NULL ? url->user : url->password,
		    url->user != NULL ? url->password : NULL, NULL);
		send_call(link, &args, on_auth, link);
		redis_args_deinit(&args);
	}
	redis_args_add_strs(&args, "SELECT", url->db, NULL);
	send_call(link, &args, on_select, link);
	redis_args_deinit(&args);
}

static void
on_connect(const redisAsyncContext *context, int status)
{
	struct redis_link *link = context->data;

	if (status != REDIS_OK)
		lost(context);
	else if (link != NULL && link->context == context)
		greet(link);
}

/* The next of the addresses that were found. */
static const char *
take_address(struct redis_link *link)
{
	const char *address = link->addresses;
	size_t      i;

	for (i = 0; i < link->address_next; i++)
		address += strlen(address) + 1;
	link->address_next++;
	return address;
}

static redisAsyncContext *
begin_connect(struct redis_link *link)
{
	redisAsyncContext *context;

	if (link->url->is_unix)
		context = redisAsyncConnectUnix(link->url->host);
	else
		context = redisAsyncConnect(take_address(link),
		    (int)strtol(link->url->port, NULL, 10));
	if (context == NULL)
		mem_fail();
	return context;
}

static void
connect_next(struct redis_link *link)
{
	redisAsyncContext *context;
	char               why[WHY_BYTES];

	enter(link, REDIS_LINK_CONNECTING);
	do {
		context = begin_connect(link);
		if (context->err == 0 &&
		    redis_loop_attach(context, link->loop) == 0)
			break;
		snprintf(why, sizeof(why), "%s",
		    context->errstr != NULL ? context->errstr : "cannot poll");
		redisAsyncFree(context);
		context = NULL;
	} while (link->address_next < link->address_count);
	if (context == NULL) {
		redis_link_fail(link, why);
		return;
	}
	link->context = context;
	context->data = link;
	redisAsyncSetConnectCallback(context, on_connect);
	redisAsyncSetDisconnectCallback(context, on_disconnect);
}

/* Keeps the addresses as text, which hiredis wants. */
static void
keep_addresses(struct redis_link *link, const struct addrinfo *found)
{
	char   text[NI_MAXHOST];
	size_t len_bytes = 0, text_bytes;

	link->address_count = link->address_next = 0;
	for (; found != NULL && link->address_count < ADDRESS_COUNT_MAX;
	     found = found->ai_next) {
		if (getnameinfo(found->ai_addr, found->ai_addrlen, text,
			sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		text_bytes = strlen(text) + 1;
		link->addresses = mem_realloc(link->addresses,
		    len_bytes + text_bytes);
		memcpy(link->addresses + len_bytes, text, text_bytes);
		len_bytes += text_bytes;
		link->address_count++;
	}
}

static void
closed(struct redis_link *link)
{
	if (link->is_looking_up || uv_is_active((uv_handle_t *)&link->timer) ||
	    link->state != REDIS_LINK_CLOSED)
		return;
	free(link->addresses);
	link->addresses = NULL;
	link->on_closed(link->arg);
}

static void
on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct redis_link *link = request->data;

	link->is_looking_up = false;
	if (link->on_closed != NULL) {
		uv_freeaddrinfo(found);
		if (link->state == REDIS_LINK_CLOSED)
			closed(link);
		return;
	}
	if (link->state == REDIS_LINK_RESOLVING) {
		keep_addresses(link, found);
		if (status != 0)
			redis_link_fail(link, uv_strerror(status));
		else if (link->address_count == 0)
			redis_link_fail(link, "the host has no address");
		else
			connect_next(link);
	}
	uv_freeaddrinfo(found);
}

static void
resolve(struct redis_link *link)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	int             error;

	enter(link, REDIS_LINK_RESOLVING);
	if (link->is_looking_up)
		return; /* the last one takes long; it will do */
	link->request.data = link;
	error = uv_getaddrinfo(link->loop, &link->request, on_resolved,
	    link->url->host, NULL, &hints);
	if (error != 0)
		redis_link_fail(link, uv_strerror(error));
	else
		link->is_looking_up = true;
}

/* An address needs no look-up, and so no thread. */
static bool
host_is_address(const char *host)
{
	struct sockaddr_in  in4;
	struct sockaddr_in6 in6;

	return uv_ip4_addr(host, 0, &in4) == 0 ||
	    uv_ip6_addr(host, 0, &in6) == 0;
}

static void
attempt(struct redis_link *link)
{
	if (link->url->is_unix) {
		connect_next(link);
	} else if (host_is_address(link->url->host)) {
		free(link->addresses);
		link->addresses = mem_strdup(link->url->host);
		link->address_count = 1;
		link->address_next = 0;
		connect_next(link);
	} else {
		resolve(link);
	}
}

static void
on_timer(uv_timer_t *timer)
{
	struct redis_link *link = timer->data;
	uint64_t           late_ms;

	if (link->state == REDIS_LINK_WAITING) {
		attempt(link);
		return;
	}
	if (link->state == REDIS_LINK_READY) {
		if (link->pending_count == 0)
			return;
		late_ms = uv_now(link->loop) - link->progress_ms;
		if (late_ms < REDIS_LINK_ANSWER_MS) {
			uv_timer_start(timer, on_timer,
			    REDIS_LINK_ANSWER_MS - late_ms, 0);
			return;
		}
	}
	redis_link_fail(link, late_reasons[link->state]);
}

void
redis_link_init(struct redis_link *link, uv_loop_t *loop,
    const struct redis_url *url)
{
	memset(link, 0, sizeof(*link));
	link->loop = loop;
	link->url = url;
	link->wait_ms = WAIT_MS_MIN;
	uv_timer_init(loop, &link->timer);
	link->timer.data = link;
}

void
redis_link_open(struct redis_link *link)
{
	if (link->state == REDIS_LINK_CLOSED && link->on_closed == NULL)
		wait_for(link, 0);
}

void
redis_link_reset(struct redis_link *link)
{
	wait_for(link, 0);
	drop(link);
}

void
redis_link_settle(struct redis_link *link)
{
	link->wait_ms = WAIT_MS_MIN;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct redis_link *link = handle->data;

	link->state = REDIS_LINK_CLOSED;
	closed(link);
}

void
redis_link_close(struct redis_link *link, void (*on_closed)(void *arg))
{
	assert(link->on_closed == NULL);
	link->on_closed = on_closed;
	/* Until its timer is closed a link is not. */
	enter(link, REDIS_LINK_WAITING);
	drop(link);
	if (link->is_looking_up)
		uv_cancel((uv_req_t *)&link->request);
	uv_close((uv_handle_t *)&link->timer, on_timer_closed);
}
