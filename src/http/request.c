#include "http/request.h"

#include <string.h>

const char *
request_env(const struct request *request, const char *name)
{
	size_t       name_bytes = strlen(name);
	char *const *env;

	for (env = request->env; *env != NULL; env++) {
		if (strncmp(*env, name, name_bytes) == 0 &&
		    (*env)[name_bytes] == '=')
			return *env + name_bytes + 1;
	}
	return NULL;
}
