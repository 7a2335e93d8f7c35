#include "config/option_check.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

bool
option_check_is_text(const char *text)
{
	size_t len = strnlen(text, OPTION_CHECK_BYTES_MAX + 1);

	if (len > OPTION_CHECK_BYTES_MAX)
		return false;
	if (len > 0 && (text[0] == ' ' || text[len - 1] == ' '))
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
		if (text[i] == ';' && (i == 0 || text[i - 1] == ' '))
			return false;
	}
	return true;
}

/* 1 to 65535 without leading zeros. */
static bool
is_port(const char *text)
{
	size_t len = strspn(text, DIGITS);
	long   port = 0;

	if (len == 0 || len > 5 || text[len] != '\0' || text[0] == '0')
		return false;
	for (size_t i = 0; i < len; i++)
		port = port * 10 + (text[i] - '0');
	return port <= 65535;
}

/*
 * Where the host at the start of the text ends: behind the bracket of an IPv6
 * address, or at the first byte that is none of host_chars. NULL: no host.
 */
static const char *
host_end(const char *text, const char *host_chars)
{
	size_t len;

	if (text[0] != '[') {
		len = strspn(text, host_chars);
		return len > 0 ? text + len : NULL;
	}
	text++;
	len = strspn(text, DIGITS "abcdefABCDEF:.");
	if (len < 2 || text[len] != ']')
		return NULL;
	return text + len + 1;
}

bool
option_check_is_address(const char *text)
{
	const char *end;
	size_t      path_bytes;

	if (strncmp(text, "unix:", strlen("unix:")) == 0) {
		path_bytes = strlen(text + strlen("unix:"));
		return path_bytes > 0 &&
		    path_bytes < sizeof(((struct sockaddr_un *)NULL)->sun_path);
	}
	end = host_end(text, DIGITS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");
	return end != NULL && *end == ':' && is_port(end + 1);
}

bool
option_check_is_origin(const char *text)
{
	const char *end;
	size_t      scheme_len;

	if (strcmp(text, "*") == 0)
		return true;
	scheme_len = strspn(text, LOWER DIGITS "+-.");
	if (strspn(text, LOWER) == 0 ||
	    strncmp(text + scheme_len, "://", 3) != 0)
		return false;
	end = host_end(text + scheme_len + 3, DIGITS LOWER ".-_");
	if (end == NULL || strpbrk(text, "ABCDEF") != NULL)
		return false;
	if (*end == '\0')
		return true;
	if (*end != ':' || !is_port(end + 1))
		return false;
	if (strncmp(text, "http://", strlen("http://")) == 0)
		return strcmp(end, ":80") != 0;
	if (strncmp(text, "https://", strlen("https://")) == 0)
		return strcmp(end, ":443") != 0;
	return true;
}
