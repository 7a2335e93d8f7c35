/*
 * Opens many event streams at once, straight at a FastCGI responder or
 * through a web server, and measures what their clients see: how long until
 * all have their first event, how late each tick comes to whom, whether one
 * is missing; and what the processes that serve them use meanwhile. Prints
 * one JSON object. Every phase has an end in time. With no stream at all it
 * measures what the processes use while nobody asks.
 *
 * With --held a test leads it: it prints an object when all streams are open
 * and the window begins, one for each line on its standard input, and the last
 * when that ends, which ends the window.
 *
 * With --expect the events are updates of a publisher who waits for the first
 * object, that says that all streams are open. A stream is open at its head,
 * all events count, and the window ends when that many have come. A %d in the
 * query is the number of the stream.
 */
#include "load.h"

#include <sys/epoll.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 512, START_BATCH = 64, SETTLE_SECONDS_MAX = 10 };

static const uint64_t ns_per_ms = 1000000;
static const uint64_t ns_per_s = 1000000000;

/* The client that is being read, for the events it has. */
struct reading {
	struct load   *l;
	struct client *c;
};

static void
now_update(struct load *l)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	l->now_ns = (uint64_t)ts.tv_sec * ns_per_s + (uint64_t)ts.tv_nsec;
}

static void
stream_opened(struct load *l, struct client *c)
{
	c->state = CLIENT_OPEN;
	c->first_ns = l->now_ns;
	l->opened++;
}

/* Whether the update is the next of its stream; returns when it was sent. */
static uint64_t
update_check(struct load *l, struct client *c)
{
	uint64_t seq, sent_us;

	if (!decoder_update(&c->decoder, &seq, &sent_us)) {
		l->unordered++;
		return 0;
	}
	if (c->next_seq != 0 && seq != c->next_seq)
		l->unordered++;
	c->next_seq = seq + 1;
	return sent_us * 1000;
}

static void
event_arrived(void *arg, uint32_t hash)
{
	struct reading *r = arg;
	struct client  *c = r->c;
	struct load    *l = r->l;
	uint64_t        index = c->events - c->events_base;
	uint64_t        sent_ns = 0;

	c->events++;
	l->last_arrival_ns = l->now_ns;
	if (c->state == CLIENT_WAITING)
		stream_opened(l, c);
	if (l->o.has_updates)
		sent_ns = update_check(l, c);
	if (index == 0)
		l->ticked++;
	if (l->is_measuring)
		window_event(&l->window, index, l->now_ns, sent_ns, hash);
}

static void
client_lost_count(struct load *l, const struct client *c)
{
	if (c->state == CLIENT_REFUSED)
		l->refused++;
	else if (c->state == CLIENT_CLOSED)
		l->closed++;
}

/* Makes the request of this client, unless all have the same. */
static void
request_make(struct load *l, const struct client *c)
{
	struct request r = l->o.request;
	const char    *mark = strstr(r.query, "%d");
	char           query[256];

	if (mark == NULL && l->o.authorizations == NULL && l->request_bytes > 0)
		return;
	if (l->o.authorizations != NULL)
		r.authorization = l->o.authorizations[c - l->clients];
	if (mark != NULL) {
		snprintf(query, sizeof(query), "%.*s%td%s",
		    (int)(mark - r.query), r.query, c - l->clients, mark + 2);
		r.query = query;
	}
	l->request_bytes = l->o.framing == DECODER_FCGI ?
	    request_fcgi(l->request, &r) :
	    request_http(l->request, &r);
}

static bool
has_head(const struct client *c)
{
	return c->decoder.phase > DECODER_HEAD &&
	    c->decoder.phase < DECODER_END;
}

static void
client_ready(struct load *l, struct client *c)
{
	struct reading r = { l, c };
	long           n;

	if (c->state == CLIENT_CONNECTING) {
		request_make(l, c);
		client_continue(c, l->epoll, l->request, l->request_bytes);
	} else {
		now_update(l);
		n = client_read(c, event_arrived, &r);
		if (l->is_measuring && n > 0)
			l->window_bytes += (uint64_t)n;
		if (l->o.is_counted && c->state == CLIENT_WAITING &&
		    has_head(c))
			stream_opened(l, c);
	}
	client_lost_count(l, c);
}

/* Standard input is the one thing watched that is no client. */
static void
input_watch(struct load *l)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };

	l->is_held = epoll_ctl(l->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &ev) == 0;
}

static void
input_read(struct load *l)
{
	char    bytes[64];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n > 0) {
		l->is_report_due = true;
		l->report_asked_ns = l->now_ns;
	} else if (n == 0 || errno != EINTR) {
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
		l->is_held = false;
	}
}

/* One turn of the loop. */
static void
turn(struct load *l, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int                n;

	n = epoll_wait(l->epoll, events, EVENTS_MAX, timeout_ms);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == NULL)
			input_read(l);
		else
			client_ready(l, events[i].data.ptr);
	}
	now_update(l);
}

/* Starts the next clients; false when there is nothing to start now. */
static bool
clients_start(struct load *l)
{
	unsigned n;

	for (n = 0; n < START_BATCH && l->started < l->o.streams; n++) {
		struct client *c = &l->clients[l->started];
		unsigned       waiting = l->started - l->opened - l->refused;

		if (l->o.burst != 0 && waiting >= l->o.burst)
			break;
		request_make(l, c);
		if (!client_start(c, l->epoll, &l->o.address, l->request,
			l->request_bytes))
			break;
		l->started++;
		client_lost_count(l, c);
	}
	return n > 0;
}

