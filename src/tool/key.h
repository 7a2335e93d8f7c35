#ifndef TOOL_KEY_H
#define TOOL_KEY_H

/*
 * Reads a key from the first line of the file that is not empty, without the
 * blanks around it. Returns it, to be handed to key_free, or NULL after a
 * report.
 */
char *key_read(const char *path);

/* NULL is allowed. Leaves nothing of it in memory. */
void key_free(char *key);

#endif
