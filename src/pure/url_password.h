#ifndef PURE_URL_PASSWORD_H
#define PURE_URL_PASSWORD_H

#include <stddef.h>

/*
 * Where the password begins in the URL of a store, "redis://user:WORD@host" or
 * "redis+unix:PATH?password=WORD", and its length; NULL: there is none.
 */
const char *url_password(const char *url, size_t *len_bytes);

#endif
