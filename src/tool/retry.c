#include "tool/retry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/buf.h"
#include "base/clocks.h"

#define BACKOFF_MS 200
#define BACKOFF_MS_MAX 2000

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
		.end_ms = clocks_monotonic_ms() + for_ms,
		.backoff_ms = BACKOFF_MS,
		.count = 1,
	};
}

bool
retry_is_over(const struct retry *retry, int64_t least_ms)
{
	return retry->for_ms == 0 ||
	    clocks_monotonic_ms() + least_ms >= retry->end_ms;
}

int64_t
retry_next_ms(struct retry *retry, int64_t least_ms)
{
	int64_t wait_ms = least_ms + 1 +
	    (int64_t)(random_bits() % (uint64_t)retry->backoff_ms);

	retry->backoff_ms *= 2;
	if (retry->backoff_ms > BACKOFF_MS_MAX)
		retry->backoff_ms = BACKOFF_MS_MAX;
	retry->count++;
	return wait_ms;
}

void
retry_wait(struct retry *retry, int64_t least_ms)
{
	int64_t         wait_ms = retry_next_ms(retry, least_ms);
	struct timespec left = { .tv_sec = wait_ms / 1000,
		.tv_nsec = (long)(wait_ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		continue;
}

void
retry_append(const struct retry *retry, struct buf *cause)
{
	static const char doubt[] = "may have been published";

	if (retry->is_doubtful &&
	    memmem(cause->data, cause->len_bytes, doubt, strlen(doubt)) == NULL)
		buf_printf(cause, "; the event %s", doubt);
	if (retry->count > 1)
		buf_printf(cause, " (tried %d times)", retry->count);
}

void
retry_make_key(char key[static RETRY_KEY_BYTES])
{
	snprintf(key, RETRY_KEY_BYTES, "%016llx%016llx",
	    (unsigned long long)random_bits(),
	    (unsigned long long)random_bits());
}
