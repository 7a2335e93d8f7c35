#include "pure/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* From the largest: printing takes the first that divides. */
static const struct {
	const char *name;
	int64_t     ms;
} units[] = {
	{ "d", INT64_C(86400000) },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

bool
duration_parse(const char *text, int64_t *ms)
{
	int64_t number = 0;
	size_t  digits = strspn(text, "0123456789");

	if (digits == 0)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (number > (INT64_MAX - (text[i] - '0')) / 10)
			return false;
		number = number * 10 + (text[i] - '0');
	}
	if (text[digits] == '\0' && number == 0) {
		*ms = 0;
		return true;
	}
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (strcmp(text + digits, units[i].name) != 0)
			continue;
		if (number > INT64_MAX / units[i].ms)
			return false;
		*ms = number * units[i].ms;
		return true;
	}
	return false;
}

void
duration_print(char out[static DURATION_BYTES_MAX], int64_t ms)
{
	size_t i = 0;

	if (ms == 0) {
		snprintf(out, DURATION_BYTES_MAX, "0");
		return;
	}
	while (ms % units[i].ms != 0)
		i++;
	snprintf(out, DURATION_BYTES_MAX, "%" PRId64 "%s", ms / units[i].ms,
	    units[i].name);
}
