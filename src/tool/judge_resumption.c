/* What a client gets that comes back: judge.h. */
#include "tool/judge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tool/sample.h"

bool
judge_is_resumption_barred(const struct seen *seen)
{
	const struct sample *const others[] = { seen->first, seen->clock,
		seen->coded, seen->finite };

	if (seen->resumed == NULL || seen->again == NULL ||
	    !sample_is_turned_away(seen->resumed) ||
	    !sample_is_turned_away(seen->again))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (others[i] != NULL && sample_is_turned_away(others[i]))
			return false;
	}
	return true;
}

static bool
judge_last_event_id(const struct seen *seen, struct finding *finding)
{
	const struct sample *resumed = seen->resumed;

	if (resumed == NULL)
		return false;
	if (judge_is_resumption_barred(seen)) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "the web server itself answers %ld to a request with the "
		    "field Last-Event-ID",
		    resumed->status);
	} else if (sample_is_unserved(resumed))
		return false;
	else if (resumed->event_count == 0) {
		finding->level = LEVEL_UNKNOWN;
		buf_append_str(&finding->saw, "the stream did not arrive");
	} else if (resumed->events[0].num != ASKED_RESUME_ID + 1) {
		finding->level = LEVEL_BAD;
		buf_append_str(&finding->saw,
		    "Last-Event-ID does not reach fcgi-sse: a stream begins "
		    "anew for a client that comes back");
	} else
		buf_append_str(&finding->saw,
		    "a client that comes back gets what it has missed");
	return true;
}

/* A cache has what was asked for without a position. */
static bool
is_kept(const struct seen *seen)
{
	return seen->again != NULL && seen->again->event_count > 0 &&
	    seen->again->events[0].num != ASKED_RESUME_ID + 1 &&
	    seen->resumed->event_count > 0 &&
	    seen->resumed->events[0].num == ASKED_RESUME_ID + 1;
}

/* Whether a cache may take it for a leave to keep the response. */
static bool
is_permissive(const char *control)
{
	const char *age = strstr(control, "max-age=");

	return strstr(control, "public") != NULL ||
	    strstr(control, "immutable") != NULL ||
	    strstr(control, "s-maxage=") != NULL ||
	    (age != NULL && strtoul(strchr(age, '=') + 1, NULL, 10) > 0);
}

static bool
judge_cache(const struct seen *seen, struct finding *finding)
{
	const struct sample *clock = seen->clock;
	const char          *control;

	if (clock == NULL || sample_is_unserved(clock))
		return false;
	if (is_kept(seen)) {
		finding->level = LEVEL_BAD;
		buf_append_str(&finding->saw,
		    "a cache keeps streams: a client got what another had "
		    "asked for");
		return true;
	}
	if (clock->event_count == 0)
		return false;
	control = clock->cache_control == NULL ? "" : clock->cache_control;
	if (strstr(control, "no-store") == NULL) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "caches may keep streams, since what fcgi-sse says does "
		    "not arrive: Cache-Control is \"%s\"",
		    control);
	} else if (is_permissive(control)) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "caches may keep streams, since something contradicts "
		    "what fcgi-sse says: Cache-Control is \"%s\"",
		    control);
	} else
		buf_append_str(&finding->saw, "no cache keeps streams");
	return true;
}

bool
judge_resumption(const struct seen *seen, struct finding *finding)
{
	return finding->check == CHECK_CACHE ?
	    judge_cache(seen, finding) :
	    judge_last_event_id(seen, finding);
}
