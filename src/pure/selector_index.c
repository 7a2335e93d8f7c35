#include "pure/selector_index.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pure/selector.h"
#include "pure/url_pattern.h"

struct entry {
	struct entry          *next;
	const struct selector *selector;
	void                  *item;
};

/* Selectors of which one is matched for all (selector_is_alike). */
struct form {
	struct form  *next;
	struct entry *entries;
};

/* The labels from the root down to a node are its prefix. */
struct node {
	struct node *sibling;
	struct node *children; /* no two labels begin with the same byte */
	struct form *forms;
	size_t       label_bytes; /* 0 at the root only */
	char        *label;
};

struct selector_index {
	struct node texts;
	struct node urls;
};

/* What selector_index_visit was called with. */
struct visit {
	struct selector_topic *topic;
	selector_visit_fn     *visit;
	selector_spend_fn     *spend;
	void                  *data;
	bool                   has_brace; /* the topic does */
};

static struct node *
node_new(const char *label, size_t label_bytes)
{
	struct node *node = mem_zalloc(sizeof(*node));

	node->label = mem_alloc(label_bytes);
	memcpy(node->label, label, label_bytes);
	node->label_bytes = label_bytes;
	return node;
}

static void
node_free(struct node *node)
{
	free(node->label);
	free(node);
}

static void
free_forms(struct node *node)
{
	struct form  *form;
	struct entry *entry;

	while ((form = node->forms) != NULL) {
		while ((entry = form->entries) != NULL) {
			form->entries = entry->next;
			free(entry);
		}
		node->forms = form->next;
		free(form);
	}
}

static void
free_below(struct node *node)
{
	struct node *child;

	free_forms(node);
	/* A child's children go before its siblings: no recursion. */
	while ((child = node->children) != NULL) {
		struct node **last = &child->children;

		free_forms(child);
		while (*last != NULL)
			last = &(*last)->sibling;
		*last = child->sibling;
		node->children = child->children;
		node_free(child);
	}
}

struct selector_index *
selector_index_new(void)
{
	return mem_zalloc(sizeof(struct selector_index));
}

void
selector_index_free(struct selector_index *index)
{
	if (index == NULL)
		return;
	free_below(&index->texts);
	free_below(&index->urls);
	free(index);
}

static size_t
common_bytes(const struct node *node, const char *text, size_t len_bytes)
{
	size_t at = 0;

	while (at < len_bytes && at < node->label_bytes &&
	    node->label[at] == text[at])
		at++;
	return at;
}

/* Where the child that begins with this byte is linked, or would be. */
static struct node **
find_child(struct node *node, char first)
{
	struct node **link = &node->children;

	while (*link != NULL && (*link)->label[0] != first)
		link = &(*link)->sibling;
	return link;
}

/* Puts a node in the middle of another's label. */
static struct node *
split_node(struct node **link, size_t at)
{
	struct node *lower = *link, *upper = node_new(lower->label, at);

	upper->sibling = lower->sibling;
	upper->children = lower;
	lower->sibling = NULL;
	lower->label_bytes -= at;
	memmove(lower->label, lower->label + at, lower->label_bytes);
	*link = upper;
	return upper;
}

/* Joins a node that only leads to one other with that. */
static void
join_node(struct node **link)
{
	struct node *upper = *link, *lower = upper->children;
	struct buf   label = { 0 };

	buf_append(&label, upper->label, upper->label_bytes);
	buf_append(&label, lower->label, lower->label_bytes);
	free(lower->label);
	lower->label = label.data;
	lower->label_bytes = label.len_bytes;
	lower->sibling = upper->sibling;
	*link = lower;
	node_free(upper);
}

static struct node *
add_node(struct node *node, const char *text, size_t len_bytes)
{
	struct node **link;
	size_t        at;

	while (len_bytes > 0) {
		link = find_child(node, text[0]);
		if (*link == NULL)
			*link = node_new(text, len_bytes);
		at = common_bytes(*link, text, len_bytes);
		node = at < (*link)->label_bytes ? split_node(link, at) : *link;
		text += at;
		len_bytes -= at;
	}
	return node;
}

static struct node *
tree_of(struct selector_index *index, const struct selector *selector)
{
	return selector->rule == SELECTOR_BY_PATTERN ? &index->urls :
						       &index->texts;
}

/* Where the form of that selector is linked, or would be. */
static struct form **
find_form(struct node *node, const struct selector *selector)
{
	struct form **link = &node->forms;

	while (*link != NULL &&
	    !selector_is_alike((*link)->entries->selector, selector))
		link = &(*link)->next;
	return link;
}

