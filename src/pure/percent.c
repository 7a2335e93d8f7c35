#include "pure/percent.h"

#include <string.h>

#include "base/buf.h"

/* What each set has beyond controls, DEL and what is not ASCII. */
static const char *const set_bytes[] = {
	[PERCENT_CONTROL] = "",
	[PERCENT_FRAGMENT] = " \"<>`",
	[PERCENT_QUERY] = " \"#<>",
	[PERCENT_SPECIAL_QUERY] = " \"#<>'",
	[PERCENT_PATH] = " \"#<>?^`{}",
	[PERCENT_USERINFO] = " \"#<>?^`{}/:;=@[\\]|",
};

int
percent_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
percent_is_triplet(const char *bytes, size_t len_bytes)
{
	return len_bytes >= 3 && bytes[0] == '%' &&
	    percent_hex_value(bytes[1]) >= 0 &&
	    percent_hex_value(bytes[2]) >= 0;
}

bool
percent_is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

static bool
is_in_set(char c, enum percent_set set)
{
	unsigned char byte = (unsigned char)c;

	if (byte < 0x20 || byte > 0x7e)
		return true;
	return strchr(set_bytes[set], c) != NULL;
}

void
percent_encode(struct buf *buf, const char *bytes, size_t len_bytes,
    enum percent_set set)
{
	static const char digits[] = "0123456789ABCDEF";
	char              triplet[3] = { '%', 0, 0 };

	for (size_t i = 0; i < len_bytes; i++) {
		if (!is_in_set(bytes[i], set)) {
			buf_append(buf, &bytes[i], 1);
			continue;
		}
		triplet[1] = digits[(unsigned char)bytes[i] >> 4];
		triplet[2] = digits[(unsigned char)bytes[i] & 15];
		buf_append(buf, triplet, sizeof(triplet));
	}
}

static void
decode(struct buf *buf, const char *bytes, size_t len_bytes, bool all)
{
	char byte;

	for (size_t i = 0; i < len_bytes; i++) {
		if (percent_is_triplet(bytes + i, len_bytes - i)) {
			byte = (char)(percent_hex_value(bytes[i + 1]) << 4 |
			    percent_hex_value(bytes[i + 2]));
			if (all || percent_is_unreserved(byte)) {
				buf_append(buf, &byte, 1);
				i += 2;
				continue;
			}
		}
		buf_append(buf, &bytes[i], 1);
	}
}

void
percent_decode(struct buf *buf, const char *bytes, size_t len_bytes)
{
	decode(buf, bytes, len_bytes, true);
}

void
percent_decode_unreserved(struct buf *buf, const char *bytes, size_t len_bytes)
{
	decode(buf, bytes, len_bytes, false);
}
