#ifndef PURE_HASH_H
#define PURE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

/*
 * FNV-1a of 64 bits over these bytes and, in hash, what came before; begin
 * with HASH_START. It is the same on all machines and in all versions, so
 * files may hold it. It tells damage from data, not a forger from an author.
 */
static inline uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t len_bytes)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len_bytes; i++)
		hash = (hash ^ p[i]) * HASH_PRIME;
	return hash;
}

#endif
