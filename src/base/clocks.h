#ifndef BASE_CLOCKS_H
#define BASE_CLOCKS_H

#include <stdint.h>

/* The two clocks; neither can fail. */

/* The monotonic one, which cannot be set, in us and in ms: for intervals. */
int64_t clocks_monotonic_us(void);
int64_t clocks_monotonic_ms(void);

/* The time of day in ms since the epoch, which may be set at any time. */
int64_t clocks_wall_ms(void);

#endif
