#include "pure/url_pattern.h"

#include <string.h>

#include "base/buf.h"
#include "pure/pattern_string.h"

/* What the components are read with; hosts and paths have a choice. */
static const struct pattern_syntax syntaxes[URL_PART_COUNT] = {
	[URL_PROTOCOL] = { pattern_encode_protocol, 0, 0 },
	[URL_USERNAME] = { pattern_encode_userinfo, 0, 0 },
	[URL_PASSWORD] = { pattern_encode_userinfo, 0, 0 },
	[URL_HOSTNAME] = { pattern_encode_hostname, '.', 0 },
	[URL_PORT] = { pattern_encode_port, 0, 0 },
	[URL_PATHNAME] = { pattern_encode_pathname, '/', '/' },
	[URL_SEARCH] = { pattern_encode_search, 0, 0 },
	[URL_HASH] = { pattern_encode_hash, 0, 0 },
};

static const struct pattern_syntax ipv6_syntax = { pattern_encode_ipv6, '.',
	0 };
static const struct pattern_syntax opaque_syntax = { pattern_encode_opaque_path,
	0, 0 };

/* The patterns of the components before they are compiled. */
struct texts {
	struct buf           escaped[URL_PART_COUNT]; /* taken from the base */
	struct buf           pathname;
	struct pattern_slice slices[URL_PART_COUNT];
};

/* Appends what stands in a URL so that a pattern means just that. */
static void
append_escaped(struct buf *buf, const char *text, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++) {
		if (strchr("+*?:{}()\\", text[i]) != NULL)
			buf_append_str(buf, "\\");
		buf_append(buf, &text[i], 1);
	}
}

static void
take_from_base(struct texts *texts, const struct url *base, enum url_part part)
{
	struct buf *escaped = &texts->escaped[part];

	append_escaped(escaped, base->parts[part].data,
	    base->parts[part].len_bytes);
	texts->slices[part] = (struct pattern_slice){
		escaped->len_bytes > 0 ? escaped->data : "", escaped->len_bytes
	};
}

static bool
names_any(const struct texts *texts, enum url_part last)
{
	for (int part = URL_PROTOCOL; part <= (int)last; part++) {
		if (texts->slices[part].text != NULL)
			return true;
	}
	return false;
}

static bool
is_absolute(struct pattern_slice path)
{
	if (path.len_bytes == 0)
		return false;
	return path.text[0] == '/' ||
	    (path.len_bytes >= 2 && path.text[1] == '/' &&
		(path.text[0] == '\\' || path.text[0] == '{'));
}

/* Puts the folders of the base's path before a relative one. */
static void
complete_path(struct texts *texts, const struct url *base)
{
	struct pattern_slice *slice = &texts->slices[URL_PATHNAME];
	const struct buf     *path = &base->parts[URL_PATHNAME];
	const char           *slash;

	if (slice->text == NULL || base->has_opaque_path ||
	    path->len_bytes == 0 || is_absolute(*slice))
		return;
	slash = memrchr(path->data, '/', path->len_bytes);
	if (slash == NULL)
		return;
	append_escaped(&texts->pathname, path->data,
	    (size_t)(slash - path->data) + 1);
	buf_append(&texts->pathname, slice->text, slice->len_bytes);
	*slice = (struct pattern_slice){ texts->pathname.data,
		texts->pathname.len_bytes };
}

/* What the pattern leaves out in front of its first component. */
static void
complete(struct texts *texts, const struct url *base)
{
	static const enum url_part parts[] = { URL_PROTOCOL, URL_HOSTNAME,
		URL_PORT, URL_PATHNAME, URL_SEARCH, URL_HASH };
	bool                       missing[URL_PART_COUNT];

	/*
	 * A part is inherited if neither it nor one before it is named; the
	 * host goes with the scheme and the port with both.
	 */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		missing[parts[i]] = !names_any(texts, parts[i]);
	complete_path(texts, base);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (missing[parts[i]])
			take_from_base(texts, base, parts[i]);
	}
}

/* Everything goes for what is neither named nor inherited. */
static void
complete_rest(struct texts *texts)
{
	for (int part = 0; part < URL_PART_COUNT; part++) {
		if (texts->slices[part].text == NULL)
			texts->slices[part] = (struct pattern_slice){ "*", 1 };
	}
}

static bool
is_slice(struct pattern_slice slice, const char *text)
{
	return slice.len_bytes == strlen(text) &&
	    memcmp(slice.text, text, slice.len_bytes) == 0;
}

/* A scheme's own port is never in a URL. */
static void
drop_default_port(struct texts *texts)
{
	struct pattern_slice scheme = texts->slices[URL_PROTOCOL];
	struct pattern_slice port = texts->slices[URL_PORT];

	if (!url_scheme_is_special(scheme.text, scheme.len_bytes))
		return;
	while (port.len_bytes > 1 && port.text[0] == '0') {
		port.text++;
		port.len_bytes--;
	}
	if (is_slice(port, url_default_port(scheme.text, scheme.len_bytes)))
		texts->slices[URL_PORT] = (struct pattern_slice){ "", 0 };
}

