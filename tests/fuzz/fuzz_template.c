/*
 * URI templates: the input is a template, LF and a topic. A slow matcher, which
 * reads the template for itself and tries everything, says the same; and a
 * match never costs more than its bound.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pure/uri_template.h"

#define COST_MAX 1000000
#define SLOW_BYTES 12
#define SLOW_TRIES 200000
#define ALWAYS_BYTES 8192

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static unsigned tries;

static void
require(int condition)
{
	if (!condition)
		abort();
}

/* An expression as the slow matcher sees it. */
struct expression {
	char   operator;
	bool   first_explodes, explodes;
	size_t variables;
	size_t len_bytes; /* with its braces */
};

static void
read_expression(const char *text, struct expression *expression)
{
	size_t at = 1;

	*expression = (struct expression){ .variables = 1 };
	if (strchr("+#./;?&", text[at]) != NULL)
		expression->operator= text[at++];
	for (; text[at] != '}'; at++) {
		if (text[at] == ',')
			expression->variables++;
		if (text[at] == '*') {
			expression->explodes = true;
			expression->first_explodes |= expression->variables ==
			    1;
		}
	}
	expression->len_bytes = at + 1;
}

static bool
is_hex(char c)
{
	return c != '\0' && strchr("0123456789abcdefABCDEF", c) != NULL;
}

/* How many bytes of the character belong to the class; 0 if none. */
static size_t
class_bytes(const char *topic, const struct expression *expression,
    bool is_first)
{
	bool named = expression->operator!= '\0' &&
		     strchr(";?&", expression->operator) != NULL;
	bool equals = named ||
	    (is_first ? expression->first_explodes : expression->explodes);
	char c = topic[0];

	if (c == '\0')
		return 0;
	if (c == '%')
		return is_hex(topic[1]) && is_hex(topic[2]) ? 3 : 0;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || strchr("-._~,", c) != NULL)
		return 1;
	if (expression->operator== '+' || expression->operator== '#')
		return strchr(":/?#[]@!$&'()*+;=", c) != NULL;
	return c == '=' && equals;
}

static bool match(const char *template, const char *topic);

/* Within an expression, of which `left` more groups may follow. */
static bool
match_groups(const char *after, const char *topic,
    const struct expression *expression, bool is_first, size_t left)
{
	char separator = expression->operator;
	size_t                       bytes;

	if (++tries > SLOW_TRIES)
		return false;
	if (match(after, topic))
		return true;
	bytes = class_bytes(topic, expression, is_first);
	if (bytes > 0 &&
	    match_groups(after, topic + bytes, expression, is_first, left))
		return true;
	if (separator == '\0' || separator == '+' || separator == '#')
		separator = ',';
	if (separator == '?')
		separator = '&';
	return topic[0] == separator && (left > 0 || expression->explodes) &&
	    match_groups(after, topic + 1, expression, false,
		left > 0 ? left - 1 : 0);
}

/* The template is well-formed. */
static bool
match(const char *template, const char *topic)
{
	struct expression expression;

	if (++tries > SLOW_TRIES)
		return false;
	if (template[0] == '\0')
		return topic[0] == '\0';
	if (template[0] != '{')
		return template[0] == topic[0] &&
		    match(template + 1, topic + 1);
	read_expression(template, &expression);
	template += expression.len_bytes;
	if (match(template, topic))
		return true;
	if (expression.operator!= '\0' && expression.operator!= '+') {
		if (topic[0] != expression.operator)
			return false;
		topic++;
	}
	return match_groups(template, topic, &expression, true,
	    expression.variables - 1);
}

static void
check(const char *text, size_t text_bytes, const char *topic,
    size_t topic_bytes)
{
	struct uri_template *template = uri_template_new(text, text_bytes);
	uint64_t cost = 0;
	bool     matches, expected;

	if (template == NULL)
		return;
	require(memchr(text, '{', text_bytes) != NULL);
	matches = uri_template_matches(template, topic, topic_bytes, &cost,
	    COST_MAX);
	require(cost <= COST_MAX + 2 * topic_bytes + text_bytes);
	if (matches) {
		size_t bytes = uri_template_literal_bytes(template);

		require(bytes <= topic_bytes &&
		    memcmp(text, topic, bytes) == 0);
	}
	uri_template_free(template);
	if (topic_bytes > SLOW_BYTES ||
	    memchr(topic, '\0', topic_bytes) != NULL)
		return;
	tries = 0;
	expected = match(text, topic);
	if (tries <= SLOW_TRIES)
		require(matches == expected);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *lf;

	if (size > ALWAYS_BYTES)
		return 0;
	text = malloc(size + 1);
	require(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	lf = memchr(text, '\n', size);
	if (lf != NULL) {
		*lf = '\0';
		if (strlen(text) == (size_t)(lf - text))
			check(text, (size_t)(lf - text), lf + 1,
			    size - (size_t)(lf + 1 - text));
	}
	free(text);
	return 0;
}
