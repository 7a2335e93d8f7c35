/* What became of requests and their fields: judge.h. */
#include "tool/judge.h"

#include <string.h>
#include <strings.h>

#include "tool/sample.h"

#define MS(us) ((long long)((us) + 500) / 1000)

/* Writes to a client that is gone, until it is noticed, that most need. */
#define WRITE_COUNT_USUAL 2

/* A browser that opens fewer at once is no better off than by HTTP/1.1. */
#define STREAM_COUNT_HTTP1 6

static void
say(struct finding *finding, enum level level, const char *text)
{
	finding->level = level;
	buf_append_str(&finding->saw, text);
}

static bool
judge_topics(const struct seen *seen, struct finding *finding)
{
	const struct sample *keyless = seen->keyless;

	if (keyless == NULL || !sample_is_own_text(keyless))
		return false;
	if (keyless->status != 501)
		say(finding, LEVEL_GOOD, "there are topics");
	else if (seen->fronts.inner == FRONT_APACHE_FCGID ||
	    sample_body_has(keyless, "CGI program"))
		say(finding, LEVEL_NOTE,
		    "there are no topics, since each stream is a process");
	else
		say(finding, LEVEL_BAD,
		    "there are no topics, since several processes of "
		    "fcgi-sse share the work");
	return true;
}

/* Whether fcgi-sse says that it got a key, or a token, and knows it not. */
static bool
has_arrived(const struct sample *sample)
{
	return sample->challenge != NULL &&
	    strstr(sample->challenge, "invalid_token") != NULL;
}

/* Whether the web server answers, and does not ask who it is. */
static bool
is_answered_instead(const struct sample *sample)
{
	return sample->status >= 400 && sample->status != 401 &&
	    !sample_is_own_text(sample);
}

static bool
judge_authorization(const struct seen *seen, struct finding *finding)
{
	const struct sample *keyed = seen->keyed;

	if (keyed == NULL || seen->keyless == NULL)
		return false;
	if (has_arrived(keyed))
		say(finding, LEVEL_GOOD,
		    "the field Authorization reaches fcgi-sse");
	else if (keyed->status == 401 && sample_is_own_text(keyed))
		say(finding, LEVEL_BAD,
		    "the field Authorization does not reach fcgi-sse, so no "
		    "key does");
	else if (is_answered_instead(keyed) &&
	    sample_is_own_text(seen->keyless)) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "the web server itself answers %ld to a request with the "
		    "field Authorization",
		    keyed->status);
	} else if (keyed->status == 401)
		say(finding, LEVEL_UNKNOWN,
		    "the web server itself asks who publishes");
	else if (keyed->status == 403)
		say(finding, LEVEL_UNKNOWN,
		    "no key is configured, so none is needed");
	else if (keyed->status == 501)
		say(finding, LEVEL_UNKNOWN, "without topics there are no keys");
	else
		say(finding, LEVEL_UNKNOWN, "no key was asked for");
	return true;
}

static void
say_shut_out(struct finding *finding)
{
	say(finding, LEVEL_UNKNOWN,
	    "the web server has shut this client out for a while, since it "
	    "asked often");
}

/* A token that names rights, or is signed by RSA, is this long. */
static bool
judge_header_limit(const struct seen *seen, struct finding *finding)
{
	const struct sample *keyed = seen->long_keyed;

	if (keyed == NULL || seen->keyed == NULL ||
	    !sample_is_own_text(seen->keyed))
		return false;
	if (is_answered_instead(keyed) &&
	    judge_is_shut_out(seen, keyed->status))
		say_shut_out(finding);
	else if (is_answered_instead(keyed)) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "a key or token of %d bytes does not reach fcgi-sse: the "
		    "web server answers %ld",
		    ASKED_KEY_BYTES, keyed->status);
	} else if (has_arrived(seen->keyed) && !has_arrived(keyed)) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "a key or token of %d bytes does not reach fcgi-sse, and "
		    "a short one does",
		    ASKED_KEY_BYTES);
	} else
		buf_printf(&finding->saw, "a token may have %d bytes",
		    ASKED_KEY_BYTES);
	return true;
}

static bool
judge_cookies(const struct seen *seen, struct finding *finding)
{
	const struct sample *cookie = seen->cookie;

	if (cookie == NULL)
		return false;
	if (has_arrived(cookie) ||
	    (cookie->status == 403 && sample_body_has(cookie, "cookie")))
		say(finding, LEVEL_GOOD, "cookies reach fcgi-sse");
	else if (cookie->status == 401 && sample_is_own_text(cookie))
		say(finding, LEVEL_BAD, "cookies do not reach fcgi-sse");
	else
		say(finding, LEVEL_UNKNOWN,
		    "fcgi-sse takes no cookie here, so they do not matter");
	return true;
}

/* Whether a 401 is fcgi-sse's, though its text was replaced. */
static bool
is_challenge_own(const struct sample *sample)
{
	return sample->challenge != NULL &&
	    strncmp(sample->challenge, "Bearer", 6) == 0;
}

