#include "routes/listing.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "auth/access.h"
#include "base/mem.h"
#include "presence/presence.h"
#include "presence/roster.h"

/* What finding the payloads of one list may cost: some milliseconds. */
#define PAYLOADS_COST_MAX 2000000

/* A subscription of a stream of this process, or of another one. */
struct found {
	const struct subscriber_id *id;
	bool                        is_pattern;
	const char                 *selector;
	const struct token         *token;   /* that has the payload; or NULL */
	const char                 *payload; /* of another process's */
};

/*
 * The first ones by their order: when twice as many as are wanted have come
 * those that are too many are dropped, and what is behind the last one is not
 * taken any more.
 */
struct finds {
	const struct listing *listing;
	struct found         *items;
	size_t                count;
	size_t                all_count;
	bool                  is_cut;
};

#define FINDS_MAX (2 * LISTING_COUNT_MAX)

void
listing_deinit(struct listing *listing)
{
	for (size_t i = 0; i < LISTING_SEGMENTS_MAX; i++)
		buf_deinit(&listing->segments[i]);
	buf_deinit(&listing->path);
	buf_deinit(&listing->text);
}

static int
compare(const void *a, const void *b)
{
	const struct found *one = a, *other = b;

	if (one->id->high != other->id->high)
		return one->id->high > other->id->high ? 1 : -1;
	if (one->id->low != other->id->low)
		return one->id->low > other->id->low ? 1 : -1;
	if (one->is_pattern != other->is_pattern)
		return one->is_pattern ? 1 : -1;
	return strcmp(one->selector, other->selector);
}

static void
cut(struct finds *finds)
{
	qsort(finds->items, finds->count, sizeof(*finds->items), compare);
	if (finds->count <= LISTING_COUNT_MAX)
		return;
	finds->count = LISTING_COUNT_MAX;
	finds->is_cut = true;
}

static void
add(struct finds *finds, const struct found *found)
{
	finds->all_count++;
	if (finds->is_cut &&
	    compare(found, &finds->items[LISTING_COUNT_MAX - 1]) > 0)
		return;
	finds->items[finds->count++] = *found;
	if (finds->count == FINDS_MAX)
		cut(finds);
}

static bool
is_wanted(const struct listing *listing, const struct presence_selector *own)
{
	const struct announcement *wanted = &listing->wanted;

	if ((own->shapes & listing->shape) == 0)
		return false;
	if (wanted->selector == NULL)
		return true;
	return strcmp(own->text, wanted->selector) == 0 &&
	    (own->kind == SELECTOR_URL_PATTERN) ==
	    (wanted->kind == SELECTOR_URL_PATTERN);
}

static void
find_own(struct finds *finds, const struct presence *presence)
{
	const struct listing        *listing = finds->listing;
	const struct presence_entry *entry;

	for (const struct list *node = presence->there.next;
	     node != &presence->there; node = node->next) {
		entry = list_entry(node, const struct presence_entry, node);
		if (listing->wanted.subscriber != NULL &&
		    strcmp(entry->id, listing->wanted.subscriber) != 0)
			continue;
		for (size_t i = 0; i < entry->selector_count; i++) {
			if (is_wanted(listing, &entry->selectors[i]))
				add(finds,
				    &(struct found){
					.id = entry->number,
					.is_pattern =
					    entry->selectors[i].kind ==
					    SELECTOR_URL_PATTERN,
					.selector = entry->selectors[i].text,
					.token = entry->token,
				    });
		}
	}
}

static void
on_found(void *arg, const struct roster_entry *entry)
{
	add(arg,
	    &(struct found){
		.id = &entry->id,
		.is_pattern = entry->selector->is_pattern,
		.selector = entry->selector->text,
		.payload = entry->payload,
	    });
}

static void
find_others(struct finds *finds, const struct roster *roster)
{
	const struct announcement *wanted = &finds->listing->wanted;
	struct subscriber_id       id;
	struct roster_wish         wish = {
			.shape = finds->listing->shape,
			.selector = wanted->selector,
			.is_pattern = wanted->kind == SELECTOR_URL_PATTERN,
	};

	if (wanted->subscriber != NULL) {
		if (!subscriber_id_read(&id, wanted->subscriber))
			return;
		wish.id = &id;
	}
	roster_each(roster, &wish, on_found, finds);
}

