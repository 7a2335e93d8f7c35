#include "topic_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/log.h"

#define FRAMES_PER_PEEK 4

/* Far more than what a test can have to deliver. */
#define SETTLE_RUNS_MAX 10000

struct turns turns;
int64_t      hand_us;
uint64_t     last_position;
char         call_names[8192];
size_t       call_count;

static int64_t
hand_now_us(void)
{
	return hand_us;
}

int64_t
hand_ms(void)
{
	return hand_us / 1000;
}

int
topic_set_up(void **state)
{
	(void)state;
	hand_us = 1000000;
	last_position = 0;
	call_count = 0;
	turns_init(&turns, hand_now_us);
	return log_init("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG);
}

int
topic_tear_down(void **state)
{
	(void)state;
	log_deinit();
	if (turns_is_busy(&turns))
		return -1;
	turns_deinit(&turns);
	return 0;
}

struct topic *
topic_keeping(size_t frame_count_max, size_t frame_bytes_max)
{
	return topic_new(&turns, "test",
	    &(struct topic_limits){
		.frame_count_max = frame_count_max > 0 ? frame_count_max :
							 SIZE_MAX,
		.frame_bytes_max = frame_bytes_max > 0 ? frame_bytes_max :
							 SIZE_MAX,
	    });
}

void
publish_frame(struct topic *topic, struct frame *frame)
{
	if (frame->update.position == 0)
		frame->update.position = ++last_position;
	topic_publish(topic, frame, hand_ms());
}

void
publish(struct topic *topic, const char *text)
{
	struct frame *frame = frame_new(text, strlen(text));

	publish_frame(topic, frame);
	frame_unref(frame);
}

/* A few at a time, so that taking all needs more than one look. */
static void
reader_take(struct reader *reader)
{
	struct frame *frames[FRAMES_PER_PEEK];
	size_t        frame_count, len = strlen(reader->text);

	do {
		frame_count = cursor_peek(&reader->cursor, frames,
		    FRAMES_PER_PEEK);
		for (size_t i = 0; i < frame_count; i++) {
			assert_true(len + frames[i]->len_bytes <
			    sizeof(reader->text));
			memcpy(reader->text + len, frames[i]->bytes,
			    frames[i]->len_bytes);
			len += frames[i]->len_bytes;
			cursor_advance(&reader->cursor, frames[i]);
		}
	} while (frame_count > 0);
	reader->text[len] = '\0';
}

static void
reader_call(struct cursor *cursor, enum cursor_event event)
{
	struct reader *reader = list_entry(cursor, struct reader, cursor);

	assert_true(cursor_is_open(cursor));
	if (event == CURSOR_READY && reader->is_full) {
		cursor_stall(cursor);
		return;
	}
	if (call_count < sizeof(call_names) - 1)
		call_names[call_count++] = reader->name;
	if (event == CURSOR_OVERRUN) {
		reader->overrun_count++;
		cursor_close(cursor);
		return;
	}
	reader->ready_count++;
	reader_take(reader);
	if (reader->then != NULL)
		reader->then(reader);
}

void
reader_open_on(struct reader *reader, char name, struct topic *const *topics,
    size_t topic_count, uint64_t position)
{
	memset(reader, 0, sizeof(*reader));
	reader->name = name;
	reader->topic = topics[0];
	cursor_open(&reader->cursor, topics, topic_count, position, reader_call,
	    NULL);
	cursor_resume(&reader->cursor);
}

void
reader_open(struct reader *reader, char name, struct topic *topic)
{
	reader_open_on(reader, name, &topic, 1, CURSOR_FROM_NOW);
}

void
reader_open_from_start(struct reader *reader, char name, struct topic *topic)
{
	reader_open_on(reader, name, &topic, 1, CURSOR_FROM_START);
}

void
reader_stall(struct reader *reader)
{
	reader->is_full = true;
	cursor_stall(&reader->cursor);
}

void
reader_resume(struct reader *reader)
{
	reader->is_full = false;
	cursor_resume(&reader->cursor);
}

void
turns_settle(void)
{
	for (int i = 0; turns_is_busy(&turns); i++) {
		assert_true(i < SETTLE_RUNS_MAX);
		turns_run(&turns, hand_ms(), 1000);
	}
}

void
assert_calls(const char *names)
{
	call_names[call_count] = '\0';
	assert_string_equal(call_names, names);
	call_count = 0;
}

void
assert_took(struct reader *reader, const char *text)
{
	assert_string_equal(reader->text, text);
	reader->text[0] = '\0';
}
