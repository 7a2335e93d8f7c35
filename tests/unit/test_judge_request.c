#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "tool/judge.h"
#include "tool/sample.h"

#include "judge_fixture.h"

/* An answer of that status and type with that body; sample_deinit is due. */
static struct sample
answer(long status, const char *type, const char *body)
{
	struct sample sample = SAMPLE_EMPTY;
	char          line[80];
	int           len;

	len = snprintf(line, sizeof(line), "Content-Type: %s\r\n", type);
	sample_take_field(&sample, line, (size_t)len);
	sample.status = status;
	buf_append_str(&sample.body, body);
	return sample;
}

/* A line of text of fcgi-sse. */
static struct sample
own(long status, const char *why)
{
	char body[160];

	snprintf(body, sizeof(body), "%ld Reason: %s\n", status, why);
	return answer(status, "text/plain; charset=utf-8", body);
}

static struct sample
page(long status)
{
	return answer(status, "text/html", "<html>What?</html>");
}

/* For an answer to both updates, of which it frees the second. */
static int
level_of_keyed(enum check check, struct sample keyed, const char *challenge,
    const char *words)
{
	struct sample keyless = own(401, "no key");
	struct seen   seen = { .keyless = &keyless, .keyed = &keyed };
	char          line[80];
	int           level;

	if (challenge != NULL) {
		level = snprintf(line, sizeof(line), "www-authenticate: %s\r\n",
		    challenge);
		sample_take_field(&keyed, line, (size_t)level);
	}
	level = judge_level(check, &seen, words);
	sample_deinit(&keyless);
	sample_deinit(&keyed);
	return level;
}

static void
test_authorization(void **state)
{
	const enum check check = CHECK_AUTHORIZATION;

	(void)state;
	assert_int_equal(level_of_keyed(check, own(401, "wrong"),
			     "Bearer error=\"invalid_token\"", "reaches"),
	    LEVEL_GOOD);
	assert_int_equal(level_of_keyed(check, own(401, "none"), "Bearer",
			     "does not reach"),
	    LEVEL_BAD);
	assert_int_equal(level_of_keyed(check, page(401), "Basic",
			     "web server itself"),
	    LEVEL_UNKNOWN);
	assert_int_equal(level_of_keyed(check, own(403, "off"), NULL, "no key"),
	    LEVEL_UNKNOWN);
	assert_int_equal(level_of_keyed(check, own(501, "CGI"), NULL,
			     "without topics"),
	    LEVEL_UNKNOWN);
}

static const char bearer[] = "WWW-Authenticate: Bearer\r\n";

static void
test_posts(void **state)
{
	static const int statuses[] = { 403, 405, 503 };
	struct sample    wrong = own(400, "count"), sample;
	struct seen      seen = { .wrong = &wrong, .keyless = &sample };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		sample = page(statuses[i]);
		assert_int_equal(judge_level(CHECK_POSTS, &seen,
				     "the web server itself answers"),
		    LEVEL_BAD);
		assert_int_equal(judge_level(CHECK_REFUSED_PUBLISH, &seen,
				     NULL),
		    -1);
		sample_deinit(&sample);
	}
	/* Its own refusal, behind a page of the web server's. */
	sample = page(403);
	sample_take_field(&sample, bearer, strlen(bearer));
	assert_int_equal(judge_level(CHECK_POSTS, &seen, NULL), -1);
	sample_deinit(&sample);
	sample = own(400, "no topic");
	assert_int_equal(judge_level(CHECK_POSTS, &seen, "the body"),
	    LEVEL_BAD);
	sample_deinit(&sample);
	sample = SAMPLE_EMPTY;
	sample.is_stopped = true;
	assert_int_equal(judge_level(CHECK_POSTS, &seen, "no answer"),
	    LEVEL_BAD);
	assert_int_equal(judge_level(CHECK_REFUSED_PUBLISH, &seen, NULL), -1);
	sample = own(401, "a key");
	assert_int_equal(judge_level(CHECK_POSTS, &seen, NULL), LEVEL_GOOD);
	sample_deinit(&sample);
	sample_deinit(&wrong);
}

