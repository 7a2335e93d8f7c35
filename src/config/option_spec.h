#ifndef CONFIG_OPTION_SPEC_H
#define CONFIG_OPTION_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an option takes, and the type of its field. */
enum option_type {
	OPTION_HEADING,  /* no option: a line of --help */
	OPTION_ACTION,   /* nothing; command line only, no field */
	OPTION_FLAG,     /* yes or no; without argument: bool */
	OPTION_STRING,   /* char * */
	OPTION_LIST,     /* strings, repeatable: char **, and a count */
	OPTION_DURATION, /* int64_t, in ms */
	OPTION_NUMBER,   /* uint64_t */
	OPTION_SIZE,     /* K, M or G behind it: uint64_t, in bytes */
	OPTION_MODE,     /* octal: unsigned */
	OPTION_WORD      /* one of some words: an enum, by their order */
};

enum option_action {
	OPTION_ACTION_PRINT_CONFIG,
	OPTION_ACTION_HELP,
	OPTION_ACTION_VERSION
};

/*
 * One row of the table that the command line, the environment, the file,
 * --help and --print-config all go by.
 */
struct option_spec {
	const char        *name; /* on the command line and in a file */
	enum option_type   type;
	size_t             offset;       /* of the field in struct options */
	size_t             count_offset; /* of a list's count, a size_t */
	const char        *fallback;     /* the default's text; NULL: none */
	int64_t            min;
	int64_t            max;
	bool               has_off; /* 0 may be given beside min to max */
	bool               is_outside_file; /* has no meaning in a file */
	enum option_action action;
	const char *const *words;       /* OPTION_WORD's, NULL at the end */
	bool (*is_valid)(const char *); /* a string or list item */
	const char *takes;              /* what that accepts */
	const char *argument;           /* the argument's word in --help */
	const char *help;
};

extern const struct option_spec option_specs[];
extern const size_t             option_spec_count;

/* option_spec_count is not more. */
#define OPTION_SPEC_MAX 64

/* The option of that name, or NULL; headings have none. */
const struct option_spec *option_spec_find(const char *name);

#endif
