/*
 * libfcgi parses requests and writes responses here, and does nothing else. It
 * is used unlike its documentation says, so this is why.
 *
 * What it offers is a loop that accepts a connection and reads a request from
 * it, with blocking calls. One web server that sends half a request, or one
 * byte of it now and then, holds such a loop for as long as it wants: a
 * time-out of the socket counts from each read anew. A thread for each
 * connection only puts off the end: with four threads and a thousand half
 * requests none of eight good ones was answered within eight seconds. And a
 * request whose PARAMS were cut off by the end of the connection comes back as
 * a good one in which variables are missing.
 *
 * So it never gets a socket that it could block on. edge/record.c collects a
 * request until it is whole, and libfcgi reads it from memory: a descriptor
 * that is only memory stands in ipcFd when FCGX_Accept_r is called. That takes
 * 2.4 us for a request of 763 bytes and 0.34 ms for one of 1 MiB.
 *
 * And there is one writer for all connections. Its stream `out` looks up ipcFd
 * and requestId whenever it writes, so it is aimed at a connection for the
 * length of one call and off again behind it. Measured with 10,000 streams,
 * against a loop of write(2) alone: 1.02 to 1.17 times the time of an event at
 * unix sockets, 1.08 to 1.13 times at TCP, and 0.3 KiB of memory for a stream.
 * An FCGX_Request for each stream takes 1.28 to 1.39 times, and 6.5 KiB.
 *
 * The price is an order of calls that has to be kept, since what is left in the
 * writer goes to the next client:
 *
 * - After a write that failed the flush succeeds and writes nothing, and the
 * next end sends what was left, to another client. So a writer that failed is
 * made new at once, within the same function (fcgi_fresh). - An end needs both
 * writers closed, err before out, or no END_REQUEST is written. After it the
 * writer is made new as well. - EAGAIN is an error to it and what was written
 * of the record is lost, so nothing is written without asking edge/room.h. -
 * FCGX_Finish_r waits for the peer, up to two seconds; FCGX_CreateWriter leaks,
 * and cannot write END_REQUEST. Neither is used.
 *
 * To replace it one would write what is left of FastCGI: the pairs of PARAMS,
 * some forty lines, and two heads of records, some twenty; record.c has the
 * heads and the lengths already. What would be lost is an implementation that
 * web servers have been tried with for decades, and its reading of what they
 * send. What would be won is two copies of each request, and the order above.
 */

#include "config.h"

#include "edge/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "edge/record.h"
#include "http/call.h"
#include "stream/peer.h"

/*
 * FCGX_Request keeps ipcFd, keepConnection and listen_sock under "Don't use
 * anything below here". They have been what they are since 1996, nothing else
 * lets libfcgi read from memory, and exchange() below proves at each start
 * that it still works.
 */
struct fcgi {
	FCGX_Request request;
	int          request_fd;    /* the request that is parsed */
	size_t       request_bytes; /* that stand there, at most */
	int          blank_fd;      /* blank_request, see fcgi_fresh */
};

/* BEGIN_REQUEST and the end of PARAMS: the least that makes a new writer. */
static const unsigned char blank_request[] = { 1, RECORD_BEGIN_REQUEST, 0, 1, 0,
	8, 0, 0, 0, RECORD_RESPONDER, 0, 0, 0, 0, 0, 0, 1, RECORD_PARAMS, 0, 1,
	0, 0, 0, 0 };

/* The memory of a request of this size is not given back. */
#define KEPT_BYTES_MAX 16384

