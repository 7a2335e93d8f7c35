#ifndef VECTORS_H
#define VECTORS_H

#include <stddef.h>

#include "auth/jws_key.h"

/* A signature from a standard, in the compact form. */
struct vector {
	const char  *name; /* the standard and the section */
	enum jws_alg alg;
	const char  *jwk;
	const char  *text;
};

extern const struct vector vectors[];
extern const size_t        vector_count;

#endif
