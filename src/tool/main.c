/*
 * fcgi-sse-publish: publishes events, as fcgi-sse publish. A program
 * of its own, so that the responder need not load libcurl.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/key_file.h"
#include "base/log.h"
#include "tool/arguments.h"
#include "tool/client.h"
#include "tool/input.h"
#include "tool/json.h"
#include "tool/report.h"
#include "tool/store_client.h"

#define EXIT_ACCEPTED 0
#define EXIT_REFUSED 1
#define EXIT_USAGE 2

/* What becomes of the events. */
struct run {
	const struct arguments *arguments;
	struct client          *client; /* to a server, */
	struct store_client    *store;  /* or to a store; the other is NULL */
	struct buf              text;
	bool                    has_failed;
	bool                    has_noted;
	bool                    is_over; /* no further event would get there */
};

static void
fail(struct run *run, size_t line_number, const char *why)
{
	report(line_number, "%s", why);
	run->has_failed = true;
}

static void
fail_input(struct run *run)
{
	report(0, "standard input: %s", strerror(errno));
	run->has_failed = true;
}

/* The reader of the ids may have ended; then nothing more is published. */
static void
print_id(struct run *run, const char *id)
{
	if (run->arguments->is_quiet)
		return;
	if (printf("%s\n", id) < 0 || fflush(stdout) == EOF) {
		report(0, "standard output: %s", strerror(errno));
		run->has_failed = true;
		run->is_over = true;
	}
}

static void
publish(struct run *run, const struct publication *publication,
    size_t line_number)
{
	const char        *note = NULL;
	enum client_result result;

	result = run->store != NULL ?
	    store_client_publish(run->store, publication, &run->text) :
	    client_publish(run->client, publication, &run->text);
	switch (result) {
	case CLIENT_ACCEPTED:
		print_id(run, run->text.data);
		if (run->client != NULL)
			note = client_note(run->client);
		if (note != NULL && !run->has_noted)
			report(line_number, "%s", note);
		run->has_noted = run->has_noted || note != NULL;
		break;
	case CLIENT_HOPELESS:
		run->is_over = true;
		/* FALLTHROUGH */
	case CLIENT_REFUSED:
		fail(run, line_number, run->text.data);
		break;
	}
}

static void
publish_line(struct run *run, const char *line, size_t len_bytes,
    size_t line_number)
{
	struct publication publication = run->arguments->publication;

	publication.data = line;
	publication.data_bytes = len_bytes;
	publish(run, &publication, line_number);
}

static void
publish_json(struct run *run, const char *line, size_t len_bytes,
    size_t line_number)
{
	struct json_publication json;
	char                    error[JSON_ERROR_BYTES_MAX];

	if (json_publication_init(&json, &run->arguments->publication, line,
		len_bytes, error) == -1) {
		fail(run, line_number, error);
		return;
	}
	publish(run, &json.publication, line_number);
	json_publication_deinit(&json);
}

static bool
is_blank(const char *line, size_t len_bytes)
{
	while (len_bytes > 0 && strchr(" \t\r", line[len_bytes - 1]) != NULL)
		len_bytes--;
	return len_bytes == 0;
}

/*
 * Whether the line is what a web server logs about our own requests: to publish
 * it would make the next one.
 */
static bool
is_own_request(const char *line, size_t len_bytes)
{
	return memmem(line, len_bytes, CLIENT_NAME, strlen(CLIENT_NAME)) !=
	    NULL;
}

/* Each line of standard input. */
static void
publish_lines(struct run *run, struct input *input)
{
	bool              is_json = run->arguments->source == SOURCE_NDJSON;
	const char       *line;
	size_t            len_bytes;
	enum input_result result;

	while (!run->is_over &&
	    (result = input_read_line(input, &line, &len_bytes)) != INPUT_END) {
		if (result == INPUT_FAILED) {
			fail_input(run);
			break;
		}
		if (result == INPUT_TOO_LONG)
			fail(run, input->line_number, "longer than 64 MiB");
		else if (is_own_request(line, len_bytes))
			continue;
		else if (!is_json)
			publish_line(run, line, len_bytes, input->line_number);
		else if (!is_blank(line, len_bytes))
			publish_json(run, line, len_bytes, input->line_number);
	}
}

/* All of standard input is one event. */
static void
publish_input(struct run *run, struct input *input)
{
	const char *text;
	size_t      len_bytes;

	switch (input_read_all(input, &text, &len_bytes)) {
	case INPUT_FAILED:
		fail_input(run);
		break;
	case INPUT_TOO_LONG:
		fail(run, 0, "standard input is longer than 64 MiB");
		break;
	default:
		publish_line(run, text, len_bytes, 0);
		break;
	}
}

static int
publish_all(struct run *run)
{
	const struct arguments *arguments = run->arguments;
	struct input            input;

	input_init(&input, STDIN_FILENO);
	switch (arguments->source) {
	case SOURCE_ARGUMENT:
		publish(run, &arguments->publication, 0);
		break;
	case SOURCE_STDIN:
		publish_input(run, &input);
		break;
	case SOURCE_LINES:
	case SOURCE_NDJSON:
		publish_lines(run, &input);
		break;
	}
	input_deinit(&input);
	buf_deinit(&run->text);
	return run->has_failed ? EXIT_REFUSED : EXIT_ACCEPTED;
}

static int
run_to_server(const struct arguments *arguments)
{
	struct run run = { .arguments = arguments };
	char      *key = NULL;
	int        status = EXIT_REFUSED;

	if (arguments->key_file != NULL)
		key = arguments_read_key(arguments);
	if (arguments->key_file == NULL || key != NULL) {
		run.client = client_new(&arguments->target, key,
		    arguments->timeout_ms, arguments->retry_ms);
		status = publish_all(&run);
		client_free(run.client);
	}
	key_file_free(key);
	return status;
}

/* What the store itself logs is told by the reports, too. */
static int
run_to_store(const struct arguments *arguments)
{
	struct run run = { .arguments = arguments };
	int        status = EXIT_REFUSED;

	log_init("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	run.store = store_client_new(arguments->store, arguments->timeout_ms,
	    arguments->retry_ms);
	if (run.store != NULL) {
		status = publish_all(&run);
		store_client_free(run.store);
	}
	log_deinit();
	return status;
}

int
main(int argc, char **argv)
{
	struct arguments arguments;
	int              status = EXIT_USAGE;

	/* A reader of the ids that went away is an error to be reported. */
	signal(SIGPIPE, SIG_IGN);
	switch (arguments_read(&arguments, argc, argv)) {
	case ARGUMENTS_RUN:
		status = arguments.store != NULL ? run_to_store(&arguments) :
						   run_to_server(&arguments);
		break;
	case ARGUMENTS_HELP:
		status = EXIT_ACCEPTED;
		break;
	case ARGUMENTS_USAGE:
		break;
	}
	arguments_deinit(&arguments);
	return status;
}
