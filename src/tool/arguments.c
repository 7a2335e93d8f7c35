#include "tool/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/key_file.h"
#include "base/mem.h"
#include "pure/duration.h"
#include "tool/report.h"
#include "tool/store_session.h"

#define KEY_FILE_VARIABLE "FCGI_SSE_PUBLISH_KEY_FILE"

#define TIMEOUT_MS 30000
#define TIMEOUT_MS_MIN 100
#define TIMEOUT_MS_MAX 3600000

#define RETRY_FOR_MS 10000
#define RETRY_FOR_MS_MAX 3600000

#define RETRY_DIGITS_MAX 9

#define UNIX "unix:"
#define HUB_PATH "/.well-known/mercure"

#define SOCKET_BYTES_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

static const char help[] =
    "Usage: fcgi-sse publish --to ADDRESS --topic TOPIC [OPTION]... [DATA]\n"
    "       fcgi-sse publish --to ADDRESS --topic TOPIC --lines [OPTION]...\n"
    "       fcgi-sse publish --to ADDRESS --ndjson [OPTION]...\n"
    "Publishes an event, through the web server before fcgi-sse or straight "
    "at its\nsocket, and prints its id.\n"
    "Without DATA, standard input is the data, less a line end at its end.\n"
    "\n"
    "  --to URL               The web server, by http or https. Without a "
    "path,\n"
    "                         /.well-known/mercure is asked.\n"
    "  --to unix:PATH         The unix socket of fcgi-sse itself, by "
    "FastCGI.\n"
    "  --to unix:PATH:/URL    A web server at a unix socket, by HTTP; /URL is "
    "the\n"
    "                         path there, such as /sse/events.\n"
    "  --store URL            Write to the store that servers share:\n"
    "                         sqlite:FILE, redis://HOST or redis+unix:PATH "
    "(default\n"
    "                         what " STORE_URL_VARIABLE " says).\n"
    "  --topic TOPIC          The event's topic; more of them are "
    "alternates.\n"
    "  --type NAME            Its name, by which a page listens to it.\n"
    "  --id ID                Its id; without it the server makes one.\n"
    "  --retry MS             How long browsers wait to reconnect.\n"
    "  --private              Only for subscribers who are authorized.\n"
    "  --lines                Each line of standard input is an event, at "
    "once.\n"
    "                         Lines that name fcgi-sse-publish/, as a log of "
    "its own\n"
    "                         requests does, are left out.\n"
    "  --ndjson               Each line is a JSON object: topic, topics, "
    "data,\n"
    "                         type, id, retry, private. What it lacks comes "
    "from\n"
    "                         the options.\n"
    "  --key-file FILE        The key to publish with is its first line "
    "(default\n"
    "                         the file that " KEY_FILE_VARIABLE " names).\n"
    "  --timeout TIME         How long an answer may take (100ms to 1h; "
    "default 30s).\n"
    "  --retry-for TIME       How long an event is sent again while no server "
    "can\n"
    "                         take it (0s: not at all; up to 1h; default "
    "10s).\n"
    "  --quiet                Print no ids.\n"
    "  --help                 Print this and exit.\n"
    "\n"
    "Exit status: 0 when all was accepted, 1 when not, 2 for a wrong option.\n";

enum option_value {
	OPTION_TO = 256,
	OPTION_STORE,
	OPTION_TOPIC,
	OPTION_TYPE,
	OPTION_ID,
	OPTION_RETRY,
	OPTION_PRIVATE,
	OPTION_LINES,
	OPTION_NDJSON,
	OPTION_KEY,
	OPTION_KEY_FILE,
	OPTION_TIMEOUT,
	OPTION_RETRY_FOR,
	OPTION_QUIET,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "to", required_argument, NULL, OPTION_TO },
	{ "store", required_argument, NULL, OPTION_STORE },
	{ "topic", required_argument, NULL, OPTION_TOPIC },
	{ "type", required_argument, NULL, OPTION_TYPE },
	{ "id", required_argument, NULL, OPTION_ID },
	{ "retry", required_argument, NULL, OPTION_RETRY },
	{ "private", no_argument, NULL, OPTION_PRIVATE },
	{ "lines", no_argument, NULL, OPTION_LINES },
	{ "ndjson", no_argument, NULL, OPTION_NDJSON },
	{ "key", required_argument, NULL, OPTION_KEY },
	{ "key-file", required_argument, NULL, OPTION_KEY_FILE },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "retry-for", required_argument, NULL, OPTION_RETRY_FOR },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static enum arguments_verdict
