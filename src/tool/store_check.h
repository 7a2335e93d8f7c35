#ifndef TOOL_STORE_CHECK_H
#define TOOL_STORE_CHECK_H

#include <stdint.h>

/*
 * Prints what a store holds and whether it is sound, and reports what is wrong
 * or endangers it. Returns 0, or -1 when something is.
 */
int store_check(const char *url, int64_t wait_ms);

#endif
