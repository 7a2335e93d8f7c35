/*
 * Publishes updates to a topic at a steady rate, or as fast as they are
 * accepted, on one connection that is kept: to the responder by FastCGI, or
 * through a web server. The data is the update's place in the sequence and the
 * moment it was sent, on the monotonic clock in us, filled to a fixed length.
 * Exits with 1 when one was not accepted. With --times it prints how long the
 * answers took.
 */
#include <sys/socket.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "request.h"

enum {
	FCGI_END_REQUEST = 3,
	FCGI_STDOUT = 6,
	FCGI_HEAD_BYTES = 8,
	DATA_BYTES = 64,
	LINE_BYTES_MAX = 1024
};

struct publisher {
	struct address  address;
	bool            is_http;
	bool            is_raw; /* the body is the data, as Nchan has it */
	bool            has_ids;
	const char     *path;
	const char     *query;
	const char     *topic;
	const char     *authorization;
	double          rate; /* updates a second; 0: as they are accepted */
	unsigned        count;
	unsigned        ahead_max; /* sent before the first's answer came */
	double         *answer_us; /* how long each took, or NULL: not asked */
	int             fd;
	FILE           *answers;
	struct timespec start;
};

static _Noreturn void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
publisher_connect(struct publisher *p)
{
	if (p->answers != NULL)
		fclose(p->answers);
	p->fd = socket(p->address.sa.ss_family, SOCK_STREAM, 0);
	if (p->fd == -1 ||
	    connect(p->fd, (struct sockaddr *)&p->address.sa, p->address.len) ==
		-1)
		fail("publish: connect");
	p->answers = fdopen(p->fd, "r");
	if (p->answers == NULL)
		fail("publish");
}

static void
data_make(char data[DATA_BYTES + 1], unsigned seq, char separator)
{
	struct timespec now;
	int             n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	n = snprintf(data, DATA_BYTES + 1, "%06u%c%014llu%c", seq, separator,
	    (unsigned long long)now.tv_sec * 1000000 +
		(unsigned long long)now.tv_nsec / 1000,
	    separator);
	memset(data + n, 'x', (size_t)(DATA_BYTES - n));
	data[DATA_BYTES] = '\0';
}

