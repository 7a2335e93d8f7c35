#include "pure/selector.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "pure/uri_template.h"
#include "pure/url_pattern.h"

static bool
compile_pattern(struct selector *selector, const struct url *base,
    const char **why)
{
	struct url_pattern *pattern = mem_alloc(sizeof(*pattern));

	if (url_pattern_init(pattern, selector->text, selector->text_bytes,
		base) == -1) {
		free(pattern);
		*why = "is not a URL pattern";
		return false;
	}
	selector->rule = SELECTOR_BY_PATTERN;
	selector->compiled.pattern = pattern;
	return true;
}

static void
compile_template(struct selector *selector)
{
	selector->compiled.template = uri_template_new(selector->text,
	    selector->text_bytes);
	if (selector->compiled.template != NULL)
		selector->rule = SELECTOR_BY_TEMPLATE;
}

static bool
compile(struct selector *selector, const struct url *base, const char **why)
{
	selector->rule = SELECTOR_BY_TEXT;
	if (selector->kind != SELECTOR_TOPIC &&
	    !utf8_is_visible(selector->text, selector->text_bytes)) {
		*why = "has a control or format character, or is not UTF-8";
		return false;
	}
	if (selector->text_bytes == 1 && selector->text[0] == '*')
		selector->rule = SELECTOR_BY_ALL;
	else if (selector->kind == SELECTOR_URL_PATTERN)
		return compile_pattern(selector, base, why);
	else if (selector->kind == SELECTOR_TOPIC)
		compile_template(selector);
	return true;
}

struct selector *
selector_new(enum selector_kind kind, const char *text, size_t text_bytes,
    const struct url *base, const char **why)
{
	struct selector *selector;

	if (text_bytes > SELECTOR_BYTES_MAX) {
		*why = "is too long";
		return NULL;
	}
	selector = mem_zalloc(sizeof(*selector));
	selector->kind = kind;
	selector->text = mem_alloc(text_bytes + 1);
	if (text_bytes > 0)
		memcpy(selector->text, text, text_bytes);
	selector->text[text_bytes] = '\0';
	selector->text_bytes = text_bytes;
	if (compile(selector, base, why))
		return selector;
	selector_free(selector);
	return NULL;
}

void
selector_free(struct selector *selector)
{
	if (selector == NULL)
		return;
	if (selector->rule == SELECTOR_BY_TEMPLATE)
		uri_template_free(selector->compiled.template);
	if (selector->rule == SELECTOR_BY_PATTERN) {
		url_pattern_deinit(selector->compiled.pattern);
		free(selector->compiled.pattern);
	}
	free(selector->text);
	free(selector);
}

int
selector_base_parse(struct url *base, const char *text, size_t len_bytes)
{
	static const char nowhere[] = "https://hub.invalid/";
	struct url        root = { 0 };
	int               result;

	result = url_parse(&root, nowhere, sizeof(nowhere) - 1, NULL, 0);
	if (result == 0)
		result = url_parse(base, text, len_bytes, &root, 0);
	url_deinit(&root);
	return result;
}

void
selector_topic_init(struct selector_topic *topic, const char *text,
    size_t text_bytes, const struct url *base)
{
	*topic = (struct selector_topic){ .text = text,
		.text_bytes = text_bytes,
		.base = base,
		.state = SELECTOR_TOPIC_NEW };
}

void
selector_topic_deinit(struct selector_topic *topic)
{
	url_deinit(&topic->url);
}

const struct url *
selector_topic_url(struct selector_topic *topic)
{
	if (topic->state == SELECTOR_TOPIC_NEW)
		topic->state = url_parse(&topic->url, topic->text,
				   topic->text_bytes, topic->base, 0) == 0 ?
		    SELECTOR_TOPIC_URL :
		    SELECTOR_TOPIC_NO_URL;
	return topic->state == SELECTOR_TOPIC_URL ? &topic->url : NULL;
}

static bool
is_text(const struct selector *selector, const char *text, size_t text_bytes)
{
	return selector->text_bytes == text_bytes &&
	    (text_bytes == 0 || memcmp(selector->text, text, text_bytes) == 0);
}

bool
selector_matches(const struct selector *selector, struct selector_topic *topic,
    uint64_t *cost)
{
	uint64_t          cost_max = *cost + SELECTOR_COST_MAX;
	const struct url *url;

	*cost += 1;
	switch (selector->rule) {
	case SELECTOR_BY_ALL:
		return true;
	case SELECTOR_BY_TEXT:
		return is_text(selector, topic->text, topic->text_bytes);
	case SELECTOR_BY_TEMPLATE:
		return is_text(selector, topic->text, topic->text_bytes) ||
		    uri_template_matches(selector->compiled.template,
			topic->text, topic->text_bytes, cost, cost_max);
	case SELECTOR_BY_PATTERN:
		if (topic->state == SELECTOR_TOPIC_NEW)
			*cost += topic->text_bytes;
		url = selector_topic_url(topic);
		return url != NULL &&
		    url_pattern_matches(selector->compiled.pattern, url, cost,
			cost_max);
	}
	return false;
}

bool
selector_is_alike(const struct selector *one, const struct selector *other)
{
	if (one->rule != other->rule)
		return false;
	switch (one->rule) {
	case SELECTOR_BY_ALL:
		return true;
	case SELECTOR_BY_TEXT:
		return is_text(one, other->text, other->text_bytes);
	case SELECTOR_BY_TEMPLATE:
		return uri_template_is_alike(one->compiled.template,
		    other->compiled.template);
	case SELECTOR_BY_PATTERN:
		return url_pattern_is_alike(one->compiled.pattern,
		    other->compiled.pattern);
	}
	return false;
}

void
selector_append_prefix(const struct selector *selector, struct buf *buf)
{
	switch (selector->rule) {
	case SELECTOR_BY_ALL:
		break;
	case SELECTOR_BY_TEXT:
		buf_append(buf, selector->text, selector->text_bytes);
		break;
	case SELECTOR_BY_TEMPLATE:
		buf_append(buf, selector->text,
		    uri_template_literal_bytes(selector->compiled.template));
		break;
	case SELECTOR_BY_PATTERN:
		url_pattern_append_prefix(selector->compiled.pattern, buf);
		break;
	}
}

bool
selector_is_reserved(const char *topic, size_t topic_bytes,
    const struct url *hub)
{
	struct url url = { 0 };
	bool       is_reserved;

	is_reserved = url_parse(&url, topic, topic_bytes, hub, URL_ANY_HOST) ==
		0 &&
	    url_is_below(&url, hub);
	url_deinit(&url);
	return is_reserved;
}
