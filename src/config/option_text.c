#include "config/option_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "config/option_spec.h"
#include "config/options.h"
#include "pure/duration.h"

/* More of a wrong value is not repeated in the message about it. */
#define QUOTED_BYTES_MAX 60

static void
append_size(struct buf *text, int64_t bytes)
{
	static const char letters[] = { '\0', 'K', 'M', 'G' };
	size_t            i = 0;

	while (bytes > 0 && bytes % 1024 == 0 && i + 1 < sizeof(letters)) {
		bytes /= 1024;
		i++;
	}
	buf_printf(text, "%" PRId64, bytes);
	if (i > 0)
		buf_append(text, &letters[i], 1);
}

static void
append_number(struct buf *text, enum option_type type, int64_t number)
{
	char duration[DURATION_BYTES_MAX];

	switch (type) {
	case OPTION_DURATION:
		duration_print(duration, number);
		buf_append_str(text, duration);
		break;
	case OPTION_SIZE:
		append_size(text, number);
		break;
	case OPTION_MODE:
		buf_printf(text, "%04" PRIo64, (uint64_t)number);
		break;
	default:
		buf_printf(text, "%" PRId64, number);
		break;
	}
}

static void
append_words(struct buf *text, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			buf_append_str(text,
			    words[i + 1] != NULL ? ", " : " or ");
		buf_append_str(text, words[i]);
	}
}

void
option_text_append_limits(struct buf *text, const struct option_spec *spec)
{
	switch (spec->type) {
	case OPTION_DURATION:
	case OPTION_NUMBER:
	case OPTION_SIZE:
	case OPTION_MODE:
		append_number(text, spec->type, spec->min);
		buf_append_str(text, " to ");
		append_number(text, spec->type, spec->max);
		if (spec->has_off)
			buf_append_str(text, ", 0 is off");
		break;
	case OPTION_WORD:
		append_words(text, spec->words);
		break;
	default:
		break;
	}
}

void
option_text_append_takes(struct buf *text, const struct option_spec *spec)
{
	static const char *const kinds[] = {
		[OPTION_DURATION] = "a duration",
		[OPTION_NUMBER] = "a number",
		[OPTION_SIZE] = "a size in bytes",
		[OPTION_MODE] = "an octal mode",
	};

	switch (spec->type) {
	case OPTION_STRING:
	case OPTION_LIST:
		buf_append_str(text, spec->takes);
		break;
	case OPTION_FLAG:
		buf_append_str(text, "yes or no");
		break;
	case OPTION_WORD:
		append_words(text, spec->words);
		break;
	case OPTION_DURATION:
	case OPTION_NUMBER:
	case OPTION_SIZE:
	case OPTION_MODE:
		buf_printf(text, "%s from ", kinds[spec->type]);
		option_text_append_limits(text, spec);
		if (spec->fallback != NULL && strcmp(spec->fallback, "0") != 0)
			buf_printf(text, ", such as %s", spec->fallback);
		break;
	case OPTION_HEADING:
	case OPTION_ACTION:
		break;
	}
}

/* The value of an option that has one and is no list. */
static void
append_value(struct buf *text, const struct option_spec *spec,
    const void *field)
{
	int word;

	switch (spec->type) {
	case OPTION_FLAG:
		buf_append_str(text, *(const bool *)field ? "yes" : "no");
		break;
	case OPTION_STRING:
		buf_append_str(text, *(char *const *)field);
		break;
	case OPTION_DURATION:
		append_number(text, spec->type, *(const int64_t *)field);
		break;
	case OPTION_NUMBER:
	case OPTION_SIZE:
		append_number(text, spec->type,
		    (int64_t) * (const uint64_t *)field);
		break;
	case OPTION_MODE:
		append_number(text, spec->type, *(const unsigned *)field);
		break;
	case OPTION_WORD:
		memcpy(&word, field, sizeof(word));
		buf_append_str(text, spec->words[word]);
		break;
	case OPTION_HEADING:
	case OPTION_ACTION:
	case OPTION_LIST:
		assert(false);
	}
}

/* An option that is not set stands there as a comment, so as to be found. */
static void
append_option(struct buf *text, const struct options *options,
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
	buf_printf(text, "%s = ", spec->name);
	append_value(text, spec, field);
	buf_append_str(text, "\n");
}

void
option_text_append_config(struct buf *text, const struct options *options)
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
		append_option(text, options, spec);
	}
}

void
option_text_append_quoted(struct buf *text, const char *value)
{
	size_t i;
	char   c;

	buf_append_str(text, "\"");
	for (i = 0; i < QUOTED_BYTES_MAX && value[i] != '\0'; i++) {
		c = value[i];
		if ((unsigned char)c < 0x20 || c == 0x7f)
			c = '?';
		buf_append(text, &c, 1);
	}
	buf_append_str(text, value[i] != '\0' ? "...\"" : "\"");
}
