#include "tool/target.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/mem.h"

#define UNIX "unix:"
#define HUB_PATH "/.well-known/mercure"

#define SOCKET_BYTES_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

/* The base, up to its host and port, and behind it the path, or the hub's. */
static char *
url_new(const char *base, size_t base_bytes, const char *path)
{
	struct buf url = { 0 };

	buf_append(&url, base, base_bytes);
	if (path[0] == '/' && path[1] != '\0')
		buf_append_str(&url, path);
	else {
		buf_append_str(&url, HUB_PATH);
		buf_append_str(&url, path[0] == '/' ? path + 1 : path);
	}
	buf_append(&url, "", 1);
	return url.data;
}

static bool
read_unix(struct target *target, const char *text, const char **error)
{
	static const char base[] = "http://localhost";
	const char       *url_path = strstr(text, ":/");
	size_t            path_bytes;

	path_bytes = url_path != NULL ? (size_t)(url_path - text) :
					strlen(text);
	if (path_bytes == 0 || path_bytes > SOCKET_BYTES_MAX) {
		*error = path_bytes == 0 ? "unix: needs the path of a socket" :
					   "the path of the socket is too long";
		return false;
	}
	target->socket_path = mem_strndup(text, path_bytes);
	target->url = url_new(base, sizeof(base) - 1,
	    url_path != NULL ? url_path + 1 : "");
	return true;
}

/* The length of what comes before the host; 0 when that is no web server's. */
static size_t
scheme_length(const char *to)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strncasecmp(to, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	}
	return 0;
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text <= ' ' || *text == '\x7f')
			return false;
	}
	return true;
}

bool
target_init(struct target *target, const char *to, const char **error)
{
	size_t scheme_len = scheme_length(to), host_len;

	*target = (struct target){ 0 };
	*error = NULL;
	if (strncmp(to, UNIX, strlen(UNIX)) == 0)
		return read_unix(target, to + strlen(UNIX), error);
	host_len = strcspn(to + scheme_len, "/?#");
	if (scheme_len == 0 || host_len == 0)
		*error = "takes http://HOST, https://HOST, with or without a "
			 "path, or unix:PATH";
	else if (!is_printable(to))
		*error = "the URL holds blanks or control characters; write "
			 "them as %XX";
	else if (memchr(to + scheme_len, '@', host_len) != NULL)
		*error = "takes no user or password; a key comes from the file "
			 "of --key-file";
	if (*error != NULL)
		return false;
	target->url = url_new(to, scheme_len + host_len,
	    to + scheme_len + host_len);
	return true;
}

void
target_deinit(struct target *target)
{
	free(target->url);
	free(target->socket_path);
	*target = (struct target){ 0 };
}