static json_t *
document(struct listing *listing, const struct found *found)
{
	char                subscriber[SUBSCRIBER_ID_BYTES];
	struct announcement announcement = {
		.hub_path = listing->wanted.hub_path,
		.kind = found->is_pattern ? SELECTOR_URL_PATTERN :
					    SELECTOR_EXACT,
		.selector = found->selector,
		.subscriber = subscriber,
		.payload = found->payload,
		.is_active = true,
	};
	struct buf topic = { 0 };
	json_t    *json;

	subscriber_id_print(found->id, subscriber);
	if (found->token != NULL)
		announcement.payload = access_payload(listing->access,
		    found->token, found->selector, &listing->cost);
	announcement_append_topic(&announcement, listing->shape, &topic);
	json = announcement_document(&announcement, listing->shape, topic.data);
	buf_deinit(&topic);
	return json;
}

/* Takes the document over. */
static char *
text_of(json_t *json)
{
	char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

	/* The texts are UTF-8: what is missing is memory. */
	if (text == NULL)
		mem_fail();
	json_decref(json);
	return text;
}

/* Lists one more. False: there is no room for it, nor for those behind it. */
static bool
write_one(struct listing *listing, const struct found *found)
{
	json_t *json;
	char   *text;
	bool    has_room;

	if (listing->cost >= PAYLOADS_COST_MAX)
		return false;
	json = document(listing, found);
	json_object_del(json, "@context");
	text = text_of(json);
	has_room = listing->text.len_bytes + strlen(text) <= LISTING_BYTES_MAX;
	if (has_room) {
		if (listing->count++ > 0)
			buf_append_str(&listing->text, ",");
		buf_append_str(&listing->text, text);
	}
	free(text);
	return has_room;
}

static void
write_all(struct listing *listing, const struct finds *finds)
{
	struct buf members = { 0 };
	char      *head;

	while (listing->count < finds->count &&
	    write_one(listing, &finds->items[listing->count]))
		;
	listing->omitted_count = finds->all_count - listing->count;
	head = text_of(listing->shape == ANNOUNCEMENT_08 ?
		json_pack("{s:s, s:s}", "id", listing->path.data, "type",
		    "subscriptions") :
		json_pack("{s:s, s:s, s:s, s:s}", "@context",
		    "https://mercure.rocks/", "id", listing->path.data, "type",
		    "Subscriptions", "lastEventID", listing->last_id));
	members = listing->text;
	listing->text = (struct buf){ 0 };
	buf_append(&listing->text, head, strlen(head) - 1);
	buf_append_str(&listing->text, ",\"subscriptions\":[");
	buf_append(&listing->text, members.data, members.len_bytes);
	buf_append_str(&listing->text, "]");
	if (listing->omitted_count > 0)
		buf_printf(&listing->text, ",\"omitted\":%zu",
		    listing->omitted_count);
	buf_append_str(&listing->text, "}");
	buf_deinit(&members);
	free(head);
}

static void
write_alone(struct listing *listing, const struct found *found)
{
	json_t *json = document(listing, found);
	char   *text;

	if (listing->shape == ANNOUNCEMENT_07)
		json_object_set_new(json, "lastEventID",
		    json_string(listing->last_id));
	text = text_of(json);
	buf_append_str(&listing->text, text);
	free(text);
}

bool
listing_find(struct listing *listing, const struct presence *presence,
    const struct roster *roster)
{
	struct finds finds = {
		.listing = listing,
		.items = mem_alloc(FINDS_MAX * sizeof(*finds.items)),
	};
	const bool is_one = listing->wanted.subscriber != NULL;

	find_own(&finds, presence);
	find_others(&finds, roster);
	cut(&finds);
	if (!is_one)
		write_all(listing, &finds);
	else if (finds.count > 0)
		write_alone(listing, &finds.items[0]);
	free(finds.items);
	return !is_one || finds.count > 0;
}
