#include "config.h"

#include "process/keys.h"

#include <stdlib.h>

#include "auth/token_keys.h"
#include "base/buf.h"
#include "base/key_file.h"
#include "config/options.h"

/* The variables have the names that hubs of Mercure 0.x give them. */
static struct token_key_sources
sources_of(const struct options *options)
{
	return (struct token_key_sources){
		.specs = options->token_key,
		.spec_count = options->token_key_count,
		.publisher = { getenv("MERCURE_PUBLISHER_JWT_KEY"),
		    getenv("MERCURE_PUBLISHER_JWT_ALG") },
		.subscriber = { getenv("MERCURE_SUBSCRIBER_JWT_KEY"),
		    getenv("MERCURE_SUBSCRIBER_JWT_ALG") },
		.may_be_weak = options->allow_weak_keys,
	};
}

/* An audience that is not named would have every token of the dialect fail. */
static int
check_audience(const struct token_keys *keys, const struct options *options,
    struct buf *problem)
{
	if (options->token_audience != NULL ||
	    !token_keys_has_dialect(keys, TOKEN_DIALECT_08))
		return 0;
	buf_append_str(problem,
	    "a token-key of dialect=08 needs the option token-audience: the "
	    "hub's URL, which its tokens name as aud");
	return -1;
}

int
keys_read(struct keys *keys, const struct options *options, struct buf *problem)
{
	const struct token_key_sources sources = sources_of(options);
	const size_t                   start_bytes = problem->len_bytes;

	*keys = (struct keys){ 0 };
	if (options->publish_key_file != NULL) {
		buf_append_str(problem, "publish-key-file ");
		keys->publish = key_file_read(options->publish_key_file,
		    problem);
		if (keys->publish == NULL)
			return -1;
		problem->len_bytes = start_bytes;
	}
	keys->tokens = token_keys_new(&sources, problem);
	if (keys->tokens != NULL &&
	    check_audience(keys->tokens, options, problem) == 0)
		return 0;
	keys_deinit(keys);
	return -1;
}

void
keys_deinit(struct keys *keys)
{
	key_file_free(keys->publish);
	token_keys_free(keys->tokens);
	*keys = (struct keys){ 0 };
}