refuse(const char *what, const char *why)
{
	report(0, "%s %s; see fcgi-sse publish --help", what, why);
	return ARGUMENTS_USAGE;
}

static enum arguments_verdict
set_retry(struct arguments *arguments, const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > RETRY_DIGITS_MAX ||
	    strspn(text, "0123456789") != len)
		return refuse("--retry",
		    "takes milliseconds, a number of up to nine digits");
	arguments->publication.retry_ms = strtol(text, NULL, 10);
	return ARGUMENTS_RUN;
}

static enum arguments_verdict
set_timeout(struct arguments *arguments, const char *text)
{
	int64_t *ms = &arguments->timeout_ms;

	if (!duration_parse(text, ms) || *ms < TIMEOUT_MS_MIN ||
	    *ms > TIMEOUT_MS_MAX)
		return refuse("--timeout",
		    "takes a duration from 100ms to 1h, such as 30s");
	return ARGUMENTS_RUN;
}

static enum arguments_verdict
set_retry_for(struct arguments *arguments, const char *text)
{
	int64_t *ms = &arguments->retry_ms;

	if (!duration_parse(text, ms) || *ms < 0 || *ms > RETRY_FOR_MS_MAX)
		return refuse("--retry-for",
		    "takes a duration up to 1h, such as 10s, or 0s");
	return ARGUMENTS_RUN;
}

static enum arguments_verdict
set_source(struct arguments *arguments, enum source source)
{
	if (arguments->source != SOURCE_STDIN && arguments->source != source)
		return refuse("--lines and --ndjson", "exclude each other");
	arguments->source = source;
	return ARGUMENTS_RUN;
}

static enum arguments_verdict
set_option(struct arguments *arguments, int option)
{
	struct publication *publication = &arguments->publication;

	switch (option) {
	case OPTION_TO:
		arguments->to = optarg;
		break;
	case OPTION_STORE:
		arguments->store = optarg;
		store_session_warn(optarg);
		break;
	case OPTION_TOPIC:
		publication->topics[publication->topic_count++] = optarg;
		break;
	case OPTION_TYPE:
		publication->type = optarg;
		break;
	case OPTION_ID:
		publication->id = optarg;
		break;
	case OPTION_RETRY:
		return set_retry(arguments, optarg);
	case OPTION_PRIVATE:
		publication->is_private = true;
		break;
	case OPTION_LINES:
		return set_source(arguments, SOURCE_LINES);
	case OPTION_NDJSON:
		return set_source(arguments, SOURCE_NDJSON);
	case OPTION_KEY: /* or it would be an abbreviation of the next */
		return refuse("--key",
		    "is no option, since all can see a "
		    "command line; --key-file is");
	case OPTION_KEY_FILE:
		arguments->key_file = optarg;
		break;
	case OPTION_TIMEOUT:
		return set_timeout(arguments, optarg);
	case OPTION_RETRY_FOR:
		return set_retry_for(arguments, optarg);
	case OPTION_QUIET:
		arguments->is_quiet = true;
		break;
	case OPTION_HELP:
		fputs(help, stdout);
		return ARGUMENTS_HELP;
	default:
		break;
	}
	return ARGUMENTS_RUN;
}

