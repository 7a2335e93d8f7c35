#ifndef PROCESS_REMARKS_H
#define PROCESS_REMARKS_H

struct engine;
struct options;

/*
 * Logs a warning for each option that has no effect beside the others, or not
 * the one that its name promises, with the reason and the cure. For an engine
 * that has taken over the options. Without options there is none.
 */
void remarks_log(const struct options *, const struct engine *);

#endif
