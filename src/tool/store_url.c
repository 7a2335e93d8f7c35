#include "tool/store_url.h"

#include <stddef.h>
#include <stdlib.h>

#include "pure/url_password.h"
#include "tool/report.h"

const char *
store_url_default(void)
{
	const char *url = getenv(STORE_URL_VARIABLE);

	return url == NULL || url[0] == '\0' ? NULL : url;
}

void
store_url_warn(const char *url)
{
	size_t len_bytes;

	if (url_password(url, &len_bytes) != NULL)
		report(0,
		    "warning: all can see the password on a command line; "
		    "set " STORE_URL_VARIABLE " instead");
}
