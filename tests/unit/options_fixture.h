#ifndef OPTIONS_FIXTURE_H
#define OPTIONS_FIXTURE_H

#include "config/options.h"

struct buf;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A list of arguments with its NULL. */
/* clang-format off */
#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NO_ARGS ((const char *const[]){ NULL })
/* clang-format on */

/* A test with an environment without options, and a folder of its own. */
#define OPTIONS_TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

extern char fixture_dir[64];
extern char fixture_file[96]; /* in it; not there until it is written */

/* From the last load: the options, and what was wrong. */
extern struct options options;
extern char           problem[1024];

int fixture_set_up(void **state);
int fixture_tear_down(void **state);

void fixture_write(const char *bytes, size_t len_bytes);
void fixture_write_text(const char *);

enum options_verdict fixture_load(const char *const *args);

/* Loads; out gets what is printed to stdout, and a NUL. */
enum options_verdict fixture_load_printing(const char *const *args,
    struct buf                                               *out);

void assert_runs(const char *const *args);

/* In the expected problem each "@" stands for fixture_file. */
void assert_refused(const char *const *args, const char *expected);

#endif
