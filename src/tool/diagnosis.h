#ifndef TOOL_DIAGNOSIS_H
#define TOOL_DIAGNOSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tool/judge.h"

/* All verdicts on what was seen, which has to outlive it. */
struct diagnosis {
	const char        *url;
	const struct seen *seen;
	struct finding     findings[CHECK_COUNT];
	size_t             finding_count;
	size_t             bad_count;
};

void diagnosis_init(struct diagnosis *, const char *url, const struct seen *);
void diagnosis_deinit(struct diagnosis *);

/* Prints it for people, or as a JSON object. Check the file for errors. */
void diagnosis_print(const struct diagnosis *, FILE *);
void diagnosis_print_json(const struct diagnosis *, FILE *);

#endif
