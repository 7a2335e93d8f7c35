/* What streams looked like when they arrived: judge.h. */
#include "tool/judge.h"

#include <curl/curl.h>
#include <string.h>

#include "tool/sample.h"

/* Events that come within this time of each other come together. */
#define TOGETHER_US 15000

/* Events of different moments are at least so far apart. */
#define APART_US (ASKED_TICK_US * 7 / 10)

/* So much later than a response that ends at once, the first event is late. */
#define FIRST_LATE_US 900000

/* A response that has ended is known to have after this time. */
#define END_LATE_US 2000000

#define MS(us) ((long long)((us) + 500) / 1000)

void
spacing_measure(struct spacing *spacing, const struct sample *sample)
{
	const struct sample_event *event, *before = NULL;
	int64_t                    least_us = INT64_MAX, most_us = INT64_MIN;
	int64_t                    late_us;

	*spacing = (struct spacing){ 0 };
	for (size_t i = 0; i < sample->event_count; i++) {
		event = &sample->events[i];
		if (event->stamp_us < 0)
			continue;
		spacing->event_count++;
		late_us = event->at_us - event->stamp_us;
		least_us = late_us < least_us ? late_us : least_us;
		most_us = late_us > most_us ? late_us : most_us;
		if (before != NULL &&
		    event->at_us - before->at_us < TOGETHER_US &&
		    event->stamp_us - before->stamp_us > APART_US)
			spacing->burst_count++;
		before = event;
	}
	if (spacing->event_count > 0)
		spacing->late_us = most_us - least_us;
}

/* A third of them: a machine that is busy for a while makes some bursts. */
static bool
is_clumped(const struct spacing *spacing)
{
	return spacing->event_count > 1 &&
	    3 * spacing->burst_count >= spacing->event_count;
}

/* Whether nothing comes, or all of it in clumps. */
static bool
is_late(const struct sample *sample)
{
	struct spacing spacing;

	if (sample == NULL)
		return false;
	spacing_measure(&spacing, sample);
	return spacing.event_count == 0 || is_clumped(&spacing);
}

static bool
is_refused(const struct sample *sample)
{
	return sample != NULL && sample_is_refused(sample);
}

static bool
judge_content_type(const struct seen *seen, struct finding *finding)
{
	const struct sample *plain = seen->plain;

	if (plain == NULL || is_refused(plain))
		return false;
	if (!sample_is_stream(plain))
		finding->level = LEVEL_BAD;
	buf_printf(&finding->saw, "streams come as %s%s",
	    plain->content_type == NULL ? "nothing named" : plain->content_type,
	    finding->level == LEVEL_BAD ?
		", and EventSource takes text/event-stream only" :
		"");
	return true;
}

/* A counter to one says that, and that it is at its end. */
bool
judge_is_query_lost(const struct seen *seen)
{
	const struct sample *plain = seen->plain;

	return plain != NULL && plain->event_count > 1 &&
	    !plain->events[1].is_end && !plain->events[0].is_refusal;
}

static bool
judge_query(const struct seen *seen, struct finding *finding)
{
	if (seen->plain == NULL || is_refused(seen->plain))
		return false;
	if (judge_is_query_lost(seen)) {
		finding->level = LEVEL_BAD;
		buf_append_str(&finding->saw,
		    "the query of a URL does not reach fcgi-sse: a counter to "
		    "1 goes on");
	} else
		buf_append_str(&finding->saw,
		    "the query of a URL reaches fcgi-sse");
	return true;
}

/* The first stream that the web server has answered itself, or NULL. */
static const struct sample *
turned_away(const struct seen *seen)
{
	const struct sample *const all[] = { seen->first, seen->clock,
		seen->coded, seen->finite, seen->resumed, seen->again };

	if (judge_is_resumption_barred(seen))
		return NULL;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] != NULL && sample_is_turned_away(all[i]))
			return all[i];
	}
	return NULL;
}

bool
judge_is_shut_out(const struct seen *seen, long status)
{
	const struct sample *sample = turned_away(seen);

	return status != 0 &&
	    ((sample != NULL && sample->status == status) ||
		(seen->has_connections && seen->connection_status == status));
}

static bool
judge_connections(const struct seen *seen, struct finding *finding)
{
	const struct sample *sample = turned_away(seen);

	if (sample != NULL) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "the web server itself turned a stream away, with %ld",
		    sample->status);
		return true;
	}
	if (!seen->has_connections)
		return false;
	if (seen->connected_count < ASKED_CONNECTION_COUNT)
		finding->level = LEVEL_BAD;
	buf_printf(&finding->saw,
	    "of %d streams, each over a connection of its own, fcgi-sse "
	    "answered %zu",
	    ASKED_CONNECTION_COUNT, seen->connected_count);
	if (seen->connection_status != 0)
		buf_printf(&finding->saw,
		    ", and the web server others with %ld",
		    seen->connection_status);
	return true;
}

