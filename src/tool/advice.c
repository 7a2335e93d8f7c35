#include "tool/advice.h"

#include "tool/front.h"
#include "tool/judge.h"

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