/* Whether the web server answers POSTs itself, and not only their refusals. */
static bool
is_post_blocked(const struct seen *seen)
{
	const struct sample *keyless = seen->keyless;

	return is_answered_instead(keyless) && keyless->status != 413 &&
	    !is_challenge_own(keyless) && seen->wrong != NULL &&
	    sample_is_own_text(seen->wrong);
}

/* Whether fcgi-sse, or the web server, waits for what does not come. */
static bool
is_waiting(const struct sample *sample)
{
	return sample->status == 0 && sample->is_stopped;
}

static bool
judge_posts(const struct seen *seen, struct finding *finding)
{
	const struct sample *keyless = seen->keyless;

	if (keyless == NULL)
		return false;
	if (is_waiting(keyless)) {
		say(finding, LEVEL_BAD,
		    "a POST gets no answer, as if its body did not arrive");
		return true;
	}
	if (keyless->status == 0)
		return false;
	if (is_post_blocked(seen)) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "a POST does not reach fcgi-sse: the web server itself "
		    "answers %ld",
		    keyless->status);
		return true;
	}
	if (!sample_is_own_text(keyless))
		return false;
	if (keyless->status == 400 || keyless->status == 415)
		say(finding, LEVEL_BAD,
		    "the body of a POST, or its Content-Type, does not reach "
		    "fcgi-sse");
	else
		say(finding, LEVEL_GOOD, "a POST reaches fcgi-sse");
	return true;
}

/*
 * Whether a page of the site may publish. Over HTTPS the browser says itself
 * where it is from, and Host does not matter.
 */
static bool
judge_host(const struct seen *seen, struct finding *finding)
{
	const struct sample *paged = seen->paged;

	if (paged == NULL || !sample_is_own_text(paged))
		return false;
	if (paged->status == 403 && sample_body_has(paged, "its origin"))
		say(finding, seen->is_https ? LEVEL_NOTE : LEVEL_BAD,
		    "the host and port of the URL do not reach fcgi-sse, so "
		    "it takes the site's own pages for another site's, which "
		    "may not publish");
	else
		say(finding, LEVEL_GOOD,
		    "the host and port of the URL reach fcgi-sse");
	return true;
}

/* An id is one word of text. */
static bool
is_page(const struct sample *sample)
{
	return sample->content_type == NULL ||
	    strncasecmp(sample->content_type, "text/plain", 10) != 0;
}

static bool
judge_refused_publish(const struct seen *seen, struct finding *finding)
{
	const struct sample *keyless = seen->keyless;

	/* Whose text it is shows by its type. */
	if (keyless == NULL || is_post_blocked(seen) || is_waiting(keyless) ||
	    (seen->plain != NULL && !sample_is_stream(seen->plain)) ||
	    (keyless->status == 413 && !sample_is_own_text(keyless)))
		return false;
	if (keyless->status == 0) {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw, "a publisher got no answer: %s",
		    keyless->problem);
	} else if (keyless->status < 300 && !is_page(keyless))
		say(finding, LEVEL_NOTE,
		    "anyone may publish, so none was refused");
	else if (sample_is_own_text(keyless)) {
		buf_printf(&finding->saw,
		    "a publisher that is refused is told why, by %ld",
		    keyless->status);
	} else if (keyless->status == 429 || keyless->status == 503)
		say(finding, LEVEL_UNKNOWN,
		    "the web server turns requests away, as if there were too "
		    "many");
	else if ((keyless->status >= 300 && keyless->status < 400) ||
	    (keyless->status == 401 && !is_challenge_own(keyless)))
		say(finding, LEVEL_UNKNOWN,
		    "the web server itself asks who publishes");
	else {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "what fcgi-sse says to a publisher that it refuses does "
		    "not arrive: the web server sends a page of its own with "
		    "%ld",
		    keyless->status);
	}
	return true;
}

/* Whose answer it is tells how far the body came. */
static bool
judge_post_limit(const struct seen *seen, struct finding *finding)
{
	const struct sample *large = seen->large;

	if (large == NULL || seen->keyless == NULL)
		return false;
	if (seen->keyless->status == 413 &&
	    !sample_is_own_text(seen->keyless)) {
		say(finding, LEVEL_BAD,
		    "even a short update does not reach fcgi-sse: the web "
		    "server answers 413");
		return true;
	}
	/* Without texts whose answer it is cannot be told. */
	if (seen->keyless->status == 501 || !sample_is_own_text(seen->keyless))
		return false;
	if (sample_is_own_text(large) && large->status == 413)
		buf_printf(&finding->saw,
		    "of %d bytes fcgi-sse says itself that they are too many",
		    ASKED_LARGE_BYTES);
	else if (large->status == seen->keyless->status)
		buf_printf(&finding->saw, "an update of %d bytes gets through",
		    ASKED_LARGE_BYTES);
	else if (!sample_is_own_text(large) &&
	    judge_is_shut_out(seen, large->status))
		say_shut_out(finding);
	else if (large->is_stopped || large->status == 429 ||
	    large->status == 503)
		say(finding, LEVEL_UNKNOWN,
		    "a large update took too long to send, or too many "
		    "requests came before it");
	else if (large->status == 0) {
		/* fcgi-sse refuses it by its head, so it may be cut off. */
		finding->level = LEVEL_UNKNOWN;
		buf_printf(&finding->saw,
		    "an update of %d bytes got no answer: %s",
		    ASKED_LARGE_BYTES, large->problem);
	} else {
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "an update of %d bytes does not reach fcgi-sse: the web "
		    "server answers %ld",
		    ASKED_LARGE_BYTES, large->status);
	}
	return true;
}

