#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The log: one line an event, as text or JSON, to stderr, a file or the syslog.
 * Values are escaped, so a client can put no line and no terminal sequence
 * into it. Lines collect in memory until log_flush or until the buffer is
 * full; an error is flushed at once. Nothing here waits, but for log_deinit.
 * Names are the program's own: they are written as they are.
 */

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* One `name=value` of a line; made by the macros below. */
struct log_field {
	const char *name; /* NULL ends the list */
	enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_REAL } type;
	const char *str; /* NULL is written as "-" (JSON null) */
	int64_t     num;
	double      real; /* written with three decimals */
};

/* clang-format off */
#define LOG_STR(name, value) \
	(struct log_field){ (name), LOG_FIELD_STR, (value), 0, 0 }
#define LOG_INT(name, value) \
	(struct log_field){ (name), LOG_FIELD_INT, NULL, (int64_t)(value), 0 }
#define LOG_REAL(name, value) \
	(struct log_field){ (name), LOG_FIELD_REAL, NULL, 0, (value) }

/*
 * log_info("connect", LOG_STR("client", address), LOG_INT("open", n));
 * At least one field. The fields are not evaluated when the level is off.
 */
#define LOG_AT(level, event, ...) do {					\
	if (log_is_on(level))						\
		log_write((level), (event), (const struct log_field[]){	\
		    __VA_ARGS__, { .name = NULL } });			\
} while (0)

#define log_error(...)	LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)	LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
/* clang-format on */

/*
 * target: "stderr", "syslog" or the path of a file that is appended to.
 * Before the first call lines go to stderr as text at LOG_LEVEL_INFO.
 * Returns 0, or -1 with errno when the file cannot be opened; the log then
 * stays what it was.
 */
int  log_init(const char *target, enum log_format, enum log_level);
void log_deinit(void);

/* Opens the file anew, for log rotation. As log_init. */
int log_reopen(void);

bool log_is_on(enum log_level);
void log_write(enum log_level, const char *event, const struct log_field *);

/* Whether lines go to stderr, where what is printed would be seen as well. */
bool log_is_stderr(void);

/*
 * Writes what has collected, as far as it can be done without waiting: what a
 * full pipe or a busy syslog does not take stays in the buffer. When that is
 * full, or when writing fails, lines are lost; their number is told as soon as
 * a line can be written again (`warn log-lost lines=N`). SIGPIPE must be
 * ignored.
 */
void log_flush(void);

/* Whether lines were left in the buffer: log_flush is to be called again. */
bool log_is_waiting(void);

#endif
