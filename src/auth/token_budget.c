#include "config.h"

#include "auth/token_budget.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/mem.h"
#include "base/tree.h"
#include "pure/address.h"

/* Longer debts are cut to this, after which a client is forgotten. */
#define DEBT_MS_MAX 10000

/* When there are more, the address whose failure is oldest is forgotten. */
#define CLIENTS_MAX 10000

struct client {
	struct deadline forget;
	int64_t         debt_until_ms;
	char            name[ADDRESS_KEY_BYTES];
};

struct token_budget {
	void                *clients; /* a tree, by name */
	size_t               client_count;
	struct deadline_list forgets;
};

struct token_budget *
token_budget_new(void)
{
	struct token_budget *budget = mem_zalloc(sizeof(*budget));

	deadline_list_init(&budget->forgets, DEBT_MS_MAX);
	return budget;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct client *)a)->name,
	    ((const struct client *)b)->name);
}

static void
forget(struct token_budget *budget, struct deadline *deadline)
{
	struct client *client = list_entry(deadline, struct client, forget);

	tree_remove(&budget->clients, client, compare);
	budget->client_count--;
	free(client);
}

static void
forget_due(struct token_budget *budget, int64_t now_ms)
{
	struct deadline *due;

	while ((due = deadline_take_due(&budget->forgets, now_ms)) != NULL)
		forget(budget, due);
}

void
token_budget_free(struct token_budget *budget)
{
	if (budget == NULL)
		return;
	forget_due(budget, INT64_MAX - 1);
	free(budget);
}

/* How long the client's debt lasts. */
static int64_t
debt_ms(struct token_budget *budget, const char *address, int64_t now_ms)
{
	struct client        key;
	const struct client *client;

	address_key(key.name, address);
	client = tree_find(&budget->clients, &key, compare);
	if (client == NULL || client->debt_until_ms <= now_ms)
		return 0;
	return client->debt_until_ms - now_ms;
}

int64_t
token_budget_wait_ms(struct token_budget *budget, const char *address,
    unsigned cost_us, int64_t now_ms)
{
	int64_t debt, over;

	forget_due(budget, now_ms);
	if (cost_us <= TOKEN_BUDGET_FREE_US)
		return 0;
	debt = debt_ms(budget, address, now_ms);
	over = debt + cost_us / TOKEN_BUDGET_US_EACH_MS -
	    TOKEN_BUDGET_BURST_US / TOKEN_BUDGET_US_EACH_MS;
	if (over <= 0)
		return 0;
	/* What costs more than all is allowed to who owes nothing. */
	return over < debt ? over : debt;
}

static struct client *
client_get(struct token_budget *budget, const char *address)
{
	struct client *fresh = mem_zalloc(sizeof(*fresh)), *client;

	address_key(fresh->name, address);
	client = tree_add(&budget->clients, fresh, compare);
	if (client == fresh) {
		deadline_init(&fresh->forget);
		budget->client_count++;
	} else
		free(fresh);
	return client;
}

void
token_budget_spend(struct token_budget *budget, const char *address,
    unsigned cost_us, int64_t now_ms)
{
	struct client *client;

	forget_due(budget, now_ms);
	if (cost_us <= TOKEN_BUDGET_FREE_US)
		return;
	if (budget->client_count >= CLIENTS_MAX)
		forget_due(budget, deadline_next_ms(&budget->forgets));
	client = client_get(budget, address);
	if (client->debt_until_ms < now_ms)
		client->debt_until_ms = now_ms;
	client->debt_until_ms += cost_us / TOKEN_BUDGET_US_EACH_MS;
	if (client->debt_until_ms - now_ms > DEBT_MS_MAX)
		client->debt_until_ms = now_ms + DEBT_MS_MAX;
	deadline_set(&budget->forgets, &client->forget, now_ms);
}
