#include "config/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/file.h"
#include "config/help.h"
#include "config/option_spec.h"
#include "config/option_value.h"
#include "pure/percent.h"

#define ENVIRONMENT_PREFIX "FCGI_SSE_"

/* getopt_long's values: above all characters. The row of the table is added. */
#define LONG_OPTION_MIN 256

enum source {
	SOURCE_NONE,
	SOURCE_COMMAND_LINE,
	SOURCE_ENVIRONMENT,
	SOURCE_FILE
};

/*
 * The sources are read from the first in precedence to the last. What an
 * earlier one has set goes to `overruled`, so that it is checked all the same.
 */
struct loader {
	struct options *options;
	struct options  overruled;
	enum source     source;
	enum source     set_by[OPTION_SPEC_MAX];
	bool            is_config_printed;
	bool            is_lenient; /* values that are wrong are left out */
	struct buf     *problem;
};

/* --heartbeat becomes FCGI_SSE_HEARTBEAT. */
static void
append_variable(struct buf *name, const struct option_spec *spec)
{
	char c;

	buf_append_str(name, ENVIRONMENT_PREFIX);
	for (const char *in = spec->name; *in != '\0'; in++) {
		c = *in;
		if (c == '-')
			c = '_';
		else if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		buf_append(name, &c, 1);
	}
}

/* Appends the option's name as it is in this source, with where it is. */
static void
append_name(struct loader *loader, const struct option_spec *spec,
    const char *where)
{
	if (loader->source == SOURCE_ENVIRONMENT)
		append_variable(loader->problem, spec);
	else if (loader->source == SOURCE_FILE)
		buf_printf(loader->problem, "%s: %s", where, spec->name);
	else
		buf_printf(loader->problem, "--%s", spec->name);
}

/* `where` is the place in a file; NULL for the other sources. */
static bool
set_option(struct loader *loader, const struct option_spec *spec,
    const char *text, const char *where)
{
	enum source    *set_by = &loader->set_by[spec - option_specs];
	struct options *target = loader->options;

	if (!option_value_is_text(text)) {
		append_name(loader, spec, where);
		buf_append_str(loader->problem,
		    ": a value has no control characters, and no blank at its "
		    "start or end");
		return loader->is_lenient;
	}
	if (where != NULL && *set_by == SOURCE_FILE &&
	    spec->type != OPTION_LIST) {
		append_name(loader, spec, where);
		buf_append_str(loader->problem, " is there twice");
		return loader->is_lenient;
	}
	if (*set_by != SOURCE_NONE && *set_by != loader->source)
		target = &loader->overruled;
	if (!option_value_set(target, spec, text)) {
		append_name(loader, spec, where);
		buf_append_str(loader->problem, " takes ");
		option_value_append_takes(loader->problem, spec);
		buf_append_str(loader->problem, "; not ");
		option_value_append_quoted(loader->problem, text);
		return loader->is_lenient;
	}
	if (*set_by == SOURCE_NONE)
		*set_by = loader->source;
	return true;
}

/* The command line. */

static enum options_verdict
print(struct loader *loader, const struct buf *text)
{
	if (fwrite(text->data, 1, text->len_bytes, stdout) == text->len_bytes &&
	    fflush(stdout) == 0)
		return OPTIONS_EXIT_OK;
	buf_printf(loader->problem, "standard output: %s", strerror(errno));
	return OPTIONS_USAGE;
}

static enum options_verdict
do_action(struct loader *loader, enum option_action action)
{
	struct buf           text = { 0 };
	enum options_verdict verdict = OPTIONS_RUN;

	switch (action) {
	case OPTION_ACTION_HELP:
		help_append(&text);
		verdict = print(loader, &text);
		break;
	case OPTION_ACTION_VERSION:
		help_append_version(&text);
		verdict = print(loader, &text);
		break;
	case OPTION_ACTION_PRINT_CONFIG:
		/* Not before the other sources are read. */
		loader->is_config_printed = true;
		break;
	}
	buf_deinit(&text);
	return verdict;
}

static bool
takes_argument(const struct option_spec *spec)
{
	return spec->type != OPTION_ACTION && spec->type != OPTION_FLAG;
}

static void
list_long_options(struct option *longs)
{
	const struct option_spec *spec;
	int                       value;

	for (size_t i = 0; i < option_spec_count; i++) {
		spec = &option_specs[i];
		value = LONG_OPTION_MIN + (int)i;
		if (spec->type != OPTION_HEADING)
			*longs++ = (struct option){ spec->name,
				takes_argument(spec) ? required_argument :
						       no_argument,
				NULL, value };
	}
	*longs = (struct option){ 0 };
}

