#include "pure/pattern_encode.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "pure/percent.h"
#include "pure/url.h"
#include "pure/url_host.h"
#include "pure/url_path.h"

/* As the scheme of "TEXT://dummy/". */
int
pattern_encode_protocol(struct buf *buf, const char *text, size_t len_bytes)
{
	struct buf whole = { 0 };
	struct url url = { 0 };
	int        result;

	buf_append(&whole, text, len_bytes);
	buf_append_str(&whole, "://dummy/");
	result = url_parse(&url, whole.data, whole.len_bytes, NULL, 0);
	if (result == 0)
		buf_append(buf, url.parts[URL_PROTOCOL].data,
		    url.parts[URL_PROTOCOL].len_bytes);
	url_deinit(&url);
	buf_deinit(&whole);
	return result;
}

int
pattern_encode_userinfo(struct buf *buf, const char *text, size_t len_bytes)
{
	percent_encode(buf, text, len_bytes, PERCENT_USERINFO);
	return 0;
}

/* A path or query behind it is cut off, as the setter of URL does. */
int
pattern_encode_hostname(struct buf *buf, const char *text, size_t len_bytes)
{
	size_t end = 0;

	while (end < len_bytes && strchr("/?#\\", text[end]) == NULL)
		end++;
	if (end == 0)
		return -1;
	return url_host_parse(buf, text, end, URL_HOST_DOMAIN);
}

int
pattern_encode_ipv6(struct buf *buf, const char *text, size_t len_bytes)
{
	char c;

	for (size_t i = 0; i < len_bytes; i++) {
		c = text[i];
		if (c != '[' && c != ']' && c != ':' &&
		    percent_hex_value(c) < 0)
			return -1;
		if (c >= 'A' && c <= 'F')
			c += 'a' - 'A';
		buf_append(buf, &c, 1);
	}
	return 0;
}

/* What follows the digits is cut off. */
int
pattern_encode_port(struct buf *buf, const char *text, size_t len_bytes)
{
	uint32_t port = 0;
	size_t   i;

	for (i = 0; i < len_bytes && text[i] >= '0' && text[i] <= '9'; i++) {
		port = port * 10 + (uint32_t)(text[i] - '0');
		if (port > UINT16_MAX)
			return -1;
	}
	if (i == 0)
		return -1;
	buf_printf(buf, "%u", (unsigned)port);
	return 0;
}

int
pattern_encode_pathname(struct buf *buf, const char *text, size_t len_bytes)
{
	struct buf whole = { 0 }, path = { 0 };
	size_t     added_bytes = 0;
	int        result;

	/* Text that goes on a segment must not become one of its own. */
	if (text[0] != '/' && text[0] != '\\') {
		buf_append_str(&whole, "/-");
		added_bytes = 2;
	}
	buf_append(&whole, text, len_bytes);
	url_path_append(&path, whole.data + 1, whole.len_bytes - 1, true);
	if (path.len_bytes > added_bytes)
		buf_append(buf, path.data + added_bytes,
		    path.len_bytes - added_bytes);
	buf_deinit(&whole);
	result = path.len_bytes < added_bytes ? -1 : 0;
	buf_deinit(&path);
	return result;
}

int
pattern_encode_opaque_path(struct buf *buf, const char *text, size_t len_bytes)
{
	percent_encode(buf, text, len_bytes, PERCENT_CONTROL);
	return 0;
}

int
pattern_encode_search(struct buf *buf, const char *text, size_t len_bytes)
{
	percent_encode(buf, text, len_bytes, PERCENT_SPECIAL_QUERY);
	return 0;
}

int
pattern_encode_hash(struct buf *buf, const char *text, size_t len_bytes)
{
	percent_encode(buf, text, len_bytes, PERCENT_FRAGMENT);
	return 0;
}
