#include "hub_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "hub/update.h"

struct hub hub;
int64_t    hub_wall_ms;

int
hub_set_up(void **state)
{
	int result = topic_set_up(state);

	hub_wall_ms = 0;
	hub_init(&hub, &turns,
	    &(const struct hub_limits){
		.event_count_max = 3,
		.bytes_max = 64 * 1024,
		.empty_bytes_max = 16 * 1024,
		.age_ms = AGE_MS,
	    });
	return result;
}

int
hub_tear_down(void **state)
{
	hub_deinit(&hub);
	if (hub_bytes(&hub) != 0 || hub.shares.bytes != 0 ||
	    hub.shares.tree != NULL || hub.hidden.tree != NULL ||
	    hub.ids.tree != NULL)
		return -1;
	return topic_tear_down(state);
}

void
put_on(const char *const *topics, const char *id, const char *text)
{
	struct update update = {
		.position = ++last_position,
		.id = id,
		.topics = topics,
		.bytes = text,
		.len_bytes = strlen(text),
	};

	while (topics[update.topic_count] != NULL)
		update.topic_count++;
	hub_ingest(&hub, &update, 1, hand_ms(), hub_wall_ms);
}

void
put(const char *topic, const char *id)
{
	put_on(TOPICS(topic), id, id);
}

void
put_private(const char *topic)
{
	hub_ingest(&hub,
	    &(struct update){
		.position = ++last_position,
		.topics = TOPICS(topic),
		.topic_count = 1,
		.is_private = true,
		.bytes = "x",
		.len_bytes = 1,
	    },
	    1, hand_ms(), 0);
}

void
assert_had(struct reader *reader, const char *text)
{
	char *from = reader->text, *to = reader->text, *end;

	while (strncmp(from, "id: ", 4) == 0) {
		from = strchr(from, '\n') + 1;
		end = strstr(from, "id: ");
		if (end == NULL)
			end = from + strlen(from);
		memmove(to, from, (size_t)(end - from));
		to += end - from;
		from = end;
	}
	*to = '\0';
	assert_took(reader, text);
}

void
assert_kept(const char *name, const char *text)
{
	struct topic *topic = hub_topic(&hub, name, NULL, NULL);
	struct reader reader;

	assert_non_null(topic);
	reader_open_from_start(&reader, 'k', topic);
	turns_settle();
	assert_had(&reader, text);
	cursor_close(&reader.cursor);
}

uint64_t
find(const char *name, const char *id)
{
	struct topic *topic = hub_topic(&hub, name, NULL, NULL);
	uint64_t      position = 0;
	bool          is_found;

	is_found = hub_find(&hub, id, &topic, 1, NULL, &position);
	assert_true(is_found == (position != 0));
	return position;
}

void
pass_ms(int64_t ms)
{
	hand_us += ms * 1000;
	hub_run(&hub, hand_ms());
}
