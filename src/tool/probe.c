#include "config.h"

#include "tool/probe.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/clocks.h"
#include "tool/event_reader.h"

#define CONNECT_TIMEOUT_MS 10000L
#define POLL_MS 1000

struct probe {
	struct list         node; /* of the probes */
	struct probe_spec   spec;
	struct sample       sample;
	struct event_reader reader;
	CURL               *curl;
	struct curl_slist  *fields;
	char                problem[CURL_ERROR_SIZE];
	int64_t             started_us;
};

struct probes {
	const struct probe_target *target;
	CURLM                     *multi;
	struct list                probes;
	size_t                     running_count;
	size_t                     background_count;
};

struct probes *
probes_new(const struct probe_target *target)
{
	struct probes *probes = mem_zalloc(sizeof(*probes));

	probes->target = target;
	list_init(&probes->probes);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (probes->multi = curl_multi_init()) == NULL)
		mem_fail();
	if (target->is_shared)
		curl_multi_setopt(probes->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
		    1L);
	return probes;
}

static void
probe_stop(struct probes *probes, struct probe *probe)
{
	if (probe->curl == NULL)
		return;
	curl_multi_remove_handle(probes->multi, probe->curl);
	curl_easy_cleanup(probe->curl);
	curl_slist_free_all(probe->fields);
	probe->curl = NULL;
}

void
probes_free(struct probes *probes)
{
	struct probe *probe;

	while (!list_is_empty(&probes->probes)) {
		probe = list_entry(probes->probes.next, struct probe, node);
		list_remove(&probe->node);
		probe_stop(probes, probe);
		event_reader_deinit(&probe->reader);
		sample_deinit(&probe->sample);
		free(probe);
	}
	curl_multi_cleanup(probes->multi);
	curl_global_cleanup();
	free(probes);
}

/* What comes. */

static void
on_event(void *arg, const struct event_read *event)
{
	struct probe *probe = arg;

	probe->sample.is_sent_back = false;
	sample_add_event(&probe->sample,
	    clocks_monotonic_us() - probe->started_us, event->type, event->id,
	    event->data);
}

static void
on_comment(void *arg)
{
	struct probe *probe = arg;

	probe->sample.comment_count++;
	probe->sample.is_sent_back = false;
}

static void
on_retry(void *arg)
{
	struct probe *probe = arg;

	probe->sample.is_sent_back = true;
}

static size_t
on_head(char *line, size_t size, size_t count, void *arg)
{
	struct probe  *probe = arg;
	struct sample *sample = &probe->sample;

	if (sample->head_us == -1)
		sample->head_us = clocks_monotonic_us() - probe->started_us;
	sample_take_field(sample, line, size * count);
	return size * count;
}

static bool
has_enough(const struct probe *probe)
{
	const struct probe_spec *spec = &probe->spec;

	return (spec->event_count_max > 0 &&
		   probe->sample.event_count >= spec->event_count_max) ||
	    (spec->comment_count_max > 0 &&
		probe->sample.comment_count >= spec->comment_count_max);
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct probe *probe = arg;
	struct buf   *body = &probe->sample.body;
	size_t        len_bytes = size * count, room_bytes;

	room_bytes = SAMPLE_BODY_BYTES_MAX - body->len_bytes;
	buf_append(body, bytes,
	    len_bytes < room_bytes ? len_bytes : room_bytes);
	probe->sample.byte_count += len_bytes;
	event_reader_feed(&probe->reader, bytes, len_bytes);
	if (!has_enough(probe))
		return len_bytes;
	probe->sample.is_stopped = true;
	return 0; /* ends the transfer */
}

/* Requests. */

static void
add_field(struct probe *probe, const char *field)
{
	struct curl_slist *all = curl_slist_append(probe->fields, field);

	if (all == NULL)
		mem_fail();
	probe->fields = all;
}

static void
set_url(const struct probes *probes, struct probe *probe)
{
	struct buf url = { 0 };

	buf_printf(&url, "%s%s", probes->target->url, probe->spec.path);
	curl_easy_setopt(probe->curl, CURLOPT_URL, url.data);
	buf_deinit(&url);
}