static bool
judge_http_version(const struct seen *seen, struct finding *finding)
{
	if (seen->plain == NULL)
		return false;
	if (seen->plain->http_major >= 2)
		buf_printf(&finding->saw, "HTTP/%d", seen->plain->http_major);
	else if (seen->is_https)
		say(finding, LEVEL_BAD,
		    "HTTP/1.1: all tabs of a browser share six connections");
	else
		say(finding, LEVEL_GOOD,
		    "HTTP/1.1, since browsers speak HTTP/2 over https only: "
		    "all tabs of one share six connections");
	return true;
}

/* Those that begin with few, whatever is configured. */
static bool
is_frugal(enum front front)
{
	return front == FRONT_LIGHTTPD || front_is_apache(front);
}

static bool
judge_streams_at_once(const struct seen *seen, struct finding *finding)
{
	size_t count = seen->at_once_count;

	if (!seen->has_at_once)
		return false;
	if (count < STREAM_COUNT_HTTP1)
		finding->level = LEVEL_BAD;
	else if (count < ASKED_STREAM_COUNT)
		finding->level = is_frugal(seen->fronts.outer) ? LEVEL_NOTE :
								 LEVEL_BAD;
	buf_printf(&finding->saw,
	    "of %d streams over one connection %zu were open at once",
	    ASKED_STREAM_COUNT, count);
	return true;
}

/* The write after which it was noticed: they are a tick apart. */
static int64_t
write_count(const struct seen *seen)
{
	return (seen->lost_us + ASKED_LOST_TICK_US / 2) / ASKED_LOST_TICK_US;
}

static bool
judge_lost_client(const struct seen *seen, struct finding *finding)
{
	/* What is written slowly, or less often than asked, is noticed late. */
	if (judge_is_slow(seen) || judge_is_query_lost(seen))
		return false;
	switch (seen->lost) {
	case LOST_UNTRIED:
		return false;
	case LOST_UNASKED:
		say(finding, LEVEL_UNKNOWN,
		    "/metrics does not tell this client");
		return true;
	case LOST_BUSY:
		say(finding, LEVEL_UNKNOWN, "other clients left meanwhile");
		return true;
	case LOST_UNNOTICED:
		finding->level = LEVEL_BAD;
		buf_printf(&finding->saw,
		    "a client that left was not noticed within %lld ms, at "
		    "an event every %lld ms",
		    MS(seen->lost_us), MS(ASKED_LOST_TICK_US));
		return true;
	case LOST_NOTICED:
		break;
	}
	if (write_count(seen) > WRITE_COUNT_USUAL)
		finding->level = seen->fronts.inner == FRONT_CADDY ?
		    LEVEL_NOTE :
		    LEVEL_BAD;
	else if (write_count(seen) == WRITE_COUNT_USUAL &&
	    seen->fronts.outer == FRONT_NGINX)
		finding->level = LEVEL_BAD; /* which notices at once */
	buf_printf(&finding->saw,
	    "a client that left was noticed after %lld ms, at an event every "
	    "%lld ms",
	    MS(seen->lost_us), MS(ASKED_LOST_TICK_US));
	return true;
}

bool
judge_request(const struct seen *seen, struct finding *finding)
{
	switch (finding->check) {
	case CHECK_TOPICS:
		return judge_topics(seen, finding);
	case CHECK_AUTHORIZATION:
		return judge_authorization(seen, finding);
	case CHECK_COOKIES:
		return judge_cookies(seen, finding);
	case CHECK_HEADER_LIMIT:
		return judge_header_limit(seen, finding);
	case CHECK_POSTS:
		return judge_posts(seen, finding);
	case CHECK_HOST:
		return judge_host(seen, finding);
	case CHECK_REFUSED_PUBLISH:
		return judge_refused_publish(seen, finding);
	case CHECK_POST_LIMIT:
		return judge_post_limit(seen, finding);
	case CHECK_HTTP_VERSION:
		return judge_http_version(seen, finding);
	case CHECK_STREAMS_AT_ONCE:
		return judge_streams_at_once(seen, finding);
	default:
		return judge_lost_client(seen, finding);
	}
}
