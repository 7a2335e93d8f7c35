#include "hub/mark.h"

#include <stdlib.h>

#include "base/mem.h"
#include "hub/frame.h"
#include "hub/topic.h"
#include "hub/turns.h"
#include "pure/histogram.h"

struct mark {
	struct subscription place; /* of no subscriber */
	struct frame       *frame;
};

struct list *
mark_new(struct mark **spare, struct topic *topic, struct frame *frame)
{
	struct mark *mark = *spare;

	if (mark == NULL)
		mark = mem_zalloc(sizeof(*mark));
	*spare = NULL;
	frame->mark_count++;
	frame_ref(frame);
	mark->frame = frame;
	mark->place.topic = topic;
	list_init(&mark->place.node);
	return &mark->place.node;
}

static void
mark_leave(struct mark *mark)
{
	list_remove(&mark->place.node);
	mark->frame->mark_count--;
	frame_unref(mark->frame);
}

void
mark_reached(struct subscription *place, struct mark **spare,
    struct histogram *latency, const struct turns *turns)
{
	struct mark *mark = list_entry(place, struct mark, place);

	if (mark->frame->mark_count == 1)
		histogram_add(latency,
		    turns->now_us() - mark->frame->published_us);
	mark_leave(mark);
	free(*spare);
	*spare = mark;
}

void
marks_free(struct list *list)
{
	struct mark *mark;

	list_for_each (node, list) {
		mark = list_entry(node, struct mark, place.node);
		mark_leave(mark);
		free(mark);
	}
}

void
mark_free_spare(struct mark *mark)
{
	free(mark);
}
