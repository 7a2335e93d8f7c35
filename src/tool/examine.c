#include "tool/examine.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tool/lost.h"
#include "tool/reach.h"
#include "tool/sample.h"

#define TOPIC "fcgi-sse-doctor"
#define FORM "topic=" TOPIC "&data="

/* What no configuration has as a key, nor any issuer as a token. */
#define WRONG "fcgi-sse-doctor"

#define ANSWER_MS 10000L
#define FIRST_MS 4000L
#define RATE_MS 4000L

/* One more than it has, if its query arrives. */
#define REACH_EVENT_COUNT_MAX 3

#define AT_ONCE_MS 3000L
#define CONNECTIONS_MS 2500L

#define CLOCK "clock?format=iso&interval=100ms"
#define CLOCK_EVENT_COUNT 25

#define FINITE "counter?count=4&interval=200ms"

/* How often what looks bad is measured, before it is. */
#define TRY_COUNT_MAX 2

static void
tell(const struct examination *examination, const char *what)
{
	if (examination->is_told)
		fprintf(stderr, "measuring %s\n", what);
}

void
examine_init(struct examination *examination, const char *url, bool is_insecure)
{
	*examination = (struct examination){
		.target = { .url = url, .is_insecure = is_insecure },
		.seen.is_https = strncmp(url, "https:", 6) == 0,
	};
	examination->probes = probes_new(&examination->target);
}

void
examine_deinit(struct examination *examination)
{
	probes_free(examination->probes);
}

bool
examine_reach(struct examination *examination, struct buf *problem)
{
	const struct sample *plain = probes_add(examination->probes,
	    &(struct probe_spec){
		.path = REACH_PATH,
		.event_count_max = REACH_EVENT_COUNT_MAX,
		.timeout_ms = ANSWER_MS,
	    });

	tell(examination, "whether fcgi-sse answers");
	probes_wait(examination->probes);
	examination->seen.plain = plain;
	return reach_judge(plain, examination->target.url, problem);
}

/* Requests that are answered at once. */

static const struct sample *
add_post(struct probes *probes, const char *form, size_t form_bytes,
    const char *authorization)
{
	return probes_add(probes,
	    &(struct probe_spec){
		.path = "events",
		.form = form,
		.form_bytes = form_bytes,
		.fields = { authorization },
		.timeout_ms = ANSWER_MS,
		/* By HTTP/2 libcurl takes an early answer for an error. */
		.is_http1 = true,
	    });
}

/* An update with a wrong key that is as long as a token. */
static const struct sample *
add_long_keyed(struct probes *probes)
{
	struct buf           field = { 0 };
	const struct sample *sample;

	buf_append_str(&field, "Authorization: Bearer " WRONG);
	while (field.len_bytes < ASKED_KEY_BYTES)
		buf_append_str(&field, "x");
	buf_append(&field, "", 1);
	sample = add_post(probes, FORM, strlen(FORM), field.data);
	buf_deinit(&field);
	return sample;
}

/* An update without a key is refused, however long it is. */
static const struct sample *
add_large_post(struct probes *probes)
{
	struct buf           form = { 0 };
	const struct sample *sample;

	buf_append_str(&form, FORM);
	while (form.len_bytes < ASKED_LARGE_BYTES)
		buf_append_str(&form, "x");
	sample = add_post(probes, form.data, form.len_bytes, NULL);
	buf_deinit(&form);
	return sample;
}

/* An update as a page of the site sends it. */
static const struct sample *
add_paged(const struct examination *examination)
{
	const char          *url = examination->target.url;
	const char          *host = strstr(url, "://") + 3;
	struct buf           field = { 0 };
	const struct sample *sample;

	buf_printf(&field, "Origin: %.*s%c",
	    (int)(host - url + (ptrdiff_t)strcspn(host, "/")), url, '\0');
	sample = add_post(examination->probes, FORM, strlen(FORM), field.data);
	buf_deinit(&field);
	return sample;
}

