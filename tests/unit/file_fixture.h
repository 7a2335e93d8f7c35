#ifndef TESTS_UNIT_FILE_FIXTURE_H
#define TESTS_UNIT_FILE_FIXTURE_H

/* A directory of the test's own, and a name in it that is free. */
extern char file_dir[32];
extern char file_path[64];

/* Make the directory, and remove it with the file, if there is one. */
int file_set_up(void **state);
int file_tear_down(void **state);

#endif
