#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log_line.h"
#include "base/mem.h"

#define LOG_BUFFER_BYTES 65536

/* How long the last flush waits for a reader. */
#define LOG_WAIT_MS 50

#define SYSLOG_PATH "/dev/log"

/*
 * Lines are appended to the buffer and written from its start. What cannot be
 * written now stays there for the next flush; a line that finds no room is
 * lost. The count of lost lines is told by a line of its own, which is put into
 * an empty buffer before any other: until then all further lines are lost too,
 * so that it stands where they are missing.
 */
static struct {
	int             fd;        /* -1: the syslog cannot be reached */
	bool            is_syslog; /* a datagram for each line */
	char           *path;      /* NULL unless a file of our own */
	enum log_format format;
	enum log_level  level;
	bool            is_regular; /* a write to it does not wait */
	bool            is_open;    /* the last line went out in part */
	bool            is_cut;     /* and its rest is lost */
	uint64_t        lost_count; /* lost lines that were not logged yet */
	size_t          told_bytes; /* the line about lost ones, at the start */
	uint64_t        told_count; /* what it tells */
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

/* The head of a message to the syslog, as syslog(3) writes it: RFC 3164. */
static void
append_syslog_head(struct buf *line, enum log_level level)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm         tm;
	time_t            now = time(NULL);

	localtime_r(&now, &tm);
	buf_printf(line, "<%d>%.3s %2d %02d:%02d:%02d fcgi-sse[%ld]: ",
	    LOG_DAEMON | level_priorities[level], &months[tm.tm_mon * 3],
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long)getpid());
}

static void
append_line(struct buf *line, enum log_level level, const char *event,
    const struct log_field *fields)
{
	enum log_line_style style = LOG_LINE_TEXT;

	if (logger.format == LOG_FORMAT_JSON)
		style = LOG_LINE_JSON;
	else if (logger.is_syslog)
		style = LOG_LINE_SYSLOG;
	if (logger.is_syslog)
		append_syslog_head(line, level);
	log_line_append(line, style, level, event, fields);
}

/* The syslog's socket, which never blocks; -1: there is none. */
static int
open_syslog(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX,
		.sun_path = SYSLOG_PATH };
	int                      fd;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
		-1) {
		close(fd);
		fd = -1;
	}
	return fd;
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

