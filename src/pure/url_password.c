#include "pure/url_password.h"

#include <string.h>

const char *
url_password(const char *url, size_t *len_bytes)
{
	const char *host = strstr(url, "://"), *word;

	if (host != NULL) {
		host += strlen("://");
		word = memchr(host, ':', strcspn(host, "@/?"));
		if (word != NULL && host[strcspn(host, "@/?")] == '@') {
			*len_bytes = strcspn(++word, "@");
			return word;
		}
	}
	word = strstr(url, "password=");
	if (word == NULL)
		return NULL;
	word += strlen("password=");
	*len_bytes = strcspn(word, "&");
	return word;
}
