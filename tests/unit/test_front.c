#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "tool/front.h"
#include "tool/judge.h"
#include "tool/reach.h"
#include "tool/sample.h"

static void
set(struct sample *sample, const char *line)
{
	sample_take_field(sample, line, strlen(line));
}

/* What is recognised by a page, the lines of a head, and an answer's text. */
static struct fronts
recognise(const char *page, const char *const *lines, const char *post_text)
{
	struct sample odd = SAMPLE_EMPTY, stream = SAMPLE_EMPTY,
		      post = SAMPLE_EMPTY;
	struct fronts fronts;

	odd.status = 400;
	buf_append_str(&odd.body, page);
	stream.http_major = 1;
	stream.status = 200;
	for (; *lines != NULL; lines++)
		set(&stream, *lines);
	set(&post, "Content-Type: text/plain\r\n");
	post.status = 501;
	buf_append_str(&post.body, post_text);
	fronts_recognise(&fronts, &odd, &stream, &post);
	sample_deinit(&odd);
	sample_deinit(&stream);
	sample_deinit(&post);
	return fronts;
}

#define HEAD(...)                 \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define TYPE "Content-Type: text/event-stream\r\n"
#define ACCEL "X-Accel-Buffering: no\r\n"
#define APACHE_PAGE \
	"<p>Your browser sent a request that this server could not understand."

static void
check_fronts(struct fronts fronts, enum front inner, enum front outer,
    bool is_said)
{
	assert_string_equal(front_name(fronts.inner), front_name(inner));
	assert_string_equal(front_name(fronts.outer), front_name(outer));
	assert_int_equal(fronts.is_said, is_said);
}

static void
test_by_page(void **state)
{
	static const char lighttpd[] =
	    "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<!DOCTYPE";

	(void)state;
	/* It hides its name, or has a false one. */
	check_fronts(recognise(lighttpd, HEAD(TYPE, ACCEL), ""), FRONT_LIGHTTPD,
	    FRONT_LIGHTTPD, false);
	check_fronts(recognise(lighttpd, HEAD(TYPE, ACCEL, "Server: nginx\r\n"),
			 ""),
	    FRONT_LIGHTTPD, FRONT_LIGHTTPD, false);
	check_fronts(recognise("400 Bad Request: malformed Host header",
			 HEAD(TYPE, ACCEL), ""),
	    FRONT_CADDY, FRONT_CADDY, false);
	check_fronts(recognise("<hr><center>nginx/1.22.1</center>", HEAD(TYPE),
			 ""),
	    FRONT_NGINX, FRONT_NGINX, false);
}

static void
test_by_head(void **state)
{
	(void)state;
	check_fronts(recognise("",
			 HEAD("content-type: text/event-stream\r\n",
			     "date: x\r\n", "x-accel-buffering: no\r\n"),
			 ""),
	    FRONT_HAPROXY, FRONT_HAPROXY, false);
	check_fronts(recognise("",
			 HEAD("Date: x\r\n",
			     "content-type: text/event-stream\r\n",
			     "x-accel-buffering: no\r\n"),
			 ""),
	    FRONT_H2O, FRONT_H2O, false);
	check_fronts(recognise("", HEAD(TYPE), ""), FRONT_NGINX, FRONT_NGINX,
	    false);
	check_fronts(recognise("", HEAD(TYPE, ACCEL, "Server: Caddy\r\n"), ""),
	    FRONT_CADDY, FRONT_CADDY, true);
	check_fronts(recognise("", HEAD(TYPE, ACCEL, "Server: me\r\n"), ""),
	    FRONT_UNKNOWN, FRONT_UNKNOWN, true);
}

static void
test_modules_of_apache(void **state)
{
	(void)state;
	check_fronts(recognise(APACHE_PAGE, HEAD(TYPE, ACCEL),
			 "501 Not Implemented: mod_fcgid has"),
	    FRONT_APACHE_FCGID, FRONT_APACHE_FCGID, false);
	check_fronts(recognise(APACHE_PAGE,
			 HEAD(TYPE, ACCEL, "Server: Apache/2.4\r\n"),
			 "501 Not Implemented: a CGI program"),
	    FRONT_APACHE_CGI, FRONT_APACHE_CGI, false);
	check_fronts(recognise(APACHE_PAGE, HEAD(TYPE, ACCEL), "501 Other"),
	    FRONT_APACHE_PROXY, FRONT_APACHE_PROXY, false);
	check_fronts(recognise(APACHE_PAGE, HEAD(TYPE, ACCEL),
			 "401 Unauthorized: no key"),
	    FRONT_APACHE, FRONT_APACHE, false);
	check_fronts(recognise(APACHE_PAGE, HEAD(TYPE, ACCEL), "<html>"),
	    FRONT_APACHE, FRONT_APACHE, false);
}