/* As write(2), but never waits: then it is -1 with EAGAIN. */
static ssize_t
write_piece(const char *bytes, size_t len_bytes)
{
	struct pollfd poll_fd = { .fd = logger.fd, .events = POLLOUT };

	if (!logger.is_regular && poll(&poll_fd, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (logger.is_cut && write(logger.fd, "\n", 1) == 1)
		logger.is_cut = logger.is_open = false;
	if (logger.is_cut)
		return -1;
	return write(logger.fd, bytes, piece_bytes(bytes, len_bytes));
}

/*
 * Sends a line without its LF. While the syslog cannot be reached, as when it
 * is started anew, the line waits.
 */
static ssize_t
send_line(const char *bytes, size_t len_bytes)
{
	const char *lf = memchr(bytes, '\n', len_bytes);
	size_t      line_bytes = (size_t)(lf - bytes);

	for (int tries = 0; tries < 2; tries++) {
		if (logger.fd == -1)
			logger.fd = open_syslog();
		if (logger.fd == -1)
			break;
		if (send(logger.fd, bytes, line_bytes, MSG_NOSIGNAL) != -1)
			return (ssize_t)line_bytes + 1;
		if (errno == EMSGSIZE) {
			logger.lost_count++;
			return (ssize_t)line_bytes + 1;
		}
		if (errno == EAGAIN || errno == EINTR)
			return -1;
		close(logger.fd);
		logger.fd = -1;
	}
	errno = EAGAIN;
	return -1;
}

static uint64_t
line_count(const char *bytes, size_t len_bytes)
{
	uint64_t count = 0;

	for (size_t i = 0; i < len_bytes; i++)
		count += bytes[i] == '\n';
	return count;
}

static void
consume(size_t len_bytes)
{
	logger.len_bytes -= len_bytes;
	memmove(logger.buffer, logger.buffer + len_bytes, logger.len_bytes);
	logger.told_bytes -= len_bytes < logger.told_bytes ? len_bytes :
							     logger.told_bytes;
}

/* Counts what is in the buffer as lost. */
static void
discard(void)
{
	logger.lost_count += line_count(logger.buffer, logger.len_bytes);
	if (logger.told_bytes > 0)
		logger.lost_count += logger.told_count - 1;
	logger.told_bytes = 0;
	logger.len_bytes = 0;
}

/* Writes what goes out without waiting. */
static void
write_buffer(void)
{
	size_t  done_bytes = 0;
	ssize_t n = 0;
	bool    is_failed;

	while (done_bytes < logger.len_bytes) {
		n = logger.is_syslog ? send_line(logger.buffer + done_bytes,
					   logger.len_bytes - done_bytes) :
				       write_piece(logger.buffer + done_bytes,
					   logger.len_bytes - done_bytes);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			break;
		done_bytes += (size_t)n;
	}
	if (done_bytes > 0)
		logger.is_open = logger.buffer[done_bytes - 1] != '\n';
	is_failed = n == -1 && errno != EAGAIN;
	consume(done_bytes);
	if (is_failed) {
		logger.is_cut = logger.is_open && !logger.is_syslog;
		discard();
	}
}

static void
append_to_buffer(const struct buf *line)
{
	if (logger.len_bytes + line->len_bytes > sizeof(logger.buffer)) {
		logger.lost_count++;
		return;
	}
	memcpy(logger.buffer + logger.len_bytes, line->data, line->len_bytes);
	logger.len_bytes += line->len_bytes;
}

/* Puts the line about lost ones into the buffer, which is empty. */
static void
tell_lost(void)
{
	struct buf             line = { 0 };
	const struct log_field fields[] = { LOG_INT("lines", logger.lost_count),
		{ .name = NULL } };

	append_line(&line, LOG_LEVEL_WARN, "log-lost", fields);
	append_to_buffer(&line);
	logger.told_bytes = line.len_bytes;
	logger.told_count = logger.lost_count;
	logger.lost_count = 0;
	buf_deinit(&line);
}

void
log_flush(void)
{
	write_buffer();
	if (logger.len_bytes == 0 && logger.lost_count > 0) {
		tell_lost();
		write_buffer();
	}
}

bool
log_is_waiting(void)
{
	return logger.len_bytes > 0;
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
	if (logger.lost_count > 0 ||
	    line->len_bytes > sizeof(logger.buffer) - logger.len_bytes)
		log_flush();
	if (logger.lost_count > 0)
		logger.lost_count++;
	else
		append_to_buffer(line);
	if (level == LOG_LEVEL_ERROR)
		log_flush();
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

/* Flushes once more, and for this once waits for the reader. */
static void
flush_last(void)
{
	struct pollfd poll_fd = { .fd = logger.fd, .events = POLLOUT };

	log_flush();
	if (!log_is_waiting() || logger.fd == -1 ||
	    poll(&poll_fd, 1, LOG_WAIT_MS) < 1)
		return;
	log_flush();
}

/* What cannot be written to the old place by now is lost, and counted. */
static void
set_fd(int fd, char *path, bool is_syslog)
{
	struct stat st;

	log_flush();
	discard();
	if (logger.fd != -1 && (logger.path != NULL || logger.is_syslog))
		close(logger.fd);
	free(logger.path);
	logger.fd = fd;
	logger.path = path;
	logger.is_syslog = is_syslog;
	logger.is_open = logger.is_cut = false;
	logger.is_regular = fd != -1 && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode);
}

int
log_init(const char *target, enum log_format format, enum log_level level)
{
	int fd;

	if (strcmp(target, "stderr") == 0) {
		set_fd(STDERR_FILENO, NULL, false);
	} else if (strcmp(target, "syslog") == 0) {
		set_fd(open_syslog(), NULL, true);
	} else {
		fd = open_file(target);
		if (fd == -1)
			return -1;
		set_fd(fd, mem_strdup(target), false);
	}
	logger.format = format;
	logger.level = level;
	return 0;
}

void
log_deinit(void)
{
	flush_last();
	set_fd(STDERR_FILENO, NULL, false);
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
	set_fd(fd, mem_strdup(logger.path), false);
	return 0;
}

bool
log_is_stderr(void)
{
	return logger.path == NULL && !logger.is_syslog;
}
