#include "config.h"

#include "tool/fastcgi.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clocks.h"
#include "tool/client.h"

/* Types of records, and the rest of what the specification has numbers for. */
enum {
	RECORD_VERSION = 1,
	RECORD_BEGIN_REQUEST = 1,
	RECORD_END_REQUEST = 3,
	RECORD_PARAMS = 4,
	RECORD_STDIN = 5,
	RECORD_STDOUT = 6,
	RECORD_RESPONDER = 1,
	REQUEST_ID = 1,
};

#define HEAD_BYTES 8
#define CONTENT_BYTES_MAX 65535

/* Answered at the root, wherever the responder is mounted. */
#define HUB_PATH "/.well-known/mercure"

/* The head and the body of an answer that is of use. */
#define ANSWER_BYTES_MAX (16 * 1024 + REPLY_BODY_BYTES_MAX)

/* How soon to knock again where too many wait to be accepted. */
#define BUSY_WAIT_MS 20

/* A connection, and until when all has to be over. */
struct exchange {
	int        fd;
	int64_t    end_ms;
	struct buf in; /* read, and not taken yet */
};

/* What is sent. */

static void
append_head(struct buf *out, int type, size_t content_bytes)
{
	const unsigned char head[HEAD_BYTES] = { RECORD_VERSION,
		(unsigned char)type, 0, REQUEST_ID,
		(unsigned char)(content_bytes >> 8),
		(unsigned char)content_bytes, 0, 0 };

	buf_append(out, head, sizeof(head));
}

/* A stream of records: its bytes, and the empty record that ends it. */
static void
append_stream(struct buf *out, int type, const struct buf *content)
{
	size_t done_bytes = 0, part_bytes;

	while (done_bytes < content->len_bytes) {
		part_bytes = content->len_bytes - done_bytes;
		if (part_bytes > CONTENT_BYTES_MAX)
			part_bytes = CONTENT_BYTES_MAX;
		append_head(out, type, part_bytes);
		buf_append(out, content->data + done_bytes, part_bytes);
		done_bytes += part_bytes;
	}
	append_head(out, type, 0);
}

static void
append_length(struct buf *out, size_t bytes)
{
	const unsigned char digits[] = { (unsigned char)(bytes >> 24 | 0x80),
		(unsigned char)(bytes >> 16), (unsigned char)(bytes >> 8),
		(unsigned char)bytes };

	if (bytes < 0x80)
		buf_append(out, &digits[3], 1);
	else
		buf_append(out, digits, sizeof(digits));
}

static void
append_param(struct buf *out, const char *name, const char *value)
{
	append_length(out, strlen(name));
	append_length(out, strlen(value));
	buf_append_str(out, name);
	buf_append_str(out, value);
}

static void
append_params(struct buf *out, const char *key, const char *once,
    size_t form_bytes)
{
	struct buf params = { 0 }, value = { 0 };

	append_param(&params, "GATEWAY_INTERFACE", "CGI/1.1");
	append_param(&params, "SERVER_PROTOCOL", "HTTP/1.1");
	append_param(&params, "SERVER_NAME", "localhost");
	append_param(&params, "REMOTE_ADDR", "127.0.0.1");
	append_param(&params, "REQUEST_METHOD", "POST");
	append_param(&params, "SCRIPT_NAME", "");
	append_param(&params, "PATH_INFO", HUB_PATH);
	append_param(&params, "QUERY_STRING", "");
	append_param(&params, "HTTP_USER_AGENT", CLIENT_NAME PACKAGE_VERSION);
	append_param(&params, "CONTENT_TYPE",
	    "application/x-www-form-urlencoded");
	buf_printf(&value, "%zu", form_bytes);
	buf_append(&value, "", 1);
	append_param(&params, "CONTENT_LENGTH", value.data);
	append_param(&params, "HTTP_IDEMPOTENCY_KEY", once);
	if (key != NULL) {
		value.len_bytes = 0;
		buf_printf(&value, "Bearer %s", key);
		buf_append(&value, "", 1);
		append_param(&params, "HTTP_AUTHORIZATION", value.data);
	}
	append_stream(out, RECORD_PARAMS, &params);
	explicit_bzero(params.data, params.len_bytes);
	explicit_bzero(value.data, value.len_bytes);
	buf_deinit(&params);
	buf_deinit(&value);
}

