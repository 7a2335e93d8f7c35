#include "router_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_check.h"

#define VARS_MAX 8

static struct engine_answer last;

int
router_set_up(void **state)
{
	(void)state;
	engine_set_up(NO_VARS);
	return 0;
}

int
router_tear_down(void **state)
{
	(void)state;
	engine_answer_free(&last);
	last.bytes = NULL;
	engine_tear_down();
	return 0;
}

const struct engine_answer *
ask(const char *method, const char *path, const char *const *vars)
{
	char        text[3][1024];
	const char *env[VARS_MAX + 4] = { text[0], text[1], text[2] };
	const char *query = strchr(path, '?'), *problem;
	size_t      count = 3;

	snprintf(text[0], sizeof(text[0]), "REQUEST_METHOD=%s", method);
	snprintf(text[1], sizeof(text[1]), "SCRIPT_NAME=%.*s",
	    (int)strcspn(path, "?"), path);
	snprintf(text[2], sizeof(text[2]), "QUERY_STRING=%s",
	    query == NULL ? "" : query + 1);
	for (; *vars != NULL; vars++) {
		assert_true(count < VARS_MAX + 3);
		env[count++] = *vars;
	}
	engine_answer_free(&last);
	last = engine_answer(&(struct engine_request){
	    .env = (char *const *)env });
	problem = answer_problem(last.bytes, last.len_bytes,
	    strcmp(method, "HEAD") == 0);
	if (problem != NULL)
		fail_msg("%s %s: %s:\n%s", method, path, problem, last.bytes);
	return &last;
}

const char *
body(void)
{
	return last.bytes + answer_head_bytes(last.bytes, last.len_bytes);
}

void
assert_field(const char *name, const char *value)
{
	char found[ANSWER_VALUE_BYTES_MAX];

	if (!answer_find_field(last.bytes, last.len_bytes, name, found))
		fail_msg("no %s in:\n%s", name, last.bytes);
	assert_string_equal(found, value);
}

void
assert_no_field(const char *name)
{
	char found[ANSWER_VALUE_BYTES_MAX];

	if (answer_find_field(last.bytes, last.len_bytes, name, found))
		fail_msg("a %s in:\n%s", name, last.bytes);
}

void
assert_status(const char *status)
{
	if (strncmp(status, "200", 3) == 0)
		assert_no_field("Status");
	else
		assert_field("Status", status);
}

void
assert_text(const char *status, const char *line)
{
	char text[1024], length[32];

	assert_status(status);
	snprintf(text, sizeof(text), "%s\n", line);
	assert_string_equal(body(), text);
	snprintf(length, sizeof(length), "%zu", strlen(text));
	assert_field("Content-Length", length);
	assert_field("Content-Type", "text/plain; charset=utf-8");
	assert_field("Cache-Control", "no-store");
	assert_field("X-Content-Type-Options", "nosniff");
	assert_false(last.is_stream);
}

void
assert_stream(const char *frames)
{
	assert_status("200 OK");
	assert_field("Content-Type", "text/event-stream");
	assert_field("Cache-Control", "no-cache, no-store, no-transform");
	assert_field("X-Accel-Buffering", "no");
	assert_field("Incremental", "?1");
	assert_no_field("Content-Length");
	assert_string_equal(body(), frames);
	/* Caddy decides by the first write whether it compresses. */
	assert_true(last.len_bytes < 512);
}

void
assert_head_alike(const char *path, const char *const *vars)
{
	size_t head_bytes;
	char  *bytes;

	ask("GET", path, vars);
	head_bytes = answer_head_bytes(last.bytes, last.len_bytes);
	bytes = strndup(last.bytes, head_bytes);
	ask("HEAD", path, vars);
	assert_string_equal(last.bytes, bytes);
	assert_false(last.is_stream);
	free(bytes);
}
