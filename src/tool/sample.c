#include "tool/sample.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"

/* A server may send events as fast as it can. */
#define EVENT_COUNT_MAX 4096

/* The fields that are kept, and where. */
static const struct {
	const char *name;
	size_t      offset;
	bool        is_list; /* several fields are one, as RFC 9110 has it */
} fields[] = {
	{ "Content-Type", offsetof(struct sample, content_type), false },
	{ "Content-Encoding", offsetof(struct sample, content_encoding),
	    false },
	{ "Server", offsetof(struct sample, server), false },
	{ "Via", offsetof(struct sample, via), false },
	{ "WWW-Authenticate", offsetof(struct sample, challenge), false },
	{ "Location", offsetof(struct sample, location), false },
	{ "Cache-Control", offsetof(struct sample, cache_control), true },
	{ "X-Accel-Buffering", offsetof(struct sample, accel), false },
	{ "X-Varnish", offsetof(struct sample, varnish), false },
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static char **
field_of(struct sample *sample, size_t i)
{
	return (char **)((char *)sample + fields[i].offset);
}

static void
drop_fields(struct sample *sample)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		free(*field_of(sample, i));
		*field_of(sample, i) = NULL;
	}
}

void
sample_deinit(struct sample *sample)
{
	drop_fields(sample);
	free(sample->events);
	buf_deinit(&sample->body);
	*sample = SAMPLE_EMPTY;
}

/* A date as the clock's format iso has it; -1 when it is none. */
static int64_t
stamp_of(const char *data)
{
	struct tm   tm = { 0 };
	const char *rest = strptime(data, "%Y-%m-%dT%H:%M:%S", &tm);
	long        ms;
	char       *end;

	if (rest == NULL || rest[0] != '.' || !isdigit((unsigned char)rest[1]))
		return -1;
	ms = strtol(rest + 1, &end, 10);
	if (end != rest + 4 || *end != 'Z')
		return -1;
	return ((int64_t)timegm(&tm) * 1000 + ms) * 1000;
}

void
sample_add_event(struct sample *sample, int64_t at_us, const char *type,
    const char *id, const char *data)
{
	struct sample_event *event;

	if (sample->event_count == EVENT_COUNT_MAX)
		return;
	sample->events = mem_realloc(sample->events,
	    (sample->event_count + 1) * sizeof(*sample->events));
	event = &sample->events[sample->event_count++];
	*event = (struct sample_event){
		.at_us = at_us,
		.stamp_us = stamp_of(data),
		.num = strtoull(id, NULL, 10),
		.is_end = strcmp(type, "end") == 0,
		.is_refusal = strcmp(type, "refused") == 0,
	};
}

/* The value without the blanks around it. */
static char *
value_new(const char *value, const char *end)
{
	while (value < end && strchr(" \t", *value) != NULL)
		value++;
	while (end > value && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	return mem_strndup(value, (size_t)(end - value));
}

/* The last one counts, or all together. Takes the value over. */
static void
set_field(char **field, char *value, bool is_list)
{
	struct buf all = { 0 };

	if (*field != NULL && is_list) {
		buf_printf(&all, "%s, %s%c", *field, value, '\0');
		free(value);
		value = mem_strdup(all.data);
		buf_deinit(&all);
	}
	free(*field);
	*field = value;
}

void
sample_take_field(struct sample *sample, const char *line, size_t len_bytes)
{
	const char *colon = memchr(line, ':', len_bytes);
	size_t      name_bytes;

	if (len_bytes > 5 && strncmp(line, "HTTP/", 5) == 0)
		drop_fields(sample);
	if (colon == NULL)
		return;
	name_bytes = (size_t)(colon - line);
	if (name_bytes == 4 && strncasecmp(line, "Date", 4) == 0)
		sample->is_date_lower = line[0] == 'd';
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (strlen(fields[i].name) != name_bytes ||
		    strncasecmp(line, fields[i].name, name_bytes) != 0)
			continue;
		if (i == 0)
			sample->is_type_lower = line[0] == 'c';
		set_field(field_of(sample, i),
		    value_new(colon + 1, line + len_bytes), fields[i].is_list);
	}
}

static bool
has_type(const struct sample *sample, const char *type)
{
	return sample->content_type != NULL &&
	    strncasecmp(sample->content_type, type, strlen(type)) == 0;
}

bool
sample_is_stream(const struct sample *sample)
{
	return sample->status == 200 && has_type(sample, "text/event-stream");
}

bool
sample_is_own_text(const struct sample *sample)
{
	char start[16];
	int  start_bytes;

	start_bytes = snprintf(start, sizeof(start), "%ld ", sample->status);
	return has_type(sample, "text/plain") &&
	    sample->body.len_bytes > (size_t)start_bytes &&
	    memcmp(sample->body.data, start, (size_t)start_bytes) == 0;
}

bool
sample_is_refused(const struct sample *sample)
{
	return sample->event_count > 0 && sample->events[0].is_refusal;
}

bool
sample_is_unserved(const struct sample *sample)
{
	return sample_is_refused(sample) || sample->status >= 400;
}

bool
sample_is_turned_away(const struct sample *sample)
{
	return sample->status >= 400 && !sample_is_own_text(sample);
}

bool
sample_body_has(const struct sample *sample, const char *text)
{
	return sample->body.len_bytes > 0 &&
	    memmem(sample->body.data, sample->body.len_bytes, text,
		strlen(text)) != NULL;
}
