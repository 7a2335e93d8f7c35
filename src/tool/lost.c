#include "tool/lost.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clocks.h"
#include "tool/judge.h"
#include "tool/probe.h"
#include "tool/sample.h"

#define ANSWER_MS 5000L
#define STREAM_MS 3000L
#define WAIT_US 5000000
#define PAUSE_NS 20000000

/* A metric's value; -1 when it is not there. */
static long long
metric(const struct sample *sample, const char *name)
{
	const char *body = sample->body.data;
	const char *end = body + sample->body.len_bytes, *at;
	size_t      name_bytes = strlen(name);

	if (sample->status != 200 || sample->body.len_bytes == 0)
		return -1;
	at = memmem(body, (size_t)(end - body), name, name_bytes);
	if (at == NULL || memchr(at, '\n', (size_t)(end - at)) == NULL)
		return -1;
	return strtoll(at + name_bytes, NULL, 10);
}

/* left_count: the web server itself refuses to tell. */
#define LEFT_REFUSED (-2)

/*
 * How many clients have left so far, and how many streams were opened; less
 * than 0 when that is not told.
 */
static long long
left_count(struct probes *probes, long long *opened_count)
{
	static const char *const names[] = {
		"\nfcgi_sse_streams_ended_total{reason=\"client-closed\"} ",
		"\nfcgi_sse_streams_ended_total{reason=\"client-aborted\"} ",
		"\nfcgi_sse_streams_ended_total{reason=\"write-failed\"} ",
	};
	const struct sample *sample;
	long long            sum = 0, value;

	sample = probes_add(probes,
	    &(struct probe_spec){
		.path = "metrics",
		.timeout_ms = ANSWER_MS,
		.is_http1 = true,
	    });
	probes_wait(probes);
	*opened_count = metric(sample, "\nfcgi_sse_streams_opened_total ");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		value = metric(sample, names[i]);
		if (value < 0)
			return sample->status >= 400 ? LEFT_REFUSED : -1;
		sum += value;
	}
	return sum;
}

/* Opens a stream and leaves it. False when no events came. */
static bool
visit(struct probes *probes)
{
	const struct sample *sample = probes_add(probes,
	    &(struct probe_spec){
		.path = "clock?interval=500ms",
		.event_count_max = 2,
		.timeout_ms = STREAM_MS,
		.is_http1 = true,
	    });

	probes_wait(probes);
	return sample->event_count >= 2;
}

/* Waits until one more than so many have left. */
static void
wait_for_left(struct probes *probes, struct seen *seen, long long before)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int64_t               began_us = clocks_monotonic_us();
	long long             count, opened_count;

	do {
		count = left_count(probes, &opened_count);
		seen->lost_us = clocks_monotonic_us() - began_us;
		if (count == LEFT_REFUSED)
			seen->lost = LOST_UNASKED; /* not any more */
		else if (count > before + 1)
			seen->lost = LOST_BUSY;
		else if (count == before + 1)
			seen->lost = LOST_NOTICED;
		else
			nanosleep(&pause, NULL);
	} while (count != LEFT_REFUSED && count <= before &&
	    seen->lost_us < WAIT_US);
}

void
lost_measure(struct probes *probes, struct seen *seen)
{
	long long before, opened_before, opened_count;

	seen->lost = LOST_UNASKED;
	before = left_count(probes, &opened_before);
	if (before < 0)
		return;
	if (!visit(probes)) {
		seen->lost = LOST_UNTRIED;
		return;
	}
	/* A process for each stream has metrics of its own. */
	if (left_count(probes, &opened_count) < 0 ||
	    opened_count <= opened_before)
		return;
	seen->lost = LOST_UNNOTICED;
	wait_for_left(probes, seen, before);
}