static void
test_refused_publish(void **state)
{
	static const struct {
		long        status;
		const char *type;
		const char *body;
		int         level;
	} cases[] = {
		{ 401, "text/plain", "401 Unauthorized: a key\n", LEVEL_GOOD },
		{ 403, "text/plain", "403 Forbidden: off\n", LEVEL_GOOD },
		{ 403, "text/html", "<html>Forbidden</html>", LEVEL_BAD },
		{ 501, "text/plain", "Not Implemented", LEVEL_BAD },
		{ 401, "text/html", "<html>Password?</html>", LEVEL_UNKNOWN },
		{ 302, "text/html", "", LEVEL_UNKNOWN },
		{ 503, "text/html", "<html>Later</html>", LEVEL_UNKNOWN },
		{ 200, "text/plain", "urn:uuid:1", LEVEL_NOTE },
	};
	struct sample sample;
	size_t        i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sample = answer(cases[i].status, cases[i].type, cases[i].body);
		assert_int_equal(judge_level(CHECK_REFUSED_PUBLISH,
				     &(struct seen){ .keyless = &sample },
				     NULL),
		    cases[i].level);
		sample_deinit(&sample);
	}
	sample = page(401);
	sample_take_field(&sample, bearer, strlen(bearer));
	assert_int_equal(judge_level(CHECK_REFUSED_PUBLISH,
			     &(struct seen){ .keyless = &sample },
			     "a page of its own with 401"),
	    LEVEL_BAD);
	sample_deinit(&sample);
	sample = SAMPLE_EMPTY;
	sample.problem = "Empty reply";
	assert_int_equal(judge_level(CHECK_REFUSED_PUBLISH,
			     &(struct seen){ .keyless = &sample },
			     "Empty reply"),
	    LEVEL_BAD);
}

static void
test_topics(void **state)
{
	struct sample with = own(401, "no key"), page_of_server = page(500);
	struct sample cgi = own(501, "a CGI program answers one request");
	struct sample several = own(501, "several processes serve this");

	(void)state;
	assert_int_equal(judge_level(CHECK_TOPICS,
			     &(struct seen){ .keyless = &with }, NULL),
	    LEVEL_GOOD);
	assert_int_equal(judge_level(CHECK_TOPICS,
			     &(struct seen){ .keyless = &cgi }, NULL),
	    LEVEL_NOTE);
	assert_int_equal(judge_level(CHECK_TOPICS,
			     &(struct seen){ .keyless = &several },
			     "several processes"),
	    LEVEL_BAD);
	assert_int_equal(judge_level(CHECK_TOPICS,
			     &(struct seen){ .keyless = &page_of_server },
			     NULL),
	    -1);
	sample_deinit(&with);
	sample_deinit(&cgi);
	sample_deinit(&several);
	sample_deinit(&page_of_server);
}

static int
level_of_large(struct sample large, const char *words)
{
	struct sample keyless = own(401, "no key");
	struct seen   seen = { .keyless = &keyless, .large = &large };
	int           level = judge_level(CHECK_POST_LIMIT, &seen, words);

	sample_deinit(&keyless);
	sample_deinit(&large);
	return level;
}

static void
test_post_limit(void **state)
{
	struct sample slow = SAMPLE_EMPTY, closed = SAMPLE_EMPTY;

	(void)state;
	assert_int_equal(level_of_large(own(401, "no key"), "gets through"),
	    LEVEL_GOOD);
	assert_int_equal(level_of_large(own(413, "max-body"), "says itself"),
	    LEVEL_GOOD);
	assert_int_equal(level_of_large(page(413), "answers 413"), LEVEL_BAD);
	assert_int_equal(level_of_large(page(500), "answers 500"), LEVEL_BAD);
	closed.problem = "Connection reset";
	assert_int_equal(level_of_large(closed, "Connection reset"),
	    LEVEL_UNKNOWN);
	slow.is_stopped = true;
	assert_int_equal(level_of_large(slow, "too long"), LEVEL_UNKNOWN);
}

static void
test_host(void **state)
{
	struct sample paged = own(403, "its origin http://a is not the host");
	struct seen   seen = { .paged = &paged };

	(void)state;
	assert_int_equal(judge_level(CHECK_HOST, &seen, "the site's own pages"),
	    LEVEL_BAD);
	seen.is_https = true;
	assert_int_equal(judge_level(CHECK_HOST, &seen, NULL), LEVEL_NOTE);
	sample_deinit(&paged);
	paged = own(401, "a key");
	assert_int_equal(judge_level(CHECK_HOST, &seen, NULL), LEVEL_GOOD);
	sample_deinit(&paged);
	paged = page(403);
	assert_int_equal(judge_level(CHECK_HOST, &seen, NULL), -1);
	sample_deinit(&paged);
}

