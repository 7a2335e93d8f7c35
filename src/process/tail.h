#ifndef PROCESS_TAIL_H
#define PROCESS_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "hub/hub.h"

struct lease;
struct store;
struct store_choice;
struct store_gate;
struct turns;

/* Where the tail is kept, and who is told of it. */
struct tail_spec {
	struct hub   *hub;   /* takes its updates */
	struct lease *lease; /* hears them before */
	struct turns *turns;
	size_t        bytes_max; /* of the store, as for the hub */
	int64_t       age_ms;
	bool is_lean; /* of a store that is no memory; see struct tail */
	int64_t (*wall_ms)(void);

	/* The hub is level with the log for the first time. */
	void (*on_level)(void *arg);
	void *arg;
};

/*
 * The process's place in the log: its store, and the reader that has the hub
 * take what the log has and what follows.
 */
struct tail {
	struct tail_spec spec;
	struct store    *store;
	bool             is_memory; /* the log is this process's alone */
	bool             is_lean;   /* somebody else calls store_tail */
	bool             is_level;
	bool             is_closed;
};

/*
 * Opens the chosen store, and reads it from its beginning unless it is lean.
 * Where no store that works could be chosen, the gate says so, and a memory
 * takes its place. If the options name a store that cannot be opened, the
 * process ends with an error.
 */
void tail_open(struct tail *, uv_loop_t *, const struct tail_spec *,
    struct store_choice *, struct store_gate *);

/* Other limits of the store. */
void tail_set_limits(struct tail *, size_t bytes_max, int64_t age_ms);

/* Turns the loop until the store is closed. */
void tail_close(struct tail *, uv_loop_t *);

#endif