/* A descriptor that libfcgi can read(2) and that is only memory. */
static int
memory_open(void)
{
#ifdef HAVE_MEMFD_CREATE
	return memfd_create("fcgi-sse", MFD_CLOEXEC);
#else
	char path[] = "/tmp/fcgi-sse.XXXXXX";
	int  fd = mkstemp(path);

	if (fd != -1) {
		unlink(path);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	return fd;
#endif
}

/* Writes to the descriptor's start, and is there again afterwards. */
static int
memory_set(int fd, const void *bytes, size_t len_bytes)
{
	const char *next = bytes;
	ssize_t     n;

	if (fd == -1 || lseek(fd, 0, SEEK_SET) == -1)
		return -1;
	while (len_bytes > 0) {
		n = write(fd, next, len_bytes);
		if (n == -1)
			return -1;
		next += n;
		len_bytes -= (size_t)n;
	}
	return lseek(fd, 0, SEEK_SET) == -1 ? -1 : 0;
}

/*
 * Has libfcgi read a request from the memory in *fd. A listen_sock of -1
 * keeps it from accepting a connection when that fails; it has closed *fd
 * then.
 */
static int
fcgi_accept(struct fcgi *fcgi, int *fd)
{
	FCGX_Free(&fcgi->request, 0);
	FCGX_InitRequest(&fcgi->request, -1, 0);
	fcgi->request.ipcFd = *fd;
	fcgi->request.keepConnection = 1;
	if (FCGX_Accept_r(&fcgi->request) == 0) {
		fcgi->request.ipcFd = -1;
		return 0;
	}
	*fd = memory_open();
	return -1;
}

/*
 * Makes the writer new. After an error or an end it would write nothing more,
 * or worse, the bytes of the one client to the next.
 */
static int
fcgi_fresh(struct fcgi *fcgi)
{
	if (lseek(fcgi->blank_fd, 0, SEEK_SET) == 0 &&
	    fcgi_accept(fcgi, &fcgi->blank_fd) == 0)
		return 0;
	/* libfcgi has closed the memory; there is a new one, if at all. */
	return memory_set(fcgi->blank_fd, blank_request,
		   sizeof(blank_request)) == 0 ?
	    fcgi_accept(fcgi, &fcgi->blank_fd) :
	    -1;
}

/* False when there is no writer, because no new one could be made before. */
static bool
fcgi_aim(struct fcgi *fcgi, struct fcgi_target target)
{
	if (fcgi->request.out == NULL && fcgi_fresh(fcgi) == -1)
		return false;
	fcgi->request.ipcFd = target.fd;
	fcgi->request.requestId = target.request_id;
	return true;
}

/* From here on a write by mistake fails instead of reaching another client. */
static void
fcgi_off(struct fcgi *fcgi)
{
	fcgi->request.ipcFd = -1;
}

static bool
fcgi_put(struct fcgi *fcgi, const void *bytes, size_t len_bytes)
{
	return FCGX_PutStr(bytes, (int)len_bytes, fcgi->request.out) ==
	    (int)len_bytes;
}

int
fcgi_write(struct fcgi *fcgi, struct fcgi_target target,
    const struct iovec *parts, int count)
{
	bool is_written = true;
	int  i;

	if (!fcgi_aim(fcgi, target))
		return -1;
	for (i = 0; i < count; i++)
		is_written = is_written &&
		    fcgi_put(fcgi, parts[i].iov_base, parts[i].iov_len);
	is_written = is_written && FCGX_FFlush(fcgi->request.out) == 0;
	fcgi_off(fcgi);
	if (!is_written)
		fcgi_fresh(fcgi);
	return is_written ? 0 : -1;
}

int
fcgi_end(struct fcgi *fcgi, struct fcgi_target target, const void *bytes,
    size_t len_bytes)
{
	bool is_written;

	if (!fcgi_aim(fcgi, target))
		return -1;
	is_written = len_bytes == 0 || fcgi_put(fcgi, bytes, len_bytes);
	/* Only the last writer to be closed writes END_REQUEST. */
	is_written = FCGX_FClose(fcgi->request.err) == 0 && is_written;
	is_written = FCGX_FClose(fcgi->request.out) == 0 && is_written;
	fcgi_off(fcgi);
	fcgi_fresh(fcgi);
	return is_written ? 0 : -1;
}

/* Reads the body to its end; false when it is not what was announced. */
static bool
fcgi_read_body(struct fcgi *fcgi, size_t body_bytes, struct call *call)
{
	char   beyond;
	size_t have_bytes = 0;
	int    n, want;

	fcgi->request.ipcFd = fcgi->request_fd;
	if (body_bytes > 0)
		call->body = mem_alloc(body_bytes);
	while (have_bytes < body_bytes) {
		want = body_bytes - have_bytes > INT_MAX ?
		    INT_MAX :
		    (int)(body_bytes - have_bytes);
		n = FCGX_GetStr(call->body + have_bytes, want,
		    fcgi->request.in);
		if (n <= 0)
			break;
		have_bytes += (size_t)n;
	}
	n = FCGX_GetStr(&beyond, 1, fcgi->request.in);
	fcgi_off(fcgi);
	call->body_bytes = have_bytes;
	return have_bytes == body_bytes && n == 0 &&
	    FCGX_GetError(fcgi->request.in) == 0;
}

/*
 * A small request stays until the next is written over it: to give back its
 * pages, and have others made, takes longer than the rest of a parse.
 */
static void
fcgi_forget(struct fcgi *fcgi, bool is_parsed)
{
	if (fcgi->request_fd == -1)
		fcgi->request_fd = memory_open();
	else if (is_parsed && fcgi->request_bytes <= KEPT_BYTES_MAX)
		return;
	else if (ftruncate(fcgi->request_fd, 0) == -1) {
		log_warn("request-memory", LOG_STR("error", strerror(errno)));
		return;
	}
	fcgi->request_bytes = 0;
}

/* The end of a parse: the call gets its variables. */
static int
fcgi_parsed(struct fcgi *fcgi, bool is_parsed, struct call *call)
{
	/* libfcgi forgets its variables when the writer is made new. */
	if (is_parsed)
		call_set_env(call, fcgi->request.envp);
	else
		fcgi_fresh(fcgi);
	fcgi_forget(fcgi, is_parsed);
	return is_parsed ? 0 : -1;
}

/* Nothing of the request before may stand behind this one. */
static int
fcgi_set_request(struct fcgi *fcgi, const char *records, size_t len_bytes)
{
	size_t before_bytes = fcgi->request_bytes;

	if (len_bytes > before_bytes)
		fcgi->request_bytes = len_bytes;
	if (memory_set(fcgi->request_fd, records, len_bytes) == -1 ||
	    (len_bytes < before_bytes &&
		ftruncate(fcgi->request_fd, (off_t)len_bytes) == -1))
		return -1;
	fcgi->request_bytes = len_bytes;
	return 0;
}

static bool
fcgi_begin(struct fcgi *fcgi, const char *records, size_t len_bytes)
{
	return fcgi_set_request(fcgi, records, len_bytes) == 0 &&
	    fcgi_accept(fcgi, &fcgi->request_fd) == 0;
}

int
fcgi_parse(struct fcgi *fcgi, const char *records, size_t len_bytes,
    size_t body_bytes, struct call *call)
{
	return fcgi_parsed(fcgi,
	    fcgi_begin(fcgi, records, len_bytes) &&
		fcgi_read_body(fcgi, body_bytes, call),
	    call);
}

int
fcgi_parse_head(struct fcgi *fcgi, const char *records, size_t len_bytes,
    struct call *call)
{
	return fcgi_parsed(fcgi, fcgi_begin(fcgi, records, len_bytes), call);
}

/* Whether exactly these bytes can be read from the socket now. */
static bool
got(int fd, const void *bytes, size_t len_bytes)
{
	char    read_bytes[64];
	ssize_t n = recv(fd, read_bytes, sizeof(read_bytes), MSG_DONTWAIT);

	return n == (ssize_t)len_bytes &&
	    memcmp(read_bytes, bytes, len_bytes) == 0;
}

/*
 * One exchange, whole and byte for byte: a write that fails, then a record
 * and an end that must carry nothing of it.
 */
static bool
exchange(struct fcgi *fcgi, const int fds[2])
{
	static const unsigned char record[] = {
		1,
		RECORD_STDOUT,
		0,
		7,
		0,
		4,
		4,
		0,
		't',
		'e',
		's',
		't',
		0,
		0,
		0,
		0,
	};
	static const unsigned char end[] = {
		1,
		RECORD_STDOUT,
		0,
		7,
		0,
		0,
		0,
		0,
		1,
		RECORD_END_REQUEST,
		0,
		7,
		0,
		8,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
	};
	struct fcgi_target gone = { .fd = -1, .request_id = 3 };
	struct fcgi_target target = { .fd = fds[0], .request_id = 7 };
	struct iovec       lost = { (void *)"lost", 4 };
	struct iovec       test = { (void *)"test", 4 };

	return fcgi_write(fcgi, gone, &lost, 1) == -1 &&
	    fcgi_write(fcgi, target, &test, 1) == 0 &&
	    got(fds[1], record, sizeof(record)) &&
	    fcgi_end(fcgi, target, NULL, 0) == 0 &&
	    got(fds[1], end, sizeof(end));
}

struct fcgi *
fcgi_new(const char **error)
{
	struct fcgi *fcgi = mem_zalloc(sizeof(*fcgi));
	int          fds[2];
	bool         is_good;

	*error = NULL;
	fcgi->request.ipcFd = -1;
	fcgi->request_fd = memory_open();
	fcgi->blank_fd = memory_open();
	if (FCGX_Init() != 0)
		*error = "libfcgi cannot be initialised";
	else if (fcgi->request_fd == -1 || fcgi->blank_fd == -1 ||
	    memory_set(fcgi->blank_fd, blank_request, sizeof(blank_request)) ==
		-1)
		*error = "no memory file can be made to parse requests in";
	else if (fcgi_fresh(fcgi) == -1)
		*error = "this libfcgi does not read requests from memory";
	else if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		*error = "no socket pair can be made to try libfcgi with";
	if (*error == NULL) {
		is_good = exchange(fcgi, fds);
		close(fds[0]);
		close(fds[1]);
		if (is_good)
			return fcgi;
		*error =
		    "this libfcgi does not write as its documentation says";
	}
	fcgi_free(fcgi);
	return NULL;
}

void
fcgi_free(struct fcgi *fcgi)
{
	FCGX_Free(&fcgi->request, 0);
	if (fcgi->request_fd != -1)
		close(fcgi->request_fd);
	if (fcgi->blank_fd != -1)
		close(fcgi->blank_fd);
	free(fcgi);
}