static void
say_late(struct finding *finding, const struct sample *sample)
{
	struct spacing spacing;

	spacing_measure(&spacing, sample);
	finding->level = LEVEL_BAD;
	if (spacing.event_count == 0)
		buf_printf(&finding->saw,
		    "nothing of a clock that ticks every %lld ms arrived "
		    "within %lld ms",
		    MS(ASKED_TICK_US), MS(sample->end_us));
	else
		buf_printf(&finding->saw,
		    "events come together: %zu of %zu, which were sent %lld "
		    "ms apart, came at once with the one before, up to %lld "
		    "ms late",
		    spacing.burst_count, spacing.event_count, MS(ASKED_TICK_US),
		    MS(spacing.late_us));
}

static bool
judge_late_events(const struct seen *seen, struct finding *finding)
{
	struct spacing spacing;

	if (seen->clock == NULL || sample_is_unserved(seen->clock) ||
	    turned_away(seen) != NULL || judge_is_slow(seen))
		return false;
	if (is_late(seen->clock)) {
		say_late(finding, seen->clock);
		if (seen->finite != NULL && sample_is_stream(seen->finite) &&
		    seen->finite->code == CURLE_OK &&
		    seen->clock->event_count == 0)
			buf_append_str(&finding->saw,
			    "; a response that ends arrives at its end");
		return true;
	}
	spacing_measure(&spacing, seen->clock);
	buf_printf(&finding->saw,
	    "%zu events, sent every %lld ms, came one by one, at most %lld ms "
	    "late",
	    spacing.event_count, MS(ASKED_TICK_US), MS(spacing.late_us));
	return true;
}

/* What is late anyway needs no second cure. */
static bool
judge_first_event(const struct seen *seen, struct finding *finding)
{
	const struct sample *first = seen->first;
	int64_t              first_us;

	if (first == NULL || sample_is_unserved(first) ||
	    is_late(seen->clock) || turned_away(seen) != NULL)
		return false;
	if (first->event_count == 0) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "the only event of a stream did not come within %lld ms",
		    MS(first->end_us));
		return true;
	}
	first_us = first->events[0].at_us;
	if (first_us > seen->plain->end_us + FIRST_LATE_US)
		finding->level = LEVEL_BAD;
	buf_printf(&finding->saw,
	    "the head of a stream came after %lld ms, its only event after "
	    "%lld ms",
	    MS(first->head_us), MS(first_us));
	return true;
}

static bool
judge_compression(const struct seen *seen, struct finding *finding)
{
	const struct sample *coded = seen->coded;

	if (coded == NULL || sample_is_unserved(coded) ||
	    is_late(seen->clock) || turned_away(seen) != NULL)
		return false;
	if (is_late(coded)) {
		say_late(finding, coded);
		buf_printf(&finding->saw,
		    ", but only when the client takes compression%s%s",
		    coded->content_encoding == NULL ? "" :
						      ": Content-Encoding: ",
		    coded->content_encoding == NULL ? "" :
						      coded->content_encoding);
	} else if (coded->content_encoding == NULL)
		buf_append_str(&finding->saw, "streams are not compressed");
	else {
		finding->level = LEVEL_NOTE;
		buf_printf(&finding->saw,
		    "streams are compressed (%s), and arrive in time all the "
		    "same",
		    coded->content_encoding);
	}
	return true;
}

/* Why a response is over before its end, in words. */
static const char *
cut_of(const struct sample *sample)
{
	if (sample->code == CURLE_OK)
		return "it ended properly";
	return sample->problem[0] != '\0' ? sample->problem :
					    "the connection was closed";
}

static bool
judge_end(const struct seen *seen, struct finding *finding)
{
	const struct sample       *finite = seen->finite;
	const struct sample_event *last;
	int64_t                    after_us;

	if (finite == NULL || sample_is_unserved(finite) ||
	    turned_away(seen) != NULL)
		return false;
	last = finite->event_count == 0 ?
	    NULL :
	    &finite->events[finite->event_count - 1];
	if (finite->code != CURLE_OK || last == NULL || !last->is_end) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "a stream of a few events was over before its end: %s",
		    cut_of(finite));
		return true;
	}
	after_us = finite->end_us - last->at_us;
	if (after_us > END_LATE_US)
		finding->level = LEVEL_BAD;
	buf_printf(&finding->saw,
	    "the end of a response came %lld ms after its last event",
	    MS(after_us));
	return true;
}

/* Whether fcgi-sse itself has ended the stream, by stream-lifetime. */
static bool
is_sent_back(const struct sample *sample)
{
	return sample->code == CURLE_OK && sample->is_sent_back;
}

