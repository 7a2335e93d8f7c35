#include "request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FCGI_BEGIN_REQUEST = 1,
	FCGI_PARAMS = 4,
	FCGI_STDIN = 5,
	FCGI_HEAD_BYTES = 8
};

#define FORM_TYPE "application/x-www-form-urlencoded"
#define USER_AGENT                                   \
	"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) " \
	"Gecko/20100101 Firefox/128.0"

/* A buffer of REQUEST_BYTES_MAX that fills up; overflow ends the program. */
struct out {
	char  *bytes;
	size_t used;
};

static void
out_bytes(struct out *out, const void *bytes, size_t n)
{
	if (out->used + n > REQUEST_BYTES_MAX) {
		fputs("load: the request is too long\n", stderr);
		exit(2);
	}
	memcpy(out->bytes + out->used, bytes, n);
	out->used += n;
}

static void
out_record(struct out *out, int type, size_t len)
{
	const unsigned char head[FCGI_HEAD_BYTES] = { 1, (unsigned char)type, 0,
		1, (unsigned char)(len >> 8), (unsigned char)len, 0, 0 };

	out_bytes(out, head, sizeof(head));
}

static void
out_length(struct out *out, size_t len)
{
	const unsigned char one = (unsigned char)len;
	const unsigned char four[4] = { 0x80, 0, (unsigned char)(len >> 8),
		(unsigned char)len };

	if (len < 128)
		out_bytes(out, &one, sizeof(one));
	else
		out_bytes(out, four, sizeof(four));
}

/* One FastCGI name-value pair; the value as printf makes it. */
static void __attribute__((format(printf, 3, 4)))
out_param(struct out *out, const char *name, const char *format, ...)
{
	char    value[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof(value), format, ap);
	va_end(ap);
	out_length(out, strlen(name));
	out_length(out, strlen(value));
	out_bytes(out, name, strlen(name));
	out_bytes(out, value, strlen(value));
}

static size_t
body_bytes(const struct request *r)
{
	return r->body == NULL ? 0 : strlen(r->body);
}

/* What only some requests have. */
static void
out_params_more(struct out *out, const struct request *r)
{
	if (r->body != NULL) {
		out_param(out, "CONTENT_TYPE", "%s", FORM_TYPE);
		out_param(out, "CONTENT_LENGTH", "%zu", body_bytes(r));
	}
	if (r->last_event_id != NULL)
		out_param(out, "HTTP_LAST_EVENT_ID", "%s", r->last_event_id);
	if (r->authorization != NULL)
		out_param(out, "HTTP_AUTHORIZATION", "%s", r->authorization);
}

/* Debian's fastcgi_params with a browser's header fields. */
static void
out_params(struct out *out, const struct request *r)
{
	const char *mark = r->query[0] != '\0' ? "?" : "";

	out_param(out, "QUERY_STRING", "%s", r->query);
	out_param(out, "REQUEST_METHOD", "%s", r->method);
	if (r->body == NULL) {
		out_param(out, "CONTENT_TYPE", "%s", "");
		out_param(out, "CONTENT_LENGTH", "%s", "");
	}
	out_param(out, "SCRIPT_NAME", "%s", r->path);
	out_param(out, "REQUEST_URI", "%s%s%s", r->path, mark, r->query);
	out_param(out, "DOCUMENT_URI", "%s", r->path);
	out_param(out, "DOCUMENT_ROOT", "/var/www/html");
	out_param(out, "SERVER_PROTOCOL", "HTTP/1.1");
	out_param(out, "REQUEST_SCHEME", "http");
	out_param(out, "GATEWAY_INTERFACE", "CGI/1.1");
	out_param(out, "SERVER_SOFTWARE", "nginx/1.22.1");
	out_param(out, "REMOTE_ADDR", "127.0.0.1");
	out_param(out, "REMOTE_PORT", "40312");
	out_param(out, "SERVER_ADDR", "127.0.0.1");
	out_param(out, "SERVER_PORT", "80");
	out_param(out, "SERVER_NAME", "localhost");
	out_param(out, "REDIRECT_STATUS", "200");
	out_param(out, "HTTP_HOST", "localhost");
	out_param(out, "HTTP_USER_AGENT", USER_AGENT);
	out_param(out, "HTTP_ACCEPT", "text/event-stream");
	out_param(out, "HTTP_ACCEPT_LANGUAGE", "en-US,en;q=0.5");
	out_param(out, "HTTP_ACCEPT_ENCODING", "gzip, deflate, br");
	out_param(out, "HTTP_CACHE_CONTROL", "no-cache");
	out_param(out, "HTTP_CONNECTION", "keep-alive");
	out_params_more(out, r);
}

size_t
request_fcgi(char *buf, const struct request *r)
{
	/* Role responder, and whether to keep the connection. */
	const unsigned char begin[8] = { 0, 1, r->is_kept };
	char                params_buf[REQUEST_BYTES_MAX];
	struct out          params = { params_buf, 0 };
	struct out          out = { .used = 0 };

	out.bytes = buf;
	out_params(&params, r);
	out_record(&out, FCGI_BEGIN_REQUEST, sizeof(begin));
	out_bytes(&out, begin, sizeof(begin));
	out_record(&out, FCGI_PARAMS, params.used);
	out_bytes(&out, params.bytes, params.used);
	out_record(&out, FCGI_PARAMS, 0);
	if (r->body != NULL) {
		out_record(&out, FCGI_STDIN, body_bytes(r));
		out_bytes(&out, r->body, body_bytes(r));
	}
	out_record(&out, FCGI_STDIN, 0);
	return out.used;
}

/* A line of an HTTP head, or the head's end; the text as printf makes it. */
static void __attribute__((format(printf, 2, 3)))
out_line(struct out *out, const char *format, ...)
{
	char    line[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	out_bytes(out, line, strlen(line));
	out_bytes(out, "\r\n", 2);
}

size_t
request_http(char *buf, const struct request *r)
{
	struct out out = { .bytes = buf };

	out_line(&out, "%s %s%s%s HTTP/1.1", r->method, r->path,
	    r->query[0] != '\0' ? "?" : "", r->query);
	out_line(&out, "Host: localhost");
	if (r->body != NULL) {
		out_line(&out, "Content-Type: %s", FORM_TYPE);
		out_line(&out, "Content-Length: %zu", body_bytes(r));
	} else {
		out_line(&out, "Accept: text/event-stream");
		out_line(&out, "Cache-Control: no-cache");
	}
	if (r->last_event_id != NULL)
		out_line(&out, "Last-Event-ID: %s", r->last_event_id);
	if (r->authorization != NULL)
		out_line(&out, "Authorization: %s", r->authorization);
	out_line(&out, "%s", "");
	if (r->body != NULL)
		out_bytes(&out, r->body, body_bytes(r));
	return out.used;
}