static void
phase_open(struct load *l)
{
	uint64_t end_ns;

	now_update(l);
	l->start_ns = l->now_ns;
	end_ns = l->start_ns + (uint64_t)(l->o.open_timeout_s * 1e9);
	while (l->opened + l->refused < l->o.streams && l->now_ns < end_ns) {
		bool has_started = clients_start(l);

		turn(l, has_started ? 0 : l->started < l->o.streams ? 1 : 50);
	}
}

static void
base_set(struct load *l)
{
	for (unsigned i = 0; i < l->o.streams; i++)
		l->clients[i].events_base = l->clients[i].events;
	l->ticked = 0;
}

static bool
is_quiet(const struct load *l)
{
	return l->now_ns - l->last_arrival_ns > l->o.quiet_ms * ns_per_ms;
}

/* Whether the open streams had as many events as one another since the base. */
static bool
is_even(const struct load *l)
{
	const struct client *first = NULL;

	for (unsigned i = 0; i < l->o.streams; i++) {
		const struct client *c = &l->clients[i];

		if (c->state != CLIENT_OPEN)
			continue;
		if (first == NULL)
			first = c;
		if (c->events - c->events_base !=
		    first->events - first->events_base)
			return false;
	}
	return true;
}

/*
 * Waits until all streams stand between the same two ticks, so that they begin
 * the window at the same event. A pause in the arrivals alone may also come
 * from a busy machine; so all must have had the same number since the last
 * pause.
 */
static void
phase_settle(struct load *l)
{
	uint64_t end_ns = l->now_ns + SETTLE_SECONDS_MAX * ns_per_s;

	do {
		base_set(l);
		while (l->now_ns < end_ns &&
		    (l->ticked < l->opened - l->closed || !is_quiet(l)))
			turn(l, 5);
	} while (l->now_ns < end_ns && !is_even(l));
}

static void
usage_take(const struct load *l, struct process_usage *usage)
{
	for (unsigned i = 0; i < l->o.pid_count; i++)
		usage[i] = process_usage_of(l->o.pids[i]);
}

/*
 * The object that a line on standard input asks for, between two ticks: a busy
 * machine may pause within one, which is no event that is missing.
 */
static void
report_if_due(struct load *l, uint64_t begin_ns)
{
	if (!l->is_report_due || !is_quiet(l))
		return;
	if (!is_even(l) &&
	    l->now_ns < l->report_asked_ns + SETTLE_SECONDS_MAX * ns_per_s)
		return;
	l->is_report_due = false;
	l->window_s = (double)(l->now_ns - begin_ns) / 1e9;
	usage_take(l, l->end);
	report_print(l);
}

/* Measures, until the time is over and the tick that began is complete. */
static void
phase_measure(struct load *l)
{
	uint64_t begin_ns, end_ns;

	base_set(l);
	usage_take(l, l->begin);
	now_update(l);
	begin_ns = l->now_ns;
	end_ns = begin_ns + (uint64_t)(l->o.window_s * 1e9);
	l->is_measuring = true;
	while (l->is_held ||
	    (l->now_ns < end_ns + SETTLE_SECONDS_MAX * ns_per_s &&
		(l->now_ns < end_ns || !is_quiet(l) || !is_even(l)))) {
		turn(l, 5);
		if (l->is_held)
			end_ns = l->now_ns;
		report_if_due(l, begin_ns);
	}
	l->is_measuring = false;
	l->window_s = (double)(l->now_ns - begin_ns) / 1e9;
	usage_take(l, l->end);
}

/* Whether nothing has come for so long that nothing will. */
static bool
is_given_up(const struct load *l, uint64_t begin_ns)
{
	uint64_t since_ns = l->last_arrival_ns > begin_ns ? l->last_arrival_ns :
							    begin_ns;

	return l->now_ns - since_ns > SETTLE_SECONDS_MAX * ns_per_s;
}

/* Waits for all that is expected, and for the end of standard input. */
static void
phase_count(struct load *l)
{
	uint64_t begin_ns;

	now_update(l);
	begin_ns = l->now_ns;
	while (l->is_held ||
	    (l->window.events < l->o.expected && !is_given_up(l, begin_ns)))
		turn(l, 100);
	l->window_s = (double)(l->now_ns - begin_ns) / 1e9;
	usage_take(l, l->end);
}

static void
load_init(struct load *l)
{
	descriptors_max_raise();
	window_init(&l->window);
	l->clients = calloc(l->o.streams + 1, sizeof(*l->clients));
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->clients == NULL || l->epoll == -1) {
		perror("load");
		exit(1);
	}
	for (unsigned i = 0; i < l->o.streams; i++)
		if (!client_init(&l->clients[i], &l->o.address, l->o.framing)) {
			perror("load: socket");
			exit(1);
		}
}

static void
load_deinit(struct load *l)
{
	for (unsigned i = 0; i < l->o.streams; i++)
		client_deinit(&l->clients[i]);
	close(l->epoll);
	free(l->clients);
	window_deinit(&l->window);
}

/* All streams are open, and whoever waits for that may go on. */
static void
report_open_only(struct load *l)
{
	usage_take(l, l->begin);
	usage_take(l, l->end);
	report_print(l);
	if (l->o.is_held)
		input_watch(l);
}

int
main(int argc, char **argv)
{
	struct load l = { .epoll = -1 };

	options_parse(&l.o, argc, argv);
	load_init(&l);
	usage_take(&l, l.before);
	l.is_measuring = l.o.is_counted;
	phase_open(&l);
	if (l.o.is_counted) {
		report_open_only(&l);
		phase_count(&l);
	} else if (l.o.window_s > 0 || l.o.is_held) {
		phase_settle(&l);
		if (l.o.is_held)
			report_open_only(&l);
		phase_measure(&l);
	} else {
		usage_take(&l, l.begin);
		usage_take(&l, l.end);
	}
	report_print(&l);
	load_deinit(&l);
	return 0;
}
