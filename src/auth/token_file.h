#ifndef AUTH_TOKEN_FILE_H
#define AUTH_TOKEN_FILE_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Reads a file with a key whole, which others may not write. Tells whether
 * others may read it, which only a file without secrets allows. Returns NULL,
 * or a constant line that can follow the path; then bytes is empty. Does not
 * block.
 */
const char *token_file_read(const char *path, struct buf *bytes,
    bool *is_private);

/* Wipes and frees what was read. */
void token_file_wipe(struct buf *);

#endif
