#include "config.h"

#include "auth/grant.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "auth/rights.h"
#include "base/mem.h"
#include "base/tree.h"

struct grants {
	void    *tree; /* by rights */
	size_t   count;
	uint64_t last_id;
};

static int
compare_selectors(const void *a, const void *b)
{
	const struct grant_selector *x = a, *y = b;

	if (x->match != y->match)
		return x->match < y->match ? -1 : 1;
	return strcmp(x->text, y->text);
}

static int
compare(const void *a, const void *b)
{
	const struct grant *x = a, *y = b;
	int                 order;

	if (x->dialect != y->dialect)
		return x->dialect < y->dialect ? -1 : 1;
	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	if (x->selector_count != y->selector_count)
		return x->selector_count < y->selector_count ? -1 : 1;
	for (size_t i = 0; i < x->selector_count; i++) {
		order = compare_selectors(&x->selectors[i], &y->selectors[i]);
		if (order != 0)
			return order;
	}
	return 0;
}

struct grants *
grants_new(void)
{
	return mem_zalloc(sizeof(struct grants));
}

void
grants_free(struct grants *grants)
{
	assert(grants == NULL || grants->count == 0);
	free(grants);
}

size_t
grants_count(const struct grants *grants)
{
	return grants->count;
}

/* Sorts, drops repetitions, and leaves only "*" if it is there. */
static size_t
simplify(struct grant_selector *selectors, size_t count)
{
	size_t kept = 0;

	qsort(selectors, count, sizeof(*selectors), compare_selectors);
	if (count > 0 && selectors[0].match == GRANT_MATCH_ALL)
		count = 1;
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 ||
		    compare_selectors(&selectors[kept - 1], &selectors[i]) != 0)
			selectors[kept++] = selectors[i];
	}
	return kept;
}

/* A copy in one piece of memory, the texts behind the selectors. */
static struct grant *
grant_new(const struct grant *key)
{
	size_t        head_bytes, text_bytes = 0, len;
	struct grant *grant;
	char         *text;

	head_bytes = sizeof(*key) +
	    key->selector_count * sizeof(key->selectors[0]);
	for (size_t i = 0; i < key->selector_count; i++)
		text_bytes += strlen(key->selectors[i].text) + 1;
	grant = mem_alloc(head_bytes + text_bytes);
	memcpy(grant, key, head_bytes);
	text = (char *)grant + head_bytes;
	for (size_t i = 0; i < key->selector_count; i++) {
		len = strlen(key->selectors[i].text) + 1;
		memcpy(text, key->selectors[i].text, len);
		grant->selectors[i].text = text;
		text += len;
	}
	return grant;
}

struct grant *
grants_get(struct grants *grants, enum token_dialect dialect,
    enum token_role role, const struct grant_selector *selectors, size_t count)
{
	struct grant *key, *grant;

	key = mem_zalloc(sizeof(*key) + count * sizeof(*selectors));
	key->dialect = dialect;
	key->role = role;
	if (count > 0)
		memcpy(key->selectors, selectors, count * sizeof(*selectors));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(key->selectors[i].text, "*") == 0)
			key->selectors[i].match = GRANT_MATCH_ALL;
	}
	key->selector_count = simplify(key->selectors, count);
	grant = tree_find(&grants->tree, key, compare);
	if (grant == NULL) {
		grant = grant_new(key);
		grant->id = ++grants->last_id;
		grant->grants = grants;
		tree_add(&grants->tree, grant, compare);
		grants->count++;
	}
	free(key);
	grant->ref_count++;
	return grant;
}

void
grant_unref(struct grants *grants, struct grant *grant)
{
	if (grant == NULL || --grant->ref_count > 0)
		return;
	tree_remove(&grants->tree, grant, compare);
	grants->count--;
	rights_free(grant->rights);
	free(grant);
}
