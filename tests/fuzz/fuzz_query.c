/*
 * Query strings: whatever the bytes, the pairs lie within the text, end in NUL
 * and are found by their names in order.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pure/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(int condition)
{
	if (!condition)
		abort();
}

static void
check_pair(const struct query *query, const struct query_pair *pair)
{
	const struct query_pair *found = NULL;

	require(pair->name[pair->name_bytes] == '\0');
	require(pair->value[pair->value_bytes] == '\0');
	/* query_find takes a name without NUL. */
	if (memchr(pair->name, '\0', pair->name_bytes) != NULL)
		return;
	do {
		found = query_find(query, pair->name, found);
		require(found != NULL);
		require(strcmp(found->name, pair->name) == 0);
	} while (found < pair);
	require(found == pair);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query query;
	size_t       total_bytes = 0;
	/* Each pair is compared with all before it. */
	size_t checked_max = 100;

	if (query_init(&query, (const char *)data, size) == -1) {
		require(query.pair_count == 0);
		require(memchr(data, '%', size) != NULL ||
		    size > QUERY_PAIRS_MAX);
	}
	require(query.pair_count <= QUERY_PAIRS_MAX);
	for (size_t i = 0; i < query.pair_count; i++) {
		total_bytes += query.pairs[i].name_bytes +
		    query.pairs[i].value_bytes;
		if (i < checked_max)
			check_pair(&query, &query.pairs[i]);
	}
	require(total_bytes <= size);
	query_deinit(&query);
	return 0;
}