static void
examine_requests(struct examination *examination)
{
	struct probes       *probes = examination->probes;
	struct seen         *seen = &examination->seen;
	const struct sample *odd, *stream;

	tell(examination, "what becomes of requests and their fields");
	seen->keyless = add_post(probes, FORM, strlen(FORM), NULL);
	seen->keyed = add_post(probes, FORM, strlen(FORM),
	    "Authorization: Bearer " WRONG);
	odd = probes_add(probes,
	    &(struct probe_spec){
		.path = REACH_PATH,
		.fields = { "Host: not a host" },
		.timeout_ms = ANSWER_MS,
		.is_http1 = true,
	    });
	stream = probes_add(probes,
	    &(struct probe_spec){
		.path = REACH_PATH,
		.timeout_ms = ANSWER_MS,
		.is_http1 = true,
	    });
	probes_wait(probes);
	/* Later: mod_fcgid starts a process for each that is at once. */
	if (seen->keyless->status != 0) {
		seen->long_keyed = add_long_keyed(probes);
		seen->paged = add_paged(examination);
		probes_wait(probes);
	}
	fronts_recognise(&seen->fronts, odd, stream, seen->keyless);
}

/* Streams. */

static const struct sample *
add_stream(struct probes *probes, const char *path, size_t event_count_max,
    long timeout_ms)
{
	return probes_add(probes,
	    &(struct probe_spec){
		.path = path,
		.event_count_max = event_count_max,
		.timeout_ms = timeout_ms,
	    });
}

static bool
is_bad(const struct seen *seen, enum check check)
{
	struct finding finding;
	bool           is_bad = judge(check, seen, &finding) &&
	    finding.level == LEVEL_BAD;

	buf_deinit(&finding.saw);
	return is_bad;
}

/* Streams in which much happens. */
static void
examine_lively_streams(struct examination *examination)
{
	struct probes *probes = examination->probes;
	struct seen   *seen = &examination->seen;

	seen->clock = add_stream(probes, CLOCK, CLOCK_EVENT_COUNT,
	    ASKED_WATCH_US / 1000);
	seen->coded = probes_add(probes,
	    &(struct probe_spec){
		.path = CLOCK,
		.event_count_max = CLOCK_EVENT_COUNT,
		.timeout_ms = ASKED_WATCH_US / 1000,
		.is_coded = true,
	    });
	seen->finite = add_stream(probes, FINITE, 0, ANSWER_MS);
	seen->resumed = probes_add(probes,
	    &(struct probe_spec){
		.path = "counter?count=4&interval=100ms",
		.fields = { "Last-Event-ID: 2" },
		.timeout_ms = ANSWER_MS,
	    });
	probes_wait(probes);
}

/* Streams in which little happens: where events are held, nothing would. */
static void
examine_quiet_streams(struct examination *examination)
{
	struct probes *probes = examination->probes;
	struct seen   *seen = &examination->seen;

	seen->first = add_stream(probes, "counter?count=2&interval=1h", 1,
	    FIRST_MS);
	seen->cookie = probes_add(probes,
	    &(struct probe_spec){
		.path = "events?topic=" TOPIC,
		.fields = { "Cookie: mercureAuthorization=" WRONG },
		.comment_count_max = 1,
		.timeout_ms = FIRST_MS,
	    });
	probes_wait(probes);
}

/* By themselves, for the same reason. */
static void
examine_again(struct examination *examination)
{
	struct probes *probes = examination->probes;
	struct seen   *seen = &examination->seen;

	seen->wrong = probes_add(probes,
	    &(struct probe_spec){
		.path = "counter?count=none",
		.fields = { "Connection: close" },
		.timeout_ms = ANSWER_MS,
	    });
	/* The same as before, but for what a cache would not look at. */
	seen->again = probes_add(probes,
	    &(struct probe_spec){
		.path = FINITE,
		.fields = { "Last-Event-ID: 2" },
		.event_count_max = 1,
		.timeout_ms = FIRST_MS,
	    });
	probes_wait(probes);
}

/* Much at once, as for a client that has missed a lot. */
static void
examine_rate(struct examination *examination)
{
	char path[64];

	tell(examination, "how fast streams are sent");
	snprintf(path, sizeof(path),
	    "counter?count=2&interval=100ms&padding=%d", ASKED_PADDED_BYTES);
	examination->seen.padded = add_stream(examination->probes, path, 0,
	    RATE_MS);
	probes_wait(examination->probes);
}

/*
 * What a busy machine makes late comes in time when it is asked again, but for
 * what does not come at all.
 */
static void
examine_streams(struct examination *examination)
{
	const struct seen *seen = &examination->seen;

	tell(examination, "when events arrive");
	for (int tries = 0; tries < TRY_COUNT_MAX; tries++) {
		examine_lively_streams(examination);
		if (seen->clock->event_count > 0)
			examine_quiet_streams(examination);
		examine_again(examination);
		if (seen->clock->event_count == 0)
			break;
		if (is_bad(seen, CHECK_RATE))
			break;
		if (!is_bad(seen, CHECK_LATE_EVENTS) &&
		    !is_bad(seen, CHECK_FIRST_EVENT) &&
		    !is_bad(seen, CHECK_COMPRESSION) &&
		    !is_bad(seen, CHECK_END))
			break;
	}
}

