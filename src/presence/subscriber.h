#ifndef PRESENCE_SUBSCRIBER_H
#define PRESENCE_SUBSCRIBER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "presence/presence.h"
#include "presence/subscriber_id.h"
#include "store/store.h"

struct announcement;
struct presence_client;
struct token;

/*
 * One stream's subscriptions in presence: which of them are announced, and what
 * is to be announced next. It goes from state to state as the store answers.
 */

enum subscriber_state {
	SUBSCRIBER_JOINING, /* told_count announcements are out */
	SUBSCRIBER_THERE,
	SUBSCRIBER_LEAVING /* told_count are to be taken back */
};

struct subscriber {
	struct store_publish    publish;
	struct list             node;      /* waiting, ready, or alone */
	struct list             told_node; /* in presence->told */
	struct presence_entry   entry;
	struct presence        *presence;
	struct presence_client *client;
	struct token           *token; /* held, or NULL */
	enum subscriber_state   state;
	unsigned                shapes; /* those of when it came */
	bool                    is_gone;
	bool                    is_sending; /* is in sending_count */
	bool                    is_flying;  /* the store has an announcement */
	size_t                  told_count; /* as the store has answered */
	size_t                  sent_count; /* the same, as it will answer */
	size_t                  announcement_count;
	uint64_t                told_number; /* rises in presence->told */
	uint64_t                joined_at; /* position of the first one, or 0 */
	uint64_t                doubted_at; /* of subscriber_doubt, or 0 */
	size_t                  byte_count;
	struct subscriber_id    number;
	char                    id[SUBSCRIBER_ID_BYTES];
	struct presence_selector selectors[]; /* the texts stand behind them */
};

/* Copies the selectors, whose texts have so many bytes with their NULs. */
struct subscriber *subscriber_new(struct presence *, struct presence_client *,
    const struct presence_selector *, size_t selector_count, size_t byte_count);
void               subscriber_free(struct subscriber *);

/* Has it wait for the next look at its client. */
void subscriber_queue(struct subscriber *);

/* It is gone, and nothing of it is under way: takes back what was told. */
void subscriber_part(struct subscriber *);

/* Publishes the next announcement. */
void subscriber_tell(struct subscriber *);

/*
 * One of its announcements, by its number among all of them: those below
 * sent_count are out. Its payload is not set. Returns its shape.
 */
unsigned subscriber_announcement(const struct subscriber *, size_t number,
    struct announcement *);

/* The payload, JSON, that its token has for the selector; adds what it cost. */
const char *subscriber_payload(const struct subscriber *, const char *selector,
    uint64_t *cost);

/*
 * Others take back what was announced before that position, so this process
 * does too, and then announces it anew.
 */
void subscriber_doubt(struct subscriber *, uint64_t position);

#endif
