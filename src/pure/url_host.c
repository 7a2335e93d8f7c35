#include "pure/url_host.h"

#include <arpa/inet.h>

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "pure/percent.h"

#define IPV4_PARTS_MAX 4
#define IPV6_PIECES 8

/* Finds the longest run of two or more zeros; count 0 if there is none. */
static void
find_zeros(const uint16_t *pieces, size_t *first, size_t *count)
{
	size_t end;

	*count = 0;
	for (size_t i = 0; i < IPV6_PIECES; i = end + 1) {
		for (end = i; end < IPV6_PIECES && pieces[end] == 0;)
			end++;
		if (end - i > *count && end - i > 1) {
			*first = i;
			*count = end - i;
		}
	}
}

static void
append_ipv6(struct buf *buf, const unsigned char *address)
{
	uint16_t pieces[IPV6_PIECES];
	size_t   zeros = IPV6_PIECES, zero_count;

	for (size_t i = 0; i < IPV6_PIECES; i++)
		pieces[i] = (uint16_t)(address[2 * i] << 8 |
		    address[2 * i + 1]);
	find_zeros(pieces, &zeros, &zero_count);
	buf_append_str(buf, "[");
	for (size_t i = 0; i < IPV6_PIECES; i++) {
		if (zero_count > 0 && i == zeros) {
			buf_append_str(buf, i == 0 ? "::" : ":");
			i += zero_count - 1;
			continue;
		}
		buf_printf(buf, "%x%s", pieces[i],
		    i < IPV6_PIECES - 1 ? ":" : "");
	}
	buf_append_str(buf, "]");
}

/* The text between the brackets. */
static int
parse_ipv6(struct buf *buf, const char *text, size_t len_bytes)
{
	unsigned char address[sizeof(struct in6_addr)];
	char          copy[INET6_ADDRSTRLEN];

	if (len_bytes >= sizeof(copy) || memchr(text, '\0', len_bytes) != NULL)
		return -1;
	memcpy(copy, text, len_bytes);
	copy[len_bytes] = '\0';
	if (inet_pton(AF_INET6, copy, address) != 1)
		return -1;
	append_ipv6(buf, address);
	return 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Reads a number, decimal, octal or hexadecimal as in C; values above 32 bits
 * become UINT32_MAX + 1. Returns false if it is none.
 */
static bool
parse_ipv4_number(const char *text, size_t len_bytes, uint64_t *value)
{
	int base = 10, digit;

	*value = 0;
	if (len_bytes == 0)
		return false;
	if (len_bytes >= 2 && text[0] == '0') {
		base = text[1] == 'x' || text[1] == 'X' ? 16 : 8;
		text += base == 16 ? 2 : 1;
		len_bytes -= base == 16 ? 2 : 1;
	}
	for (size_t i = 0; i < len_bytes; i++) {
		digit = percent_hex_value(text[i]);
		if (digit < 0 || digit >= base)
			return false;
		*value = *value * (uint64_t)base + (uint64_t)digit;
		if (*value > UINT32_MAX)
			*value = (uint64_t)UINT32_MAX + 1;
	}
	return true;
}

/* Whether the last label is a number, so that the host must be an address. */
static bool
ends_in_number(const char *host, size_t len_bytes)
{
	const char *label;
	size_t      i = 0;
	uint64_t    value;

	if (len_bytes > 0 && host[len_bytes - 1] == '.')
		len_bytes--;
	label = memrchr(host, '.', len_bytes);
	label = label != NULL ? label + 1 : host;
	len_bytes -= (size_t)(label - host);
	while (i < len_bytes && is_digit(label[i]))
		i++;
	if (len_bytes > 0 && i == len_bytes)
		return true;
	return len_bytes >= 2 && label[0] == '0' &&
	    (label[1] == 'x' || label[1] == 'X') &&
	    parse_ipv4_number(label, len_bytes, &value);
}

static int
parse_ipv4(struct buf *buf, const char *text, size_t len_bytes)
{
	const char *end = text + len_bytes, *dot;
	uint64_t    parts[IPV4_PARTS_MAX], address;
	size_t      count = 0;

	if (len_bytes > 0 && end[-1] == '.')
		end--;
	for (const char *at = text;; at = dot + 1) {
		dot = memchr(at, '.', (size_t)(end - at));
		if (count == IPV4_PARTS_MAX)
			return -1;
		if (!parse_ipv4_number(at,
			(size_t)((dot != NULL ? dot : end) - at),
			&parts[count++]))
			return -1;
		if (dot == NULL)
			break;
	}
	/* The last part fills what the others leave of the 32 bits. */
	address = parts[count - 1];
	if (address >= UINT64_C(1) << (8 * (IPV4_PARTS_MAX + 1 - count)))
		return -1;
	for (size_t i = 0; i + 1 < count; i++) {
		if (parts[i] > 255)
			return -1;
		address |= parts[i] << (8 * (IPV4_PARTS_MAX - 1 - i));
	}
	buf_printf(buf, "%u.%u.%u.%u", (unsigned)(address >> 24),
	    (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
	    (unsigned)(address & 255));
	return 0;
}

/* Forbidden host code points; domains have more. */
static bool
is_forbidden(char c, bool is_domain)
{
	if (c == '\0' || strchr("\t\n\r #/:<>?@[\\]^|", c) != NULL)
		return true;
	return is_domain && ((unsigned char)c < 0x20 || c == '%' || c == 0x7f);
}

static int
check_domain(const struct buf *domain, bool any)
{
	for (size_t i = 0; i < domain->len_bytes; i++) {
		if (is_forbidden(domain->data[i], true) ||
		    (!any && (unsigned char)domain->data[i] > 0x7f))
			return -1;
	}
	return domain->len_bytes > 0 ? 0 : -1;
}

static int
parse_domain(struct buf *buf, const char *text, size_t len_bytes, bool any)
{
	struct buf domain = { 0 };
	int        result;

	percent_decode(&domain, text, len_bytes);
	result = check_domain(&domain, any);
	if (result == 0) {
		for (size_t i = 0; i < domain.len_bytes; i++) {
			if (domain.data[i] >= 'A' && domain.data[i] <= 'Z')
				domain.data[i] += 'a' - 'A';
		}
		if (ends_in_number(domain.data, domain.len_bytes))
			result = parse_ipv4(buf, domain.data, domain.len_bytes);
		else
			percent_encode(buf, domain.data, domain.len_bytes,
			    PERCENT_CONTROL);
	}
	buf_deinit(&domain);
	return result;
}

int
url_host_parse(struct buf *buf, const char *text, size_t len_bytes,
    enum url_host_kind kind)
{
	if (len_bytes > 0 && text[0] == '[') {
		if (text[len_bytes - 1] != ']')
			return -1;
		return parse_ipv6(buf, text + 1, len_bytes - 2);
	}
	if (kind != URL_HOST_OPAQUE)
		return parse_domain(buf, text, len_bytes,
		    kind == URL_HOST_ANY_DOMAIN);
	for (size_t i = 0; i < len_bytes; i++) {
		if (is_forbidden(text[i], false))
			return -1;
	}
	percent_encode(buf, text, len_bytes, PERCENT_CONTROL);
	return 0;
}