static void
update_send(const struct publisher *p, unsigned seq)
{
	char   bytes[REQUEST_BYTES_MAX], data[DATA_BYTES + 1];
	char   body[LINE_BYTES_MAX], id[32] = "";
	size_t len;

	data_make(data, seq, p->is_raw ? ' ' : '+');
	if (p->has_ids)
		snprintf(id, sizeof(id), "&id=u-%06u", seq);
	if (p->is_raw)
		snprintf(body, sizeof(body), "%s", data);
	else
		snprintf(body, sizeof(body), "topic=%s%s&data=%s", p->topic, id,
		    data);
	len = (p->is_http ? request_http : request_fcgi)(bytes,
	    &(struct request){
		.method = "POST",
		.path = p->path,
		.query = p->query,
		.authorization = p->authorization,
		.body = body,
		.is_kept = true,
	    });
	if (send(p->fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail("publish: send");
}

static void
answer_read(struct publisher *p, char *bytes, size_t n)
{
	if (fread(bytes, 1, n, p->answers) != n) {
		fputs("publish: the answer is cut\n", stderr);
		exit(1);
	}
}

static void
answer_judge(bool is_accepted, const char *answer)
{
	if (is_accepted)
		return;
	fprintf(stderr, "publish: %.200s\n", answer);
	exit(1);
}

/* A head without a Status line says 200. */
static void
answer_take_fcgi(struct publisher *p)
{
	static char   content[UINT16_MAX + UINT8_MAX + 1];
	unsigned char head[FCGI_HEAD_BYTES];
	size_t        len;

	do {
		answer_read(p, (char *)head, sizeof(head));
		len = (size_t)(head[4] << 8 | head[5]);
		answer_read(p, content, len + head[6]);
		content[len] = '\0';
		if (head[1] == FCGI_STDOUT)
			answer_judge(strncmp(content, "Status:", 7) != 0,
			    content);
	} while (head[1] != FCGI_END_REQUEST);
}

/* A web server closes a connection after some hundred requests. */
static void
answer_take_http(struct publisher *p)
{
	char   line[LINE_BYTES_MAX] = "", body[LINE_BYTES_MAX];
	size_t left = 0;
	bool   is_last = false;

	if (fgets(line, sizeof(line), p->answers) == NULL)
		fail("publish: no answer");
	answer_judge(strncmp(line, "HTTP/1.1 20", 11) == 0, line);
	while (fgets(line, sizeof(line), p->answers) != NULL &&
	    strcmp(line, "\r\n") != 0) {
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			left = (size_t)strtoul(line + 15, NULL, 10);
		else if (strncasecmp(line, "Connection: close", 17) == 0)
			is_last = true;
	}
	answer_judge(left < sizeof(body), line);
	answer_read(p, body, left);
	if (is_last)
		publisher_connect(p);
}

static void
answer_take(struct publisher *p)
{
	if (p->is_http)
		answer_take_http(p);
	else
		answer_take_fcgi(p);
}

/* Sleeps until the update with this number is due. */
static void
update_wait(const struct publisher *p, unsigned seq)
{
	struct timespec at = p->start;
	double          since_s;

	if (p->rate <= 0)
		return;
	since_s = seq / p->rate;
	at.tv_sec += (time_t)since_s;
	at.tv_nsec += (long)((since_s - (double)(time_t)since_s) * 1e9);
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int
compare_us(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What half of the answers, 99 of 100 and all of them came within. */
static void
times_print(const struct publisher *p)
{
	qsort(p->answer_us, p->count, sizeof(double), compare_us);
	printf("{\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
	    p->answer_us[p->count / 2] / 1e3,
	    p->answer_us[(size_t)p->count * 99 / 100] / 1e3,
	    p->answer_us[p->count - 1] / 1e3);
}

static void
publisher_run(struct publisher *p)
{
	unsigned waiting = 0;

	publisher_connect(p);
	clock_gettime(CLOCK_MONOTONIC, &p->start);
	for (unsigned seq = 0; seq < p->count; seq++) {
		double began_us;

		update_wait(p, seq);
		began_us = now_us();
		update_send(p, seq);
		if (++waiting < p->ahead_max)
			continue;
		answer_take(p);
		waiting--;
		if (p->answer_us != NULL)
			p->answer_us[seq] = now_us() - began_us;
	}
	while (waiting-- > 0)
		answer_take(p);
	fclose(p->answers);
}

static _Noreturn void
usage(void)
{
	fputs("usage: publish --connect unix:PATH|HOST:PORT [--http] [--raw]\n"
	      "               [--path P] [--query Q] [--topic T] [--key KEY]\n"
	      "               [--count N] [--rate PER_SECOND] [--ahead N]\n"
	      "               [--ids] [--times]\n",
	    stderr);
	exit(2);
}

static const struct option names[] = {
	{ "connect", required_argument, NULL, 'c' },
	{ "http", no_argument, NULL, 'h' },
	{ "raw", no_argument, NULL, 'w' },
	{ "path", required_argument, NULL, 'p' },
	{ "query", required_argument, NULL, 'q' },
	{ "topic", required_argument, NULL, 't' },
	{ "key", required_argument, NULL, 'k' },
	{ "count", required_argument, NULL, 'n' },
	{ "rate", required_argument, NULL, 'r' },
	{ "ahead", required_argument, NULL, 'a' },
	{ "ids", no_argument, NULL, 'i' },
	{ "times", no_argument, NULL, 'm' },
	{ NULL, 0, NULL, 0 },
};

/* The options that say how; false for those that say what. */
static bool
option_take_manner(struct publisher *p, int name)
{
	switch (name) {
	case 'h':
		p->is_http = true;
		return true;
	case 'w':
		p->is_raw = true;
		return true;
	case 'i':
		p->has_ids = true;
		return true;
	case 'n':
		p->count = (unsigned)strtoul(optarg, NULL, 10);
		return true;
	case 'r':
		p->rate = strtod(optarg, NULL);
		return true;
	case 'a':
		p->ahead_max = (unsigned)strtoul(optarg, NULL, 10);
		return true;
	default:
		return false;
	}
}

static void
option_take(struct publisher *p, int name)
{
	static char bearer[LINE_BYTES_MAX];

	switch (name) {
	case 'c':
		if (!address_parse(&p->address, optarg))
			usage();
		break;
	case 'p':
		p->path = optarg;
		break;
	case 'q':
		p->query = optarg;
		break;
	case 't':
		p->topic = optarg;
		break;
	case 'k':
		snprintf(bearer, sizeof(bearer), "Bearer %s", optarg);
		p->authorization = bearer;
		break;
	default:
		usage();
	}
}

int
main(int argc, char **argv)
{
	struct publisher p = {
		.path = "/events",
		.query = "",
		.topic = "bench",
		.count = 1,
		.ahead_max = 1,
		.fd = -1,
	};
	int  name;
	bool has_times = false;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
		if (name == 'm')
			has_times = true;
		else if (!option_take_manner(&p, name))
			option_take(&p, name);
	if (optind != argc || p.address.len == 0 || p.count == 0 ||
	    (has_times && p.ahead_max > 1))
		usage();
	if (has_times &&
	    (p.answer_us = calloc(p.count, sizeof(double))) == NULL)
		fail("publish");
	publisher_run(&p);
	if (has_times)
		times_print(&p);
	free(p.answer_us);
	return 0;
}
