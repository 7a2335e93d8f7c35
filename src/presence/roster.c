#include "presence/roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "presence/announcement.h"
#include "pure/hash.h"

/* The nodes of a tree for each. */
#define TREE_BYTES 64

const struct roster_limits roster_limits = {
	.entry_count_max = 100000,
	.byte_count_max = (size_t)32 * 1024 * 1024,
};

void
roster_init(struct roster *roster)
{
	memset(roster, 0, sizeof(*roster));
	list_init(&roster->processes);
	list_init(&roster->heard);
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
compare_processes(const void *a, const void *b)
{
	return compare_numbers(((const struct roster_process *)a)->number,
	    ((const struct roster_process *)b)->number);
}

static int
compare_selectors(const void *a, const void *b)
{
	const struct roster_selector *one = a, *other = b;

	if (one->is_pattern != other->is_pattern)
		return one->is_pattern ? 1 : -1;
	return strcmp(one->text, other->text);
}

static int
compare_entries(const void *a, const void *b)
{
	const struct roster_entry *one = a, *other = b;
	int order = compare_numbers(one->id.high, other->id.high);

	if (order == 0)
		order = compare_numbers(one->id.low, other->id.low);
	if (order == 0)
		order = compare_numbers((uintptr_t)one->selector,
		    (uintptr_t)other->selector);
	return order;
}

struct roster_process *
roster_find(const struct roster *roster, uint64_t number)
{
	const struct roster_process key = { .number = number };

	return tree_find(&roster->process_tree, &key, compare_processes);
}

static bool
has_room(const struct roster *roster, size_t byte_count)
{
	return roster->byte_count + byte_count <= roster_limits.byte_count_max;
}

bool
roster_has_room(const struct roster *roster)
{
	const struct roster_limits *max = &roster_limits;

	return roster->entry_count <= max->entry_count_max / 2 &&
	    roster->byte_count <= max->byte_count_max / 2;
}

struct roster_process *
roster_get(struct roster *roster, uint64_t number)
{
	struct roster_process *process = roster_find(roster, number);

	if (process != NULL || !has_room(roster, sizeof(*process) + TREE_BYTES))
		return process;
	process = mem_zalloc(sizeof(*process));
	process->number = number;
	list_init(&process->entries);
	list_init(&process->ending);
	list_append(&roster->processes, &process->node);
	list_append(&roster->heard, &process->heard_node);
	tree_add(&roster->process_tree, process, compare_processes);
	roster->process_count++;
	roster->byte_count += sizeof(*process) + TREE_BYTES;
	return process;
}

static size_t
selector_bytes(const char *text)
{
	return sizeof(struct roster_selector) + strlen(text) + 1 + TREE_BYTES;
}

static struct roster_selector *
selector_find(const struct roster *roster, const char *text, bool is_pattern)
{
	const struct roster_selector key = {
		.text = text,
		.is_pattern = is_pattern,
	};

	return tree_find(&roster->selector_tree, &key, compare_selectors);
}

static struct roster_selector *
selector_get(struct roster *roster, const char *text, bool is_pattern)
{
	struct roster_selector *selector = selector_find(roster, text,
	    is_pattern);
	size_t                  text_bytes = strlen(text) + 1;

	if (selector != NULL)
		return selector;
	selector = mem_alloc(sizeof(*selector) + text_bytes);
	*selector = (struct roster_selector){
		.is_pattern = is_pattern,
		.text = memcpy(selector + 1, text, text_bytes),
	};
	list_init(&selector->entries);
	tree_add(&roster->selector_tree, selector, compare_selectors);
	roster->byte_count += selector_bytes(text);
	return selector;
}

static struct roster_entry *
entry_find(const struct roster *roster, const struct roster_fact *fact)
{
	struct roster_entry key = { .id = fact->id };

	key.selector = selector_find(roster, fact->selector, fact->is_pattern);
	return key.selector == NULL ?
	    NULL :
	    tree_find(&roster->entry_tree, &key, compare_entries);
}

uint64_t
roster_digest(const struct roster_fact *fact)
{
	uint64_t sum = 0, hash;

	for (unsigned shape = 1; shape <= fact->shape; shape <<= 1) {
		unsigned char kind = (unsigned char)(shape << 1 |
		    fact->is_pattern);

		if ((fact->shape & shape) == 0)
			continue;
		hash = hash_bytes(HASH_START, &fact->id.high, sizeof(uint64_t));
		hash = hash_bytes(hash, &fact->id.low, sizeof(uint64_t));
		hash = hash_bytes(hash, &kind, 1);
		sum += hash_bytes(hash, fact->selector, strlen(fact->selector));
	}
	return sum;
}

/* What the entry is, in these of its shapes. */
static struct roster_fact
fact_of(const struct roster_entry *entry, unsigned shapes)
{
	return (struct roster_fact){
		.id = entry->id,
		.shape = shapes,
		.is_pattern = entry->selector->is_pattern,
		.selector = entry->selector->text,
	};
}

static size_t
entry_bytes(const char *payload)
{
	return sizeof(struct roster_entry) + TREE_BYTES +
	    (payload == NULL ? 0 : strlen(payload) + 1);
}

static void
selector_drop(struct roster *roster, struct roster_selector *selector)
{
	if (!list_is_empty(&selector->entries))
		return;
	roster->byte_count -= selector_bytes(selector->text);
	tree_remove(&roster->selector_tree, selector, compare_selectors);
	free(selector);
}

/* Counts it among those of its process, or takes it out. */
static void
count_active(struct roster_entry *entry, unsigned shapes, bool is_in)
{
	const struct roster_fact fact = fact_of(entry, shapes);
	uint64_t                 digest = roster_digest(&fact);

	entry->process->digest += is_in ? digest : -digest;
}

static void
entry_free(struct roster *roster, struct roster_entry *entry)
{
	if (entry->is_ending) {
		roster->ending_count--;
	} else {
		count_active(entry, entry->shapes, false);
		entry->process->entry_count--;
		entry->selector->entry_count--;
	}
	tree_remove(&roster->entry_tree, entry, compare_entries);
	list_remove(&entry->node);
	list_remove(&entry->selector_node);
	roster->entry_count--;
	roster->byte_count -= entry_bytes(entry->payload);
	selector_drop(roster, entry->selector);
	if (entry->teller != NULL)
		*entry->teller = NULL;
	free(entry->payload);
	free(entry);
}

static bool
has_room_for(struct roster *roster, const struct roster_fact *fact)
{
	return roster->entry_count < roster_limits.entry_count_max &&
	    has_room(roster,
		entry_bytes(fact->payload) + selector_bytes(fact->selector));
}

static struct roster_entry *
entry_new(struct roster *roster, struct roster_process *process,
    const struct roster_fact *fact)
{
	struct roster_entry *entry = mem_zalloc(sizeof(*entry));

	entry->id = fact->id;
	entry->process = process;
	entry->selector = selector_get(roster, fact->selector,
	    fact->is_pattern);
	if (fact->payload != NULL)
		entry->payload = mem_strdup(fact->payload);
	list_init(&entry->node);
	list_append(&process->entries, &entry->node);
	list_init(&entry->selector_node);
	list_append(&entry->selector->entries, &entry->selector_node);
	tree_add(&roster->entry_tree, entry, compare_entries);
	process->entry_count++;
	entry->selector->entry_count++;
	roster->entry_count++;
	roster->byte_count += entry_bytes(entry->payload);
	return entry;
}

bool
roster_add(struct roster *roster, struct roster_process *process,
    const struct roster_fact *fact)
{
	struct roster_entry *entry = entry_find(roster, fact);

	/* Its process was taken for dead, and is there again. */
	if (entry != NULL && (entry->is_ending || entry->process != process)) {
		entry_free(roster, entry);
		entry = NULL;
	}
	if (entry == NULL && !has_room_for(roster, fact)) {
		roster->unheard_count++;
		return false;
	}
	if (entry == NULL)
		entry = entry_new(roster, process, fact);
	count_active(entry, fact->shape & ~entry->shapes, true);
	entry->shapes |= fact->shape;
	entry->is_doubtful = false;
	return true;
}

void
roster_remove(struct roster *roster, const struct roster_fact *fact)
{
	struct roster_entry *entry = entry_find(roster, fact);

	if (entry == NULL)
		return;
	if ((entry->shapes & ~fact->shape) == 0) {
		entry_free(roster, entry);
		return;
	}
	if (!entry->is_ending)
		count_active(entry, entry->shapes & fact->shape, false);
	entry->shapes &= ~fact->shape;
}

static void
free_all(struct roster *roster, struct list *entries)
{
	while (!list_is_empty(entries))
		entry_free(roster,
		    list_entry(entries->next, struct roster_entry, node));
}

void
roster_forget(struct roster *roster, struct roster_process *process)
{
	free_all(roster, &process->entries);
	free_all(roster, &process->ending);
	tree_remove(&roster->process_tree, process, compare_processes);
	list_remove(&process->node);
	list_remove(&process->heard_node);
	roster->process_count--;
	roster->byte_count -= sizeof(*process) + TREE_BYTES;
	free(process);
}

void
roster_clear(struct roster *roster)
{
	while (!list_is_empty(&roster->processes))
		roster_forget(roster,
		    list_entry(roster->processes.next, struct roster_process,
			node));
}

void
roster_doubt(struct roster_process *process)
{
	list_for_each (node, &process->entries) {
		list_entry(node, struct roster_entry, node)->is_doubtful = true;
	}
}

void
roster_drop_doubtful(struct roster *roster, struct roster_process *process)
{
	struct roster_entry *entry;

	list_for_each (node, &process->entries) {
		entry = list_entry(node, struct roster_entry, node);
		if (entry->is_doubtful)
			entry_free(roster, entry);
	}
}

void
roster_adopt(struct roster *roster, struct roster_process *heir,
    struct roster_process *dead)
{
	struct roster_entry *entry;

	list_for_each (node, &dead->entries) {
		entry = list_entry(node, struct roster_entry, node);
		entry->is_ending = true;
		entry->selector->entry_count--;
		roster->ending_count++;
	}
	list_join(&dead->ending, &dead->entries);
	list_for_each (node, &dead->ending) {
		list_entry(node, struct roster_entry, node)->process = heir;
	}
	list_join(&heir->ending, &dead->ending);
	roster_forget(roster, dead);
}

size_t
roster_count(const struct roster *roster, const char *selector, bool is_pattern,
    unsigned shapes)
{
	const struct roster_selector *found = selector_find(roster, selector,
	    is_pattern);
	const struct roster_entry    *entry;
	size_t                        count = 0;

	if (found == NULL)
		return 0;
	if (shapes == (ANNOUNCEMENT_07 | ANNOUNCEMENT_08))
		return found->entry_count;
	for (const struct list *node = found->entries.next;
	     node != &found->entries; node = node->next) {
		entry = list_entry(node, const struct roster_entry,
		    selector_node);
		count += !entry->is_ending && (entry->shapes & shapes) != 0;
	}
	return count;
}

static bool
is_wanted(const struct roster_entry *entry, const struct roster_wish *wish)
{
	return !entry->is_ending && (entry->shapes & wish->shape) != 0;
}

static void
each_of_all(const struct roster *roster, const struct roster_wish *wish,
    void (*found)(void *arg, const struct roster_entry *), void   *arg)
{
	const struct roster_process *process;
	const struct roster_entry   *entry;

	for (const struct list *at = roster->processes.next;
	     at != &roster->processes; at = at->next) {
		process = list_entry(at, const struct roster_process, node);
		for (const struct list *node = process->entries.next;
		     node != &process->entries; node = node->next) {
			entry = list_entry(node, const struct roster_entry,
			    node);
			if (is_wanted(entry, wish))
				found(arg, entry);
		}
	}
}

void
roster_each(const struct roster *roster, const struct roster_wish *wish,
    void (*found)(void *arg, const struct roster_entry *), void   *arg)
{
	const struct roster_selector *selector;
	const struct roster_entry    *entry;

	if (wish->selector == NULL) {
		each_of_all(roster, wish, found, arg);
		return;
	}
	selector = selector_find(roster, wish->selector, wish->is_pattern);
	if (selector == NULL)
		return;
	for (const struct list *node = selector->entries.next;
	     node != &selector->entries; node = node->next) {
		entry = list_entry(node, const struct roster_entry,
		    selector_node);
		if (is_wanted(entry, wish) &&
		    (wish->id == NULL ||
			(entry->id.high == wish->id->high &&
			    entry->id.low == wish->id->low)))
			found(arg, entry);
	}
}
