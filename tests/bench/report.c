#include "load.h"

#include <stdio.h>
#include <stdlib.h>

static double
ms(uint32_t us)
{
	return us / 1000.0;
}

static void
report_open(const struct load *l)
{
	uint32_t *first_us = calloc(l->o.streams + 1, sizeof(*first_us));
	uint32_t  bytes_min = UINT32_MAX;
	unsigned  n = 0, bad_status = 0;

	if (first_us == NULL)
		exit(1);
	for (unsigned i = 0; i < l->o.streams; i++) {
		const struct client *c = &l->clients[i];

		if (c->decoder.status != 0 && c->decoder.status != 200)
			bad_status++;
		if (c->first_ns == 0)
			continue;
		first_us[n++] = (uint32_t)((c->first_ns - l->start_ns) / 1000);
		if (c->first_bytes < bytes_min)
			bytes_min = c->first_bytes;
	}
	printf("{\"streams\":%u,\"opened\":%u,\"refused\":%u,\"lost\":%u,"
	       "\"closed\":%u,\"bad_status\":%u,\"first_bytes_min\":%u,"
	       "\"open_ms\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}",
	    l->o.streams, l->opened, l->refused,
	    l->o.streams - l->opened - l->refused, l->closed, bad_status,
	    n > 0 ? bytes_min : 0, ms(percentile(first_us, n, 0.5)),
	    ms(percentile(first_us, n, 0.99)), ms(percentile(first_us, n, 1)));
	free(first_us);
}

static void
report_window(struct load *l)
{
	struct window *w = &l->window;
	uint64_t       missing = 0;
	uint32_t      *delays = w->delays_us;
	size_t         n = w->delay_count;

	for (unsigned i = 0; i < l->o.streams; i++) {
		const struct client *c = &l->clients[i];

		if (c->first_ns != 0 && l->window_s > 0)
			missing += w->tick_count - (c->events - c->events_base);
	}
	printf(",\"window\":{\"seconds\":%.3f,\"ticks\":%zu,\"events\":%llu,"
	       "\"missing\":%llu,\"mismatched\":%llu,\"bytes\":%llu,"
	       "\"delay_ms\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,"
	       "\"last\":%.3f},\"unordered\":%llu,\"end_ms\":%.3f}",
	    l->window_s, w->tick_count, (unsigned long long)w->events,
	    (unsigned long long)missing, (unsigned long long)w->mismatched,
	    (unsigned long long)l->window_bytes, ms(percentile(delays, n, 0.5)),
	    ms(percentile(delays, n, 0.99)), ms(percentile(delays, n, 1)),
	    ms(window_last_us(w)), (unsigned long long)l->unordered,
	    (double)(l->last_arrival_ns - l->start_ns) / 1e6);
}

static void
report_processes(const struct load *l)
{
	printf(",\"processes\":[");
	for (unsigned i = 0; i < l->o.pid_count; i++) {
		const struct process_usage *before = &l->before[i];
		const struct process_usage *end = &l->end[i];

		printf("%s{\"pid\":%d,\"count\":%u,\"cpu_us\":%.1f,"
		       "\"open_cpu_us\":%.1f,\"writes\":%llu,"
		       "\"rss_before\":%llu,\"rss_after\":%llu,"
		       "\"pss_before\":%llu,\"pss_after\":%llu}",
		    i > 0 ? "," : "", (int)l->o.pids[i], end->count,
		    (double)(end->cpu_ns - l->begin[i].cpu_ns) / 1000,
		    (double)(l->begin[i].cpu_ns - before->cpu_ns) / 1000,
		    (unsigned long long)(end->writes - l->begin[i].writes),
		    (unsigned long long)before->rss_bytes,
		    (unsigned long long)end->rss_bytes,
		    (unsigned long long)before->pss_bytes,
		    (unsigned long long)end->pss_bytes);
	}
	printf("]}\n");
}

void
report_print(struct load *l)
{
	report_open(l);
	report_window(l);
	report_processes(l);
	fflush(stdout);
}