static void
test_header_limit(void **state)
{
	static const char arrived[] =
	    "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n";
	struct sample keyed = own(401, "a key"), with_long = own(401, "a key");
	struct seen   seen = { .keyed = &keyed, .long_keyed = &with_long };

	(void)state;
	sample_take_field(&keyed, arrived, strlen(arrived));
	assert_int_equal(judge_level(CHECK_HEADER_LIMIT, &seen,
			     "and a short one does"),
	    LEVEL_BAD);
	sample_take_field(&with_long, arrived, strlen(arrived));
	assert_int_equal(judge_level(CHECK_HEADER_LIMIT, &seen, NULL),
	    LEVEL_GOOD);
	sample_deinit(&with_long);
	with_long = page(431);
	assert_int_equal(judge_level(CHECK_HEADER_LIMIT, &seen, "answers 431"),
	    LEVEL_BAD);
	/* A client that was shut out learns nothing of limits. */
	seen.connection_status = 431;
	seen.has_connections = true;
	assert_int_equal(judge_level(CHECK_HEADER_LIMIT, &seen, "shut this"),
	    LEVEL_UNKNOWN);
	seen.connection_status = 503;
	assert_int_equal(judge_level(CHECK_HEADER_LIMIT, &seen, "answers 431"),
	    LEVEL_BAD);
	/* What bars a short one, too, is no limit. */
	sample_deinit(&keyed);
	keyed = page(403);
	assert_int_equal(judge_level(CHECK_HEADER_LIMIT, &seen, NULL), -1);
	sample_deinit(&keyed);
	sample_deinit(&with_long);
}

static void
test_cookies(void **state)
{
	static const char challenge[] =
	    "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n";
	struct sample cookie = own(401, "a token is needed");
	struct seen   seen = { .cookie = &cookie };

	(void)state;
	assert_int_equal(judge_level(CHECK_COOKIES, &seen, "do not"),
	    LEVEL_BAD);
	sample_take_field(&cookie, challenge, strlen(challenge));
	assert_int_equal(judge_level(CHECK_COOKIES, &seen, "reach"),
	    LEVEL_GOOD);
	sample_deinit(&cookie);
	cookie = answer(200, "text/event-stream", ":\n");
	assert_int_equal(judge_level(CHECK_COOKIES, &seen, "matter"),
	    LEVEL_UNKNOWN);
	sample_deinit(&cookie);
}

static void
test_http_version(void **state)
{
	struct sample plain = SAMPLE_EMPTY;
	struct seen   seen = { .plain = &plain };

	(void)state;
	plain.http_major = 1;
	assert_int_equal(judge_level(CHECK_HTTP_VERSION, &seen, "https only"),
	    LEVEL_GOOD);
	seen.is_https = true;
	assert_int_equal(judge_level(CHECK_HTTP_VERSION, &seen, "six"),
	    LEVEL_BAD);
	plain.http_major = 2;
	assert_int_equal(judge_level(CHECK_HTTP_VERSION, &seen, "HTTP/2"),
	    LEVEL_GOOD);
}

static void
test_streams_at_once(void **state)
{
	static const struct {
		enum front front;
		size_t     count;
		int        level;
	} cases[] = {
		{ FRONT_NGINX, 30, LEVEL_GOOD },
		{ FRONT_NGINX, 29, LEVEL_BAD },
		{ FRONT_LIGHTTPD, 8, LEVEL_NOTE },
		{ FRONT_APACHE_PROXY, 6, LEVEL_NOTE },
		{ FRONT_APACHE_PROXY, 5, LEVEL_BAD },
		{ FRONT_UNKNOWN, 0, LEVEL_BAD },
	};
	struct seen seen = { .has_at_once = true };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		seen.fronts.outer = cases[i].front;
		seen.at_once_count = cases[i].count;
		assert_int_equal(judge_level(CHECK_STREAMS_AT_ONCE, &seen,
				     "of 30 streams"),
		    cases[i].level);
	}
}

static void
test_lost_client(void **state)
{
	static const struct {
		enum lost  lost;
		int64_t    lost_ms;
		enum front front;
		int        level;
	} cases[] = {
		{ LOST_NOTICED, 2, FRONT_NGINX, LEVEL_GOOD },
		{ LOST_NOTICED, 1010, FRONT_NGINX, LEVEL_BAD },
		{ LOST_NOTICED, 1010, FRONT_APACHE_PROXY, LEVEL_GOOD },
		{ LOST_NOTICED, 1510, FRONT_HAPROXY, LEVEL_BAD },
		{ LOST_NOTICED, 2010, FRONT_CADDY, LEVEL_NOTE },
		{ LOST_UNNOTICED, 5000, FRONT_CADDY, LEVEL_BAD },
		{ LOST_UNASKED, 0, FRONT_NGINX, LEVEL_UNKNOWN },
		{ LOST_BUSY, 100, FRONT_NGINX, LEVEL_UNKNOWN },
	};
	struct seen seen = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		seen.fronts.inner = seen.fronts.outer = cases[i].front;
		seen.lost = cases[i].lost;
		seen.lost_us = cases[i].lost_ms * 1000;
		assert_int_equal(judge_level(CHECK_LOST_CLIENT, &seen, NULL),
		    cases[i].level);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authorization),
		cmocka_unit_test(test_posts),
		cmocka_unit_test(test_refused_publish),
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_post_limit),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_http_version),
		cmocka_unit_test(test_streams_at_once),
		cmocka_unit_test(test_lost_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
