#ifndef AUTH_KEY_FILE_H
#define AUTH_KEY_FILE_H

/*
 * Reads the file of keys, one a line; blanks around a key do not count, nor do
 * empty lines. Returns its keys with an LF behind each, to be freed, or NULL
 * with *error, a constant line: also when others may read or write the file,
 * or when no key is in it.
 */
char *key_file_read(const char *path, const char **error);

#endif