/* The sign that begins a search or hash may be given twice. */
static void
drop_sign(struct pattern_slice *slice, char sign)
{
	if (slice->len_bytes > 0 && slice->text[0] == sign) {
		slice->text++;
		slice->len_bytes--;
	}
}

static bool
is_ipv6(struct pattern_slice host)
{
	if (host.len_bytes < 2)
		return false;
	return host.text[0] == '[' ||
	    ((host.text[0] == '{' || host.text[0] == '\\') &&
		host.text[1] == '[');
}

static int
compile(struct url_pattern *pattern, const struct texts *texts)
{
	const struct pattern_syntax *syntax;

	for (int part = 0; part < URL_PART_COUNT; part++) {
		struct pattern_slice slice = texts->slices[part];

		syntax = &syntaxes[part];
		if (part == URL_HOSTNAME && is_ipv6(slice))
			syntax = &ipv6_syntax;
		if (part == URL_PATHNAME &&
		    !pattern_string_is_special(&pattern
						    ->components[URL_PROTOCOL]))
			syntax = &opaque_syntax;
		if (pattern_component_init(&pattern->components[part],
			slice.text, slice.len_bytes, syntax) == -1)
			return -1;
	}
	return 0;
}

/* The path tells most topics apart. */
static void
find_tested(struct url_pattern *pattern)
{
	static const unsigned char order[URL_PART_COUNT] = { URL_PATHNAME,
		URL_HOSTNAME, URL_PROTOCOL, URL_PORT, URL_SEARCH, URL_HASH,
		URL_USERNAME, URL_PASSWORD };

	for (size_t i = 0; i < URL_PART_COUNT; i++) {
		if (!pattern->components[order[i]].is_any)
			pattern->tested[pattern->tested_count++] = order[i];
	}
}

int
url_pattern_init(struct url_pattern *pattern, const char *text,
    size_t len_bytes, const struct url *base)
{
	struct texts texts = { 0 };
	int          result;

	*pattern = (struct url_pattern){ 0 };
	if (pattern_string_split(text, len_bytes, texts.slices) == -1)
		return -1;
	drop_sign(&texts.slices[URL_SEARCH], '?');
	drop_sign(&texts.slices[URL_HASH], '#');
	complete(&texts, base);
	complete_rest(&texts);
	drop_default_port(&texts);
	result = compile(pattern, &texts);
	for (int part = 0; part < URL_PART_COUNT; part++)
		buf_deinit(&texts.escaped[part]);
	buf_deinit(&texts.pathname);
	if (result == -1)
		url_pattern_deinit(pattern);
	else
		find_tested(pattern);
	return result;
}

void
url_pattern_deinit(struct url_pattern *pattern)
{
	for (int part = 0; part < URL_PART_COUNT; part++)
		pattern_component_deinit(&pattern->components[part]);
}

bool
url_pattern_is_alike(const struct url_pattern *one,
    const struct url_pattern                  *other)
{
	const struct pattern_component *a, *b;

	for (int part = 0; part < URL_PART_COUNT; part++) {
		a = &one->components[part];
		b = &other->components[part];
		if (a->delimiter != b->delimiter ||
		    !pattern_parts_are_alike(&a->parts, &b->parts))
			return false;
	}
	return true;
}

bool
url_pattern_matches(const struct url_pattern *pattern, const struct url *url,
    uint64_t *cost, uint64_t cost_max)
{
	const struct buf *part;

	for (size_t i = 0; i < pattern->tested_count; i++) {
		part = &url->parts[pattern->tested[i]];
		if (!pattern_component_matches(
			&pattern->components[pattern->tested[i]], part->data,
			part->len_bytes, cost, cost_max))
			return false;
	}
	return true;
}

static const enum url_part key_parts[] = { URL_PROTOCOL, URL_HOSTNAME, URL_PORT,
	URL_PATHNAME };

#define KEY_PART_COUNT (sizeof(key_parts) / sizeof(key_parts[0]))

void
url_pattern_append_prefix(const struct url_pattern *pattern, struct buf *buf)
{
	const char *literal;
	size_t      len_bytes;
	bool        is_whole = true;

	for (size_t i = 0; i < KEY_PART_COUNT && is_whole; i++) {
		literal =
		    pattern_component_literal(&pattern
						   ->components[key_parts[i]],
			&len_bytes, &is_whole);
		buf_append(buf, literal, len_bytes);
		if (is_whole && i + 1 < KEY_PART_COUNT)
			buf_append_str(buf, "\n");
	}
}

void
url_append_key(const struct url *url, struct buf *buf)
{
	for (size_t i = 0; i < KEY_PART_COUNT; i++) {
		const struct buf *part = &url->parts[key_parts[i]];

		buf_append(buf, part->data, part->len_bytes);
		if (i + 1 < KEY_PART_COUNT)
			buf_append_str(buf, "\n");
	}
}