static void
set_request(struct probe *probe)
{
	const struct probe_spec *spec = &probe->spec;

	add_field(probe, "Cache-Control: no-cache");
	if (spec->form == NULL)
		add_field(probe, "Accept: text/event-stream");
	else {
		add_field(probe, "Expect:");
		curl_easy_setopt(probe->curl, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)spec->form_bytes);
		curl_easy_setopt(probe->curl, CURLOPT_COPYPOSTFIELDS,
		    spec->form);
	}
	for (size_t i = 0; i < PROBE_FIELD_COUNT_MAX; i++) {
		if (spec->fields[i] != NULL)
			add_field(probe, spec->fields[i]);
	}
	curl_easy_setopt(probe->curl, CURLOPT_HTTPHEADER, probe->fields);
}

static void
set_options(const struct probes *probes, struct probe *probe)
{
	CURL *curl = probe->curl;

	curl_easy_setopt(curl, CURLOPT_PRIVATE, probe);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_USERAGENT,
	    "fcgi-sse-doctor/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, probe->spec.timeout_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, probe->problem);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, probe);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, probe);
	if (probe->spec.is_coded) /* all that libcurl knows */
		curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
	if (probe->spec.is_http1)
		curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
		    CURL_HTTP_VERSION_1_1);
	if (probes->target->is_shared)
		curl_easy_setopt(curl, CURLOPT_PIPEWAIT, 1L);
	if (probes->target->is_insecure) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

const struct sample *
probes_add(struct probes *probes, const struct probe_spec *spec)
{
	struct probe *probe = mem_zalloc(sizeof(*probe));

	probe->spec = *spec;
	probe->sample = SAMPLE_EMPTY;
	probe->sample.problem = probe->problem;
	event_reader_init(&probe->reader,
	    &(struct event_listener){ on_event, on_comment, on_retry, probe });
	probe->curl = curl_easy_init();
	if (probe->curl == NULL)
		mem_fail();
	set_url(probes, probe);
	set_request(probe);
	set_options(probes, probe);
	list_init(&probe->node);
	list_append(&probes->probes, &probe->node);
	probe->started_us = clocks_monotonic_us();
	if (curl_multi_add_handle(probes->multi, probe->curl) != CURLM_OK)
		mem_fail();
	probes->running_count++;
	probes->background_count += spec->is_background;
	return &probe->sample;
}

/* The end of a request. */

static int
major_of(long version)
{
	switch (version) {
	case CURL_HTTP_VERSION_2_0:
		return 2;
	case CURL_HTTP_VERSION_3:
		return 3;
	default:
		return 1;
	}
}

static void
finish(struct probes *probes, struct probe *probe, CURLcode code)
{
	struct sample *sample = &probe->sample;
	long           version = 0;

	sample->end_us = clocks_monotonic_us() - probe->started_us;
	sample->code = code;
	if (probe->problem[0] == '\0')
		sample->problem = curl_easy_strerror(code);
	if (code == CURLE_OPERATION_TIMEDOUT)
		sample->is_stopped = true;
	curl_easy_getinfo(probe->curl, CURLINFO_RESPONSE_CODE, &sample->status);
	curl_easy_getinfo(probe->curl, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(probe->curl, CURLINFO_OS_ERRNO, &sample->os_error);
	sample->http_major = major_of(version);
	probe_stop(probes, probe);
	probes->running_count--;
	probes->background_count -= probe->spec.is_background;
}

static void
take_finished(struct probes *probes)
{
	CURLMsg *message;
	char *private;
	int left;

	while ((message = curl_multi_info_read(probes->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
		    &private);
		finish(probes, (struct probe *)(void *)private,
		    message->data.result);
	}
}

static void
step(struct probes *probes)
{
	int running;

	curl_multi_poll(probes->multi, NULL, 0, POLL_MS, NULL);
	curl_multi_perform(probes->multi, &running);
	take_finished(probes);
}

void
probes_wait(struct probes *probes)
{
	while (probes->running_count > probes->background_count)
		step(probes);
}

void
probes_wait_all(struct probes *probes)
{
	while (probes->running_count > 0)
		step(probes);
}
