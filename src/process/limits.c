#include "process/limits.h"

#include <malloc.h>
#include <sys/resource.h>

#define LARGE_BYTES (128 * 1024)

size_t
limits_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 1024;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	return (size_t)limit.rlim_cur;
}

void
limits_return_memory(void)
{
#ifdef M_MMAP_THRESHOLD
	/* Set by hand, so that it does not grow with the largest buffer. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
#endif
}
