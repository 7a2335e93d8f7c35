#include "tool/judge.h"

#include "tool/front.h"

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

/* The rows of a check and a server follow each other. */
static const struct advice table[] = {
#define ADVICE(check, front, directive, where) \
	{ CHECK_##check, FRONT_##front, (directive), (where) },
#include "tool/advice.def"
#undef ADVICE
};

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

static const struct advice *
find(enum check check, enum front front, size_t *count)
{
	const struct advice *first = NULL;

	*count = 0;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (table[i].check != check || table[i].front != front)
			continue;
		if (first == NULL)
			first = &table[i];
		++*count;
	}
	return first;
}

const struct advice *
advice_find(enum check check, enum front front, size_t *count)
{
	const struct advice *found = find(check, front, count);

	if (found == NULL && front_is_apache(front))
		found = find(check, FRONT_APACHE, count);
	return found != NULL ? found : find(check, FRONT_UNKNOWN, count);
}
