#ifndef TOOL_STORE_CLIENT_H
#define TOOL_STORE_CLIENT_H

#include <stdint.h>

#include "tool/client.h"

/*
 * Publishes by writing to a store, as client.h does to a server: who may write
 * there may publish, and the servers that share the store deliver. NULL after
 * a report.
 */
struct store_client *store_client_new(const char *url, int64_t timeout_ms,
    int64_t retry_ms);
void                 store_client_free(struct store_client *);

enum client_result store_client_publish(struct store_client *,
    const struct publication *, struct buf *text);

#endif
