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
