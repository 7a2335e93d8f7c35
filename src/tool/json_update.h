#ifndef TOOL_JSON_UPDATE_H
#define TOOL_JSON_UPDATE_H

#include <stddef.h>

#include "tool/update.h"

#define JSON_UPDATE_ERROR_BYTES_MAX 256

/* An update from a JSON object (RFC 8259). */
struct json_update {
	struct update update;
	void         *value; /* what the update's texts point into */
};

/*
 * Reads the members topic and topics, each a string or an array of such, data,
 * type, id, retry and private. data that is no string is the text of its value,
 * as it stands in the line, which must outlive the update. What the object
 * lacks is as in `rest`; null is as good as lacking, except for data. On
 * success returns 0, and json_update_deinit is due; otherwise -1, with a line
 * in error.
 */
int  json_update_init(struct json_update *, const struct update *rest,
     const char *line, size_t len_bytes,
     char error[static JSON_UPDATE_ERROR_BYTES_MAX]);
void json_update_deinit(struct json_update *);

#endif
