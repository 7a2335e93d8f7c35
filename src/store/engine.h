#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "store/store.h"

/*
 * What a store engine is: a table of the functions of store/store.h, and a
 * struct that begins with struct store. An engine reads and writes its own
 * struct; store.c finds the engine by the scheme of the URL and passes calls
 * on.
 */
struct store_engine {
	const char *scheme; /* of the URL, up to its colon: "sqlite" */

	struct store *(*open)(uv_loop_t *, const struct store_options *,
	    const struct store_reader *, char *error, size_t error_bytes);
	void (*close)(struct store *, void (*done)(void *arg), void *arg);
	void (*set_limits)(struct store *, size_t bytes_max, int64_t age_ms);
	void (*tail)(struct store *, uint64_t after, const char *const *topics,
	    size_t topic_count);
	void (*hold)(struct store *, bool is_held);
	void (*publish)(struct store *, struct store_publish *,
	    const struct update *, const char *once);
	void (*find)(struct store *, struct store_find *, const char *id,
	    const char *const *topics, size_t topic_count);
	void (*find_cancel)(struct store *, struct store_find *);
	uint64_t (*tag)(const struct store *);
	/* 0: not known, or that of this machine. NULL: the latter. */
	int64_t (*wall_ms)(const struct store *);
	void (*get_health)(const struct store *, struct store_health *);
	void (*look)(struct store *); /* NULL: health is always known */
	/* NULL: it is no file. */
	int (*verify)(const char *url, struct store_health *, char *problem,
	    size_t problem_bytes);
};

struct store {
	const struct store_engine *engine;
};

extern const struct store_engine memory_engine;
#ifdef HAVE_SQLITE
extern const struct store_engine sqlite_engine;
#endif
#ifdef HAVE_HIREDIS
extern const struct store_engine redis_engine;
extern const struct store_engine redis_unix_engine;
extern const struct store_engine rediss_engine;
#endif

#endif
