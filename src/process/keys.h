#ifndef PROCESS_KEYS_H
#define PROCESS_KEYS_H

struct buf;
struct options;
struct token_keys;

/* What is secret, of the files that the options name and the environment. */
struct keys {
	char              *publish; /* as key_file_read gave it, or NULL */
	struct token_keys *tokens;
};

/*
 * Reads them. Returns 0, or -1 with a line appended to problem, without LF;
 * then there is nothing to be freed.
 */
int  keys_read(struct keys *, const struct options *, struct buf *problem);
void keys_deinit(struct keys *);

#endif
