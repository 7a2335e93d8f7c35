#include "routes/page.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "http/answer.h"
#include "http/call.h"
#include "page/page_data.h"

/* Each path that is routed to page_route_get has its file. */
static const struct page_file *
page_find(const char *path)
{
	size_t i = 0;

	while (strcmp(page_files[i].path, path) != 0) {
		i++;
		assert(i < page_file_count);
	}
	return &page_files[i];
}

/* Whether If-None-Match (RFC 9110 section 13.1.2) names the file's tag. */
static bool
is_cached(const struct call *call, const struct page_file *file)
{
	const char *tags = call_env(call, "HTTP_IF_NONE_MATCH");

	return tags != NULL &&
	    (strcmp(tags, "*") == 0 || strstr(tags, file->etag) != NULL);
}

void
page_route_get(struct call *call, void *context)
{
	struct answer          *answer = &call->answer;
	const struct page_file *file = page_find(call->path);
	bool                    is_fresh = is_cached(call, file);

	(void)context;
	log_info("page", LOG_STR("client", call->client),
	    LOG_STR("path", call->full_path));
	answer_head(answer, is_fresh ? "304 Not Modified" : "200 OK",
	    is_fresh ? NULL : file->content_type);
	answer_field(answer, "ETag", "%s", file->etag);
	answer_field(answer, "Cache-Control", "no-cache");
	answer_field(answer, "Content-Security-Policy",
	    "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
	    "form-action 'self'");
	answer_field(answer, "X-Content-Type-Options", "nosniff");
	if (!is_fresh)
		answer_field(answer, "Content-Length", "%zu", file->size_bytes);
	answer_body(answer, file->bytes, is_fresh ? 0 : file->size_bytes);
	call_answer(call);
}
