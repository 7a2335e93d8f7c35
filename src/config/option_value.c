#include "config/option_value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/option_spec.h"
#include "config/options.h"
#include "pure/duration.h"

static const struct {
	const char *word;
	bool        value;
} flag_words[] = {
	{ "yes", true },
	{ "no", false },
	{ "true", true },
	{ "false", false },
	{ "1", true },
	{ "0", false },
};

#define FLAG_WORD_COUNT (sizeof(flag_words) / sizeof(flag_words[0]))

static void *
field_of(struct options *options, const struct option_spec *spec)
{
	return (char *)options + spec->offset;
}

static size_t *
count_of(struct options *options, const struct option_spec *spec)
{
	return (size_t *)(void *)((char *)options + spec->count_offset);
}

/* Digits of the base and nothing else, of any count. */
static bool
parse_digits(const char *text, size_t len, unsigned base, int64_t *number)
{
	int64_t value = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] >= (char)('0' + base))
			return false;
		if (value > (INT64_MAX - (text[i] - '0')) / base)
			return false;
		value = value * base + (text[i] - '0');
	}
	*number = value;
	return true;
}

static int64_t
unit_bytes(char letter)
{
	switch (letter) {
	case 'K':
		return INT64_C(1) << 10;
	case 'M':
		return INT64_C(1) << 20;
	case 'G':
		return INT64_C(1) << 30;
	default:
		return 1;
	}
}

static bool
parse_size(const char *text, int64_t *bytes)
{
	size_t  len = strlen(text);
	int64_t number, unit = len > 0 ? unit_bytes(text[len - 1]) : 1;

	if (!parse_digits(text, unit > 1 ? len - 1 : len, 10, &number) ||
	    number > INT64_MAX / unit)
		return false;
	*bytes = number * unit;
	return true;
}

/* A number of any kind, within the option's limits. */
static bool
parse_number(const struct option_spec *spec, const char *text, int64_t *number)
{
	bool is_number = false;

	if (spec->type == OPTION_DURATION)
		is_number = duration_parse(text, number);
	else if (spec->type == OPTION_SIZE)
		is_number = parse_size(text, number);
	else if (spec->type == OPTION_MODE)
		is_number = parse_digits(text, strlen(text), 8, number);
	else
		is_number = parse_digits(text, strlen(text), 10, number);
	return is_number &&
	    ((*number >= spec->min && *number <= spec->max) ||
		(spec->has_off && *number == 0));
}

static bool
set_number(void *field, const struct option_spec *spec, const char *text)
{
	int64_t number;

	if (!parse_number(spec, text, &number))
		return false;
	if (spec->type == OPTION_DURATION)
		*(int64_t *)field = number;
	else if (spec->type == OPTION_MODE)
		*(unsigned *)field = (unsigned)number;
	else
		*(uint64_t *)field = (uint64_t)number;
	return true;
}

static bool
set_flag(bool *field, const char *text)
{
	for (size_t i = 0; i < FLAG_WORD_COUNT; i++) {
		if (strcmp(text, flag_words[i].word) == 0) {
			*field = flag_words[i].value;
			return true;
		}
	}
	return false;
}

static bool
set_word(void *field, const struct option_spec *spec, const char *text)
{
	for (int i = 0; spec->words[i] != NULL; i++) {
		if (strcmp(text, spec->words[i]) == 0) {
			memcpy(field, &i, sizeof(i));
			return true;
		}
	}
	return false;
}

static bool
is_valid_string(const struct option_spec *spec, const char *text)
{
	return text[0] != '\0' &&
	    (spec->is_valid == NULL || spec->is_valid(text));
}

static bool
set_string(char **field, const struct option_spec *spec, const char *text)
{
	if (!is_valid_string(spec, text))
		return false;
	free(*field);
	*field = mem_strdup(text);
	return true;
}

static bool
add_to_list(char ***field, size_t *count, const struct option_spec *spec,
    const char *text)
{
	if (!is_valid_string(spec, text))
		return false;
	*field = mem_realloc(*field, (*count + 1) * sizeof(**field));
	(*field)[(*count)++] = mem_strdup(text);
	return true;
}

bool
option_value_is_text(const char *text)
{
	size_t len = strlen(text);

	if (len > 0 && (text[0] == ' ' || text[len - 1] == ' '))
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return true;
}

bool
option_value_set(struct options *options, const struct option_spec *spec,
    const char *text)
{
	void *field = field_of(options, spec);

	switch (spec->type) {
	case OPTION_FLAG:
		return set_flag(field, text);
	case OPTION_STRING:
		return set_string(field, spec, text);
	case OPTION_LIST:
		return add_to_list(field, count_of(options, spec), spec, text);
	case OPTION_DURATION:
	case OPTION_NUMBER:
	case OPTION_SIZE:
	case OPTION_MODE:
		return set_number(field, spec, text);
	case OPTION_WORD:
		return set_word(field, spec, text);
	case OPTION_HEADING:
	case OPTION_ACTION:
		break;
	}
	return false;
}

void
option_value_clear(struct options *options, const struct option_spec *spec)
{
	char  **string = field_of(options, spec), ***list;
	size_t *count;

	if (spec->type == OPTION_STRING) {
		free(*string);
		*string = NULL;
	} else if (spec->type == OPTION_LIST) {
		list = field_of(options, spec);
		count = count_of(options, spec);
		while (*count > 0)
			free((*list)[--*count]);
		free(*list);
		*list = NULL;
	}
}

/* Values as text. */

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
option_value_append_limits(struct buf *text, const struct option_spec *spec)
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
option_value_append_takes(struct buf *text, const struct option_spec *spec)
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
		option_value_append_limits(text, spec);
		if (spec->fallback != NULL && strcmp(spec->fallback, "0") != 0)
			buf_printf(text, ", such as %s", spec->fallback);
		break;
	case OPTION_HEADING:
	case OPTION_ACTION:
		break;
	}
}

void
option_value_append(struct buf *text, const struct option_spec *spec,
    const struct options *options)
{
	const void *field = (const char *)options + spec->offset;
	int         word;

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

void
option_value_append_quoted(struct buf *text, const char *value)
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

bool
option_value_is_default(const struct options *options,
    const struct option_spec                 *spec)
{
	const void    *field = (const char *)options + spec->offset;
	struct options plain = { 0 };
	struct buf     own = { 0 }, fallback = { 0 };
	bool           is_same;

	if (spec->fallback == NULL)
		return *(char *const *)field == NULL;
	option_value_set(&plain, spec, spec->fallback);
	option_value_append(&own, spec, options);
	option_value_append(&fallback, spec, &plain);
	is_same = own.len_bytes == fallback.len_bytes &&
	    memcmp(own.data, fallback.data, own.len_bytes) == 0;
	option_value_clear(&plain, spec);
	buf_deinit(&own);
	buf_deinit(&fallback);
	return is_same;
}
