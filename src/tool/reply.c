#include "tool/reply.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "pure/event_id.h"
#include "pure/sse.h"
#include "tool/arguments.h"

/* More of what a server says about an error is not repeated. */
#define SAID_BYTES_MAX 300

#define PATH_HINT                                                      \
	"the path has to be that of the hub where the web server has " \
	"fcgi-sse, such as /sse/.well-known/mercure or /sse/events"

static const struct {
	long        status;
	const char *name;
	const char *hint;
} known[] = {
	{ 400, "Bad Request", NULL },
	{ 401, "Unauthorized", "--key-file names the file with the key" },
	{ 403, "Forbidden", NULL },
	{ 404, "Not Found", PATH_HINT },
	{ 405, "Method Not Allowed", PATH_HINT },
	{ 408, "Request Timeout", NULL },
	{ 413, "Content Too Large",
	    "the event is longer than fcgi-sse's option max-body allows, or "
	    "the web server" },
	{ 415, "Unsupported Media Type", NULL },
	{ 429, "Too Many Requests", NULL },
	{ 500, "Internal Server Error", "the web server's log says more" },
	{ 501, "Not Implemented", NULL },
	{ 502, "Bad Gateway",
	    "the web server cannot reach fcgi-sse: it may not be running" },
	{ 503, "Service Unavailable",
	    "fcgi-sse may be stopping or not running; try again later" },
	{ 504, "Gateway Timeout",
	    "the web server had no answer from fcgi-sse" },
};

static const char key_hint[] =
    "the key of --key-file is none of the server's, or the web server keeps "
    "it from fcgi-sse (Apache by CGI: CGIPassAuth On)";

static bool
is_plain_text(const struct reply *reply)
{
	static const char plain[] = "text/plain";

	return reply->content_type == NULL ||
	    strncasecmp(reply->content_type, plain, sizeof(plain) - 1) == 0;
}

bool
reply_is_id(const struct reply *reply)
{
	return reply->status == 200 && is_plain_text(reply) &&
	    reply->body_bytes > 0 && reply->body_bytes <= EVENT_ID_BYTES_MAX &&
	    sse_is_field_value(reply->body, reply->body_bytes);
}

bool
reply_is_passing(const struct reply *reply)
{
	long status = reply->status;

	return status == 500 || (status >= 502 && status <= 504);
}

bool
reply_is_doubtful(const struct reply *reply)
{
	static const char known_start[] = "503 Service Unavailable: ";
	static const char doubt[] = "may have been published";
	size_t            len_bytes = sizeof(known_start) - 1;

	if (!reply_is_passing(reply))
		return false;
	return reply->status != 503 || !is_plain_text(reply) ||
	    reply->body_bytes < len_bytes ||
	    memcmp(reply->body, known_start, len_bytes) != 0 ||
	    memmem(reply->body, reply->body_bytes, doubt, strlen(doubt)) !=
	    NULL;
}

/* The length of the first line, if that is a message such as fcgi-sse's. */
static size_t
said_length(const struct reply *reply, const char *key)
{
	const char *lf;
	size_t      len_bytes = reply->body_bytes;

	if (len_bytes == 0 || reply->content_type == NULL ||
	    !is_plain_text(reply))
		return 0;
	if (key != NULL &&
	    memmem(reply->body, len_bytes, key, strlen(key)) != NULL)
		return 0;
	lf = memchr(reply->body, '\n', len_bytes);
	if (lf != NULL)
		len_bytes = (size_t)(lf - reply->body);
	return len_bytes < SAID_BYTES_MAX ? len_bytes : SAID_BYTES_MAX;
}

static void
append_success(struct buf *text, const struct reply *reply)
{
	buf_printf(text,
	    "%ld, but no id: it is no hub that answers there; " PATH_HINT,
	    reply->status);
}

/* Whether that is to do here and not at the server, which cannot name it. */
static bool
needs_hint(long status)
{
	return status == 401 || status == 404 || status == 405;
}

