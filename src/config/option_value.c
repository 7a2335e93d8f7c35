#include "config/option_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/option_spec.h"
#include "config/options.h"
#include "pure/duration.h"

/* Enums are written as an int. */
_Static_assert(sizeof(enum log_format) == sizeof(int), "log_format is no int");
_Static_assert(sizeof(enum log_level) == sizeof(int), "log_level is no int");

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
