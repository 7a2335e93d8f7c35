#include "base/utf8.h"

/* How many bytes a character takes that starts with this one; 0 for none. */
static size_t
utf8_bytes(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

size_t
utf8_decode(const char *bytes, size_t len_bytes, uint32_t *code)
{
	static const unsigned char first_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	static const uint32_t      code_min[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t                     char_bytes;
	uint32_t                   value;

	if (len_bytes == 0)
		return 0;
	char_bytes = utf8_bytes((unsigned char)bytes[0]);
	if (char_bytes == 0 || char_bytes > len_bytes)
		return 0;
	value = (unsigned char)bytes[0] & first_mask[char_bytes];
	for (size_t i = 1; i < char_bytes; i++) {
		if (((unsigned char)bytes[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)bytes[i] & 0x3f);
	}
	if (value < code_min[char_bytes] || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code = value;
	return char_bytes;
}

/* Whether the character is of the category Cf, Format (Unicode 15). */
static bool
is_format(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00ad, 0x00ad },
		{ 0x0600, 0x0605 },
		{ 0x061c, 0x061c },
		{ 0x06dd, 0x06dd },
		{ 0x070f, 0x070f },
		{ 0x0890, 0x0891 },
		{ 0x08e2, 0x08e2 },
		{ 0x180e, 0x180e },
		{ 0x200b, 0x200f },
		{ 0x202a, 0x202e },
		{ 0x2060, 0x2064 },
		{ 0x2066, 0x206f },
		{ 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb },
		{ 0x110bd, 0x110bd },
		{ 0x110cd, 0x110cd },
		{ 0x13430, 0x1343f },
		{ 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a },
		{ 0xe0001, 0xe0001 },
		{ 0xe0020, 0xe007f },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (code <= ranges[i].last)
			return code >= ranges[i].first;
	}
	return false;
}

bool
utf8_is_visible(const char *bytes, size_t len_bytes)
{
	uint32_t code;
	size_t   char_bytes;

	for (size_t i = 0; i < len_bytes; i += char_bytes) {
		char_bytes = utf8_decode(bytes + i, len_bytes - i, &code);
		if (char_bytes == 0 || code < 0x20 ||
		    (code >= 0x7f && code <= 0x9f) || is_format(code))
			return false;
	}
	return true;
}
