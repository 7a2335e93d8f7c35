/*
 * The least that can be done: a bare write(2) of the same bytes to each
 * socket, once for each tick, in one loop. What the responder costs above
 * this is its own. It speaks enough FastCGI to stand behind a web server:
 * reads a request up to its empty STDIN record, answers with the head and a
 * first event, and writes the ticks. It notices no client that goes.
 *
 * With --updates the ticks are what the publisher sends (publish.c), as a hub
 * passes it on.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "address.h"

enum {
	FCGI_STDIN = 5,
	FCGI_STDOUT = 6,
	FCGI_HEAD_BYTES = 8,
	DATA_BYTES = 64, /* of an update, as publish.c has them */
	RECORD_BYTES_MAX = 1024,
	EVENTS_MAX = 256,
	ACCEPT_BATCH = 64
};

static const char response_head[] =
    "Content-Type: text/event-stream\r\n"
    "Cache-Control: no-cache, no-store, no-transform\r\n"
    "X-Accel-Buffering: no\r\n"
    "Incremental: ?1\r\n"
    "\r\n";

static const char response_head_updates[] =
    "Content-Type: text/event-stream\r\n"
    "Cache-Control: no-cache, no-store, no-transform\r\n"
    "X-Accel-Buffering: no\r\n"
    "Incremental: ?1\r\n"
    "\r\n"
    ":\n";

/* A request that is being read: where we are in its records. */
struct peer {
	unsigned char head[FCGI_HEAD_BYTES];
	unsigned      head_have;
	unsigned      left;
};

struct record {
	unsigned char bytes[RECORD_BYTES_MAX];
	size_t        len;
};

struct floor {
	int          listener;
	int          timer;
	int          epoll;
	struct peer *peers; /* by descriptor */
	int          fd_max;
	bool         has_updates;
	unsigned     update_count;
	int         *open; /* those that get ticks */
	size_t       open_count;
};

static _Noreturn void
fail(const char *what)
{
	perror(what);
	exit(1);
}

/* A STDOUT record with what the responder sends: padded to eight bytes. */
static void
record_make(struct record *r, const char *text)
{
	size_t len = strlen(text), padding = (8 - len % 8) % 8;

	memset(r, 0, sizeof(*r));
	r->bytes[0] = 1;
	r->bytes[1] = FCGI_STDOUT;
	r->bytes[3] = 1;
	r->bytes[4] = (unsigned char)(len >> 8);
	r->bytes[5] = (unsigned char)len;
	r->bytes[6] = (unsigned char)padding;
	memcpy(r->bytes + FCGI_HEAD_BYTES, text, len);
	r->len = FCGI_HEAD_BYTES + len + padding;
}

static void
record_make_date(struct record *r, const char *head)
{
	char      text[RECORD_BYTES_MAX / 2], date[64];
	time_t    now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a %b %d %Y %H:%M:%S", &tm);
	snprintf(text, sizeof(text),
	    "%sdata: %s GMT+0000 (Coordinated Universal Time)\n\n", head, date);
	record_make(r, text);
}

static void
record_make_update(struct record *r, unsigned seq, const struct timespec *now)
{
	char text[RECORD_BYTES_MAX / 2], data[DATA_BYTES + 1];
	int  n;

	n = snprintf(data, sizeof(data), "%06u %014llu ", seq,
	    (unsigned long long)now->tv_sec * 1000000 +
		(unsigned long long)now->tv_nsec / 1000);
	memset(data + n, 'x', (size_t)(DATA_BYTES - n));
	data[DATA_BYTES] = '\0';
	snprintf(text, sizeof(text),
	    "id: urn:uuid:00000000-0000-7000-8000-%012u\ndata: %s\n\n", seq,
	    data);
	record_make(r, text);
}

/* True when the bytes end with the request's empty STDIN record. */
static bool
peer_feed(struct peer *p, const unsigned char *bytes, size_t n)
{
	bool is_last = false;

	while (n > 0) {
		if (p->left > 0) {
			size_t skip = p->left < n ? p->left : n;

			p->left -= (unsigned)skip;
			bytes += skip;
			n -= skip;
			continue;
		}
		p->head[p->head_have++] = *bytes++;
		n--;
		if (p->head_have < FCGI_HEAD_BYTES)
			continue;
		p->head_have = 0;
		p->left = (unsigned)(p->head[4] << 8 | p->head[5]) + p->head[6];
		is_last = p->head[1] == FCGI_STDIN && p->left == 0;
	}
	return is_last;
}

