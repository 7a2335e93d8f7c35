#ifndef HTTP_STORE_GATE_H
#define HTTP_STORE_GATE_H

#include <stdbool.h>

struct call;
struct streams;

/*
 * Whether topics can be served: there is a store, and its file cannot be
 * fetched by clients.
 */
struct store_gate {
	/* Why topics cannot be served; NULL: they can. */
	const char *problem;

	/* The store's; NULL: it is no file. */
	char *file;

	/* The last document root that the file was found not to be in. */
	char *root;

	/* Whether the file is in the folder or below it. */
	bool (*is_below)(const char *file, const char *folder);
};

/* Frees what it holds. */
void store_gate_deinit(struct store_gate *);

/* Looks at the document root that the call tells of: see problem. */
void store_gate_look(struct store_gate *, const struct call *);

/*
 * Whether the call can be served. It tells where the documents of its site are:
 * a store among them could be fetched by anybody, so from then on no call of
 * any site is served. If not, the call was answered: a publisher's by 503, a
 * subscriber's as refusal_come_back.
 */
bool store_gate_publishes(struct store_gate *, struct call *);
bool store_gate_subscribes(struct store_gate *, struct call *,
    const struct streams *);

#endif
