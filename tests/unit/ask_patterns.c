/*
 * ask_patterns BASE: reads lines "PATTERN<TAB>TOPIC" and writes for each what
 * our URL patterns say: 1 for a match, 0 for none, and E if the pattern is
 * malformed. The browser's tests compare this with what a browser says.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/selector.h"

static char
judge(const char *pattern, const char *text, const struct url *base)
{
	struct selector      *selector;
	struct selector_topic topic;
	const char           *why;
	uint64_t              cost = 0;
	bool                  matches;

	selector = selector_new(SELECTOR_URL_PATTERN, pattern, strlen(pattern),
	    base, &why);
	if (selector == NULL)
		return 'E';
	/* For a selector "*" is everything, for a browser a path. */
	if (selector->rule == SELECTOR_BY_ALL)
		errx(1, "the pattern \"*\" cannot be compared");
	selector_topic_init(&topic, text, strlen(text), base);
	matches = selector_matches(selector, &topic, &cost);
	selector_topic_deinit(&topic);
	selector_free(selector);
	return matches ? '1' : '0';
}

int
main(int argc, char *argv[])
{
	struct url base = { 0 };
	char      *line = NULL, *tab;
	size_t     size_bytes = 0;

	if (argc != 2 ||
	    selector_base_parse(&base, argv[1], strlen(argv[1])) == -1)
		errx(2, "usage: ask_patterns BASE");
	while (getline(&line, &size_bytes, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		tab = strchr(line, '\t');
		if (tab == NULL)
			errx(2, "no tab in \"%s\"", line);
		*tab = '\0';
		putchar(judge(line, tab + 1, &base));
	}
	putchar('\n');
	free(line);
	url_deinit(&base);
	return 0;
}
