#ifndef TOOL_ADVICE_H
#define TOOL_ADVICE_H

#include <stddef.h>

#include "tool/front.h"
#include "tool/judge.h"

/* What to change. */
struct advice {
	enum check  check;
	enum front  front;
	const char *directive; /* as it stands in the configuration */
	const char *where;     /* and what else is to be known */
};

/*
 * What to change at that web server for what was found: *count rows, which
 * follow each other. Where nothing is known of that server it is what holds
 * for any, under FRONT_UNKNOWN; or NULL, with 0 rows.
 */
const struct advice *advice_find(enum check, enum front, size_t *count);

#endif
