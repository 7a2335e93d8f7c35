#include "pure/url.h"

#include <stdint.h>
#include <string.h>

#include "pure/percent.h"
#include "pure/url_host.h"
#include "pure/url_path.h"

static const struct {
	const char *scheme, *port;
} specials[] = {
	{ "http", "80" },
	{ "https", "443" },
	{ "ws", "80" },
	{ "wss", "443" },
	{ "ftp", "21" },
	{ "file", "" },
};

#define SPECIAL_COUNT (sizeof(specials) / sizeof(specials[0]))

const char *const url_special_schemes[] = { "http", "https", "ws", "wss", "ftp",
	"file", NULL };

/* Where the parser is in the text. */
struct reader {
	struct url       *url;
	const struct url *base;
	const char       *at, *end;
	unsigned          flags;
};

static int
find_special(const char *scheme, size_t len_bytes)
{
	for (size_t i = 0; i < SPECIAL_COUNT; i++) {
		if (strlen(specials[i].scheme) == len_bytes &&
		    memcmp(specials[i].scheme, scheme, len_bytes) == 0)
			return (int)i;
	}
	return -1;
}

bool
url_scheme_is_special(const char *scheme, size_t len_bytes)
{
	return find_special(scheme, len_bytes) >= 0;
}

const char *
url_default_port(const char *scheme, size_t len_bytes)
{
	int found = find_special(scheme, len_bytes);

	return found >= 0 ? specials[found].port : "";
}

bool
url_part_is(const struct url *url, enum url_part part, const char *text)
{
	size_t len_bytes = strlen(text);

	return url->parts[part].len_bytes == len_bytes &&
	    (len_bytes == 0 ||
		memcmp(url->parts[part].data, text, len_bytes) == 0);
}

static void
copy_part(struct reader *reader, enum url_part part)
{
	reader->url->parts[part].len_bytes = 0;
	buf_append(&reader->url->parts[part], reader->base->parts[part].data,
	    reader->base->parts[part].len_bytes);
}

static void
copy_authority(struct reader *reader)
{
	copy_part(reader, URL_USERNAME);
	copy_part(reader, URL_PASSWORD);
	copy_part(reader, URL_HOSTNAME);
	copy_part(reader, URL_PORT);
}

/* Whether the byte ends a part of this URL, as a slash does. */
static bool
is_slash(const struct reader *reader, const char *at)
{
	return at < reader->end &&
	    (*at == '/' || (reader->url->is_special && *at == '\\'));
}

static bool
is_path_end(const struct reader *reader, const char *at)
{
	return at == reader->end || *at == '?' || *at == '#';
}

/* "?" and what follows, if it is there, and "#" with what follows that. */
static int
read_tail(struct reader *reader)
{
	struct url *url = reader->url;
	const char *end;

	if (reader->at < reader->end && *reader->at == '?') {
		reader->at++;
		end = memchr(reader->at, '#',
		    (size_t)(reader->end - reader->at));
		end = end != NULL ? end : reader->end;
		url->parts[URL_SEARCH].len_bytes = 0;
		percent_encode(&url->parts[URL_SEARCH], reader->at,
		    (size_t)(end - reader->at),
		    url->is_special ? PERCENT_SPECIAL_QUERY : PERCENT_QUERY);
		reader->at = end;
	}
	if (reader->at < reader->end)
		percent_encode(&url->parts[URL_HASH], reader->at + 1,
		    (size_t)(reader->end - reader->at - 1), PERCENT_FRAGMENT);
	return 0;
}

/* The path from behind its slash. */
static int
read_path(struct reader *reader)
{
	const char *start = reader->at;

	while (!is_path_end(reader, reader->at))
		reader->at++;
	url_path_append(&reader->url->parts[URL_PATHNAME], start,
	    (size_t)(reader->at - start), reader->url->is_special);
	return read_tail(reader);
}

/* Behind an authority, or where there is none: the slash may be missing. */
static int
read_path_start(struct reader *reader)
{
	if (is_slash(reader, reader->at))
		reader->at++;
	else if (is_path_end(reader, reader->at) && !reader->url->is_special)
		return read_tail(reader);
	return read_path(reader);
}

static int
read_opaque_path(struct reader *reader)
{
	const char *start = reader->at;

	reader->url->has_opaque_path = true;
	while (!is_path_end(reader, reader->at))
		reader->at++;
	percent_encode(&reader->url->parts[URL_PATHNAME], start,
	    (size_t)(reader->at - start), PERCENT_CONTROL);
	return read_tail(reader);
}

static void
read_credentials(struct url *url, const char *start, const char *end)
{
	const char *colon = memchr(start, ':', (size_t)(end - start));
	const char *name_end = colon != NULL ? colon : end;

	percent_encode(&url->parts[URL_USERNAME], start,
	    (size_t)(name_end - start), PERCENT_USERINFO);
	if (colon != NULL)
		percent_encode(&url->parts[URL_PASSWORD], colon + 1,
		    (size_t)(end - colon - 1), PERCENT_USERINFO);
}

