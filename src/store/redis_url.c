#include "config.h"

#include "store/redis_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pure/percent.h"

#define PORT_MAX 65535
#define DB_MAX 1000000
#define KEY_BYTES_MAX 128
#define PATH_BYTES_MAX 107 /* of a unix socket's address */

/* A part of the text. */
struct part {
	const char *bytes;
	size_t      len_bytes;
};

/*
 * The part without its percent signs; NULL: it is malformed, or holds a
 * control character.
 */
static char *
decode(struct part part)
{
	char  *out = mem_alloc(part.len_bytes + 1);
	size_t i, count = 0;
	int    high, low;

	for (i = 0; i < part.len_bytes; i++) {
		out[count] = part.bytes[i];
		if (out[count] == '%') {
			high = i + 1 < part.len_bytes ?
			    percent_hex_value(part.bytes[i + 1]) :
			    -1;
			low = i + 2 < part.len_bytes ?
			    percent_hex_value(part.bytes[i + 2]) :
			    -1;
			if (high == -1 || low == -1)
				break;
			out[count] = (char)(high << 4 | low);
			i += 2;
		}
		if ((unsigned char)out[count] < ' ' || out[count] == 0x7f)
			break;
		count++;
	}
	if (i < part.len_bytes) {
		free(out);
		return NULL;
	}
	out[count] = '\0';
	return out;
}

/* Cuts the part at the first c; what is behind it, or {NULL}: there is none. */
static struct part
cut(struct part *part, char c)
{
	const char *at = memchr(part->bytes, c, part->len_bytes);
	struct part rest = { NULL, 0 };

	if (at == NULL)
		return rest;
	rest.bytes = at + 1;
	rest.len_bytes = part->len_bytes - (size_t)(at + 1 - part->bytes);
	part->len_bytes = (size_t)(at - part->bytes);
	return rest;
}

static bool
is_number(const char *text, unsigned long min, unsigned long max)
{
	unsigned long value;

	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) ||
	    strlen(text) > 9)
		return false;
	value = strtoul(text, NULL, 10);
	return value >= min && value <= max;
}

/* Decodes the part into *field; what is wrong with it, or NULL. */
static const char *
take(char **field, struct part part)
{
	if (*field != NULL)
		return "something is given twice";
	*field = decode(part);
	if (*field == NULL)
		return "a \"%\" is not followed by two hexadecimal digits, "
		       "or a control character is in it";
	if ((*field)[0] == '\0')
		return "a part of it is empty";
	return NULL;
}

/* One NAME=VALUE behind the "?". */
static const char *
take_option(struct redis_url *url, struct part value)
{
	struct part name = value;
	char      **field = NULL;

	value = cut(&name, '=');
	if (value.bytes == NULL)
		return "behind the \"?\" each option is NAME=VALUE";
	if (name.len_bytes == 3 && memcmp(name.bytes, "key", 3) == 0)
		field = &url->key;
	else if (!url->is_unix)
		return "the only option behind the \"?\" is key=NAME";
	else if (name.len_bytes == 2 && memcmp(name.bytes, "db", 2) == 0)
		field = &url->db;
	else if (name.len_bytes == 4 && memcmp(name.bytes, "user", 4) == 0)
		field = &url->user;
	else if (name.len_bytes == 8 && memcmp(name.bytes, "password", 8) == 0)
		field = &url->password;
	else
		return "the options behind the \"?\" are db, key, user and "
		       "password";
	return take(field, value);
}

static const char *
take_options(struct redis_url *url, struct part options)
{
	const char *wrong;
	struct part next;

	while (options.bytes != NULL) {
		next = cut(&options, '&');
		wrong = take_option(url, options);
		if (wrong != NULL)
			return wrong;
		options = next;
	}
	return NULL;
}

/* [user]:password, before the "@". */
static const char *
take_user(struct redis_url *url, struct part user)
{
	struct part password = cut(&user, ':');

	if (password.bytes == NULL)
		return "before the \"@\" stands user:password, "
		       "or :password alone";
	if (user.len_bytes > 0 && take(&url->user, user) != NULL)
		return "the user is not well encoded";
	if (take(&url->password, password) != NULL)
		return "the password is empty or not well encoded";
	return NULL;
}

/* host[:port], or [address][:port]. */
static const char *
take_host(struct redis_url *url, struct part host)
{
	struct part port = { NULL, 0 };
	const char *wrong;

	if (host.len_bytes > 0 && host.bytes[0] == '[') {
		host.bytes++;
		host.len_bytes--;
		port = cut(&host, ']');
		if (port.bytes == NULL)
			return "the \"]\" of the address is missing";
		if (port.len_bytes > 0 && port.bytes[0] != ':')
			return "behind the \"]\" stands a colon and the port";
		port.bytes = port.len_bytes > 0 ? port.bytes + 1 : NULL;
		port.len_bytes -= port.len_bytes > 0;
	} else {
		port = cut(&host, ':');
	}
	if (host.len_bytes == 0)
		return "it names no host";
	wrong = take(&url->host, host);
	if (wrong == NULL && strpbrk(url->host, " /?#@[]") != NULL)
		wrong = "the host is no name and no address";
	if (wrong == NULL && port.bytes != NULL)
		wrong = take(&url->port, port);
	return wrong;
}

