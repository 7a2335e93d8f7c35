#ifndef TOOL_CHECK_H
#define TOOL_CHECK_H

/* What is looked at. */
enum check {
#define CHECK(name, word) CHECK_##name,
#include "tool/check.def"
#undef CHECK
	CHECK_COUNT
};

/* Its word. */
const char *check_word(enum check);

#endif
