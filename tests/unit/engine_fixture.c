#include "engine_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "auth/token_keys.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/call.h"
#include "http/router.h"
#include "process/keys.h"
#include "process/store_choice.h"

#define ARGS_MAX 8
#define DESCRIPTORS_MAX 1000

/* Far more than an answer of the store in memory takes. */
#define TURNS_MAX 1000
#define PUBLISH_KEY "secret\n"

struct engine  engine;
struct options engine_options;
int64_t        engine_wall_ms;
int64_t        engine_hand_us;

static int64_t
hand_wall_ms(void)
{
	return engine_wall_ms;
}

static int64_t
hand_now_us(void)
{
	return engine_hand_us;
}

void
engine_set_up(const char *const *args)
{
	char  name[] = "fcgi-sse";
	char *argv[ARGS_MAX + 2] = { name };
	int   argc = 1;
	char  publish_key[] = PUBLISH_KEY;
	char  memory[] = "memory";

	const struct token_key_sources no_sources = { 0 };
	struct keys                    keys = { .publish = publish_key };
	struct store_choice choice = { .url = memory, .why = "test" };

	for (; *args != NULL && argc <= ARGS_MAX; args++)
		argv[argc++] = strdup(*args);
	if (setenv("TZ", "UTC", 1) == -1 ||
	    log_init("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG) == -1 ||
	    options_load(&engine_options, argc, argv, NULL) != OPTIONS_RUN)
		abort();
	while (argc > 1)
		free(argv[--argc]);
	engine_wall_ms = 1795204570000;
	engine_hand_us = 1000000;
	keys.tokens = token_keys_new(&no_sources, NULL);
	engine_init(&engine, &engine_options, &choice, &keys, DESCRIPTORS_MAX);
	engine.turns.now_us = hand_now_us;
	engine.wall_ms = hand_wall_ms;
	engine.routing.clock.wall_ms = hand_wall_ms;
	engine.routing.publish.wall_ms = hand_wall_ms;
	engine.routing.bearer.wall_ms = hand_wall_ms;
	engine.streams.wall_ms = hand_wall_ms;
}

void
engine_tear_down(void)
{
	engine_deinit(&engine);
	options_deinit(&engine_options);
	log_deinit();
}

struct call *
engine_call(const struct engine_request *request)
{
	struct call *call = call_new();

	call_set_env(call, request->env);
	if (request->body_bytes > 0) {
		call->body = mem_alloc(request->body_bytes);
		memcpy(call->body, request->body, request->body_bytes);
		call->body_bytes = request->body_bytes;
	}
	call->is_body_cut = request->is_body_cut;
	call->is_cgi = request->is_cgi;
	return call;
}

/* The call that is yet to be answered. */
static struct call *late_call;

static void
on_late_answer(struct call *call)
{
	if (call == late_call)
		late_call = NULL;
}

struct engine_answer
engine_answer(const struct engine_request *request)
{
	struct engine_answer copy;
	struct call         *call = engine_call(request);
	struct answer       *answer = &call->answer;
	int                  i;

	call->on_answer = on_late_answer;
	call->asker = call;
	late_call = router_run(&engine.routing.router, call) ? NULL : call;
	for (i = 0; late_call != NULL && i < TURNS_MAX; i++)
		uv_run(&engine.loop, UV_RUN_NOWAIT);
	if (late_call != NULL)
		abort();
	copy.len_bytes = answer->bytes.len_bytes;
	buf_append(&answer->bytes, "", 1);
	copy.bytes = answer->bytes.data;
	answer->bytes = (struct buf){ 0 };
	copy.is_stream = answer->streams != NULL;
	call_free(call);
	return copy;
}

void
engine_answer_free(struct engine_answer *answer)
{
	free(answer->bytes);
}
