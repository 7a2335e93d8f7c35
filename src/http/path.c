#include "http/path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/call.h"

#define SAFE_BYTES_MAX 200

/* Where URIs have a meaning of their own, at the root of a host (RFC 8615). */
#define WELL_KNOWN "/.well-known/"

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
or_empty(const char *value)
{
	return value == NULL ? "" : value;
}

/*
 * The "$" of a pattern matches before a line feed at the end too. By such a
 * pattern nginx would pass on another path than its rules have looked at.
 */
static bool
is_cut(const char *uri, const char *script, const char *info)
{
	return strchr(uri, '\n') != NULL && strchr(script, '\n') == NULL &&
	    strchr(info, '\n') == NULL;
}

/*
 * What the client asked for, decoded. The script's name is no part of it where
 * PATH_INFO is all of the URL: Apache's Action names the program there that
 * acts for the URL. Nor is a slash at its end, if PATH_INFO has one.
 */
static char *
full_path(const struct call *call, size_t *script_bytes)
{
	const char *script = or_empty(call->script);
	const char *info = or_empty(call->path_info);
	char       *uri = path_of_uri(or_empty(call->uri));
	char       *full;

	*script_bytes = 0;
	if (is_cut(uri, script, info))
		return uri;

	*script_bytes = strlen(script);
	if (*info == '/' && *script_bytes > 0 &&
	    script[*script_bytes - 1] == '/')
		(*script_bytes)--;
	if (*info != '\0' &&
	    (strcmp(script, info) == 0 || strcmp(uri, info) == 0))
		*script_bytes = 0;
	if (*script_bytes == 0 && *info == '\0')
		return uri;
	free(uri);
	full = mem_alloc(*script_bytes + strlen(info) + 1);
	memcpy(full, script, *script_bytes);
	memcpy(full + *script_bytes, info, strlen(info) + 1);
	return full;
}

/* What follows the mount point; NULL if the path is not below it. */
static const char *
behind_mount(const char *full, const char *mount)
{
	size_t mount_bytes = strlen(mount);

	if (mount[mount_bytes - 1] == '/')
		mount_bytes--;
	if (strncmp(full, mount, mount_bytes) != 0 ||
	    (full[mount_bytes] != '/' && full[mount_bytes] != '\0'))
		return NULL;
	return full + mount_bytes;
}

bool
path_init(struct path *path, const struct call *call, char *const *mounts,
    size_t mount_count)
{
	size_t script_bytes, i;

	path->full = full_path(call, &script_bytes);
	path->route = NULL;
	for (i = 0; i < mount_count && path->route == NULL; i++)
		path->route = behind_mount(path->full, mounts[i]);
	path->is_mount_known = mount_count > 0 ||
	    (script_bytes > 0 && path->full[script_bytes] == '/');
	if (mount_count == 0)
		path->route = path->full +
		    (path->is_mount_known ? script_bytes : 0);
	return *path->full != '\0';
}

bool
path_is(const struct path *path, const char *route)
{
	if (strncmp(route, WELL_KNOWN, sizeof(WELL_KNOWN) - 1) == 0 &&
	    strcmp(path->full, route) == 0)
		return true;
	return path->route != NULL && strcmp(path->route, route) == 0;
}

/* How long it is up to its "*", if it ends with one behind a slash; else 0. */
static size_t
open_bytes(const char *route)
{
	size_t route_bytes = strlen(route);

	return route_bytes > 2 && strcmp(route + route_bytes - 2, "/*") == 0 ?
	    route_bytes - 1 :
	    0;
}

const char *
path_rest(const struct path *path, const char *route)
{
	size_t route_bytes = open_bytes(route);

	if (route_bytes == 0)
		return NULL;
	if (strncmp(route, WELL_KNOWN, sizeof(WELL_KNOWN) - 1) == 0 &&
	    strncmp(path->full, route, route_bytes) == 0)
		return path->full + route_bytes;
	if (path->route == NULL ||
	    strncmp(path->route, route, route_bytes) != 0)
		return NULL;
	return path->route + route_bytes;
}

/* Where the route begins in a path that has it behind something else. */
static const char *
find_route(const char *full, const char *route)
{
	size_t path_bytes = strlen(full), route_bytes = open_bytes(route);

	if (route_bytes > 0) {
		while (*full != '\0' && strncmp(full, route, route_bytes) != 0)
			full++;
		return *full == '\0' ? NULL : full;
	}
	route_bytes = strlen(route);
	if (path_bytes <= route_bytes ||
	    strcmp(full + path_bytes - route_bytes, route) != 0)
		return NULL;
	return full + path_bytes - route_bytes;
}

size_t
path_guess_mount(const struct path *path, const char *route)
{
	const char *found = find_route(path->full, route);

	return path->is_mount_known || found == NULL ?
	    0 :
	    (size_t)(found - path->full);
}

bool
path_is_mount(const struct path *path, const struct call *call)
{
	const char *info = or_empty(call->path_info);
	const char *dot = strrchr(path->full, '.');

	if (path->is_mount_known)
		return path->route != NULL && *path->route == '\0';
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
