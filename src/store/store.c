/* Finds the engine of a store by its URL, and passes calls on to it. */

#include "config.h"

#include "store/store.h"

#include <stdio.h>
#include <string.h>

#include "store/engine.h"

/* A scheme, and its engine unless the program was built without it. */
struct scheme {
	const char                *name;
	const struct store_engine *engine;
	const char                *library; /* what an absent one needs */
};

static const struct scheme schemes[] = {
	{ "memory", &memory_engine, NULL },
#ifdef HAVE_SQLITE
	{ "sqlite", &sqlite_engine, NULL },
#else
	{ "sqlite", NULL, "libsqlite3-dev" },
#endif
#ifdef HAVE_HIREDIS
	{ "redis", &redis_engine, NULL },
	{ "redis+unix", &redis_unix_engine, NULL },
	{ "rediss", &rediss_engine, NULL },
#else
	{ "redis", NULL, "libhiredis-dev" },
	{ "redis+unix", NULL, "libhiredis-dev" },
	{ "rediss", NULL, "libhiredis-dev" },
#endif
};

#define SCHEME_COUNT (sizeof(schemes) / sizeof(schemes[0]))

/* What is behind the scheme may hold a password: it is not shown. */
static const struct scheme *
find_scheme(const char *url, char *error, size_t error_bytes)
{
	size_t len = strcspn(url, ":");

	for (size_t i = 0; i < SCHEME_COUNT; i++) {
		if (strlen(schemes[i].name) == len &&
		    memcmp(schemes[i].name, url, len) == 0)
			return &schemes[i];
	}
	snprintf(error, error_bytes,
	    "store: \"%.*s\" is no kind of store; give memory, sqlite:FILE, "
	    "redis://HOST or redis+unix:PATH",
	    len < 32 ? (int)len : 32, url);
	return NULL;
}

/* NULL: error says why. */
static const struct store_engine *
find_engine(const char *url, char *error, size_t error_bytes)
{
	const struct scheme *scheme = find_scheme(url, error, error_bytes);

	if (scheme == NULL)
		return NULL;
	if (scheme->engine == &memory_engine &&
	    strcmp(url, scheme->name) != 0) {
		snprintf(error, error_bytes,
		    "store: memory has nothing behind it; give memory alone");
		return NULL;
	}
	if (scheme->engine == NULL)
		snprintf(error, error_bytes,
		    "store %s: this program was built without it; install %s "
		    "(Debian), then configure and build again",
		    scheme->name, scheme->library);
	return scheme->engine;
}

struct store *
store_open(uv_loop_t *loop, const struct store_options *options,
    const struct store_reader *reader, char *error, size_t error_bytes)
{
	const struct store_engine *engine;

	engine = find_engine(options->url, error, error_bytes);
	if (engine == NULL)
		return NULL;
	return engine->open(loop, options, reader, error, error_bytes);
}

int
store_verify(const char *url, struct store_health *health, char *problem,
    size_t problem_bytes)
{
	const struct store_engine *engine;

	engine = find_engine(url, problem, problem_bytes);
	if (engine == NULL)
		return -1;
	if (engine->verify == NULL)
		return 1;
	return engine->verify(url, health, problem, problem_bytes);
}

void
store_close(struct store *store, void (*done)(void *arg), void *arg)
{
	store->engine->close(store, done, arg);
}

void
store_set_limits(struct store *store, size_t bytes_max, int64_t age_ms)
{
	store->engine->set_limits(store, bytes_max, age_ms);
}

void
store_tail(struct store *store, uint64_t after, const char *const *topics,
    size_t topic_count)
{
	store->engine->tail(store, after, topics, topic_count);
}

void
store_hold(struct store *store, bool is_held)
{
	store->engine->hold(store, is_held);
}

void
store_publish(struct store *store, struct store_publish *publish,
    const struct update *update, const char *once)
{
	store->engine->publish(store, publish, update, once);
}

void
store_find(struct store *store, struct store_find *find, const char *id,
    const char *const *topics, size_t topic_count)
{
	store->engine->find(store, find, id, topics, topic_count);
}

void
store_find_cancel(struct store *store, struct store_find *find)
{
	store->engine->find_cancel(store, find);
}

uint64_t
store_tag(const struct store *store)
{
	return store->engine->tag(store);
}

int64_t
store_wall_ms(const struct store *store, int64_t wall_ms)
{
	int64_t own_ms = 0;

	if (store->engine->wall_ms != NULL)
		own_ms = store->engine->wall_ms(store);
	return own_ms != 0 ? own_ms : wall_ms;
}

void
store_get_health(const struct store *store, struct store_health *health)
{
	store->engine->get_health(store, health);
}

void
store_look(struct store *store)
{
	if (store->engine->look != NULL)
		store->engine->look(store);
}

const char *
store_url_password(const char *url, size_t *len_bytes)
{
	const char *host = strstr(url, "://"), *word;

	if (host != NULL) {
		host += strlen("://");
		word = memchr(host, ':', strcspn(host, "@/?"));
		if (word != NULL && host[strcspn(host, "@/?")] == '@') {
			*len_bytes = strcspn(++word, "@");
			return word;
		}
	}
	word = strstr(url, "password=");
	if (word == NULL)
		return NULL;
	word += strlen("password=");
	*len_bytes = strcspn(word, "&");
	return word;
}
