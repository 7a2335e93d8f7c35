#include "tool/client_error.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "tool/target.h"

static const char fastcgi_hint[] =
    "what listens there does not speak HTTP. If it is fcgi-sse itself, which "
    "speaks FastCGI, give the address of the web server before it";

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
append_connect(struct buf *text, const struct client_failure *failure)
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
hint_for(const struct client_failure *failure)
{
	switch (failure->code) {
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return failure->is_proven ? "the web server may be restarting" :
					    fastcgi_hint;
	case CURLE_UNSUPPORTED_PROTOCOL: /* what looks like HTTP/0.9 */
	case CURLE_WEIRD_SERVER_REPLY:
		return fastcgi_hint;
	case CURLE_OPERATION_TIMEDOUT:
		return "--timeout may be longer; the event may have arrived";
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
client_error_append(struct buf *text, const struct client_failure *failure)
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
