#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <stddef.h>

#include "tool/publication.h"

#define JSON_ERROR_BYTES_MAX 256

/* What is to be published, from a JSON object (RFC 8259). */
struct json_publication {
	struct publication publication;
	void              *value; /* what the texts point into */
};

/*
 * Reads the members topic and topics, each a string or an array of such, data,
 * type, id, retry and private. data that is no string is the text of its value,
 * as it stands in the line, which must outlive it. What the object
 * lacks is as in `rest`; null is as good as lacking, except for data. On
 * success returns 0, and json_publication_deinit is due; otherwise -1, with a
 * line in error.
 */
int  json_publication_init(struct json_publication *,
     const struct publication *rest, const char *line, size_t len_bytes,
     char error[static JSON_ERROR_BYTES_MAX]);
void json_publication_deinit(struct json_publication *);

#endif
