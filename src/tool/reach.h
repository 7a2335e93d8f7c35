#ifndef TOOL_REACH_H
#define TOOL_REACH_H

#include <stdbool.h>

struct buf;
struct sample;

/* The path of the request that has to be answered, behind the mount point. */
#define REACH_PATH "counter?count=1"

/*
 * Whether fcgi-sse has answered that request. If not, appends what is there
 * instead, and what may be the cause.
 */
bool reach_judge(const struct sample *, const char *url, struct buf *problem);

#endif
