#include "http/call.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/refusal.h"
#include "stream/streams.h"

struct call *
call_new(void)
{
	return mem_zalloc(sizeof(struct call));
}

void
call_free(struct call *call)
{
	query_deinit(&call->query);
	answer_deinit(&call->answer);
	free(call->env);
	free(call->body);
	free(call->full_path);
	free(call);
}

/* Of "NAME=value" the value; NULL: it has another name. */
static const char *
value_of(const char *pair, const char *name)
{
	/* Most differ early: to call strncmp would take longer. */
	while (*name != '\0' && *name == *pair) {
		name++;
		pair++;
	}
	return *name == '\0' && *pair == '=' ? pair + 1 : NULL;
}

const char *
call_env(const struct call *call, const char *name)
{
	const char  *value = NULL;
	char *const *env;

	for (env = call->env; *env != NULL && value == NULL; env++)
		value = value_of(*env, name);
	return value;
}

void
call_set_env(struct call *call, char *const *from)
{
	size_t size = sizeof(char *), count = 0, len_bytes;
	char **env, *text;

	for (; from[count] != NULL; count++)
		size += sizeof(char *) + strlen(from[count]) + 1;
	env = mem_alloc(size);
	env[count] = NULL;
	text = (char *)&env[count + 1];
	for (count = 0; from[count] != NULL; count++) {
		len_bytes = strlen(from[count]) + 1;
		env[count] = memcpy(text, from[count], len_bytes);
		text += len_bytes;
	}
	free(call->env);
	call->env = env;
	call->method = call_env(call, "REQUEST_METHOD");
	call->uri = call_env(call, "REQUEST_URI");
	call->script = call_env(call, "SCRIPT_NAME");
	call->path_info = call_env(call, "PATH_INFO");
	call->query_string = call_env(call, "QUERY_STRING");
	call->document_root = call_env(call, "DOCUMENT_ROOT");
	call->client = call_env(call, "REMOTE_ADDR");
	call->origin = call_env(call, "HTTP_ORIGIN");
	call->last_event_id = call_env(call, "HTTP_LAST_EVENT_ID");
}

unsigned long long
call_content_length(const struct call *call)
{
	const char *announced = call_env(call, "CONTENT_LENGTH");

	if (announced == NULL || *announced < '0' || *announced > '9')
		return 0;
	return strtoull(announced, NULL, 10);
}

void
call_hold(struct call *call, void (*on_cancel)(void *holder), void *holder)
{
	assert(!call->is_answered && call->on_cancel == NULL);
	call->on_cancel = on_cancel;
	call->holder = holder;
}

void
call_resume(struct call *call)
{
	call->on_cancel = NULL;
	call->holder = NULL;
}

void
call_answer(struct call *call)
{
	assert(!call->is_answered);
	call->is_answered = true;
	if (call->refusals != NULL)
		refusal_count(call->refusals, call->answer.status);
	call->on_cancel = NULL;
	if (!call->is_running)
		call->on_answer(call);
}

void
call_take_back(struct call *call)
{
	void (*on_cancel)(void *) = call->on_cancel;

	call->on_cancel = NULL;
	if (on_cancel != NULL)
		on_cancel(call->holder);
	answer_restart(&call->answer);
}

void
call_cancel(struct call *call)
{
	call_take_back(call);
	call_free(call);
}

void
call_open_stream(struct call *call, struct streams *streams,
    const struct stream_spec *spec)
{
	struct stream_spec *own = &call->answer.stream;
	size_t              topics_bytes;
	struct topic      **topics;

	topics_bytes = spec->topic_count * sizeof(*spec->topics);
	topics = mem_alloc(topics_bytes);
	memcpy(topics, spec->topics, topics_bytes);
	call->answer.streams = streams;
	*own = *spec;
	own->topics = topics;
	own->client = call->client;
	own->path = call->full_path;
	own->padding_bytes = call->has_padding ? call->padding_bytes :
						 streams->limits.padding_bytes;
}
