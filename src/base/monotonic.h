#ifndef BASE_MONOTONIC_H
#define BASE_MONOTONIC_H

#include <stdint.h>

/* The time on the clock that nobody sets, in us and in ms; it cannot fail. */
int64_t monotonic_us(void);
int64_t monotonic_ms(void);

#endif