static int
read_port(struct url *url, const char *start, const char *end)
{
	const struct buf *scheme = &url->parts[URL_PROTOCOL];
	uint32_t          port = 0;

	if (start == end)
		return 0;
	for (; start < end; start++) {
		if (*start < '0' || *start > '9')
			return -1;
		port = port * 10 + (uint32_t)(*start - '0');
		if (port > UINT16_MAX)
			return -1;
	}
	buf_printf(&url->parts[URL_PORT], "%u", (unsigned)port);
	if (url->is_special &&
	    url_part_is(url, URL_PORT,
		url_default_port(scheme->data, scheme->len_bytes)))
		url->parts[URL_PORT].len_bytes = 0;
	return 0;
}

static enum url_host_kind
host_kind(const struct reader *reader)
{
	if (!reader->url->is_special)
		return URL_HOST_OPAQUE;
	return reader->flags & URL_ANY_HOST ? URL_HOST_ANY_DOMAIN :
					      URL_HOST_DOMAIN;
}

/* The colon before the port, or the end. */
static const char *
find_host_end(const char *start, const char *end)
{
	bool in_brackets = false;

	for (; start < end; start++) {
		if (*start == '[' || *start == ']')
			in_brackets = *start == '[';
		if (*start == ':' && !in_brackets)
			break;
	}
	return start;
}

/* What follows "//". */
static int
read_authority(struct reader *reader)
{
	struct url *url = reader->url;
	const char *start = reader->at, *end = start, *at_sign, *host_end;

	while (!is_path_end(reader, end) && !is_slash(reader, end))
		end++;
	reader->at = end;
	at_sign = memrchr(start, '@', (size_t)(end - start));
	if (at_sign != NULL) {
		read_credentials(url, start, at_sign);
		start = at_sign + 1;
	}
	host_end = find_host_end(start, end);
	if (host_end == start &&
	    (url->is_special || at_sign != NULL || host_end < end))
		return -1;
	if (url_host_parse(&url->parts[URL_HOSTNAME], start,
		(size_t)(host_end - start), host_kind(reader)) == -1)
		return -1;
	if (host_end < end && read_port(url, host_end + 1, end) == -1)
		return -1;
	return read_path_start(reader);
}

/* What stands where a path begins, taken relative to the base's path. */
static int
read_relative_path(struct reader *reader)
{
	copy_part(reader, URL_PATHNAME);
	if (is_path_end(reader, reader->at)) {
		copy_part(reader, URL_SEARCH);
		return read_tail(reader);
	}
	url_path_shorten(&reader->url->parts[URL_PATHNAME]);
	return read_path(reader);
}

static void
skip_slashes(struct reader *reader)
{
	while (is_slash(reader, reader->at))
		reader->at++;
}

static int
read_relative(struct reader *reader)
{
	if (!is_slash(reader, reader->at)) {
		copy_authority(reader);
		return read_relative_path(reader);
	}
	if (!is_slash(reader, reader->at + 1)) {
		copy_authority(reader);
		return read_path_start(reader);
	}
	reader->at += 2;
	if (reader->url->is_special)
		skip_slashes(reader);
	return read_authority(reader);
}

static int
read_file_host(struct reader *reader)
{
	struct url *url = reader->url;
	const char *start = reader->at;

	while (!is_path_end(reader, reader->at) &&
	    !is_slash(reader, reader->at))
		reader->at++;
	if (reader->at > start &&
	    url_host_parse(&url->parts[URL_HOSTNAME], start,
		(size_t)(reader->at - start), host_kind(reader)) == -1)
		return -1;
	if (url_part_is(url, URL_HOSTNAME, "localhost"))
		url->parts[URL_HOSTNAME].len_bytes = 0;
	return read_path_start(reader);
}

static int
read_file(struct reader *reader)
{
	bool has_base = reader->base != NULL &&
	    url_part_is(reader->base, URL_PROTOCOL, "file");

	if (is_slash(reader, reader->at) && is_slash(reader, reader->at + 1)) {
		reader->at += 2;
		return read_file_host(reader);
	}
	if (has_base)
		copy_part(reader, URL_HOSTNAME);
	if (has_base && !is_slash(reader, reader->at))
		return read_relative_path(reader);
	return read_path_start(reader);
}

/* Takes the scheme and its colon, if the text begins with one. */
static bool
read_scheme(struct reader *reader)
{
	struct buf *scheme = &reader->url->parts[URL_PROTOCOL];
	const char *at = reader->at;
	char        c;

	for (; at < reader->end && *at != ':'; at++) {
		c = *at;
		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if ((c < 'a' || c > 'z') &&
		    (at == reader->at ||
			((c < '0' || c > '9') && c != '+' && c != '-' &&
			    c != '.')))
			break;
		buf_append(scheme, &c, 1);
	}
	if (at == reader->end || *at != ':' || at == reader->at) {
		scheme->len_bytes = 0;
		return false;
	}
	reader->at = at + 1;
	return true;
}

