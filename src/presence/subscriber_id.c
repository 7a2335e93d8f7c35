#include "presence/subscriber_id.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define PREFIX "urn:uuid:"
#define PROCESS_MASK ((UINT64_C(1) << 48) - 1)

/* Where the version and the variant stand, and what they are. */
#define VERSION_MASK UINT64_C(0xf000)
#define VERSION UINT64_C(0x8000)
#define VARIANT_MASK (UINT64_C(3) << 62)
#define VARIANT (UINT64_C(2) << 62)

static uint64_t
random_bits(void)
{
	uint64_t bits;
	int      error = uv_random(NULL, NULL, &bits, sizeof(bits), 0, NULL);

	/* Only a kernel from before 2014 could not give it. */
	assert(error == 0);
	return bits;
}

uint64_t
subscriber_id_make_process(void)
{
	uint64_t process;

	do
		process = random_bits() & PROCESS_MASK;
	while (process == 0);
	return process;
}

struct subscriber_id
subscriber_id_make(uint64_t process)
{
	uint64_t low = random_bits() & ~(VARIANT_MASK | PROCESS_MASK);

	return (struct subscriber_id){
		.high = (random_bits() & ~VERSION_MASK) | VERSION,
		.low = low | VARIANT | process,
	};
}

uint64_t
subscriber_id_process(const struct subscriber_id *id)
{
	return id->low & PROCESS_MASK;
}

void
subscriber_id_print(const struct subscriber_id *id,
    char text[static SUBSCRIBER_ID_BYTES])
{
	snprintf(text, SUBSCRIBER_ID_BYTES,
	    PREFIX "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64
		   "-%012" PRIx64,
	    id->high >> 32, id->high >> 16 & 0xffff, id->high & 0xffff,
	    id->low >> 48, id->low & PROCESS_MASK);
}

bool
subscriber_id_read(struct subscriber_id *id, const char *text)
{
	char     digits[33], again[SUBSCRIBER_ID_BYTES];
	size_t   count = 0;
	uint64_t low;

	if (strlen(text) != SUBSCRIBER_ID_BYTES - 1)
		return false;
	for (const char *c = text + strlen(PREFIX); *c != '\0'; c++) {
		if (*c != '-' && count < sizeof(digits) - 1)
			digits[count++] = *c;
	}
	digits[count] = '\0';
	if (count != 32 || strspn(digits, "0123456789abcdef") != 32)
		return false;
	low = strtoull(digits + 16, NULL, 16);
	digits[16] = '\0';
	*id = (struct subscriber_id){ strtoull(digits, NULL, 16), low };
	subscriber_id_print(id, again);
	return strcmp(again, text) == 0 &&
	    (id->high & VERSION_MASK) == VERSION &&
	    (id->low & VARIANT_MASK) == VARIANT;
}
