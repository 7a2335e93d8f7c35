/*
 * Requests: whatever the variables and the body, the answer is well-formed.
 *
 * The first byte has flags; then come variables, NAME=value, each with a NUL
 * behind it, up to an empty one, and then the body.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/answer_check.h"
#include "../unit/engine_fixture.h"
#include "http/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define VARIABLES_MAX 64

#define IS_CGI 1
#define IS_BODY_CUT 2

static void
check(const struct engine_request *request)
{
	struct engine_answer answer = engine_answer(request);
	struct call         *call = engine_call(request);
	const char          *method = call_env(call, "REQUEST_METHOD");
	bool        is_head = method != NULL && strcmp(method, "HEAD") == 0;
	const char *problem;

	problem = answer_problem(answer.bytes, answer.len_bytes, is_head);
	if (problem != NULL) {
		fprintf(stderr, "%s:\n%s\n", problem, answer.bytes);
		abort();
	}
	if (is_head && answer.is_stream)
		abort();
	engine_answer_free(&answer);
	call_free(call);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char                 *copy, *at, *end, *env[VARIABLES_MAX + 1];
	size_t                count = 0;
	struct engine_request request = { .env = env };

	if (size < 1)
		return 0;
	copy = at = malloc(size + 1);
	end = copy + size;
	*end = '\0';
	memcpy(copy, data, size);
	request.is_cgi = (*at & IS_CGI) != 0;
	request.is_body_cut = (*at & IS_BODY_CUT) != 0;
	at++;
	while (at < end && *at != '\0' && count < VARIABLES_MAX) {
		if (strchr(at, '=') != NULL)
			env[count++] = at;
		at += strlen(at) + 1;
	}
	env[count] = NULL;
	if (at + 1 < end) {
		request.body = at + 1;
		request.body_bytes = (size_t)(end - at - 1);
	}
	engine_set_up((const char *const[]){ "--allow-origin",
	    "https://one.example", "--status", "--public-topic", "chat",
	    NULL });
	check(&request);
	/* The same once more, on what the first has left behind. */
	check(&request);
	engine_tear_down();
	free(copy);
	return 0;
}