void
reply_append_cause(struct buf *text, const struct reply *reply, const char *key)
{
	size_t      said_bytes = said_length(reply, key);
	const char *hint = NULL, *name = "";

	if (reply->status < 300) {
		append_success(text, reply);
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].status == reply->status) {
			name = known[i].name;
			hint = known[i].hint;
		}
	}
	if (reply->status == 401 && key != NULL)
		hint = key_hint;
	if (said_bytes > 0 && !needs_hint(reply->status))
		hint = NULL;
	if (said_bytes > 0)
		buf_append(text, reply->body, said_bytes);
	else
		buf_printf(text, "%ld%s%s", reply->status,
		    name[0] == '\0' ? "" : " ", name);
	if (reply->location != NULL)
		buf_printf(text, "; it redirects to %s, which --to can name",
		    reply->location);
	else if (hint != NULL)
		buf_printf(text, "; %s", hint);
}

/* Requests without an answer. */

static const char http_hint[] =
    "what listens there does not speak HTTP. If it is fcgi-sse itself, which "
    "speaks FastCGI, give its socket as unix:PATH, or the address of the web "
    "server before it";

static const char fastcgi_hint[] =
    "what listens there does not speak FastCGI. If it is a web server, which "
    "speaks HTTP, give a path behind its socket, as in unix:PATH:/sse/events";

static const char *
socket_hint(long os_error)
{
	switch (os_error) {
	case ENOENT:
		return "there is no such socket";
	case ECONNREFUSED:
		return "nobody listens there";
	case EACCES:
		return "this user may not write to the socket";
	default:
		return NULL;
	}
}

static void
append_connect(struct buf *text, const struct failure *failure)
{
	const struct target *target = failure->target;
	const char          *hint = NULL;

	buf_printf(text, "cannot connect to %s: ",
	    target->socket_path != NULL ? target->socket_path : target->url);
	if (failure->os_error == 0) {
		buf_append_str(text, failure->what);
		return;
	}
	buf_append_str(text, strerror((int)failure->os_error));
	if (target->socket_path != NULL)
		hint = socket_hint(failure->os_error);
	else if (failure->os_error == ECONNREFUSED)
		hint = "no web server listens there";
	if (hint != NULL)
		buf_printf(text, "; %s", hint);
}

static const char *
hint_for(const struct failure *failure)
{
	if (failure->target->url == NULL &&
	    failure->code != CURLE_OPERATION_TIMEDOUT)
		return failure->is_proven ? "fcgi-sse may be restarting" :
					    fastcgi_hint;
	switch (failure->code) {
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return failure->is_proven ? "the web server may be restarting" :
					    http_hint;
	case CURLE_UNSUPPORTED_PROTOCOL: /* what looks like HTTP/0.9 */
	case CURLE_WEIRD_SERVER_REPLY:
		return http_hint;
	case CURLE_OPERATION_TIMEDOUT:
		return "--timeout may be longer";
	case CURLE_SSL_CONNECT_ERROR:
		return "there may be no TLS at that port: then the URL begins "
		       "with http://";
	case CURLE_PEER_FAILED_VERIFICATION:
		return "the server's certificate is not trusted or is for "
		       "another name";
	default:
		return NULL;
	}
}

static bool
is_tls(int code)
{
	return code == CURLE_SSL_CONNECT_ERROR ||
	    code == CURLE_PEER_FAILED_VERIFICATION ||
	    code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE;
}

void
reply_append_failure(struct buf *text, const struct failure *failure)
{
	const char *hint = hint_for(failure);

	if (failure->code == CURLE_COULDNT_CONNECT) {
		append_connect(text, failure);
		return;
	}
	if (is_tls(failure->code))
		buf_append_str(text, "TLS: ");
	buf_append_str(text,
	    failure->what[0] != '\0' ?
		failure->what :
		curl_easy_strerror((CURLcode)failure->code));
	if (hint != NULL)
		buf_printf(text, "; %s", hint);
}