/* "https:x" is relative where the base is https as well. */
static bool
is_relative_to_base(const struct reader *reader)
{
	const struct buf *scheme = &reader->url->parts[URL_PROTOCOL], *other;

	if (reader->base == NULL)
		return false;
	if (reader->end - reader->at >= 2 && memcmp(reader->at, "//", 2) == 0)
		return false;
	other = &reader->base->parts[URL_PROTOCOL];
	return other->len_bytes == scheme->len_bytes &&
	    memcmp(other->data, scheme->data, scheme->len_bytes) == 0;
}

static int
read_after_scheme(struct reader *reader)
{
	struct url       *url = reader->url;
	const struct buf *scheme = &url->parts[URL_PROTOCOL];
	const char       *at = reader->at;

	url->is_special = url_scheme_is_special(scheme->data,
	    scheme->len_bytes);
	if (url_part_is(url, URL_PROTOCOL, "file"))
		return read_file(reader);
	if (url->is_special) {
		if (is_relative_to_base(reader))
			return read_relative(reader);
		skip_slashes(reader);
		return read_authority(reader);
	}
	if (at == reader->end || *at != '/')
		return read_opaque_path(reader);
	if (reader->end - at < 2 || at[1] != '/')
		return read_path_start(reader);
	reader->at += 2;
	return read_authority(reader);
}

static int
read_url(struct reader *reader)
{
	const struct url *base = reader->base;

	if (read_scheme(reader))
		return read_after_scheme(reader);
	if (base == NULL)
		return -1;
	copy_part(reader, URL_PROTOCOL);
	reader->url->is_special = base->is_special;
	if (url_part_is(base, URL_PROTOCOL, "file"))
		return read_file(reader);
	if (!base->has_opaque_path)
		return read_relative(reader);
	if (reader->at == reader->end || *reader->at != '#')
		return -1;
	reader->url->has_opaque_path = true;
	copy_part(reader, URL_PATHNAME);
	copy_part(reader, URL_SEARCH);
	return read_tail(reader);
}

/* Keeps the text without the blanks around it, and without line ends. */
static void
copy_text(struct url *url, const char *text, size_t len_bytes)
{
	while (len_bytes > 0 && (unsigned char)text[len_bytes - 1] <= ' ')
		len_bytes--;
	while (len_bytes > 0 && (unsigned char)*text <= ' ') {
		text++;
		len_bytes--;
	}
	url->text.len_bytes = 0;
	buf_reserve(&url->text, len_bytes + 1);
	for (size_t i = 0; i < len_bytes; i++) {
		if (text[i] != '\t' && text[i] != '\n' && text[i] != '\r')
			url->text.data[url->text.len_bytes++] = text[i];
	}
}

int
url_parse(struct url *url, const char *text, size_t len_bytes,
    const struct url *base, unsigned flags)
{
	struct reader reader = { .url = url, .base = base, .flags = flags };

	for (int part = 0; part < URL_PART_COUNT; part++)
		url->parts[part].len_bytes = 0;
	url->is_special = url->has_opaque_path = false;
	copy_text(url, text, len_bytes);
	reader.at = url->text.data;
	reader.end = url->text.data + url->text.len_bytes;
	return read_url(&reader);
}

void
url_deinit(struct url *url)
{
	for (int part = 0; part < URL_PART_COUNT; part++)
		buf_deinit(&url->parts[part]);
	buf_deinit(&url->text);
}

bool
url_is_below(const struct url *url, const struct url *hub)
{
	struct buf path = { 0 }, hub_path = { 0 };
	bool       is_below;

	percent_decode_unreserved(&path, url->parts[URL_PATHNAME].data,
	    url->parts[URL_PATHNAME].len_bytes);
	percent_decode_unreserved(&hub_path, hub->parts[URL_PATHNAME].data,
	    hub->parts[URL_PATHNAME].len_bytes);
	while (hub_path.len_bytes > 0 &&
	    hub_path.data[hub_path.len_bytes - 1] == '/')
		hub_path.len_bytes--;
	is_below = !url->has_opaque_path && path.len_bytes > 0 &&
	    path.len_bytes >= hub_path.len_bytes &&
	    (hub_path.len_bytes == 0 ||
		memcmp(path.data, hub_path.data, hub_path.len_bytes) == 0) &&
	    (path.len_bytes == hub_path.len_bytes ||
		path.data[hub_path.len_bytes] == '/');
	buf_deinit(&path);
	buf_deinit(&hub_path);
	return is_below;
}