void
selector_index_add(struct selector_index *index,
    const struct selector *selector, void *item)
{
	struct buf    prefix = { 0 };
	struct entry *entry = mem_alloc(sizeof(*entry));
	struct node  *node;
	struct form **form;

	selector_append_prefix(selector, &prefix);
	node = add_node(tree_of(index, selector), prefix.data,
	    prefix.len_bytes);
	form = find_form(node, selector);
	if (*form == NULL)
		*form = mem_zalloc(sizeof(**form));
	*entry = (struct entry){ (*form)->entries, selector, item };
	(*form)->entries = entry;
	buf_deinit(&prefix);
}

static void
remove_entry(struct node *node, const struct selector *selector,
    const void *item)
{
	struct form  **form_link = find_form(node, selector);
	struct form   *form = *form_link;
	struct entry **link, *entry;

	assert(form != NULL);
	link = &form->entries;
	while ((entry = *link) != NULL &&
	    (entry->selector != selector || entry->item != item))
		link = &entry->next;
	assert(entry != NULL);
	*link = entry->next;
	free(entry);
	if (form->entries != NULL)
		return;
	*form_link = form->next;
	free(form);
}

/* Takes out a node that nothing needs, or joins it with its only child. */
static void
tidy(struct node **link)
{
	struct node *node = *link;

	if (node->forms != NULL)
		return;
	if (node->children == NULL) {
		*link = node->sibling;
		node_free(node);
	} else if (node->children->sibling == NULL) {
		join_node(link);
	}
}

void
selector_index_remove(struct selector_index *index,
    const struct selector *selector, void *item)
{
	struct buf    prefix = { 0 };
	struct node  *node = tree_of(index, selector);
	struct node **link = NULL, **above = NULL;
	size_t        at = 0;

	selector_append_prefix(selector, &prefix);
	while (at < prefix.len_bytes) {
		above = link;
		link = find_child(node, prefix.data[at]);
		node = *link;
		assert(node != NULL);
		at += node->label_bytes;
	}
	buf_deinit(&prefix);
	remove_entry(node, selector, item);
	/* If the node is freed, the one above may lead to one other only. */
	if (link != NULL)
		tidy(link);
	if (above != NULL)
		tidy(above);
}

/* Matches one of the form, or each where their own text may make a difference.
 */
static void
match_form(const struct form *form, const struct visit *visit)
{
	uint64_t cost = 0;
	bool     matches = false;

	for (const struct entry *entry = form->entries; entry != NULL;
	     entry = entry->next) {
		if (entry == form->entries || visit->has_brace) {
			cost = 0;
			matches = selector_matches(entry->selector,
			    visit->topic, &cost);
		}
		if (visit->spend != NULL)
			visit->spend(entry->item, cost, visit->data);
		if (matches)
			visit->visit(entry->item, visit->data);
	}
}

/* Matches what stands on the way that the text takes from the root. */
static void
visit_tree(const struct node *node, const char *text, size_t len_bytes,
    const struct visit *visit)
{
	for (;;) {
		for (const struct form *form = node->forms; form != NULL;
		     form = form->next)
			match_form(form, visit);
		if (len_bytes == 0)
			return;
		node = node->children;
		while (node != NULL && node->label[0] != text[0])
			node = node->sibling;
		if (node == NULL ||
		    common_bytes(node, text, len_bytes) < node->label_bytes)
			return;
		text += node->label_bytes;
		len_bytes -= node->label_bytes;
	}
}

static bool
has_any(const struct node *root)
{
	return root->forms != NULL || root->children != NULL;
}

void
selector_index_visit(const struct selector_index *index,
    struct selector_topic *topic, selector_visit_fn *visit,
    selector_spend_fn *spend, void *data)
{
	struct visit      how = { topic, visit, spend, data, false };
	const struct url *url;
	struct buf        key = { 0 };

	how.has_brace = topic->text_bytes > 0 &&
	    memchr(topic->text, '{', topic->text_bytes) != NULL;
	visit_tree(&index->texts, topic->text, topic->text_bytes, &how);
	if (!has_any(&index->urls))
		return;
	url = selector_topic_url(topic);
	if (url == NULL)
		return;
	url_append_key(url, &key);
	visit_tree(&index->urls, key.data, key.len_bytes, &how);
	buf_deinit(&key);
}
