#ifndef PURE_SELECTOR_INDEX_H
#define PURE_SELECTOR_INDEX_H

#include <stdint.h>

struct selector;
struct selector_topic;

/*
 * Selectors by the literal text that their topics begin with: two trees of
 * prefixes, one of topics' texts and one of URLs' keys. A topic meets the
 * selectors that stand on its way from the root, and only these are matched;
 * those that differ in the names of variables alone are matched once.
 */
struct selector_index;

struct selector_index *selector_index_new(void);
/* Frees the index; selectors and items are the caller's. */
void selector_index_free(struct selector_index *);

/* The selector and the item must live until they are removed. */
void selector_index_add(struct selector_index *, const struct selector *,
    void *item);
/* The pair must have been added. */
void selector_index_remove(struct selector_index *, const struct selector *,
    void *item);

typedef void selector_visit_fn(void *item, void *data);
typedef void selector_spend_fn(void *item, uint64_t cost, void *data);

/*
 * Calls visit for each item whose selector matches the topic, in no order;
 * visit must not change the index. spend, if not NULL, is called with what
 * each match cost, whether it matched or not; one that was made for several
 * costs each of them as much.
 */
void selector_index_visit(const struct selector_index *,
    struct selector_topic *, selector_visit_fn *visit, selector_spend_fn *spend,
    void *data);

#endif
