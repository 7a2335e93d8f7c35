#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <stdio.h>
#include <stdlib.h>

#include "pure/selector.h"
#include "pure/selector_index.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HUB "https://hub.example/.well-known/mercure"
#define SELECTORS 200
#define STEPS 4000

static struct url hub;

static int
set_up(void **state)
{
	(void)state;
	return selector_base_parse(&hub, HUB, strlen(HUB));
}

static int
tear_down(void **state)
{
	(void)state;
	url_deinit(&hub);
	return 0;
}

static void
count_visit(void *item, void *data)
{
	(void)data;
	++*(int *)item;
}

static void
count_cost(void *item, uint64_t cost, void *data)
{
	(void)item;
	*(uint64_t *)data += cost;
}

static struct selector *
compile(enum selector_kind kind, const char *text)
{
	const char *why;

	return selector_new(kind, text, strlen(text), &hub, &why);
}

/* How often the index visits each item for the topic; *cost is the sum. */
static void
visit(const struct selector_index *index, const char *text, uint64_t *cost)
{
	struct selector_topic topic;

	*cost = 0;
	selector_topic_init(&topic, text, strlen(text), &hub);
	selector_index_visit(index, &topic, count_visit, count_cost, cost);
	selector_topic_deinit(&topic);
}

static void
random_text(char *text, size_t len_max)
{
	static const char *const pieces[] = { "a", "b", "/", "{x}", "ab",
		"{/x}", "c", "{y}", "{/y}" };
	size_t                   count = (size_t)(rand() % 5);

	text[0] = '\0';
	while (count-- > 0 && strlen(text) + 8 < len_max)
		strcat(text, pieces[rand() % (int)COUNT(pieces)]);
}

static struct selector *
random_selector(void)
{
	char             text[64] = "/";
	struct selector *selector;

	switch (rand() % 14) {
	case 0:
		return compile(SELECTOR_TOPIC, "*");
	case 1:
		return compile(SELECTOR_URL_PATTERN, "/a/:x");
	case 2:
		return compile(SELECTOR_URL_PATTERN, "http{s}?://*/a*");
	case 3:
		return compile(SELECTOR_URL_PATTERN, "https://hub.example/a*b");
	case 4:
		return compile(SELECTOR_URL_PATTERN, "/a/:y");
	case 5:
		return compile(SELECTOR_URL_PATTERN, "/a/:y?");
#ifdef HAVE_PCRE2
	case 6:
		return compile(SELECTOR_URL_PATTERN, "/a/:y(a*)");
	case 7:
		return compile(SELECTOR_URL_PATTERN, "/a/:x(b*)");
#endif
	}
	random_text(text + rand() % 2, sizeof(text) - 1);
	selector = compile(SELECTOR_TOPIC, text);
	assert_non_null(selector);
	return selector;
}

/* The index visits exactly what matches one by one. */
static void
check_visit(const struct selector_index *index,
    struct selector *const *selectors, int *visits)
{
	struct selector_topic topic;
	char                  text[64] = "/";
	uint64_t              cost;
	bool                  matches;

	random_text(text + rand() % 2, sizeof(text) - 1);
	memset(visits, 0, SELECTORS * sizeof(visits[0]));
	visit(index, text, &cost);
	selector_topic_init(&topic, text, strlen(text), &hub);
	for (int i = 0; i < SELECTORS; i++) {
		matches = selectors[i] != NULL &&
		    selector_matches(selectors[i], &topic, &cost);
		assert_int_equal(visits[i], matches ? 1 : 0);
	}
	selector_topic_deinit(&topic);
}

static void
test_random(void **state)
{
	struct selector_index *index = selector_index_new();
	struct selector       *selectors[SELECTORS] = { NULL };
	int                    visits[SELECTORS], i;

	(void)state;
	srand(1);
	for (int step = 0; step < STEPS; step++) {
		i = rand() % SELECTORS;
		if (selectors[i] == NULL) {
			selectors[i] = random_selector();
			selector_index_add(index, selectors[i], &visits[i]);
		} else {
			selector_index_remove(index, selectors[i], &visits[i]);
			selector_free(selectors[i]);
			selectors[i] = NULL;
		}
		if (step % 4 == 0)
			check_visit(index, selectors, visits);
	}
	/* Half of them are taken out, the rest is freed with the index. */
	for (i = 0; i < SELECTORS / 2; i++) {
		if (selectors[i] != NULL)
			selector_index_remove(index, selectors[i], &visits[i]);
	}
	selector_index_free(index);
	for (i = 0; i < SELECTORS; i++)
		selector_free(selectors[i]);
}

/* Patterns with other prefixes cost nothing. */
static void
test_cost(void **state)
{
	struct selector_index *index = selector_index_new();
	struct selector       *selectors[1000];
	int                    visits[COUNT(selectors)] = { 0 };
	char                   text[64];
	uint64_t               cost;

	(void)state;
	for (size_t i = 0; i < COUNT(selectors); i++) {
		snprintf(text, sizeof(text),
		    i % 2 == 0 ? "https://example.com/users/%zu/{x}" :
				 "https://example.com/users/%zu/:x",
		    i);
		selectors[i] = compile(i % 2 == 0 ? SELECTOR_TOPIC :
						    SELECTOR_URL_PATTERN,
		    text);
		selector_index_add(index, selectors[i], &visits[i]);
	}
	visit(index, "https://example.com/users/500/a", &cost);
	assert_in_range(cost, 1, 200);
	assert_int_equal(visits[500], 1);
	visit(index, "https://example.com/users/501/a", &cost);
	assert_in_range(cost, 1, 200);
	assert_int_equal(visits[501], 1);
	visit(index, "https://example.com/groups/1", &cost);
	assert_int_equal(cost, 0);
	for (size_t i = 0; i < COUNT(selectors); i++) {
		assert_int_equal(visits[i], i == 500 || i == 501);
		selector_index_remove(index, selectors[i], &visits[i]);
		selector_free(selectors[i]);
	}
	selector_index_free(index);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