static void
append_request(struct buf *out, const char *key, const char *once,
    const struct buf *form)
{
	static const unsigned char begin[8] = { 0, RECORD_RESPONDER };

	append_head(out, RECORD_BEGIN_REQUEST, sizeof(begin));
	buf_append(out, begin, sizeof(begin));
	append_params(out, key, once, form->len_bytes);
	append_stream(out, RECORD_STDIN, form);
}

/* The connection. */

/* Whether the socket is ready for that in time; an error makes it ready. */
static bool
wait_for(const struct exchange *exchange, short events)
{
	struct pollfd poll_fd = { .fd = exchange->fd, .events = events };
	int64_t       left_ms;
	int           n;

	do {
		left_ms = exchange->end_ms - clocks_monotonic_ms();
		n = left_ms <= 0 ? 0 : poll(&poll_fd, 1, (int)left_ms);
	} while (n == -1 && errno == EINTR);
	return n > 0;
}

static enum fastcgi_result
connect_to(struct exchange *exchange, const char *path)
{
	const struct timespec pause = { .tv_nsec = BUSY_WAIT_MS * 1000000 };
	struct sockaddr_un    address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, path, strlen(path));
	exchange->fd = socket(AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (exchange->fd == -1)
		return FASTCGI_NOT_CONNECTED;
	while (connect(exchange->fd, (const struct sockaddr *)&address,
		   sizeof(address)) == -1) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return FASTCGI_NOT_CONNECTED;
		if (clocks_monotonic_ms() >= exchange->end_ms) {
			errno = ETIMEDOUT;
			return FASTCGI_NOT_CONNECTED;
		}
		nanosleep(&pause, NULL);
	}
	return FASTCGI_ANSWERED;
}

/*
 * A responder may answer, and close, before all is sent: then what it said is
 * to be read.
 */
static enum fastcgi_result
send_all(const struct exchange *exchange, const struct buf *out)
{
	size_t  done_bytes = 0;
	ssize_t n;

	while (done_bytes < out->len_bytes) {
		n = send(exchange->fd, out->data + done_bytes,
		    out->len_bytes - done_bytes, MSG_NOSIGNAL);
		if (n > 0)
			done_bytes += (size_t)n;
		else if (errno == EAGAIN) {
			if (!wait_for(exchange, POLLOUT))
				return FASTCGI_TIMED_OUT;
		} else if (errno != EINTR)
			break;
	}
	return FASTCGI_ANSWERED;
}

/* Reads until that many bytes are there. */
static enum fastcgi_result
read_to(struct exchange *exchange, size_t len_bytes)
{
	struct buf *in = &exchange->in;
	ssize_t     n;

	while (in->len_bytes < len_bytes) {
		buf_reserve(in, len_bytes - in->len_bytes);
		n = recv(exchange->fd, in->data + in->len_bytes,
		    len_bytes - in->len_bytes, 0);
		if (n > 0)
			in->len_bytes += (size_t)n;
		else if (n == -1 && errno == EAGAIN) {
			if (!wait_for(exchange, POLLIN))
				return FASTCGI_TIMED_OUT;
		} else if (n == 0 || errno != EINTR)
			return FASTCGI_BROKEN;
	}
	return FASTCGI_ANSWERED;
}

