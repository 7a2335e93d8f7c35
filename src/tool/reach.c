#include "tool/reach.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "tool/sample.h"

#define SAID_BYTES_MAX 300

/* No answer at all. */

static const char *
hint_of(const struct sample *sample)
{
	switch (sample->code) {
	case CURLE_COULDNT_CONNECT:
		return sample->os_error == ECONNREFUSED ?
		    "; no web server listens there" :
		    "";
	case CURLE_OPERATION_TIMEDOUT:
		return "; the web server may be busy, or fcgi-sse may hang";
	case CURLE_SSL_CONNECT_ERROR:
		return "; there may be no TLS at that port: then the URL "
		       "begins with http://";
	case CURLE_PEER_FAILED_VERIFICATION:
		return "; the server's certificate is not trusted or is for "
		       "another name: --insecure accepts it";
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* what looks like HTTP/0.9 */
		return "; what listens there does not speak HTTP, or wants "
		       "https://, or has no connection left (nginx: "
		       "worker_connections). The URL is that of the web "
		       "server, not of fcgi-sse itself";
	default:
		return "";
	}
}

static bool
is_tls(int code)
{
	return code == CURLE_SSL_CONNECT_ERROR ||
	    code == CURLE_PEER_FAILED_VERIFICATION ||
	    code == CURLE_SSL_CACERT_BADFILE;
}

static void
append_failure(struct buf *problem, const struct sample *sample,
    const char *url)
{
	buf_printf(problem, "cannot reach %s: ", url);
	if (is_tls(sample->code))
		buf_append_str(problem, "TLS: ");
	if (sample->code == CURLE_COULDNT_CONNECT && sample->os_error != 0)
		buf_append_str(problem, strerror((int)sample->os_error));
	else
		buf_append_str(problem, sample->problem);
	buf_append_str(problem, hint_of(sample));
}

/* An answer that is not fcgi-sse's. */

static const char *
meaning_of(long status)
{
	switch (status) {
	case 401:
	case 407:
		return "the web server wants a password, which the doctor has "
		       "not";
	case 403:
		return "the web server keeps this client out";
	case 404:
		return "fcgi-sse is not mounted there";
	case 500:
		return "the web server cannot run fcgi-sse; its log says more";
	case 429:
		return "the web server limits what a client may ask for";
	case 502:
	case 503:
		return "the web server cannot reach fcgi-sse: it may not be "
		       "running, or one of the two has no connection left";
	case 504:
		return "the web server had no answer from fcgi-sse";
	default:
		return "it is no fcgi-sse that answers there";
	}
}

/* What fcgi-sse itself says, as of its mount point. */
static void
append_said(struct buf *problem, const struct sample *sample)
{
	const char *body = sample->body.data;
	size_t      len_bytes = sample->body.len_bytes;
	const char *lf = memchr(body, '\n', len_bytes);

	if (lf != NULL)
		len_bytes = (size_t)(lf - body);
	if (len_bytes > SAID_BYTES_MAX)
		len_bytes = SAID_BYTES_MAX;
	buf_append(problem, body, len_bytes);
}

static bool
is_counter(const struct sample *sample)
{
	return sample->status == 200 && sample->event_count > 0 &&
	    (sample->events[0].num == 1 || sample->events[0].is_refusal);
}

bool
reach_judge(const struct sample *sample, const char *url, struct buf *problem)
{
	if (is_counter(sample))
		return true;
	if (sample->status == 0) {
		append_failure(problem, sample, url);
		return false;
	}
	buf_printf(problem, "%s" REACH_PATH ": ", url);
	if (sample->status >= 300 && sample->status < 400)
		buf_printf(problem,
		    "%ld, a redirection to %s: give the doctor that place",
		    sample->status,
		    sample->location == NULL ? "nowhere" : sample->location);
	else if (sample_is_own_text(sample))
		append_said(problem, sample);
	else if (sample_is_stream(sample))
		buf_append_str(problem,
		    "an event stream answers there, and it is not fcgi-sse's: "
		    "it is another program's, or something changes it on the "
		    "way (nginx: sub_filter; Apache: Substitute)");
	else if (sample->status == 200)
		buf_printf(problem,
		    "it is no fcgi-sse that answers there, with %s",
		    sample->content_type == NULL ? "no Content-Type" :
						   sample->content_type);
	else
		buf_printf(problem, "%ld: %s", sample->status,
		    meaning_of(sample->status));
	return false;
}
