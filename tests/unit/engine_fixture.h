#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/options.h"
#include "process/engine.h"

/*
 * The whole engine, with the options' defaults, no socket, and clocks that
 * stand still until a test moves them. The fuzzers use this too, so whatever
 * fails ends the process.
 */
extern struct engine  engine;
extern struct options engine_options;

/* 2026-11-20T19:56:10.000Z, and the monotonic clock. */
extern int64_t engine_wall_ms;
extern int64_t engine_hand_us;

/* args, ended by NULL, is what the command line would have. */
void engine_set_up(const char *const *args);
void engine_tear_down(void);

/* What is asked, as struct call has it. */
struct engine_request {
	char *const *env;
	const char  *body;
	size_t       body_bytes;
	bool         is_body_cut;
	bool         is_cgi;
};

/* A call that asks it. */
struct call *engine_call(const struct engine_request *);

/* What a request was answered; its stream, if there is one, is not opened. */
struct engine_answer {
	char  *bytes; /* with a NUL behind them */
	size_t len_bytes;
	bool   is_stream;
};

struct engine_answer engine_answer(const struct engine_request *);
void                 engine_answer_free(struct engine_answer *);

#endif
