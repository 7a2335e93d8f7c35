#include "config.h"

#include "auth/libcrypto.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#define STRING_OF(number) #number
#define SONAME_OF(number) "libcrypto.so." STRING_OF(number)
#define SONAME SONAME_OF(OPENSSL_SHLIB_VERSION)

struct libcrypto libcrypto;

static bool is_loaded;

/* Fills in one function. */
static bool
load_function(void *library, const char *name, void *function)
{
	void *address = dlsym(library, name);

	memcpy(function, &address, sizeof(address));
	return address != NULL;
}

const char *
libcrypto_load(void)
{
	void *library;
	bool  is_whole = true;

	if (is_loaded)
		return NULL;
	library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return "OpenSSL's " SONAME " cannot be loaded; install it "
		       "(Debian: libssl3)";
#define LIBCRYPTO(name) \
	is_whole = load_function(library, #name, &libcrypto.name) && is_whole;
#include "auth/libcrypto.def"
#undef LIBCRYPTO
	if (!is_whole)
		return "OpenSSL's " SONAME " lacks functions that OpenSSL 3.0 "
		       "has; install that or a later one";
	is_loaded = true;
	return NULL;
}
