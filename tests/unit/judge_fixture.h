#ifndef TESTS_UNIT_JUDGE_FIXTURE_H
#define TESTS_UNIT_JUDGE_FIXTURE_H

#include "tool/judge.h"

struct seen;

/*
 * The level that the check has for what was seen; -1: it was not judged. Fails
 * unless the words, if there are any, are in its text.
 */
int judge_level(enum check, const struct seen *, const char *words);

#endif
