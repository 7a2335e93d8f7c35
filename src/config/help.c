#include "config.h"

#include "config/help.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "config/option_spec.h"
#include "config/option_value.h"
#include "config/options.h"
#include "store/store.h"

#define COLUMNS_MAX 79

/* Where the text beside an option starts. */
#define TEXT_COLUMN 26

static const char intro[] =
    "Usage: fcgi-sse [OPTION]...\n"
    "       fcgi-sse publish|doctor|store|jwks --help\n"
    "Answers a web server's requests with Server-Sent Events, by FastCGI or "
    "CGI.\n";

static const char outro[] =
    "\n"
    "An option with an argument may also be set in the environment,\n"
    "--socket-mode as FCGI_SSE_SOCKET_MODE, and in the file of --config, as\n"
    "socket-mode = 0660. The command line comes before the environment, the\n"
    "environment before the file. An empty variable counts as not set. In a\n"
    "variable, blanks separate the values of an option that is repeatable.\n"
    "Times are whole numbers with a unit: ms, s, m, h or d. Sizes may end in\n"
    "K, M or G, powers of 1024.\n"
    "\n"
    "Signals: TERM, INT and USR1 end all streams and the process. HUP reads\n"
    "the configuration and the keys again and opens the log file again.\n"
    "Exit status: 0 after one of these signals, 1 for an error, 2 for a wrong\n"
    "option.\n";

/* Words up to the right margin; `column` is where the first line begins. */
static void
append_wrapped(struct buf *out, const char *text, size_t column)
{
	size_t len;

	while (*text != '\0') {
		len = strcspn(text, " ");
		if (column > TEXT_COLUMN && column + 1 + len > COLUMNS_MAX) {
			buf_append_str(out, "\n");
			column = 0;
		}
		if (column < TEXT_COLUMN)
			buf_printf(out, "%*s", (int)(TEXT_COLUMN - column), "");
		else if (column > TEXT_COLUMN)
			buf_append_str(out, " ");
		column = column < TEXT_COLUMN ? TEXT_COLUMN :
						column + (column > TEXT_COLUMN);
		buf_append(out, text, len);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	buf_append_str(out, "\n");
}

/* " (1s to 1h; default 15s; repeatable)": what the table says beside help. */
static void
append_remarks(struct buf *text, const struct option_spec *spec)
{
	struct buf  limits = { 0 };
	const char *separator = " (";

	option_value_append_limits(&limits, spec);
	if (limits.len_bytes > 0) {
		buf_append_str(text, separator);
		buf_append(text, limits.data, limits.len_bytes);
		separator = "; ";
	}
	if (spec->fallback != NULL) {
		buf_printf(text, "%sdefault %s", separator, spec->fallback);
		separator = "; ";
	}
	if (spec->type == OPTION_LIST) {
		buf_printf(text, "%srepeatable", separator);
		separator = "; ";
	}
	if (separator[0] == ';')
		buf_append_str(text, ")");
	buf_deinit(&limits);
}

static void
append_option(struct buf *out, const struct option_spec *spec)
{
	struct buf text = { 0 };
	size_t     start_bytes = out->len_bytes, column;

	buf_printf(out, "  --%s", spec->name);
	if (spec->argument != NULL)
		buf_printf(out, " %s", spec->argument);
	column = out->len_bytes - start_bytes;
	if (column > TEXT_COLUMN - 2) {
		buf_append_str(out, "\n");
		column = 0;
	}
	buf_append_str(&text, spec->help);
	append_remarks(&text, spec);
	buf_append(&text, "", 1);
	append_wrapped(out, text.data, column);
	buf_deinit(&text);
}

void
help_append(struct buf *out)
{
	buf_append_str(out, intro);
	for (size_t i = 0; i < option_spec_count; i++) {
		if (option_specs[i].type == OPTION_HEADING)
			buf_printf(out, "\n%s:\n", option_specs[i].help);
		else
			append_option(out, &option_specs[i]);
	}
	buf_append_str(out, outro);
}

void
help_append_version(struct buf *out)
{
	buf_printf(out, "%s %s\nlibuv %s\n", PACKAGE_NAME, PACKAGE_VERSION,
	    uv_version_string());
}

/* The configuration. */

static char *(*describe_auto)(const struct options *);

void
help_set_auto(char *(*describe)(const struct options *))
{
	describe_auto = describe;
}

/* Says which store auto would choose here, on a line before the option's. */
static void
append_auto(struct buf *text, const struct options *options)
{
	char *here;

	if (describe_auto == NULL || strcmp(options->store, "auto") != 0)
		return;
	here = describe_auto(options);
	if (here != NULL)
		buf_printf(text, "; auto is %s\n", here);
	free(here);
}

/* The URL of the store, without its password. */
static void
append_store(struct buf *text, const char *url)
{
	size_t      len_bytes;
	const char *word = store_url_password(url, &len_bytes);

	if (word == NULL) {
		buf_append_str(text, url);
		return;
	}
	buf_append(text, url, (size_t)(word - url));
	buf_append_str(text, "***");
	buf_append_str(text, word + len_bytes);
}

/* An option that is not set stands there as a comment, so as to be found. */
static void
append_setting(struct buf *text, const struct options *options,
    const struct option_spec *spec)
{
	const void  *field = (const char *)options + spec->offset;
	char *const *items;
	size_t       count;

	if (spec->type == OPTION_LIST) {
		items = *(char **const *)field;
		count = *(const size_t *)(const void *)((const char *)options +
		    spec->count_offset);
		if (count == 0)
			buf_printf(text, ";%s =\n", spec->name);
		for (size_t i = 0; i < count; i++)
			buf_printf(text, "%s = %s\n", spec->name, items[i]);
		return;
	}
	if (spec->type == OPTION_STRING && *(char *const *)field == NULL) {
		buf_printf(text, ";%s =\n", spec->name);
		return;
	}
	if (spec->offset == offsetof(struct options, store))
		append_auto(text, options);
	buf_printf(text, "%s = ", spec->name);
	if (spec->offset == offsetof(struct options, store))
		append_store(text, options->store);
	else
		option_value_append(text, spec, options);
	buf_append_str(text, "\n");
}

void
help_append_config(struct buf *text, const struct options *options)
{
	const struct option_spec *spec;

	if (options->config != NULL)
		buf_printf(text, "; with what %s says\n", options->config);
	buf_append_str(text, "[fcgi-sse]\n");
	for (size_t i = 0; i < option_spec_count; i++) {
		spec = &option_specs[i];
		if (spec->type == OPTION_HEADING ||
		    spec->type == OPTION_ACTION || spec->is_outside_file)
			continue;
		append_setting(text, options, spec);
	}
}
