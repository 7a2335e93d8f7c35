#include "hub/mark.h"

#include <stdlib.h>

#include "base/mem.h"
#include "hub/frame.h"
#include "hub/topic.h"

struct mark {
	struct subscription place; /* of no subscriber */
	struct frame       *frame;
};

struct list *
mark_new(struct topic *topic, struct frame *frame)
{
	struct mark *mark = mem_zalloc(sizeof(*mark));

	frame->mark_count++;
	frame_ref(frame);
	mark->frame = frame;
	mark->place.topic = topic;
	list_init(&mark->place.node);
	return &mark->place.node;
}

static void
mark_free(struct mark *mark)
{
	list_remove(&mark->place.node);
	mark->frame->mark_count--;
	frame_unref(mark->frame);
	free(mark);
}

int64_t
mark_reached(struct subscription *place)
{
	struct mark *mark = list_entry(place, struct mark, place);
	int64_t      published_us = -1;

	if (mark->frame->mark_count == 1)
		published_us = mark->frame->published_us;
	mark_free(mark);
	return published_us;
}

void
marks_free(struct list *list)
{
	list_for_each (node, list) {
		mark_free(list_entry(node, struct mark, place.node));
	}
}
