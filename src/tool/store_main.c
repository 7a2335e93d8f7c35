/*
 * fcgi-sse-store: looks at a store and copies it, as fcgi-sse store. A program
 * of its own, so that the responder need not carry it.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pure/duration.h"
#include "tool/report.h"
#include "tool/store_check.h"
#include "tool/store_copy.h"
#include "tool/store_session.h"

#define EXIT_SOUND 0
#define EXIT_WRONG 1
#define EXIT_USAGE 2

#define TIMEOUT_MS 10000
#define TIMEOUT_MS_MAX 3600000

static const char help[] =
    "Usage: fcgi-sse store check [OPTION]... [URL]\n"
    "       fcgi-sse store copy [OPTION]... FROM [TO]\n"
    "Says what a store holds and whether it is sound, or copies its events,\n"
    "with their positions, ids and rights, to a store that is empty.\n"
    "\n"
    "A URL is sqlite:FILE, redis://HOST or redis+unix:PATH; the last one may\n"
    "stand in " STORE_URL_VARIABLE " instead.\n"
    "\n"
    "  --timeout TIME    how long to wait for a store's answer (default 10s)\n"
    "  --help            print this and exit\n"
    "\n"
    "Exit status: 0 the store is sound, or all was copied; 1 something is\n"
    "wrong, also a setting that endangers events; 2 usage.\n";

static int
refuse_word(const char *word)
{
	report(0,
	    "\"%s\" is no command; there are check and copy; see fcgi-sse "
	    "store --help",
	    word);
	return EXIT_USAGE;
}

static int
refuse(const char *why)
{
	report(0, "%s; see fcgi-sse store --help", why);
	return EXIT_USAGE;
}

/* The command and its stores. */
static int
run(char **words, int count, int64_t timeout_ms)
{
	const char *last = store_session_default_url();
	int         result = 0;

	if (count == 0)
		return refuse("check or copy is missing");
	for (int i = 1; i < count; i++)
		store_session_warn(words[i]);
	if (strcmp(words[0], "check") == 0) {
		last = count > 1 ? words[1] : last;
		if (last == NULL || count > 2)
			return refuse("check takes one store: its URL, such "
				      "as sqlite:FILE");
		result = store_check(last, timeout_ms);
	} else if (strcmp(words[0], "copy") == 0) {
		last = count > 2 ? words[2] : last;
		if (count < 2 || last == NULL || count > 3)
			return refuse("copy takes two stores: the URLs of "
				      "the one that there is and of a new one");
		result = store_copy(words[1], last, timeout_ms);
	} else {
		return refuse_word(words[0]);
	}
	return result == 0 ? EXIT_SOUND : EXIT_WRONG;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int64_t timeout_ms = TIMEOUT_MS;
	int     option;

	signal(SIGPIPE, SIG_IGN);
	report_set_command("store");
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 't':
			if (!duration_parse(optarg, &timeout_ms) ||
			    timeout_ms < 1 || timeout_ms > TIMEOUT_MS_MAX)
				return refuse("--timeout takes a duration up "
					      "to 1h, such as 10s");
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_SOUND;
		default:
			return refuse(
			    "that is not an option, or its value is missing");
		}
	}
	/* What a store logs itself is told by reports. */
	log_init("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	option = run(argv + optind, argc - optind, timeout_ms);
	log_deinit();
	if (fflush(stdout) == EOF && option == EXIT_SOUND) {
		report(0, "standard output cannot be written");
		option = EXIT_WRONG;
	}
	return option;
}