/* After the options: DATA, or nothing where stdin has it. */
static enum arguments_verdict
set_data(struct arguments *arguments, int count, char **words)
{
	if (count == 0)
		return ARGUMENTS_RUN;
	if (arguments->source != SOURCE_STDIN)
		return refuse(words[0],
		    "is data, which --lines and --ndjson "
		    "take from standard input");
	if (count > 1)
		return refuse(words[1],
		    "is one argument too many: quote data "
		    "that holds blanks");
	arguments->source = SOURCE_ARGUMENT;
	arguments->publication.data = words[0];
	arguments->publication.data_bytes = strlen(words[0]);
	return ARGUMENTS_RUN;
}

/* What belongs together, and what must be there. */
static enum arguments_verdict
check(const struct arguments *arguments)
{
	const struct publication *publication = &arguments->publication;
	bool is_stream = arguments->source == SOURCE_LINES ||
	    arguments->source == SOURCE_NDJSON;

	if (arguments->to != NULL && arguments->store != NULL)
		return refuse("--to and --store", "exclude each other");
	if (arguments->to == NULL && arguments->store == NULL)
		return refuse("--to",
		    "is missing: the web server before "
		    "fcgi-sse, such as --to https://example.org/sse/events, "
		    "or the socket of fcgi-sse, such as --to "
		    "unix:/run/fcgi-sse/fcgi-sse.sock");
	if (arguments->store != NULL && arguments->key_file != NULL)
		return refuse("--key-file",
		    "is for --to: who may write to a store needs no key");
	if (publication->topic_count == 0 && arguments->source != SOURCE_NDJSON)
		return refuse("--topic",
		    "is missing: what subscribers ask "
		    "for, such as --topic news");
	for (size_t i = 0; i < publication->topic_count; i++) {
		if (publication->topics[i][0] == '\0')
			return refuse("--topic", "takes a name");
	}
	if (is_stream && publication->id != NULL)
		return refuse("--id",
		    "is for one event: lines cannot share "
		    "an id");
	return ARGUMENTS_RUN;
}

static enum arguments_verdict
refuse_option(int result, char **argv)
{
	char letter[] = { '-', (char)optopt, '\0' };

	if (result == ':')
		return refuse(argv[optind - 1], "takes an argument");
	return refuse(optopt > 0 && optopt < OPTION_TO ? letter :
							 argv[optind - 1],
	    "is not an option, or takes no argument; data that begins with - "
	    "goes behind --");
}

static enum arguments_verdict
read_options(struct arguments *arguments, int argc, char **argv)
{
	enum arguments_verdict verdict = ARGUMENTS_RUN;
	int                    option;

	opterr = 0;
	while (verdict == ARGUMENTS_RUN &&
	    (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (option < OPTION_TO)
			verdict = refuse_option(option, argv);
		else
			verdict = set_option(arguments, option);
	}
	return verdict;
}

/* The address. */

/* The base, up to its host and port, and behind it the path, or the hub's. */
static char *
url_new(const char *base, size_t base_bytes, const char *path)
{
	struct buf url = { 0 };

	buf_append(&url, base, base_bytes);
	if (path[0] == '/' && path[1] != '\0')
		buf_append_str(&url, path);
	else {
		buf_append_str(&url, HUB_PATH);
		buf_append_str(&url, path[0] == '/' ? path + 1 : path);
	}
	buf_append(&url, "", 1);
	return url.data;
}

static bool
read_unix(struct target *target, const char *text, const char **error)
{
	static const char base[] = "http://localhost";
	const char       *url_path = strstr(text, ":/");
	size_t            path_bytes;

	path_bytes = url_path != NULL ? (size_t)(url_path - text) :
					strlen(text);
	if (path_bytes == 0 || path_bytes > SOCKET_BYTES_MAX) {
		*error = path_bytes == 0 ? "needs the path of a socket" :
					   "has too long a path for a socket";
		return false;
	}
	target->socket_path = mem_strndup(text, path_bytes);
	if (url_path != NULL)
		target->url = url_new(base, sizeof(base) - 1, url_path + 1);
	return true;
}

/* The length of what comes before the host; 0 when that is no web server's. */
static size_t
scheme_length(const char *to)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strncasecmp(to, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	}
	return 0;
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text <= ' ' || *text == '\x7f')
			return false;
	}
	return true;
}