static bool
judge_idle(const struct seen *seen, struct finding *finding)
{
	const struct sample *idle = seen->idle;

	if (idle == NULL || is_refused(idle) || is_late(seen->clock))
		return false;
	if (is_sent_back(idle)) {
		finding->level = LEVEL_NOTE;
		buf_printf(&finding->saw,
		    "fcgi-sse itself ended a stream without events after "
		    "%lld ms, as stream-lifetime or a stop has it",
		    MS(idle->end_us));
	} else if (!idle->is_stopped) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "a stream without events was cut after %lld ms: %s",
		    MS(idle->end_us), cut_of(idle));
	} else {
		if (idle->comment_count == 0)
			finding->level = LEVEL_NOTE;
		buf_printf(&finding->saw,
		    "a stream without events lived for as long as was "
		    "watched, %lld ms, in which %zu heartbeats came",
		    MS(idle->end_us), idle->comment_count);
	}
	return true;
}

static bool
judge_cut(const struct seen *seen, struct finding *finding)
{
	const struct sample *lively = seen->lively;

	if (lively == NULL || is_refused(lively) || is_late(seen->clock))
		return false;
	if (is_sent_back(lively)) {
		buf_printf(&finding->saw,
		    "fcgi-sse itself ended a lively stream after %lld ms",
		    MS(lively->end_us));
		if (seen->fronts.inner == FRONT_APACHE_FCGID) {
			finding->level = LEVEL_BAD;
			buf_append_str(&finding->saw,
			    ": mod_fcgid has stopped it, unless "
			    "stream-lifetime is as short");
		} else if (seen->fronts.inner == FRONT_APACHE)
			buf_append_str(&finding->saw,
			    ", as stream-lifetime, a stop, or "
			    "FcgidBusyTimeout of mod_fcgid has it");
		else
			buf_append_str(&finding->saw,
			    ", as stream-lifetime or a stop has it");
	} else if (!lively->is_stopped) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "a stream with an event every second was cut after %lld "
		    "ms: %s",
		    MS(lively->end_us), cut_of(lively));
	} else
		buf_printf(&finding->saw,
		    "a stream with an event every second lived for as long as "
		    "was watched, %lld ms",
		    MS(lively->end_us));
	return true;
}

bool
judge_is_slow(const struct seen *seen)
{
	const struct sample *padded = seen->padded;

	return padded != NULL && sample_is_stream(padded) &&
	    !judge_is_query_lost(seen) && padded->is_stopped &&
	    padded->byte_count < ASKED_PADDED_BYTES;
}

static bool
judge_rate(const struct seen *seen, struct finding *finding)
{
	const struct sample *padded = seen->padded;

	if (padded == NULL || sample_is_unserved(padded))
		return false;
	if (judge_is_slow(seen)) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "streams are sent slowly: of %d bytes %zu arrived within "
		    "%lld ms",
		    ASKED_PADDED_BYTES, padded->byte_count, MS(padded->end_us));
	} else if (padded->byte_count < ASKED_PADDED_BYTES) {
		finding->level = LEVEL_UNKNOWN;
		buf_append_str(&finding->saw, "the stream did not arrive");
	} else
		buf_printf(&finding->saw, "%zu bytes arrived within %lld ms",
		    padded->byte_count, MS(padded->end_us));
	return true;
}

static bool
judge_refused_streams(const struct seen *seen, struct finding *finding)
{
	const struct sample *const all[] = { seen->first, seen->clock,
		seen->coded, seen->finite };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!is_refused(all[i]))
			continue;
		finding->level = LEVEL_BAD;
		buf_append_str(&finding->saw,
		    "fcgi-sse turned a stream away: too many are open");
		return true;
	}
	return false;
}

bool
judge_stream(const struct seen *seen, struct finding *finding)
{
	/* Without their queries other streams came than were asked for. */
	if (finding->check != CHECK_CONTENT_TYPE &&
	    finding->check != CHECK_QUERY && judge_is_query_lost(seen))
		return false;
	switch (finding->check) {
	case CHECK_CONTENT_TYPE:
		return judge_content_type(seen, finding);
	case CHECK_CONNECTIONS:
		return judge_connections(seen, finding);
	case CHECK_FIRST_EVENT:
		return judge_first_event(seen, finding);
	case CHECK_LATE_EVENTS:
		return judge_late_events(seen, finding);
	case CHECK_COMPRESSION:
		return judge_compression(seen, finding);
	case CHECK_END:
		return judge_end(seen, finding);
	case CHECK_IDLE:
		return judge_idle(seen, finding);
	case CHECK_CUT:
		return judge_cut(seen, finding);
	case CHECK_QUERY:
		return judge_query(seen, finding);
	case CHECK_RATE:
		return judge_rate(seen, finding);
	default:
		return judge_refused_streams(seen, finding);
	}
}