/* Streams over a connection each, until some get none. */
static void
try_connections(struct examination *examination)
{
	struct seen         *seen = &examination->seen;
	struct probes       *probes = probes_new(&examination->target);
	const struct sample *samples[ASKED_CONNECTION_COUNT];
	size_t               count = 0;

	for (size_t i = 0; i < ASKED_CONNECTION_COUNT; i++)
		samples[i] = probes_add(probes,
		    &(struct probe_spec){
			.path = "clock",
			.timeout_ms = CONNECTIONS_MS,
			.is_http1 = true,
		    });
	probes_wait(probes);
	seen->connection_status = 0;
	for (size_t i = 0; i < ASKED_CONNECTION_COUNT; i++) {
		if (samples[i]->event_count > 0 ||
		    sample_is_own_text(samples[i]))
			count++;
		else if (samples[i]->status >= 400)
			seen->connection_status = samples[i]->status;
	}
	if (count > seen->connected_count)
		seen->connected_count = count;
	seen->has_connections = true;
	probes_free(probes);
}

/* Last of the short ones, since a client may be shut out for a while. */
static void
examine_connections(struct examination *examination)
{
	struct seen *seen = &examination->seen;

	if (seen->clock->event_count == 0 || is_bad(seen, CHECK_LATE_EVENTS) ||
	    is_bad(seen, CHECK_FIRST_EVENT) || is_bad(seen, CHECK_RATE))
		return;
	tell(examination, "how many streams a client gets");
	for (int tries = 0; tries < TRY_COUNT_MAX; tries++) {
		try_connections(examination);
		if (seen->connected_count == ASKED_CONNECTION_COUNT)
			break;
	}
}

/* How many streams one connection has open. */
static void
examine_at_once(struct examination *examination)
{
	struct probe_target  target = examination->target;
	struct seen         *seen = &examination->seen;
	struct probes       *probes;
	const struct sample *samples[ASKED_STREAM_COUNT];

	if (seen->plain->http_major < 2 || is_bad(seen, CHECK_LATE_EVENTS))
		return;
	tell(examination, "how many streams one connection gets");
	target.is_shared = true;
	probes = probes_new(&target);
	for (size_t i = 0; i < ASKED_STREAM_COUNT; i++)
		samples[i] = add_stream(probes, "clock", 0, AT_ONCE_MS);
	probes_wait(probes);
	for (size_t i = 0; i < ASKED_STREAM_COUNT; i++)
		seen->at_once_count += samples[i]->event_count > 0;
	seen->has_at_once = true;
	probes_free(probes);
}

static void
examine_lost(struct examination *examination)
{
	tell(examination, "how soon a lost client is noticed");
	for (int tries = 0; tries < TRY_COUNT_MAX; tries++) {
		lost_measure(examination->probes, &examination->seen);
		if (!is_bad(&examination->seen, CHECK_LOST_CLIENT))
			break;
	}
}

/* Starts what goes on beside the rest. */
static void
begin_watch(struct examination *examination)
{
	struct probe_spec spec = {
		.path = "counter?count=2&interval=1h",
		.timeout_ms = (long)examination->watch_ms,
		.is_background = true,
	};

	if (examination->watch_ms == 0 ||
	    is_bad(&examination->seen, CHECK_LATE_EVENTS))
		return;
	examination->seen.idle = probes_add(examination->probes, &spec);
	spec.path = "clock";
	examination->seen.lively = probes_add(examination->probes, &spec);
}

void
examine_all(struct examination *examination)
{
	examine_requests(examination);
	examine_rate(examination);
	if (!is_bad(&examination->seen, CHECK_RATE))
		examine_lost(examination);
	examine_streams(examination);
	examine_connections(examination);
	begin_watch(examination);
	examine_at_once(examination);
	if (examination->seen.idle != NULL)
		tell(examination, "whether streams last");
	probes_wait_all(examination->probes);
	/* Last: its answer comes before its end, which may upset a server. */
	if (examination->seen.keyless->status == 0)
		return;
	examination->seen.large = add_large_post(examination->probes);
	probes_wait(examination->probes);
}
