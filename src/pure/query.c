#include "pure/query.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pure/percent.h"

/*
 * Decodes the bytes up to end in place and terminates them: *end, a separator
 * or the text's own NUL, may be overwritten.
 */
static bool
decode(char *start, const char *end, size_t *len_bytes)
{
	char *out = start;
	int   high, low;

	for (char *in = start; in < end; in++) {
		if (*in == '%') {
			if (end - in < 3)
				return false;
			high = percent_hex_value(in[1]);
			low = percent_hex_value(in[2]);
			if (high < 0 || low < 0)
				return false;
			*out++ = (char)(high << 4 | low);
			in += 2;
		} else {
			*out++ = *in == '+' ? ' ' : *in;
		}
	}
	*out = '\0';
	*len_bytes = (size_t)(out - start);
	return true;
}

static bool
decode_pair(struct query_pair *pair, char *start, char *end)
{
	char *equals = memchr(start, '=', (size_t)(end - start));
	char *name_end = equals != NULL ? equals : end;
	char *value = equals != NULL ? equals + 1 : end;

	if (!decode(value, end, &pair->value_bytes) ||
	    !decode(start, name_end, &pair->name_bytes))
		return false;
	pair->name = start;
	pair->value = value;
	return true;
}

/* The "&" that ends the pair at start, or the end of the text. */
static char *
pair_end(char *start, char *end)
{
	char *ampersand = memchr(start, '&', (size_t)(end - start));

	return ampersand != NULL ? ampersand : end;
}

static bool
decode_text(struct query *query, size_t len_bytes)
{
	char  *end = query->text + len_bytes, *next;
	size_t pairs_max = 0;

	for (char *start = query->text; start < end; start = next + 1) {
		next = pair_end(start, end);
		if (next == start)
			continue;
		if (query->pair_count == QUERY_PAIRS_MAX)
			return false;
		if (query->pair_count == pairs_max) {
			pairs_max = pairs_max > 0 ? pairs_max * 2 : 4;
			query->pairs = mem_realloc(query->pairs,
			    pairs_max * sizeof(query->pairs[0]));
		}
		if (!decode_pair(&query->pairs[query->pair_count], start, next))
			return false;
		query->pair_count++;
	}
	return true;
}

int
query_init(struct query *query, const char *text, size_t len_bytes)
{
	*query = (struct query){ 0 };
	if (text == NULL || len_bytes == 0)
		return 0;
	query->text = mem_alloc(len_bytes + 1);
	memcpy(query->text, text, len_bytes);
	query->text[len_bytes] = '\0';
	if (!decode_text(query, len_bytes)) {
		query_deinit(query);
		return -1;
	}
	return 0;
}

void
query_deinit(struct query *query)
{
	free(query->pairs);
	free(query->text);
	*query = (struct query){ 0 };
}

/* Whether it is "[KEY]", with no bracket in the key. */
static bool
is_list_key(const char *bytes, size_t len_bytes)
{
	return len_bytes >= 2 && bytes[0] == '[' &&
	    bytes[len_bytes - 1] == ']' &&
	    memchr(bytes + 1, '[', len_bytes - 1) == NULL &&
	    memchr(bytes + 1, ']', len_bytes - 2) == NULL;
}

bool
query_pair_is_item(const struct query_pair *pair, const char *name)
{
	size_t name_bytes = strlen(name);

	return pair->name_bytes >= name_bytes &&
	    memcmp(pair->name, name, name_bytes) == 0 &&
	    (pair->name_bytes == name_bytes ||
		is_list_key(pair->name + name_bytes,
		    pair->name_bytes - name_bytes));
}

/* The index of the pair behind `after`, or of the first. */
static size_t
next_index(const struct query *query, const struct query_pair *after)
{
	return after != NULL ? (size_t)(after - query->pairs) + 1 : 0;
}

const struct query_pair *
query_find(const struct query *query, const char *name,
    const struct query_pair *after)
{
	size_t                   name_bytes = strlen(name);
	const struct query_pair *pair;

	for (size_t i = next_index(query, after); i < query->pair_count; i++) {
		pair = &query->pairs[i];
		if (pair->name_bytes == name_bytes &&
		    memcmp(pair->name, name, name_bytes) == 0)
			return pair;
	}
	return NULL;
}

const struct query_pair *
query_find_item(const struct query *query, const char *name,
    const struct query_pair *after)
{
	for (size_t i = next_index(query, after); i < query->pair_count; i++) {
		if (query_pair_is_item(&query->pairs[i], name))
			return &query->pairs[i];
	}
	return NULL;
}
