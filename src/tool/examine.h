#ifndef TOOL_EXAMINE_H
#define TOOL_EXAMINE_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/judge.h"
#include "tool/probe.h"

struct buf;

/* One fcgi-sse behind its web server, and what was seen of it. */
struct examination {
	struct probe_target target;
	struct probes      *probes;
	struct seen         seen;
	int64_t             watch_ms; /* 0: streams are not watched */
	bool                is_told;  /* say on stderr what is measured */
};

/* The URL has to outlive it. */
void examine_init(struct examination *, const char *url, bool is_insecure);
void examine_deinit(struct examination *);

/*
 * Asks for what only fcgi-sse answers. False, with why in the problem, when
 * it does not.
 */
bool examine_reach(struct examination *, struct buf *problem);

/* Measures all, after that; takes watch_ms and some ten seconds. */
void examine_all(struct examination *);

#endif
