#include "config.h"

#include "store/redis_loop.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

/*
 * More elements than an answer to us has in one array. Without a limit hiredis
 * makes room for as many as the answer claims, up to 16 GB, and frees them one
 * by one.
 */
#define ELEMENT_COUNT_MAX 4096

struct driver {
	uv_poll_t          poll;
	uv_idle_t          write;   /* active while commands are to be sent */
	redisAsyncContext *context; /* NULL: freed */
	int                events;
	unsigned           handle_count;
	bool               is_writing;
};

static void
on_closed(uv_handle_t *handle)
{
	struct driver *driver = handle->data;

	if (--driver->handle_count == 0)
		free(driver);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct driver *driver = poll->data;

	/*
	 * libuv tells an error of the socket by the status alone, and watches
	 * it no more. hiredis finds the error by itself when it is called:
	 * before it is connected it looks while writing, then while reading.
	 */
	if (status < 0) {
		if (driver->context->c.flags & REDIS_CONNECTED)
			events = UV_READABLE;
		else
			events = UV_WRITABLE;
		driver->events = 0;
	}
	if (events & UV_READABLE)
		redisAsyncHandleRead(driver->context);
	if (driver->context != NULL && (events & UV_WRITABLE))
		redisAsyncHandleWrite(driver->context);
}

static void
watch(struct driver *driver, int events)
{
	if (events == driver->events)
		return;
	driver->events = events;
	if (events == 0)
		uv_poll_stop(&driver->poll);
	else
		uv_poll_start(&driver->poll, events, on_poll);
}

static void
add_read(void *data)
{
	struct driver *driver = data;

	watch(driver, driver->events | UV_READABLE);
}

static void
del_read(void *data)
{
	struct driver *driver = data;

	watch(driver, driver->events & ~UV_READABLE);
}

/* Sends what there is to send; for the rest the socket is watched. */
static void
on_write(uv_idle_t *idle)
{
	struct driver *driver = idle->data;

	uv_idle_stop(idle);
	driver->is_writing = true;
	redisAsyncHandleWrite(driver->context);
	driver->is_writing = false;
}

/*
 * There is nearly always room in the socket: the commands of a turn are sent
 * in the next, as one write. Watching for room would take four calls of
 * epoll_ctl for each, and a turn of the loop.
 */
static void
add_write(void *data)
{
	struct driver *driver = data;

	if ((driver->context->c.flags & REDIS_CONNECTED) &&
	    !driver->is_writing && !(driver->events & UV_WRITABLE))
		uv_idle_start(&driver->write, on_write);
	else
		watch(driver, driver->events | UV_WRITABLE);
}

static void
del_write(void *data)
{
	struct driver *driver = data;

	uv_idle_stop(&driver->write);
	watch(driver, driver->events & ~UV_WRITABLE);
}

/* hiredis closes the descriptor after this. */
static void
clean_up(void *data)
{
	struct driver *driver = data;

	driver->context = NULL;
	uv_close((uv_handle_t *)&driver->poll, on_closed);
	uv_close((uv_handle_t *)&driver->write, on_closed);
}

#ifdef HAVE_REDISREADER_MAXELEMENTS
static void
limit_elements(redisReader *reader)
{
	reader->maxelements = ELEMENT_COUNT_MAX;
}
#else
#if HIREDIS_MAJOR >= 1
#define ELEMENT_COUNT size_t
#else
#define ELEMENT_COUNT int
#endif
static redisReplyObjectFunctions usual, limited;

/* NULL ends the connection, as if there were no memory. */
static void *
create_array(const redisReadTask *task, ELEMENT_COUNT count)
{
	return count > ELEMENT_COUNT_MAX ? NULL :
					   usual.createArray(task, count);
}

static void
limit_elements(redisReader *reader)
{
	if (limited.createArray == NULL) {
		usual = limited = *reader->fn;
		limited.createArray = create_array;
	}
	reader->fn = &limited;
}
#endif

int
redis_loop_attach(redisAsyncContext *context, uv_loop_t *loop)
{
	struct driver *driver = mem_zalloc(sizeof(*driver));
	int            error;

	error = uv_poll_init(loop, &driver->poll, context->c.fd);
	if (error != 0) {
		free(driver);
		return error;
	}
	uv_idle_init(loop, &driver->write);
	driver->poll.data = driver->write.data = driver;
	driver->handle_count = 2;
	driver->context = context;
	context->ev.data = driver;
	context->ev.addRead = add_read;
	context->ev.delRead = del_read;
	context->ev.addWrite = add_write;
	context->ev.delWrite = del_write;
	context->ev.cleanup = clean_up;
	limit_elements(context->c.reader);
	add_write(driver);
	return 0;
}
