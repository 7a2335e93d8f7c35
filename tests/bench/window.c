#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Doubles the room for items; what is new is zero. */
static void *
array_grow(void *items, size_t *max, size_t item_bytes)
{
	size_t max_new = *max == 0 ? 1024 : *max * 2;
	char  *grown = realloc(items, max_new * item_bytes);

	if (grown == NULL) {
		fputs("load: no memory\n", stderr);
		exit(1);
	}
	memset(grown + *max * item_bytes, 0, (max_new - *max) * item_bytes);
	*max = max_new;
	return grown;
}

void
window_init(struct window *w)
{
	memset(w, 0, sizeof(*w));
}

void
window_deinit(struct window *w)
{
	free(w->ticks);
	free(w->delays_us);
	window_init(w);
}

void
window_event(struct window *w, size_t index, uint64_t now_ns, uint64_t sent_ns,
    uint32_t hash)
{
	struct window_tick *tick;
	uint32_t            delay_us;

	while (index >= w->tick_max)
		w->ticks = array_grow(w->ticks, &w->tick_max,
		    sizeof(*w->ticks));
	if (w->delay_count == w->delay_max)
		w->delays_us = array_grow(w->delays_us, &w->delay_max,
		    sizeof(*w->delays_us));
	if (index >= w->tick_count)
		w->tick_count = index + 1;
	tick = &w->ticks[index];
	if (tick->first_ns == 0) {
		tick->first_ns = now_ns;
		tick->hash = hash;
	}
	if (tick->hash != hash)
		w->mismatched++;
	w->events++;
	if (sent_ns == 0)
		sent_ns = tick->first_ns;
	delay_us = (uint32_t)((now_ns - sent_ns) / 1000);
	if (delay_us > tick->delay_max_us)
		tick->delay_max_us = delay_us;
	w->delays_us[w->delay_count++] = delay_us;
}

static int
value_cmp(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

uint32_t
percentile(uint32_t *values, size_t count, double fraction)
{
	if (count == 0)
		return 0;
	qsort(values, count, sizeof(*values), value_cmp);
	return values[(size_t)(fraction * (double)(count - 1))];
}

uint32_t
window_last_us(const struct window *w)
{
	uint32_t *last_us = calloc(w->tick_count + 1, sizeof(*last_us));
	uint32_t  median_us;

	if (last_us == NULL)
		return 0;
	for (size_t i = 0; i < w->tick_count; i++)
		last_us[i] = w->ticks[i].delay_max_us;
	median_us = percentile(last_us, w->tick_count, 0.5);
	free(last_us);
	return median_us;
}
