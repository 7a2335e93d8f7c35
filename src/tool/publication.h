#ifndef TOOL_PUBLICATION_H
#define TOOL_PUBLICATION_H

#include <stdbool.h>
#include <stddef.h>

/* What is sent to be published, in the words of the Mercure protocol. */
struct publication {
	const char **topics; /* the first is the canonical one */
	size_t       topic_count;
	const char  *id;   /* NULL: the server makes one */
	const char  *type; /* NULL: an event without a name */
	const char  *data; /* may hold NUL; not terminated */
	size_t       data_bytes;
	long         retry_ms; /* -1: none */
	bool         is_private;
};

#define PUBLICATION_RETRY_MS_MAX 999999999

#endif
