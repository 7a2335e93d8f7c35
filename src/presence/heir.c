#include "presence/heir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "hub/turns.h"
#include "hub/update.h"
#include "presence/announcement.h"
#include "presence/presence.h"
#include "presence/will.h"
#include "store/wills.h"

#define RETRY_MS 1000

/* One of its shapes. */
static unsigned
shape_of(const struct roster_entry *entry)
{
	return (entry->shapes & ANNOUNCEMENT_07) != 0 ? ANNOUNCEMENT_07 :
							ANNOUNCEMENT_08;
}

static enum selector_kind
kind_of(const struct roster_entry *entry, unsigned shape)
{
	if (entry->selector->is_pattern)
		return SELECTOR_URL_PATTERN;
	return shape == ANNOUNCEMENT_07 ? SELECTOR_TOPIC : SELECTOR_EXACT;
}

static void
on_published(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct heir_teller  *teller;
	struct heir         *heir;
	struct roster_entry *entry;

	teller = list_entry(publish, struct heir_teller, publish);
	heir = teller->heir;
	entry = teller->entry;
	teller->is_flying = false;
	heir->flying_count--;
	if (entry != NULL)
		entry->teller = NULL;
	teller->entry = NULL;
	if (receipt->result == STORE_NOT_KEPT) {
		heir->next_ms = turns_now_ms(heir->turns) +
		    RETRY_MS * (1 + (int64_t)receipt->retry_after_s);
	} else if (entry != NULL) {
		roster_remove(heir->roster,
		    &(struct roster_fact){
			.id = entry->id,
			.shape = teller->shape,
			.is_pattern = entry->selector->is_pattern,
			.selector = entry->selector->text,
		    });
	}
}

static void
tell(struct heir_teller *teller, struct roster_entry *entry)
{
	struct heir        *heir = teller->heir;
	char                subscriber[SUBSCRIBER_ID_BYTES];
	struct announcement announcement = {
		.hub_path = heir->presence->hub_path,
		.selector = entry->selector->text,
		.subscriber = subscriber,
		.payload = entry->payload,
	};
	struct buf    topic = { 0 }, event = { 0 };
	struct update update = { .topic_count = 1, .is_private = true };
	const char   *topics[1];
	char          key[ANNOUNCEMENT_KEY_BYTES];

	subscriber_id_print(&entry->id, subscriber);
	teller->entry = entry;
	teller->shape = shape_of(entry);
	teller->is_flying = true;
	entry->teller = &teller->entry;
	heir->flying_count++;
	announcement.kind = kind_of(entry, teller->shape);
	announcement_append(&announcement, teller->shape, &topic, &event);
	announcement_print_end_key(&announcement, topic.data, key);
	topics[0] = topic.data;
	update.topics = topics;
	update.bytes = event.data;
	update.len_bytes = event.len_bytes;
	store_publish(heir->presence->store, &teller->publish, &update, key);
	buf_deinit(&topic);
	buf_deinit(&event);
}

static struct heir_teller *
free_teller(struct heir *heir)
{
	struct heir_teller *teller = heir->tellers;

	while (teller->is_flying)
		teller++;
	return teller;
}

/* Something that nobody tells yet, or NULL. */
static struct roster_entry *
untold(const struct heir *heir)
{
	struct roster_entry *entry;

	list_for_each (node, &heir->own->ending) {
		entry = list_entry(node, struct roster_entry, node);
		if (entry->teller == NULL)
			return entry;
	}
	return NULL;
}

void
heir_adopt(struct heir *heir, struct roster_process *dead)
{
	char text[20];

	snprintf(text, sizeof(text), "%012" PRIx64, dead->number);
	log_info("presence-ended", LOG_STR("process", text),
	    LOG_INT("subscriptions", dead->entry_count));
	roster_adopt(heir->roster, heir->own, dead);
}

/* Adopts what a killed process has left, if there is one. */
static void
take_will(struct heir *heir)
{
	uint64_t               number = 0;
	const char            *text = wills_take(heir->wills, &number);
	struct roster_process *dead;
	bool                   has_room;

	heir->is_looking = text != NULL;
	if (text == NULL)
		return;
	dead = roster_get(heir->roster, number);
	has_room = dead != NULL && will_read(heir->roster, dead, text);
	if (dead != NULL)
		heir_adopt(heir, dead);
	heir->has_will = has_room;
	if (has_room)
		return;
	/* Another one may have it. */
	wills_release(heir->wills, false);
	heir->is_looking = false;
}

void
heir_look(struct heir *heir)
{
	heir->is_looking = heir->wills != NULL;
}

/* Whether all that was adopted is told. */
static bool
is_idle(const struct heir *heir)
{
	return heir->flying_count == 0 && list_is_empty(&heir->own->ending);
}

void
heir_run(struct heir *heir)
{
	struct roster_entry *entry;

	if (is_idle(heir) && heir->has_will) {
		wills_release(heir->wills, true);
		heir->has_will = false;
	}
	if (is_idle(heir) && heir->is_looking)
		take_will(heir);
	if (list_is_empty(&heir->own->ending) ||
	    turns_now_ms(heir->turns) < heir->next_ms)
		return;
	while (heir->flying_count < HEIR_TELLER_COUNT &&
	    (entry = untold(heir)) != NULL)
		tell(free_teller(heir), entry);
}

int64_t
heir_next_ms(const struct heir *heir)
{
	if (is_idle(heir))
		return heir->is_looking || heir->has_will ? 0 : INT64_MAX;
	/* While some are under way, it goes on at the store's answer. */
	return heir->flying_count > 0 ? INT64_MAX : heir->next_ms;
}

void
heir_init(struct heir *heir, const struct presence *presence,
    struct roster *roster, struct roster_process *own, struct turns *turns)
{
	memset(heir, 0, sizeof(*heir));
	heir->presence = presence;
	heir->roster = roster;
	heir->own = own;
	heir->turns = turns;
	for (size_t i = 0; i < HEIR_TELLER_COUNT; i++) {
		heir->tellers[i].heir = heir;
		heir->tellers[i].publish.done = on_published;
	}
}