/* What getopt_long could not take; result is what it returned. */
static enum options_verdict
refuse_option(struct loader *loader, int result, char **argv)
{
	const struct option_spec *spec;

	if (optopt >= LONG_OPTION_MIN) {
		spec = &option_specs[optopt - LONG_OPTION_MIN];
		append_name(loader, spec, NULL);
		if (result == ':') {
			buf_append_str(loader->problem, " takes ");
			option_value_append_takes(loader->problem, spec);
		} else {
			buf_append_str(loader->problem, " takes no value");
		}
		return OPTIONS_USAGE;
	}
	buf_append_str(loader->problem, "unknown option ");
	if (optopt != 0)
		option_value_append_quoted(loader->problem,
		    (char[]){ '-', (char)optopt, '\0' });
	else
		option_value_append_quoted(loader->problem, argv[optind - 1]);
	buf_append_str(loader->problem, "; see --help");
	return OPTIONS_USAGE;
}

static enum options_verdict
read_command_line(struct loader *loader, int argc, char **argv)
{
	struct option             longs[OPTION_SPEC_MAX + 1];
	const struct option_spec *spec;
	const char               *value;
	enum options_verdict      verdict = OPTIONS_RUN;
	int                       result;

	loader->source = SOURCE_COMMAND_LINE;
	list_long_options(longs);
	opterr = 0;
	optind = 0; /* also forgets where an earlier call stood */
	while (verdict == OPTIONS_RUN &&
	    (result = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
		if (result < LONG_OPTION_MIN)
			return refuse_option(loader, result, argv);
		spec = &option_specs[result - LONG_OPTION_MIN];
		value = takes_argument(spec) ? optarg : "yes";
		if (spec->type == OPTION_ACTION && !loader->is_lenient)
			verdict = do_action(loader, spec->action);
		else if (spec->type != OPTION_ACTION &&
		    !set_option(loader, spec, value, NULL))
			return OPTIONS_USAGE;
	}
	if (verdict == OPTIONS_RUN && optind < argc) {
		option_value_append_quoted(loader->problem, argv[optind]);
		buf_append_str(loader->problem,
		    " is no option, and no command in the first place: "
		    "publish, doctor, store, jwks; see --help");
		return OPTIONS_USAGE;
	}
	return verdict;
}

/*
 * Whether the argument is this word of a query. The web server has decoded
 * %XX in it, or has not, and Apache puts a backslash before what a shell would
 * take for its own.
 */
static bool
is_word_of_query(const char *arg, const char *word, size_t word_bytes)
{
	const char *end = word + word_bytes;
	int         high, low;
	char        c;

	if (strlen(arg) == word_bytes && memcmp(arg, word, word_bytes) == 0)
		return true;
	while (word < end) {
		c = *word++;
		if (c == '%' && end - word >= 2 &&
		    (high = percent_hex_value(word[0])) != -1 &&
		    (low = percent_hex_value(word[1])) != -1) {
			c = (char)(16 * high + low);
			word += 2;
		}
		if (*arg == '\\' && c != '\0' && arg[1] == c)
			arg++;
		/* An argument ends at a NUL. */
		if (c == '\0' && *arg == '\0')
			return true;
		if (*arg++ != c)
			return false;
	}
	return *arg == '\0';
}

/* Whether the arguments are the first words of the query, in their order. */
static bool
are_words_of_query(char *const *args, int count, const char *query)
{
	size_t len;

	for (int i = 0; i < count; i++) {
		if (query == NULL)
			return false;
		len = strcspn(query, "+");
		if (!is_word_of_query(args[i], query, len))
			return false;
		query = query[len] == '+' ? query + len + 1 : NULL;
	}
	return true;
}

/*
 * A web server gives a CGI program the words of a query without "=" as its
 * command line (RFC 3875 section 4.4). Returns how many arguments are left
 * without them: those of a script that calls the program come first.
 */
static int
count_without_query(int argc, char *const *argv)
{
	const char *query = getenv("QUERY_STRING");

	if (getenv("GATEWAY_INTERFACE") == NULL || query == NULL ||
	    query[0] == '\0' || strchr(query, '=') != NULL)
		return argc;
	for (int first = 1; first < argc; first++) {
		if (are_words_of_query(argv + first, argc - first, query))
			return first;
	}
	return argc;
}

/* The environment. */

static bool
set_list_from_variable(struct loader *loader, const struct option_spec *spec,
    const char *text)
{
	char *copy = mem_strdup(text), *rest = NULL;
	bool  is_good = true;

	for (char *item = strtok_r(copy, " \t\n", &rest);
	     item != NULL && is_good; item = strtok_r(NULL, " \t\n", &rest))
		is_good = set_option(loader, spec, item, NULL);
	free(copy);
	return is_good;
}

/*
 * Looks only for the names in the table, so it ignores other variables with our
 * prefix, such as those that an orchestrator makes for a service of this name.
 */
static bool
read_environment(struct loader *loader)
{
	const struct option_spec *spec;
	struct buf                name = { 0 };
	const char               *text;
	bool                      is_good = true;

	loader->source = SOURCE_ENVIRONMENT;
	for (size_t i = 0; i < option_spec_count && is_good; i++) {
		spec = &option_specs[i];
		if (spec->type == OPTION_HEADING || spec->type == OPTION_ACTION)
			continue;
		name.len_bytes = 0;
		append_variable(&name, spec);
		buf_append(&name, "", 1);
		text = getenv(name.data);
		if (text == NULL || text[0] == '\0')
			continue;
		if (spec->type == OPTION_LIST)
			is_good = set_list_from_variable(loader, spec, text);
		else
			is_good = set_option(loader, spec, text, NULL);
	}
	buf_deinit(&name);
	return is_good;
}

/* The file, and all together. */

static bool
set_from_file(void *arg, const char *where, const char *key, const char *value)
{
	struct loader            *loader = arg;
	const struct option_spec *spec = option_spec_find(key);

	if (spec == NULL || spec->type == OPTION_ACTION ||
	    spec->is_outside_file) {
		buf_printf(loader->problem, "%s: unknown key ", where);
		option_value_append_quoted(loader->problem, key);
		return loader->is_lenient;
	}
	return set_option(loader, spec, value, where);
}

static bool
read_file(struct loader *loader)
{
	loader->source = SOURCE_FILE;
	return loader->options->config == NULL ||
	    config_file_read(loader->options->config, set_from_file, loader,
		loader->problem);
}

static void
set_defaults(struct loader *loader)
{
	const struct option_spec *spec;
	bool                      is_good;

	for (size_t i = 0; i < option_spec_count; i++) {
		spec = &option_specs[i];
		if (spec->fallback == NULL || loader->set_by[i] != SOURCE_NONE)
			continue;
		is_good = option_value_set(loader->options, spec,
		    spec->fallback);
		assert(is_good);
	}
}

/* What options that belong together say against each other. */

/* Appends the name as its source has it, and the value. */
static void
append_setting(struct loader *loader, const struct option_spec *spec)
{
	loader->source = loader->set_by[spec - option_specs];
	if (loader->source == SOURCE_NONE)
		buf_append_str(loader->problem, spec->name);
	else
		append_name(loader, spec, loader->options->config);
	buf_append_str(loader->problem, " is ");
	option_value_append(loader->problem, spec, loader->options);
	if (loader->source == SOURCE_NONE)
		buf_append_str(loader->problem, " (the default)");
}

static bool
check_turns(struct loader *loader)
{
	const struct options *options = loader->options;

	if (options->turn_max_ms == 0 ||
	    options->turn_min_ms <= options->turn_max_ms)
		return true;
	append_setting(loader, option_spec_find("turn-min"));
	buf_append_str(loader->problem, ", and ");
	append_setting(loader, option_spec_find("turn-max"));
	buf_append_str(loader->problem,
	    ": a turn cannot be longer than the time in which each client has "
	    "one; set turn-min to less, or turn-max to more");
	return false;
}

static enum options_verdict
read_all(struct loader *loader, int argc, char **argv)
{
	enum options_verdict verdict;
	struct buf           text = { 0 };

	verdict = read_command_line(loader, count_without_query(argc, argv),
	    argv);
	if (verdict != OPTIONS_RUN)
		return verdict;
	if (!read_environment(loader) || !read_file(loader))
		return OPTIONS_USAGE;
	set_defaults(loader);
	if (!check_turns(loader))
		return OPTIONS_USAGE;
	if (loader->is_config_printed) {
		help_append_config(&text, loader->options);
		verdict = print(loader, &text);
		buf_deinit(&text);
	}
	return verdict;
}

enum options_verdict
options_load(struct options *options, int argc, char **argv,
    struct buf *problem)
{
	struct loader loader = { .options = options, .problem = problem };
	enum options_verdict verdict;

	*options = (struct options){ 0 };
	verdict = read_all(&loader, argc, argv);
	if (verdict != OPTIONS_RUN)
		options_deinit(options);
	options_deinit(&loader.overruled);
	return verdict;
}

void
options_load_log(struct options *options, int argc, char **argv)
{
	struct buf    problem = { 0 };
	struct loader loader = { .options = options,
		.problem = &problem,
		.is_lenient = true };

	*options = (struct options){ 0 };
	read_command_line(&loader, count_without_query(argc, argv), argv);
	read_environment(&loader);
	read_file(&loader);
	set_defaults(&loader);
	options_deinit(&loader.overruled);
	buf_deinit(&problem);
}

void
options_deinit(struct options *options)
{
	for (size_t i = 0; i < option_spec_count; i++)
		option_value_clear(options, &option_specs[i]);
	*options = (struct options){ 0 };
}
