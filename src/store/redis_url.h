#ifndef STORE_REDIS_URL_H
#define STORE_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Where a Redis or Valkey server is, and what a log is called there:
 *
 *	redis://[[user]:password@]host[:port][/db][?key=NAME]
 *	rediss://...	the same over TLS
 *	redis+unix:PATH[?db=N&key=NAME&user=NAME&password=WORD]
 *
 * All parts are percent-decoded; a "+" is itself.
 */
struct redis_url {
	bool  is_unix;
	bool  is_tls;
	char *host;     /* a name or an address; the path of a unix socket */
	char *port;     /* digits */
	char *user;     /* NULL: the server's default user */
	char *password; /* NULL: none is sent */
	char *db;       /* digits */
	char *key;      /* what the names of all keys begin with */
	char *name;     /* the URL without its password, for log and metrics */
};

/* NAME, where the URL gives none. */
#define REDIS_URL_KEY "fcgi-sse"

/*
 * Returns false when the text is no such URL; error is then one line that
 * says why and holds no password. redis_url_deinit is due in the first case
 * and allowed in the second.
 */
bool redis_url_init(struct redis_url *, const char *text, char *error,
    size_t error_bytes);
void redis_url_deinit(struct redis_url *);

#endif
