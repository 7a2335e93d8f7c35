#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/*
 * Without memory the process ends, with one line on stderr. The limits on what
 * clients may cause are reached long before. Free with free(3).
 */
void *mem_alloc(size_t size_bytes);
void *mem_zalloc(size_t size_bytes);
void *mem_realloc(void *, size_t size_bytes);
char *mem_strdup(const char *);
char *mem_strndup(const char *, size_t len_bytes_max);

/*
 * Has the allocator give large blocks back to the system as soon as they are
 * freed, however large the largest one was.
 */
void mem_tune(void);

/* Gives back to the system what was freed. Takes some ms after many streams. */
void mem_trim(void);

/* Ends the process with that line, for memory that others allocate. */
_Noreturn void mem_fail(void);

#endif
