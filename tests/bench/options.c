#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void
usage(void)
{
	fputs("usage: load --connect unix:PATH|HOST:PORT [--http]\n"
	      "            [--method M] [--path P] [--query Q] [--streams N]\n"
	      "            [--burst N] [--window SECONDS] [--quiet-ms MS]\n"
	      "            [--open-timeout SECONDS] [--pid PID]... [--held]\n"
	      "            [--last-event-id ID] [--updates] [--expect EVENTS]\n"
	      "            [--tokens FILE]\n",
	    stderr);
	exit(2);
}

static double
number_parse(const char *text, double max)
{
	char  *end;
	double number = strtod(text, &end);

	if (end == text || *end != '\0' || number < 0 || number > max)
		usage();
	return number;
}

static void
pid_add(struct options *o, const char *text)
{
	if (o->pid_count == PROCESS_MAX)
		usage();
	o->pids[o->pid_count++] = (pid_t)number_parse(text, 1 << 30);
}

static const struct option names[] = {
	{ "connect", required_argument, NULL, 'c' },
	{ "http", no_argument, NULL, 'h' },
	{ "method", required_argument, NULL, 'm' },
	{ "path", required_argument, NULL, 'p' },
	{ "query", required_argument, NULL, 'q' },
	{ "streams", required_argument, NULL, 'n' },
	{ "burst", required_argument, NULL, 'b' },
	{ "window", required_argument, NULL, 'w' },
	{ "quiet-ms", required_argument, NULL, 'Q' },
	{ "open-timeout", required_argument, NULL, 't' },
	{ "pid", required_argument, NULL, 'P' },
	{ "held", no_argument, NULL, 'H' },
	{ "last-event-id", required_argument, NULL, 'l' },
	{ "updates", no_argument, NULL, 'u' },
	{ "expect", required_argument, NULL, 'e' },
	{ "tokens", required_argument, NULL, 'T' },
	{ NULL, 0, NULL, 0 },
};

/* What is asked for, and what is to come. */
static bool
option_take_request(struct options *o, int name, const char *value)
{
	switch (name) {
	case 'm':
		o->request.method = value;
		return true;
	case 'p':
		o->request.path = value;
		return true;
	case 'q':
		o->request.query = value;
		return true;
	case 'l':
		o->request.last_event_id = value;
		return true;
	case 'u':
		o->has_updates = true;
		return true;
	case 'e':
		o->has_updates = true;
		o->is_counted = true;
		o->expected = (uint64_t)number_parse(value, 1e9);
		return true;
	default:
		return false;
	}
}

static void
option_take(struct options *o, int name, const char *value)
{
	switch (name) {
	case 'c':
		if (!address_parse(&o->address, value))
			usage();
		break;
	case 'h':
		o->framing = DECODER_HTTP;
		break;
	case 'n':
		o->streams = (unsigned)number_parse(value, 1e6);
		break;
	case 'b':
		o->burst = (unsigned)number_parse(value, 1e6);
		break;
	case 'w':
		o->window_s = number_parse(value, 3600);
		break;
	case 'Q':
		o->quiet_ms = (unsigned)number_parse(value, 1000);
		break;
	case 't':
		o->open_timeout_s = number_parse(value, 3600);
		break;
	case 'T':
		o->tokens = value;
		break;
	case 'H':
		o->is_held = true;
		break;
	case 'P':
		pid_add(o, value);
		break;
	default:
		usage();
	}
}

/* Reads a token a line, of which there have to be enough. */
static void
tokens_read(struct options *o)
{
	FILE  *file = fopen(o->tokens, "r");
	char  *line = NULL;
	size_t size = 0;

	o->authorizations = calloc(o->streams, sizeof(char *));
	for (unsigned i = 0; i < o->streams; i++) {
		if (file == NULL || getline(&line, &size, file) == -1 ||
		    asprintf(&o->authorizations[i], "Bearer %.*s",
			(int)strcspn(line, "\n"), line) == -1) {
			fprintf(stderr, "load: %s: too few tokens\n",
			    o->tokens);
			exit(2);
		}
	}
	free(line);
	fclose(file);
}

void
options_parse(struct options *o, int argc, char **argv)
{
	int name;

	*o = (struct options){
		.request = { .method = "GET", .path = "/clock", .query = "" },
		.framing = DECODER_FCGI,
		.streams = 1,
		.open_timeout_s = 20,
		.quiet_ms = 30,
	};
	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
		if (!option_take_request(o, name, optarg))
			option_take(o, name, optarg);
	if (optind != argc || o->address.len == 0)
		usage();
	if (o->tokens != NULL)
		tokens_read(o);
}