static void
peer_read(struct floor *f, int fd)
{
	static unsigned char buf[65536];
	struct record        first;
	ssize_t              n = read(fd, buf, sizeof(buf));

	if (n <= 0) {
		close(fd);
		return;
	}
	if (!peer_feed(&f->peers[fd], buf, (size_t)n))
		return;
	epoll_ctl(f->epoll, EPOLL_CTL_DEL, fd, NULL);
	if (f->has_updates)
		record_make(&first, response_head_updates);
	else
		record_make_date(&first, response_head);
	if (write(fd, first.bytes, first.len) != (ssize_t)first.len) {
		close(fd);
		return;
	}
	f->open[f->open_count++] = fd;
}

static void
peers_accept(struct floor *f)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int                fd;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		fd = accept4(f->listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1)
			return;
		f->peers[fd] = (struct peer){ .left = 0 };
		ev.data.fd = fd;
		epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &ev);
	}
}

static double
ms_between(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) * 1e3 +
	    (double)(b->tv_nsec - a->tv_nsec) / 1e6;
}

/* The measured thing. */
static void
tick(struct floor *f)
{
	struct timespec begin, end;
	struct record   r;
	size_t          failed = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (f->has_updates)
		record_make_update(&r, ++f->update_count, &begin);
	else
		record_make_date(&r, "");
	for (size_t i = 0; i < f->open_count; i++)
		if (write(f->open[i], r.bytes, r.len) != (ssize_t)r.len)
			failed++;
	clock_gettime(CLOCK_MONOTONIC, &end);
	fprintf(stderr, "fanout subscribers=%zu failed=%zu ms=%.3f\n",
	    f->open_count, failed, ms_between(&begin, &end));
}

static void
listener_open(struct floor *f, const char *text)
{
	struct address a;
	int            on = 1;

	if (!address_parse(&a, text)) {
		fprintf(stderr, "floor: not an address: %s\n", text);
		exit(2);
	}
	f->listener = socket(a.sa.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a.sa.ss_family == AF_UNIX)
		unlink(((struct sockaddr_un *)&a.sa)->sun_path);
	setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(f->listener, (struct sockaddr *)&a.sa, a.len) == -1 ||
	    listen(f->listener, 4096) == -1)
		fail(text);
}

/* Ticks at the multiples of the interval, by the wall clock. */
static void
timer_open(struct floor *f, long interval_ms)
{
	struct itimerspec spec;
	struct timespec   now;
	long long         next_ms;

	clock_gettime(CLOCK_REALTIME, &now);
	next_ms = ((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000) /
		interval_ms * interval_ms +
	    interval_ms;
	spec.it_value.tv_sec = (time_t)(next_ms / 1000);
	spec.it_value.tv_nsec = (long)(next_ms % 1000 * 1000000);
	spec.it_interval.tv_sec = interval_ms / 1000;
	spec.it_interval.tv_nsec = interval_ms % 1000 * 1000000;
	f->timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (f->timer == -1 ||
	    timerfd_settime(f->timer, TFD_TIMER_ABSTIME, &spec, NULL) == -1)
		fail("timerfd");
}

static void
floor_init(struct floor *f, const char *address, long interval_ms)
{
	struct epoll_event ev = { .events = EPOLLIN };

	f->fd_max = descriptors_max_raise();
	f->peers = calloc((size_t)f->fd_max, sizeof(*f->peers));
	f->open = calloc((size_t)f->fd_max, sizeof(*f->open));
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->peers == NULL || f->open == NULL || f->epoll == -1)
		fail("floor");
	listener_open(f, address);
	timer_open(f, interval_ms);
	ev.data.fd = f->listener;
	epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->listener, &ev);
	ev.data.fd = f->timer;
	epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->timer, &ev);
}

static void
floor_run(struct floor *f)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t           expirations;
	int                n;

	for (;;) {
		n = epoll_wait(f->epoll, events, EVENTS_MAX, -1);
		if (n == -1 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == f->listener)
				peers_accept(f);
			else if (fd != f->timer)
				peer_read(f, fd);
			else if (read(fd, &expirations, sizeof(expirations)) >
			    0)
				tick(f);
		}
	}
}

int
main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "interval-ms", required_argument, NULL, 'i' },
		{ "updates", no_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	struct floor f = { .listener = -1 };
	const char  *address = NULL;
	long         interval_ms = 1000;
	int          ch;

	while ((ch = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (ch == 'l')
			address = optarg;
		else if (ch == 'i')
			interval_ms = strtol(optarg, NULL, 10);
		else if (ch == 'u')
			f.has_updates = true;
		else
			return 2;
	}
	if (address == NULL || interval_ms <= 0) {
		fputs("usage: floor --listen unix:PATH|HOST:PORT "
		      "[--interval-ms MS] [--updates]\n",
		    stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	floor_init(&f, address, interval_ms);
	floor_run(&f);
}
