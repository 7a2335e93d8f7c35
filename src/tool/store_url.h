#ifndef TOOL_STORE_URL_H
#define TOOL_STORE_URL_H

/* What names the store where the command line does not. */
#define STORE_URL_VARIABLE "FCGI_SSE_STORE"

/* The variable's value; NULL: it is not set, or empty. */
const char *store_url_default(void);

/*
 * Reports it if a URL of the command line has a password in it: everybody on
 * the machine can read the command line of a process.
 */
void store_url_warn(const char *url);

#endif
