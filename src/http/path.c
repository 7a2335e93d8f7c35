#include "http/path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/call.h"

#define SAFE_BYTES_MAX 200

/* Whether it is "%" and two hexadecimal digits, but not those of a NUL. */
static bool
is_escape(const char *text)
{
	return text[0] == '%' && isxdigit((unsigned char)text[1]) &&
	    isxdigit((unsigned char)text[2]) &&
	    (text[1] != '0' || text[2] != '0');
}

static char
escaped_byte(const char *escape)
{
	const char digits[] = { escape[1], escape[2], '\0' };

	return (char)strtoul(digits, NULL, 16);
}

/* The path of a REQUEST_URI, which is as the client sent it. */
static char *
path_of_uri(const char *uri)
{
	const char *from = uri, *authority = strstr(uri, "://");
	char       *path, *to;

	if (*uri != '/' && authority != NULL) {
		from = strchr(authority + 3, '/');
		if (from == NULL)
			from = "/";
	}
	path = to = mem_alloc(strlen(from) + 1);
	for (; *from != '\0' && *from != '?' && *from != '#'; from++) {
		if (is_escape(from)) {
			*to++ = escaped_byte(from);
			from += 2;
		} else
			*to++ = *from;
	}
	*to = '\0';
	return path;
}

static const char *
env_or_empty(const struct call *call, const char *name)
{
	const char *value = call_env(call, name);

	return value == NULL ? "" : value;
}

bool
path_init(struct path *path, const struct call *call)
{
	const char *script = env_or_empty(call, "SCRIPT_NAME");
	const char *info = env_or_empty(call, "PATH_INFO");
	size_t      script_bytes = strlen(script);

	if (strcmp(script, info) == 0)
		script_bytes = 0;
	path->is_exact = script_bytes > 0 && *info == '/';
	if (script_bytes == 0 && *info == '\0') {
		path->full = path_of_uri(env_or_empty(call, "REQUEST_URI"));
	} else {
		path->full = mem_alloc(script_bytes + strlen(info) + 1);
		memcpy(path->full, script, script_bytes);
		memcpy(path->full + script_bytes, info, strlen(info) + 1);
	}
	path->route = path->full + (path->is_exact ? script_bytes : 0);
	return *path->full != '\0';
}

bool
path_is(const struct path *path, const char *route)
{
	size_t path_bytes = strlen(path->route), route_bytes = strlen(route);

	if (path->is_exact)
		return strcmp(path->route, route) == 0;
	return path_bytes >= route_bytes &&
	    strcmp(path->route + path_bytes - route_bytes, route) == 0;
}

bool
path_is_program(const struct path *path, const struct call *call)
{
	const char *info = env_or_empty(call, "PATH_INFO");
	const char *dot = strrchr(path->full, '.');

	return *info == '\0' &&
	    (call->is_cgi ||
		(dot != NULL &&
		    (strcmp(dot, ".cgi") == 0 || strcmp(dot, ".fcgi") == 0)));
}

void
path_append_safe(struct buf *buf, const char *path)
{
	size_t i, end_bytes = buf->len_bytes + SAFE_BYTES_MAX;

	for (i = 0; path[i] != '\0'; i++) {
		if (buf->len_bytes + sizeof("%XX") - 1 > end_bytes) {
			buf_append_str(buf, "...");
			return;
		}
		if (path[i] > ' ' && path[i] < 0x7f &&
		    strchr("%<>&\"'\\:", path[i]) == NULL)
			buf_append(buf, &path[i], 1);
		else
			buf_printf(buf, "%%%02X", (unsigned char)path[i]);
	}
}
