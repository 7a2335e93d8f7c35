#ifndef STORE_REDIS_ARGS_H
#define STORE_REDIS_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The arguments of a command, copied. {0} has none. */
struct redis_args {
	struct buf bytes;
	struct buf lens; /* a size_t for each */
	size_t     count;
};

void redis_args_add(struct redis_args *, const void *bytes, size_t len_bytes);
void redis_args_add_str(struct redis_args *, const char *);
void redis_args_add_number(struct redis_args *, int64_t);

/* Strings up to a NULL. */
void redis_args_add_list(struct redis_args *, const char *const *);
#define redis_args_add_strs(args, ...) \
	redis_args_add_list((args), (const char *const[]){ __VA_ARGS__ })

/* Those of another, behind its own. */
void redis_args_join(struct redis_args *, const struct redis_args *);

/*
 * The two arrays that hiredis takes. The first is to be freed; the second, and
 * what the first points to, belong to the arguments.
 */
const char **redis_args_argv(const struct redis_args *, const size_t **lens);

void redis_args_deinit(struct redis_args *);

#endif
