#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE_BYTES (128 * 1024)

/* Neither stdio nor exit handlers: both may want memory themselves. */
_Noreturn void
mem_fail(void)
{
	static const char line[] = "fcgi-sse: out of memory\n";

	(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
	_exit(EXIT_FAILURE);
}

/* malloc(0) may be NULL, which would look like a failure. */
static size_t
at_least_one(size_t size_bytes)
{
	return size_bytes > 0 ? size_bytes : 1;
}

void *
mem_alloc(size_t size_bytes)
{
	void *bytes = malloc(at_least_one(size_bytes));

	if (bytes == NULL)
		mem_fail();
	return bytes;
}

void *
mem_zalloc(size_t size_bytes)
{
	void *bytes = calloc(1, at_least_one(size_bytes));

	if (bytes == NULL)
		mem_fail();
	return bytes;
}

void *
mem_realloc(void *old, size_t size_bytes)
{
	void *bytes = realloc(old, at_least_one(size_bytes));

	if (bytes == NULL)
		mem_fail();
	return bytes;
}

char *
mem_strdup(const char *text)
{
	return mem_strndup(text, strlen(text));
}

char *
mem_strndup(const char *text, size_t len_bytes_max)
{
	size_t len_bytes = strnlen(text, len_bytes_max);
	char  *copy = mem_alloc(len_bytes + 1);

	memcpy(copy, text, len_bytes);
	copy[len_bytes] = '\0';
	return copy;
}

void
mem_tune(void)
{
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
#endif
}

void
mem_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
