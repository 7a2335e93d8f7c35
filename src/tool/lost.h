#ifndef TOOL_LOST_H
#define TOOL_LOST_H

struct probes;
struct seen;

/*
 * Measures how soon fcgi-sse learns that a client has left a stream, by its
 * metrics, where they are to be had: lost and lost_us of what was seen.
 */
void lost_measure(struct probes *, struct seen *);

#endif
