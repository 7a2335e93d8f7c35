#include "config.h"

#include "auth/publishers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/deadline.h"
#include "base/mem.h"
#include "base/tree.h"
#include "pure/address.h"

/* What one address may publish to public topics: so many at once, then one
 * more in each interval. */
#define BURST_COUNT 10
#define INTERVAL_MS 500

/* An address that was silent for so long has its whole burst again. */
#define FORGET_MS (BURST_COUNT * INTERVAL_MS)

/* How far an address has used up what it may publish. */
struct visitor {
	struct deadline forget;
	int64_t         used_until_ms;
	char            client[ADDRESS_KEY_BYTES];
};

struct publishers {
	char                *keys; /* NULL: none */
	char               **public_topics;
	size_t               public_count;
	void                *visitors; /* a tree, by address */
	struct deadline_list forgets;
};

struct publishers *
publishers_new(const char *keys, char *const *public_topics,
    size_t public_count)
{
	struct publishers *publishers = mem_zalloc(sizeof(*publishers));
	size_t             i;

	publishers->keys = keys == NULL ? NULL : mem_strdup(keys);
	publishers->public_topics = mem_alloc(public_count * sizeof(char *));
	publishers->public_count = public_count;
	for (i = 0; i < public_count; i++)
		publishers->public_topics[i] = mem_strdup(public_topics[i]);
	deadline_list_init(&publishers->forgets, FORGET_MS);
	return publishers;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct visitor *)a)->client,
	    ((const struct visitor *)b)->client);
}

static void
forget_visitors(struct publishers *publishers, int64_t now_ms)
{
	struct deadline *due;
	struct visitor  *visitor;

	while ((due = deadline_take_due(&publishers->forgets, now_ms)) !=
	    NULL) {
		visitor = list_entry(due, struct visitor, forget);
		tree_remove(&publishers->visitors, visitor, compare);
		free(visitor);
	}
}

void
publishers_free(struct publishers *publishers)
{
	size_t i;

	forget_visitors(publishers, INT64_MAX - 1);
	for (i = 0; i < publishers->public_count; i++)
		free(publishers->public_topics[i]);
	free(publishers->public_topics);
	if (publishers->keys != NULL)
		explicit_bzero(publishers->keys, strlen(publishers->keys));
	free(publishers->keys);
	free(publishers);
}

static struct visitor *
visitor_get(struct publishers *publishers, const char *client)
{
	struct visitor *fresh = mem_zalloc(sizeof(*fresh)), *visitor;

	address_key(fresh->client, client);
	visitor = tree_add(&publishers->visitors, fresh, compare);
	if (visitor == fresh)
		deadline_init(&fresh->forget);
	else
		free(fresh);
	return visitor;
}

static bool
is_in_time(struct publishers *publishers, const char *client, int64_t now_ms)
{
	struct visitor *visitor;

	forget_visitors(publishers, now_ms);
	visitor = visitor_get(publishers, client);
	if (visitor->used_until_ms < now_ms)
		visitor->used_until_ms = now_ms;
	if (visitor->used_until_ms - now_ms > (BURST_COUNT - 1) * INTERVAL_MS)
		return false;
	visitor->used_until_ms += INTERVAL_MS;
	deadline_set(&publishers->forgets, &visitor->forget, now_ms);
	return true;
}

bool
publishers_is_public(const struct publishers *publishers, const char *topic)
{
	size_t i;

	for (i = 0; i < publishers->public_count; i++) {
		if (strcmp(publishers->public_topics[i], topic) == 0)
			return true;
	}
	return false;
}

/*
 * Compares in a time that depends on the lengths alone, so that nobody can
 * find out a key byte by byte.
 */
static bool
is_same(const char *key, size_t key_bytes, const char *given)
{
	size_t   given_bytes = strlen(given), i;
	unsigned difference = given_bytes != key_bytes;

	for (i = 0; i < given_bytes; i++)
		difference |= (unsigned char)given[i] ^
		    (unsigned char)key[key_bytes == 0 ? 0 : i % key_bytes];
	return difference == 0;
}

static bool
is_key(const struct publishers *publishers, const char *authorization)
{
	static const char scheme[] = "Bearer ";
	const char       *key, *given;
	size_t            key_bytes;
	bool              is_found = false;

	if (publishers->keys == NULL || authorization == NULL ||
	    strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return false;
	given = authorization + sizeof(scheme) - 1;
	for (key = publishers->keys; *key != '\0';
	     key += key_bytes + (key[key_bytes] == '\n')) {
		key_bytes = strcspn(key, "\n");
		if (key_bytes > 0 && is_same(key, key_bytes, given))
			is_found = true;
	}
	return is_found;
}

enum publish_verdict
publishers_judge(struct publishers *publishers, const char *authorization,
    const char *client, const char *const *topics, size_t topic_count,
    int64_t now_ms)
{
	size_t i;

	if (is_key(publishers, authorization))
		return PUBLISH_ALLOWED;
	for (i = 0; i < topic_count; i++) {
		if (!publishers_is_public(publishers, topics[i]))
			return publishers->keys == NULL ? PUBLISH_OFF :
							  PUBLISH_NO_KEY;
	}
	return is_in_time(publishers, client, now_ms) ? PUBLISH_ALLOWED_TO_ALL :
							PUBLISH_TOO_OFTEN;
}

enum publish_verdict
publishers_judge_any(const struct publishers *publishers,
    const char                               *authorization)
{
	if (is_key(publishers, authorization))
		return PUBLISH_ALLOWED;
	if (publishers->public_count > 0)
		return PUBLISH_ALLOWED_TO_ALL;
	return publishers->keys == NULL ? PUBLISH_OFF : PUBLISH_NO_KEY;
}
