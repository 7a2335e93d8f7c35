#include "tool/judge.h"

static const char *const check_words[] = {
#define CHECK(name, word) [CHECK_##name] = (word),
#include "tool/check.def"
#undef CHECK
};

const char *
check_word(enum check check)
{
	return check_words[check];
}

static const char *const level_words[] = {
	[LEVEL_GOOD] = "ok",
	[LEVEL_NOTE] = "note",
	[LEVEL_UNKNOWN] = "unknown",
	[LEVEL_BAD] = "bad",
};

const char *
level_word(enum level level)
{
	return level_words[level];
}

bool
judge(enum check check, const struct seen *seen, struct finding *finding)
{
	*finding = (struct finding){ .check = check, .level = LEVEL_GOOD };
	if (check <= CHECK_REFUSED_STREAMS)
		return judge_stream(seen, finding);
	return check <= CHECK_CACHE ? judge_resumption(seen, finding) :
				      judge_request(seen, finding);
}