/* Returns false with a constant line in *error; then there is nothing to free.
 */
static bool
target_init(struct target *target, const char *to, const char **error)
{
	size_t scheme_len = scheme_length(to), host_len;

	*target = (struct target){ 0 };
	*error = NULL;
	if (strncmp(to, UNIX, strlen(UNIX)) == 0)
		return read_unix(target, to + strlen(UNIX), error);
	host_len = strcspn(to + scheme_len, "/?#");
	if (scheme_len == 0 || host_len == 0)
		*error = "is neither http://HOST nor https://HOST, with or "
			 "without a path, nor unix:PATH";
	else if (!is_printable(to))
		*error = "holds blanks or control characters; write them as "
			 "%XX";
	else if (memchr(to + scheme_len, '@', host_len) != NULL)
		*error = "holds a user or password, which all can see on a "
			 "command line; a key comes from the file of "
			 "--key-file";
	if (*error != NULL)
		return false;
	target->url = url_new(to, scheme_len + host_len,
	    to + scheme_len + host_len);
	return true;
}

static void
target_deinit(struct target *target)
{
	free(target->url);
	free(target->socket_path);
	*target = (struct target){ 0 };
}

/* A password in it is not shown. */
static void
report_target(const char *to, const char *error)
{
	if (strchr(to, '@') == NULL && is_printable(to))
		report(0, "--to %s %s", to, error);
	else
		report(0, "--to %s", error);
}

enum arguments_verdict
arguments_read(struct arguments *arguments, int argc, char **argv)
{
	const char            *key_file = getenv(KEY_FILE_VARIABLE), *error;
	enum arguments_verdict verdict;

	*arguments = (struct arguments){
		.source = SOURCE_STDIN,
		.timeout_ms = TIMEOUT_MS,
		.retry_ms = RETRY_FOR_MS,
		.publication = { .data = "", .retry_ms = -1 },
	};
	arguments->publication.topics = mem_alloc((size_t)argc *
	    sizeof(*arguments->publication.topics));
	verdict = read_options(arguments, argc, argv);
	if (verdict == ARGUMENTS_RUN)
		verdict = set_data(arguments, argc - optind, argv + optind);
	if (arguments->to == NULL && arguments->store == NULL)
		arguments->store = store_session_default_url();
	if (verdict == ARGUMENTS_RUN)
		verdict = check(arguments);
	if (arguments->key_file == NULL && key_file != NULL &&
	    key_file[0] != '\0')
		arguments->key_file = key_file;
	if (verdict == ARGUMENTS_RUN && arguments->to != NULL &&
	    !target_init(&arguments->target, arguments->to, &error)) {
		report_target(arguments->to, error);
		verdict = ARGUMENTS_USAGE;
	}
	return verdict;
}

void
arguments_deinit(struct arguments *arguments)
{
	target_deinit(&arguments->target);
	free(arguments->publication.topics);
	*arguments = (struct arguments){ 0 };
}

static void
warn_about_mode(FILE *file, const char *path)
{
	struct stat status;

	if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) &&
	    (status.st_mode & S_IRWXO) != 0)
		report(0,
		    "warning: %s: others may use the key; make the file's "
		    "mode 0600",
		    path);
}

char *
arguments_read_key(const struct arguments *arguments)
{
	const char *path = arguments->key_file;
	struct buf  problem = { 0 };
	char       *keys, *rest;
	FILE       *file = fopen(path, "re");

	if (file == NULL) {
		report(0, "key file %s: %s", path, strerror(errno));
		return NULL;
	}
	warn_about_mode(file, path);
	keys = key_file_read_stream(file, path, &problem);
	fclose(file);
	if (keys == NULL)
		report(0, "key file %.*s", (int)problem.len_bytes,
		    problem.data);
	buf_deinit(&problem);
	if (keys != NULL) {
		rest = keys + strcspn(keys, "\n");
		explicit_bzero(rest, strlen(rest));
	}
	return keys;
}