/* What is behind "redis://". */
static const char *
parse_tcp(struct redis_url *url, struct part rest)
{
	struct part host, db, options;
	const char *wrong = NULL;

	if (memchr(rest.bytes, '#', rest.len_bytes) != NULL)
		return "a \"#\" is written as %23";
	options = cut(&rest, '?');
	db = cut(&rest, '/');
	host = rest;
	while (memchr(host.bytes, '@', host.len_bytes) != NULL) {
		host.len_bytes -= (size_t)((const char *)memchr(host.bytes, '@',
					       host.len_bytes) +
		    1 - host.bytes);
		host.bytes = rest.bytes + rest.len_bytes - host.len_bytes;
	}
	if (host.bytes != rest.bytes) {
		rest.len_bytes = (size_t)(host.bytes - 1 - rest.bytes);
		wrong = take_user(url, rest);
	}
	if (wrong == NULL)
		wrong = take_host(url, host);
	if (wrong == NULL && db.len_bytes > 0)
		wrong = take(&url->db, db);
	return wrong != NULL ? wrong : take_options(url, options);
}

static const char *
parse_unix(struct redis_url *url, struct part rest)
{
	struct part options = cut(&rest, '?');
	const char *wrong;

	url->is_unix = true;
	wrong = take(&url->host, rest);
	if (wrong == NULL && strlen(url->host) > PATH_BYTES_MAX)
		wrong = "the path is longer than that of a unix socket can be";
	return wrong != NULL ? wrong : take_options(url, options);
}

/* Fills in what was not given, and checks the whole. */
static const char *
complete(struct redis_url *url)
{
	if (url->key == NULL)
		url->key = mem_strdup(REDIS_URL_KEY);
	if (url->db == NULL)
		url->db = mem_strdup("0");
	if (url->port == NULL)
		url->port = mem_strdup("6379");
	if (!is_number(url->port, 1, PORT_MAX))
		return "the port is a number from 1 to 65535";
	if (!is_number(url->db, 0, DB_MAX))
		return "the database is a number from 0 on";
	if (strlen(url->key) > KEY_BYTES_MAX || strpbrk(url->key, "{}") != NULL)
		return "the key's name has at most 128 bytes, and no braces";
	if (url->user != NULL && url->password == NULL)
		return "a user needs a password";
	return NULL;
}

static void
make_name(struct redis_url *url)
{
	struct buf name = { 0 };

	if (url->is_unix)
		buf_printf(&name, "redis+unix:%s?db=%s&key=%s", url->host,
		    url->db, url->key);
	else
		buf_printf(&name,
		    strchr(url->host, ':') != NULL ? "%s://[%s]:%s/%s?key=%s" :
						     "%s://%s:%s/%s?key=%s",
		    url->is_tls ? "rediss" : "redis", url->host, url->port,
		    url->db, url->key);
	url->name = mem_strndup(name.data, name.len_bytes);
	buf_deinit(&name);
}

/* What of the text may be shown: nothing that may be part of a password. */
static struct part
shown_part(struct part rest, bool is_unix)
{
	struct part behind;

	if (is_unix) {
		cut(&rest, '?');
		return rest;
	}
	for (behind = cut(&rest, '@'); behind.bytes != NULL;
	     behind = cut(&rest, '@'))
		rest = behind;
	cut(&rest, '?');
	return rest;
}

bool
redis_url_init(struct redis_url *url, const char *text, char *error,
    size_t error_bytes)
{
	static const char *const schemes[] = { "redis+unix:", "redis://",
		"rediss://" };
	const char              *wrong;
	struct part              rest, shown;
	size_t                   i;

	memset(url, 0, sizeof(*url));
	for (i = 0; i < 3; i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			break;
	if (i == 3) {
		snprintf(error, error_bytes,
		    "the URL of a Redis store begins "
		    "with redis://, rediss:// or redis+unix:");
		return false;
	}
	rest.bytes = text + strlen(schemes[i]);
	rest.len_bytes = strlen(rest.bytes);
	url->is_tls = i == 2;
	shown = shown_part(rest, i == 0);
	wrong = i == 0 ? parse_unix(url, rest) : parse_tcp(url, rest);
	if (wrong == NULL)
		wrong = complete(url);
	if (wrong != NULL) {
		snprintf(error, error_bytes, "%s%.*s: %s", schemes[i],
		    (int)(shown.len_bytes < 200 ? shown.len_bytes : 200),
		    shown.bytes, wrong);
		redis_url_deinit(url);
		return false;
	}
	make_name(url);
	return true;
}

void
redis_url_deinit(struct redis_url *url)
{
	free(url->host);
	free(url->port);
	free(url->user);
	free(url->password);
	free(url->db);
	free(url->key);
	free(url->name);
	memset(url, 0, sizeof(*url));
}