/* Reads a record. What it says goes to out if it is a part of the answer. */
static enum fastcgi_result
read_record(struct exchange *exchange, struct buf *out, bool *is_end)
{
	const unsigned char *head;
	enum fastcgi_result  result;
	size_t               content_bytes;

	result = read_to(exchange, HEAD_BYTES);
	if (result != FASTCGI_ANSWERED)
		return result;
	head = (const unsigned char *)exchange->in.data;
	if (head[0] != RECORD_VERSION)
		return FASTCGI_FAILED;
	content_bytes = (size_t)head[4] << 8 | head[5];
	result = read_to(exchange, HEAD_BYTES + content_bytes + head[6]);
	if (result != FASTCGI_ANSWERED)
		return result;
	head = (const unsigned char *)exchange->in.data;
	*is_end = head[1] == RECORD_END_REQUEST;
	if (head[1] == RECORD_STDOUT &&
	    content_bytes <= ANSWER_BYTES_MAX - out->len_bytes)
		buf_append(out, head + HEAD_BYTES, content_bytes);
	buf_consume(&exchange->in, HEAD_BYTES + content_bytes + head[6]);
	return FASTCGI_ANSWERED;
}

/* What comes back. */

/* The value of a line if it is that field's, without blanks before it. */
static const char *
field_value(const char *line, const char *name)
{
	size_t name_len = strlen(name);

	if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
		return NULL;
	return line + name_len + 1 + strspn(line + name_len + 1, " \t");
}

static void
read_field(struct reply *reply, const char *line)
{
	const char *value;

	if ((value = field_value(line, "Status")) != NULL)
		reply->status = strtol(value, NULL, 10);
	else if ((value = field_value(line, "Content-Type")) != NULL)
		reply->content_type = value;
	else if ((value = field_value(line, "Location")) != NULL)
		reply->location = value;
	else if ((value = field_value(line, "Fcgi-Sse-Note")) != NULL)
		reply->note = value;
	else if ((value = field_value(line, "Retry-After")) != NULL)
		reply->retry_after_s = strtol(value, NULL, 10);
}

/* A CGI response: fields, an empty line, the body (RFC 3875 section 6). */
static enum fastcgi_result
read_response(struct fastcgi_answer *answer)
{
	struct reply *reply = &answer->reply;
	char         *line, *end;

	buf_append(&answer->bytes, "", 1);
	reply->status = 200;
	for (line = answer->bytes.data; (end = strchr(line, '\n')) != NULL;
	     line = end + 1) {
		*end = '\0';
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		if (line[0] == '\0') {
			reply->body = end + 1;
			reply->body_bytes = answer->bytes.len_bytes - 1 -
			    (size_t)(reply->body - answer->bytes.data);
			return FASTCGI_ANSWERED;
		}
		read_field(reply, line);
	}
	return FASTCGI_FAILED;
}

enum fastcgi_result
fastcgi_publish(const char *socket_path, const char *key, const char *once,
    const struct buf *form, int64_t timeout_ms, struct fastcgi_answer *answer)
{
	struct exchange     exchange = { .end_ms = clocks_monotonic_ms() +
			timeout_ms };
	struct buf          out = { 0 };
	enum fastcgi_result result;
	bool                is_end = false;
	int                 error;

	*answer = (struct fastcgi_answer){ 0 };
	append_request(&out, key, once, form);
	result = connect_to(&exchange, socket_path);
	error = errno;
	if (result == FASTCGI_ANSWERED)
		result = send_all(&exchange, &out);
	while (result == FASTCGI_ANSWERED && !is_end)
		result = read_record(&exchange, &answer->bytes, &is_end);
	if (result == FASTCGI_ANSWERED)
		result = read_response(answer);
	if (exchange.fd != -1)
		close(exchange.fd);
	explicit_bzero(out.data, out.len_bytes);
	buf_deinit(&out);
	buf_deinit(&exchange.in);
	errno = error;
	return result;
}

void
fastcgi_answer_deinit(struct fastcgi_answer *answer)
{
	buf_deinit(&answer->bytes);
}
