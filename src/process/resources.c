#include "process/resources.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

#include "base/mem.h"

#define LARGE_BYTES (128 * 1024)

size_t
resources_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 1024;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	return (size_t)limit.rlim_cur;
}

static void *
zalloc_array(size_t count, size_t size_bytes)
{
	if (size_bytes > 0 && count > SIZE_MAX / size_bytes)
		mem_fail();
	return mem_zalloc(count * size_bytes);
}

void
resources_set_allocator(void)
{
#ifdef M_MMAP_THRESHOLD
	/* Set by hand, so that it does not grow with the largest buffer. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
#endif
	uv_replace_allocator(mem_alloc, mem_realloc, zalloc_array, free);
}

void
resources_trim_memory(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
