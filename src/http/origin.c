#include "http/origin.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "http/call.h"

#define PORT_MAX 65535

#define ORIGIN_BYTES_MAX 512

/* Bytes that are shown of what a client sent. */
#define SHOWN_BYTES_MAX 200

/* A host and its port, which point into the text that they come from. */
struct site {
	const char *host;
	size_t      host_bytes;
	long        port; /* 0: not given */
};

/* Reads digits up to the text's end; -1 if it is no port. */
static long
port_parse(const char *text)
{
	char *end;
	long  port = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || port < 1 ||
	    port > PORT_MAX)
		return -1;
	return port;
}

/* Reads HOST, HOST:PORT or either with an IPv6 address in brackets. */
static bool
site_parse(struct site *site, const char *text)
{
	const char *end = *text == '[' ? strchr(text, ']') : NULL;
	const char *colon = strchr(end == NULL ? text : end, ':');

	site->host = text;
	site->host_bytes = colon == NULL ? strlen(text) :
					   (size_t)(colon - text);
	site->port = colon == NULL ? 0 : port_parse(colon + 1);
	return site->host_bytes > 0 && site->port >= 0;
}

static bool
is_web_port(long port)
{
	return port == 80 || port == 443;
}

/* Reads an Origin; an opaque one, "null", is none. */
static bool
origin_parse(struct site *site, const char *origin)
{
	bool is_https = strncasecmp(origin, "https://", 8) == 0;

	if (!is_https && strncasecmp(origin, "http://", 7) != 0)
		return false;
	if (!site_parse(site, origin + (is_https ? 8 : 7)))
		return false;
	if (site->port == 0)
		site->port = is_https ? 443 : 80;
	return true;
}

/*
 * The site that the request is for. A port that is not named is 0. What ends
 * TLS before the web server leaves the host but not the port: one of the two
 * usual ports is then as good as the other.
 */
static bool
site_of_request(struct site *site, const struct call *call)
{
	const char *host = call_env(call, "HTTP_HOST");
	const char *port = call_env(call, "SERVER_PORT");

	if (host == NULL || *host == '\0')
		host = call_env(call, "SERVER_NAME");
	if (host == NULL || !site_parse(site, host))
		return false;
	if (site->port > 0 || port == NULL)
		return true;
	site->port = port_parse(port);
	if (site->port == -1 || is_web_port(site->port))
		site->port = 0;
	return true;
}

static bool
is_same(const struct site *page, const struct site *ours)
{
	return page->host_bytes == ours->host_bytes &&
	    strncasecmp(page->host, ours->host, ours->host_bytes) == 0 &&
	    (ours->port == 0 ? is_web_port(page->port) :
			       page->port == ours->port);
}

/* Appends what a client sent: with nothing in it but what a site has. */
static void
append_shown(struct buf *why, const char *text)
{
	size_t i;

	for (i = 0; i < SHOWN_BYTES_MAX && text[i] != '\0'; i++) {
		if (isalnum((unsigned char)text[i]) ||
		    strchr("-._:/[]", text[i]) != NULL)
			buf_append(why, &text[i], 1);
		else
			buf_printf(why, "%%%02X", (unsigned char)text[i]);
	}
}

static void
append_variable(struct buf *why, const struct call *call, const char *name)
{
	const char *value = call_env(call, name);

	buf_printf(why, ", %s ", name);
	append_shown(why, value == NULL ? "missing" : value);
}

/* Named by the variables, since these are what has to be changed. */
static void
append_compared(struct buf *why, const struct call *call, const char *origin)
{
	const char *host = call_env(call, "HTTP_HOST");

	buf_append_str(why, "its origin ");
	append_shown(why, origin);
	buf_append_str(why,
	    " is not the host and port that the web server passes");
	append_variable(why, call, "HTTP_HOST");
	if (host == NULL || *host == '\0')
		append_variable(why, call, "SERVER_NAME");
	append_variable(why, call, "SERVER_PORT");
}

bool
origin_is_foreign(const struct call *call, struct buf *why)
{
	const char *fetch_site = call_env(call, "HTTP_SEC_FETCH_SITE");
	const char *origin = call->origin;
	struct site page, ours;

	if (fetch_site != NULL && *fetch_site != '\0') {
		if (strcmp(fetch_site, "same-origin") == 0 ||
		    strcmp(fetch_site, "none") == 0)
			return false;
		if (why != NULL) {
			buf_append_str(why,
			    "its browser says Sec-Fetch-Site: ");
			append_shown(why, fetch_site);
		}
		return true;
	}
	if (origin == NULL)
		return false;
	if (origin_parse(&page, origin) && site_of_request(&ours, call) &&
	    is_same(&page, &ours))
		return false;
	if (why != NULL)
		append_compared(why, call, origin);
	return true;
}

/* Origin, or else the origin of Referer; NULL: neither says one. */
static const char *
origin_of(const struct call *call, char *copy, size_t copy_bytes)
{
	const char *origin = call->origin;
	const char *referer = call_env(call, "HTTP_REFERER");
	const char *host;
	size_t      len_bytes;

	if (origin != NULL && *origin != '\0')
		return origin;
	host = referer == NULL ? NULL : strstr(referer, "://");
	if (host == NULL)
		return NULL;
	len_bytes = (size_t)(host - referer) + 3 + strcspn(host + 3, "/?#");
	if (len_bytes >= copy_bytes)
		return NULL;
	memcpy(copy, referer, len_bytes);
	copy[len_bytes] = '\0';
	/* What stands before "@" is no host. */
	return strchr(copy, '@') == NULL ? copy : NULL;
}

bool
origin_is_own(const struct call *call)
{
	const char *fetch_site = call_env(call, "HTTP_SEC_FETCH_SITE");
	const char *origin;
	char        copy[ORIGIN_BYTES_MAX];
	struct site page, ours;

	if (fetch_site != NULL && *fetch_site != '\0')
		return strcmp(fetch_site, "same-origin") == 0;
	origin = origin_of(call, copy, sizeof(copy));
	return origin != NULL && origin_parse(&page, origin) &&
	    site_of_request(&ours, call) && is_same(&page, &ours);
}

/* A "*" within the pattern stands for what a host or a port is made of. */
static bool
matches(const char *pattern, const char *origin)
{
	const char *star = strchr(pattern, '*');
	size_t      before_bytes, after_bytes, origin_bytes, i;

	if (strcmp(pattern, "*") == 0 || strcmp(pattern, origin) == 0)
		return true;
	if (star == NULL)
		return false;
	before_bytes = (size_t)(star - pattern);
	after_bytes = strlen(star + 1);
	origin_bytes = strlen(origin);
	if (origin_bytes <= before_bytes + after_bytes ||
	    strncmp(origin, pattern, before_bytes) != 0 ||
	    strcmp(origin + origin_bytes - after_bytes, star + 1) != 0)
		return false;
	for (i = before_bytes; i < origin_bytes - after_bytes; i++) {
		if (!isalnum((unsigned char)origin[i]) &&
		    strchr("-._", origin[i]) == NULL)
			return false;
	}
	return true;
}

bool
origin_is_listed(const struct call *call, char *const *origins,
    size_t origin_count)
{
	char        copy[ORIGIN_BYTES_MAX];
	const char *origin = origin_of(call, copy, sizeof(copy));
	size_t      i;

	for (i = 0; origin != NULL && i < origin_count; i++) {
		if (matches(origins[i], origin))
			return true;
	}
	return false;
}
