#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log_line.h"
#include "base/mem.h"

#define LOG_BUFFER_BYTES 65536

/* How long one flush waits for the reader of a pipe. */
#define LOG_WAIT_MS 50

static struct {
	int             fd;   /* -1: syslog */
	char           *path; /* NULL unless a file of our own */
	enum log_format format;
	enum log_level  level;
	bool            is_regular; /* a write to it does not wait */
	bool            is_cut;     /* the last line went out in part */
	uint64_t        lost_count; /* lines, since the last good write */
	struct buf      line;
	size_t          len_bytes;
	char            buffer[LOG_BUFFER_BYTES]; /* whole lines */
} logger = {
	.fd = STDERR_FILENO,
	.format = LOG_FORMAT_TEXT,
	.level = LOG_LEVEL_INFO,
};

static const int level_priorities[] = {
	[LOG_LEVEL_ERROR] = LOG_ERR,
	[LOG_LEVEL_WARN] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

static void
append_line(struct buf *line, enum log_level level, const char *event,
    const struct log_field *fields)
{
	enum log_line_style style = LOG_LINE_TEXT;

	if (logger.format == LOG_FORMAT_JSON)
		style = LOG_LINE_JSON;
	else if (logger.fd == -1)
		style = LOG_LINE_SYSLOG;
	log_line_append(line, style, level, event, fields);
}

/*
 * How much to write at once: all of it to a regular file. A pipe that poll
 * calls writable takes PIPE_BUF without waiting; whole lines, if they fit.
 */
static size_t
piece_bytes(const char *bytes, size_t len_bytes)
{
	size_t len = PIPE_BUF;

	if (logger.is_regular || len_bytes <= PIPE_BUF)
		return len_bytes;
	while (len > 0 && bytes[len - 1] != '\n')
		len--;
	return len > 0 ? len : PIPE_BUF;
}

/* Returns how many bytes went out; less than len_bytes when it failed. */
static size_t
write_bytes(const char *bytes, size_t len_bytes)
{
	struct pollfd poll_fd = { .fd = logger.fd, .events = POLLOUT };
	int           wait_ms = logger.lost_count == 0 ? LOG_WAIT_MS : 0;
	size_t        done_bytes = 0;
	ssize_t       n;

	while (done_bytes < len_bytes) {
		n = logger.is_regular ? 1 : poll(&poll_fd, 1, wait_ms);
		if (n == 1)
			n = write(logger.fd, bytes + done_bytes,
			    piece_bytes(bytes + done_bytes,
				len_bytes - done_bytes));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done_bytes += (size_t)n;
	}
	return done_bytes;
}

static uint64_t
line_count(const char *bytes, size_t len_bytes)
{
	uint64_t count = 0;

	for (size_t i = 0; i < len_bytes; i++)
		count += bytes[i] == '\n';
	return count;
}

/* Writes whole lines. Those that do not go out are lost, and counted. */
static bool
write_lines(const char *bytes, size_t len_bytes)
{
	size_t done_bytes;

	if (logger.is_cut && write_bytes("\n", 1) == 1)
		logger.is_cut = false;
	done_bytes = logger.is_cut ? 0 : write_bytes(bytes, len_bytes);
	if (done_bytes == len_bytes)
		return true;
	if (done_bytes > 0)
		logger.is_cut = bytes[done_bytes - 1] != '\n';
	logger.lost_count += line_count(bytes + done_bytes,
	    len_bytes - done_bytes);
	return false;
}

/* Says first how many lines were lost: they came before the buffered ones. */
static bool
write_lost(void)
{
	uint64_t               lost_count = logger.lost_count;
	struct buf             line = { 0 };
	const struct log_field fields[] = { LOG_INT("lines", lost_count),
		{ .name = NULL } };
	bool                   is_written;

	append_line(&line, LOG_LEVEL_WARN, "log-lost", fields);
	is_written = write_lines(line.data, line.len_bytes);
	buf_deinit(&line);
	/* The line about lost lines is not one of them. */
	logger.lost_count = is_written ? 0 : lost_count;
	return is_written;
}

void
log_flush(void)
{
	if (logger.len_bytes == 0 && logger.lost_count == 0)
		return;
	if (logger.fd == -1)
		return;
	if (logger.lost_count == 0 || write_lost())
		write_lines(logger.buffer, logger.len_bytes);
	else
		logger.lost_count += line_count(logger.buffer,
		    logger.len_bytes);
	logger.len_bytes = 0;
}

bool
log_is_on(enum log_level level)
{
	return level <= logger.level;
}

void
log_write(enum log_level level, const char *event,
    const struct log_field *fields)
{
	int         errno_before = errno;
	struct buf *line = &logger.line;

	line->len_bytes = 0;
	append_line(line, level, event, fields);
	if (logger.fd == -1) {
		syslog(level_priorities[level], "%.*s",
		    (int)line->len_bytes - 1, line->data);
	} else {
		if (line->len_bytes > sizeof(logger.buffer) - logger.len_bytes)
			log_flush();
		if (line->len_bytes <= sizeof(logger.buffer)) {
			memcpy(logger.buffer + logger.len_bytes, line->data,
			    line->len_bytes);
			logger.len_bytes += line->len_bytes;
		} else {
			logger.lost_count++;
		}
		if (level == LOG_LEVEL_ERROR)
			log_flush();
	}
	errno = errno_before;
}

/* Where the lines go. */

/* A pipe without a reader must not hold the process: hence O_NONBLOCK. */
static int
open_file(const char *path)
{
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0640);
}

static void
set_fd(int fd, char *path)
{
	struct stat st;

	log_flush();
	if (logger.path != NULL)
		close(logger.fd);
	if (logger.fd == -1)
		closelog();
	free(logger.path);
	logger.fd = fd;
	logger.path = path;
	logger.is_cut = false;
	logger.is_regular = fd != -1 && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode);
	if (fd == -1)
		openlog("fcgi-sse", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

int
log_init(const char *target, enum log_format format, enum log_level level)
{
	int fd;

	if (strcmp(target, "stderr") == 0) {
		set_fd(STDERR_FILENO, NULL);
	} else if (strcmp(target, "syslog") == 0) {
		set_fd(-1, NULL);
	} else {
		fd = open_file(target);
		if (fd == -1)
			return -1;
		set_fd(fd, mem_strdup(target));
	}
	logger.format = format;
	logger.level = level;
	return 0;
}

void
log_deinit(void)
{
	set_fd(STDERR_FILENO, NULL);
	logger.format = LOG_FORMAT_TEXT;
	logger.level = LOG_LEVEL_INFO;
	logger.lost_count = 0;
	buf_deinit(&logger.line);
}

int
log_reopen(void)
{
	int fd;

	if (logger.path == NULL)
		return 0;
	fd = open_file(logger.path);
	if (fd == -1)
		return -1;
	set_fd(fd, mem_strdup(logger.path));
	return 0;
}
