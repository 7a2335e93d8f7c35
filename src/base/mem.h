#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/*
 * Memory that is there or the process ends with one line on stderr: limits on
 * what clients may cause bite long before. Free with free(3).
 */
void *mem_alloc(size_t size_bytes);
void *mem_zalloc(size_t size_bytes);
void *mem_realloc(void *, size_t size_bytes);
char *mem_strdup(const char *);
char *mem_strndup(const char *, size_t len_bytes_max);

/* Ends the process with that line, for memory that others allocate. */
_Noreturn void mem_fail(void);

#endif
