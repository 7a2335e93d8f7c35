#include "tool/retry.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#define BACKOFF_MS 200
#define BACKOFF_MS_MAX 2000

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t
random_bits(void)
{
	uint64_t bits;

	/* So few bytes come whole, or the machine has no randomness at all. */
	while (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
		continue;
	return bits;
}

void
retry_begin(struct retry *retry, int64_t for_ms)
{
	*retry = (struct retry){
		.for_ms = for_ms,
		.end_ms = now_ms() + for_ms,
		.backoff_ms = BACKOFF_MS,
		.count = 1,
	};
}

bool
retry_is_over(const struct retry *retry, int64_t least_ms)
{
	return retry->for_ms == 0 || now_ms() + least_ms >= retry->end_ms;
}

void
retry_wait(struct retry *retry, int64_t least_ms)
{
	int64_t wait_ms = least_ms + 1 +
	    (int64_t)(random_bits() % (uint64_t)retry->backoff_ms);
	struct timespec left = { .tv_sec = wait_ms / 1000,
		.tv_nsec = (long)(wait_ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		continue;
	retry->backoff_ms *= 2;
	if (retry->backoff_ms > BACKOFF_MS_MAX)
		retry->backoff_ms = BACKOFF_MS_MAX;
	retry->count++;
}

void
retry_make_key(char key[static RETRY_KEY_BYTES])
{
	snprintf(key, RETRY_KEY_BYTES, "%016llx%016llx",
	    (unsigned long long)random_bits(),
	    (unsigned long long)random_bits());
}
