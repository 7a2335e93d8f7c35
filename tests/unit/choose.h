#ifndef TESTS_UNIT_CHOOSE_H
#define TESTS_UNIT_CHOOSE_H

#include <stdint.h>

/* Decides what choose answers from here on; a test may set it to a seed. */
static uint64_t choose_state = 1;

/* One of 0 to choice_count - 1. Not rand(3): the same on every machine. */
static inline unsigned
choose(unsigned choice_count)
{
	choose_state = choose_state * 6364136223846793005u +
	    1442695040888963407u;
	return (unsigned)(choose_state >> 33) % choice_count;
}

#endif
