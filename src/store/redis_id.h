#ifndef STORE_REDIS_ID_H
#define STORE_REDIS_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The id of an entry in a stream of Redis: "MS-N". */
struct redis_id {
	uint64_t ms;
	uint64_t n;
};

#define REDIS_ID_BYTES 42

/* Of a position the lower 20 bits are n: it is to stay below this. */
#define REDIS_ID_N_MAX (UINT64_C(1) << 20)

bool redis_id_parse(struct redis_id *, const char *text, size_t len_bytes);
void redis_id_print(const struct redis_id *, char out[static REDIS_ID_BYTES]);

/* As memcmp. */
int redis_id_compare(const struct redis_id *, const struct redis_id *);

/* 0: no position can stand for it. */
uint64_t        redis_id_position(const struct redis_id *);
struct redis_id redis_id_at(uint64_t position);

#endif
