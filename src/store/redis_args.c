#include "store/redis_args.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void
redis_args_add(struct redis_args *args, const void *bytes, size_t len_bytes)
{
	buf_append(&args->bytes, bytes, len_bytes);
	buf_append(&args->lens, &len_bytes, sizeof(len_bytes));
	args->count++;
}

void
redis_args_add_str(struct redis_args *args, const char *text)
{
	redis_args_add(args, text, strlen(text));
}

void
redis_args_add_number(struct redis_args *args, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	redis_args_add_str(args, text);
}

void
redis_args_add_list(struct redis_args *args, const char *const *texts)
{
	for (; *texts != NULL; texts++)
		redis_args_add_str(args, *texts);
}

void
redis_args_join(struct redis_args *args, const struct redis_args *more)
{
	buf_append(&args->bytes, more->bytes.data, more->bytes.len_bytes);
	buf_append(&args->lens, more->lens.data, more->lens.len_bytes);
	args->count += more->count;
}

const char **
redis_args_argv(const struct redis_args *args, const size_t **lens)
{
	const char **argv;
	const char  *at = args->bytes.data;
	size_t       i, len_bytes;

	argv = mem_alloc(args->count * sizeof(*argv));
	for (i = 0; i < args->count; i++) {
		argv[i] = at != NULL ? at : "";
		memcpy(&len_bytes, args->lens.data + i * sizeof(len_bytes),
		    sizeof(len_bytes));
		if (at != NULL)
			at += len_bytes;
	}
	*lens = (const size_t *)(const void *)args->lens.data;
	return argv;
}

void
redis_args_deinit(struct redis_args *args)
{
	buf_deinit(&args->bytes);
	buf_deinit(&args->lens);
	args->count = 0;
}
