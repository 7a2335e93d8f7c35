#include "tool/check.h"

static const char *const words[CHECK_COUNT] = {
#define CHECK(name, word) [CHECK_##name] = (word),
#include "tool/check.def"
#undef CHECK
};

const char *
check_word(enum check check)
{
	return words[check];
}
