#include "config.h"

#include "pure/base64url.h"

/* What a character stands for; -1: it is none of the alphabet. */
static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

bool
base64url_decode(const char *text, size_t text_bytes, uint8_t *bytes,
    size_t *len_bytes)
{
	uint32_t bits = 0;
	unsigned bit_count = 0;
	size_t   i, len = 0;
	int      value;

	for (i = 0; i < text_bytes; i++) {
		value = digit_value(text[i]);
		if (value < 0)
			return false;
		bits = (bits << 6 | (uint32_t)value) & 0xffff;
		bit_count += 6;
		if (bit_count >= 8) {
			bit_count -= 8;
			bytes[len++] = (uint8_t)(bits >> bit_count);
		}
	}
	/* One character alone holds no byte; spare bits have to be zero. */
	if (text_bytes % 4 == 1 || (bits & ((1u << bit_count) - 1)) != 0)
		return false;
	*len_bytes = len;
	return true;
}
