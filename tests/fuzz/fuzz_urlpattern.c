/*
 * URL patterns: the input is a pattern, LF and a topic. For each component a
 * slow matcher, which tries everything, says the same of the topic's part, and
 * of the topic's own text; the topic matches if all components do; a match
 * never costs more than its bound; and the URL parser reads what it has written
 * as the same URL again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "pure/url_pattern.h"

#define HUB "https://hub.example/.well-known/mercure"
#define COST_MAX 1000000
#define BYTES_MAX 8192
#define SLOW_BYTES 12
#define SLOW_TRIES 200000

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static unsigned tries;

static void
require(int condition)
{
	if (!condition)
		abort();
}

static bool match(const struct pattern_component *, size_t part,
    const char *text);

static bool
skip_span(const struct pattern_component *component, struct pattern_span span,
    const char **text)
{
	if (span.len_bytes > 0 &&
	    strncmp(*text, component->parts.text.data + span.at,
		span.len_bytes) != 0)
		return false;
	*text += span.len_bytes;
	return true;
}

static bool match_once(const struct pattern_component *, size_t part,
    const char *text);

/* Behind the value: the suffix, and what can follow the part. */
static bool
match_end(const struct pattern_component *component, size_t i,
    const char *start, const char *text)
{
	char modifier = component->parts.parts[i].modifier;

	if (!skip_span(component, component->parts.parts[i].suffix, &text))
		return false;
	if (match(component, i + 1, text))
		return true;
	return (modifier == '+' || modifier == '*') && text > start &&
	    match_once(component, i, text);
}

static bool
match_once(const struct pattern_component *component, size_t i,
    const char *text)
{
	const struct pattern_part *part = &component->parts.parts[i];
	const char                *start = text;

	if (++tries > SLOW_TRIES || !skip_span(component, part->prefix, &text))
		return false;
	if (part->type != PATTERN_PART_SEGMENT &&
	    match_end(component, i, start, text))
		return true;
	if (part->type == PATTERN_PART_TEXT)
		return false;
	while (*text != '\0' &&
	    (part->type == PATTERN_PART_ANY || *text != component->delimiter)) {
		if (match_end(component, i, start, ++text))
			return true;
	}
	return false;
}

static bool
match(const struct pattern_component *component, size_t i, const char *text)
{
	char modifier;

	if (++tries > SLOW_TRIES)
		return false;
	if (i == component->parts.part_count)
		return *text == '\0';
	modifier = component->parts.parts[i].modifier;
	if ((modifier == '?' || modifier == '*') &&
	    match(component, i + 1, text))
		return true;
	return match_once(component, i, text);
}

/*
 * Compares the two matchers; returns what ours says, and *is_cut if it stopped
 * for the cost.
 */
static bool
check_component(const struct pattern_component *component, const char *text,
    size_t len_bytes, bool *is_cut)
{
	char     copy[SLOW_BYTES + 1] = "";
	uint64_t cost = 0;
	bool     matches, expected;

	matches = pattern_component_matches(component, text, len_bytes, &cost,
	    COST_MAX);
	require(cost <= COST_MAX + 8 * (len_bytes + 2) * (BYTES_MAX / 16));
	*is_cut |= cost >= COST_MAX;
	if (component->regex != NULL || len_bytes > SLOW_BYTES)
		return matches;
	if (len_bytes > 0)
		memcpy(copy, text, len_bytes);
	tries = 0;
	expected = match(component, 0, copy);
	if (tries <= SLOW_TRIES)
		require(matches == expected);
	return matches;
}

static void
check_pattern(const struct url_pattern *pattern, const struct url *url,
    const char *topic)
{
	struct buf prefix = { 0 }, key = { 0 };
	uint64_t   cost = 0;
	bool       matches = true, is_cut = false, is_topic_cut = false;

	for (int i = 0; i < URL_PART_COUNT; i++) {
		matches &= check_component(&pattern->components[i],
		    url->parts[i].data, url->parts[i].len_bytes, &is_cut);
		check_component(&pattern->components[i], topic, strlen(topic),
		    &is_topic_cut);
	}
	require(is_cut ||
	    url_pattern_matches(pattern, url, &cost, 8 * COST_MAX) == matches);
	if (matches) {
		url_pattern_append_prefix(pattern, &prefix);
		url_append_key(url, &key);
		require(prefix.len_bytes <= key.len_bytes);
		require(prefix.len_bytes == 0 ||
		    memcmp(prefix.data, key.data, prefix.len_bytes) == 0);
	}
	buf_deinit(&prefix);
	buf_deinit(&key);
}

static void
append_part(struct buf *text, const struct url *url, enum url_part part,
    const char *before)
{
	if (url->parts[part].len_bytes == 0)
		return;
	buf_append_str(text, before);
	buf_append(text, url->parts[part].data, url->parts[part].len_bytes);
}

/* A URL with a host, written down and parsed, is the same one. */
static void
check_again(const struct url *url)
{
	struct buf text = { 0 };
	struct url again = { 0 };

	append_part(&text, url, URL_PROTOCOL, "");
	buf_append_str(&text, "://");
	append_part(&text, url, URL_USERNAME, "");
	append_part(&text, url, URL_PASSWORD, ":");
	if (url->parts[URL_USERNAME].len_bytes +
		url->parts[URL_PASSWORD].len_bytes >
	    0)
		buf_append_str(&text, "@");
	append_part(&text, url, URL_HOSTNAME, "");
	append_part(&text, url, URL_PORT, ":");
	append_part(&text, url, URL_PATHNAME, "");
	append_part(&text, url, URL_SEARCH, "?");
	append_part(&text, url, URL_HASH, "#");
	require(url_parse(&again, text.data, text.len_bytes, NULL, 0) == 0);
	for (int i = 0; i < URL_PART_COUNT; i++) {
		const struct buf *part = &url->parts[i];

		require(again.parts[i].len_bytes == part->len_bytes);
		require(part->len_bytes == 0 ||
		    memcmp(again.parts[i].data, part->data, part->len_bytes) ==
			0);
		for (size_t at = 0; at < part->len_bytes; at++)
			require((unsigned char)part->data[at] < 0x7f);
	}
	url_deinit(&again);
	buf_deinit(&text);
}

static void
check(const char *text, size_t text_bytes, const char *topic)
{
	struct url         hub = { 0 }, url = { 0 };
	struct url_pattern pattern;
	bool               is_url;

	require(url_parse(&hub, HUB, strlen(HUB), NULL, 0) == 0);
	is_url = url_parse(&url, topic, strlen(topic), &hub, 0) == 0;
	if (is_url && url.parts[URL_HOSTNAME].len_bytes > 0)
		check_again(&url);
	/* A selector is such a text. */
	if (utf8_is_visible(text, text_bytes) &&
	    url_pattern_init(&pattern, text, text_bytes, &hub) == 0) {
		if (is_url)
			check_pattern(&pattern, &url, topic);
		url_pattern_deinit(&pattern);
	}
	url_deinit(&url);
	url_deinit(&hub);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *lf;

	if (size > BYTES_MAX)
		return 0;
	text = malloc(size + 1);
	require(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	lf = memchr(text, '\n', size);
	if (lf != NULL)
		check(text, (size_t)(lf - text), lf + 1);
	free(text);
	return 0;
}