static void
test_one_behind_another(void **state)
{
	(void)state;
	check_fronts(recognise("",
			 HEAD(TYPE, ACCEL, "Server: lighttpd/1.4\r\n",
			     "X-Varnish: 32770\r\n"),
			 ""),
	    FRONT_LIGHTTPD, FRONT_VARNISH, false);
	check_fronts(recognise(APACHE_PAGE,
			 HEAD(TYPE, ACCEL, "Server: lighttpd/1.4\r\n"), ""),
	    FRONT_LIGHTTPD, FRONT_APACHE_PROXY, false);
	check_fronts(recognise(APACHE_PAGE,
			 HEAD("content-type: text/event-stream\r\n",
			     "date: x\r\n", "server: Apache\r\n"),
			 "501 Not Implemented: mod_fcgid has"),
	    FRONT_APACHE_FCGID, FRONT_HAPROXY, false);
}

/* Whatever is wrong, there is something to be said to it. */
static void
test_advice(void **state)
{
	const struct advice *advice;
	size_t               count;

	(void)state;
	for (int check = 0; check < CHECK_COUNT; check++) {
		for (int front = 0; front < FRONT_COUNT; front++) {
			advice = advice_find((enum check)check,
			    (enum front)front, &count);
			assert_non_null(advice);
			assert_true(count >= 1);
			for (size_t i = 0; i < count; i++) {
				assert_int_equal(advice[i].check, check);
				assert_int_equal(advice[i].front,
				    advice[0].front);
			}
		}
	}
	advice = advice_find(CHECK_IDLE, FRONT_HAPROXY, &count);
	assert_int_equal(count, 2);
	assert_string_equal(advice[1].directive, "timeout client");
	advice = advice_find(CHECK_AUTHORIZATION, FRONT_APACHE_CGI, &count);
	assert_string_equal(advice->directive, "CGIPassAuth On");
}

/* Reaching it. */

static void
check_reach(const struct sample *sample, const char *words)
{
	struct buf problem = { 0 };
	bool       is_reached = reach_judge(sample, "http://localhost/sse/",
		  &problem);

	assert_int_equal(is_reached, words == NULL);
	buf_append(&problem, "", 1);
	if (words != NULL && strstr(problem.data, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, problem.data);
	buf_deinit(&problem);
}

static void
test_no_answer(void **state)
{
	struct sample sample = SAMPLE_EMPTY;

	(void)state;
	sample.code = CURLE_COULDNT_CONNECT;
	sample.os_error = ECONNREFUSED;
	check_reach(&sample, "Connection refused; no web server listens");
	sample.code = CURLE_PEER_FAILED_VERIFICATION;
	sample.problem = "self-signed certificate";
	check_reach(&sample, "TLS: self-signed certificate; ");
	check_reach(&sample, "--insecure accepts it");
	sample.code = CURLE_COULDNT_RESOLVE_HOST;
	sample.problem = "no such host";
	check_reach(&sample, "http://localhost/sse/: no such host");
}

static void
test_other_answers(void **state)
{
	struct sample sample = SAMPLE_EMPTY;

	(void)state;
	sample.status = 502;
	check_reach(&sample, "502: the web server cannot reach fcgi-sse");
	sample.status = 301;
	set(&sample, "Location: https://example.org/\r\n");
	check_reach(&sample, "a redirection to https://example.org/");
	sample.status = 200;
	set(&sample, "Content-Type: text/html\r\n");
	check_reach(&sample, "no fcgi-sse that answers there, with text/html");
	/* Some other event stream. */
	set(&sample, "Content-Type: text/event-stream\r\n");
	check_reach(&sample, "is not fcgi-sse's");
	sample_add_event(&sample, 1, "", "1", "x");
	check_reach(&sample, NULL);
	sample_deinit(&sample);
	sample.status = 404;
	set(&sample, "Content-Type: text/plain\r\n");
	buf_append_str(&sample.body, "404 Not Found: /x/counter. If\nmore");
	check_reach(&sample, "counter?count=1: 404 Not Found: /x/counter. If");
	sample_deinit(&sample);
}

static void
test_sample(void **state)
{
	struct sample sample = SAMPLE_EMPTY;

	(void)state;
	set(&sample, "HTTP/1.1 100 Continue\r\n");
	set(&sample, "SERVER:  \t one \r\n");
	assert_string_equal(sample.server, "one");
	set(&sample, "HTTP/1.1 200 OK\r\n");
	assert_null(sample.server);
	set(&sample, "no colon\r\n");
	set(&sample, ":\r\n");
	set(&sample, "Via:\r\n");
	assert_string_equal(sample.via, "");
	sample_add_event(&sample, 5, "", "x9", "2026-11-20T19:56:09.731Z");
	sample_add_event(&sample, 5, "end", "9", "2026-11-20T19:56:10.000Z");
	sample_add_event(&sample, 5, "", "", "2026-11-20T19:56");
	assert_int_equal(sample.events[1].stamp_us - sample.events[0].stamp_us,
	    269000);
	assert_int_equal(sample.events[0].num, 0);
	assert_int_equal(sample.events[1].num, 9);
	assert_true(sample.events[1].is_end);
	assert_int_equal(sample.events[2].stamp_us, -1);
	sample_deinit(&sample);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_page),
		cmocka_unit_test(test_by_head),
		cmocka_unit_test(test_modules_of_apache),
		cmocka_unit_test(test_one_behind_another),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_other_answers),
		cmocka_unit_test(test_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
