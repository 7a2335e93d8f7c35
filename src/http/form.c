#include "http/form.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "http/call.h"
#include "http/path.h"

/* Whether the media type is that of a form; parameters may follow it. */
static bool
is_form_type(const char *type)
{
	const size_t len_bytes = sizeof(FORM_TYPE) - 1;

	return strncasecmp(type, FORM_TYPE, len_bytes) == 0 &&
	    strchr("; \t", type[len_bytes]) != NULL;
}

static const char *
refuse(struct buf *why, const char *status)
{
	buf_append(why, "", 1);
	return status;
}

const char *
form_refusal(const struct call *call, const char *what, struct buf *why)
{
	const char *coding = call_env(call, "HTTP_CONTENT_ENCODING");
	const char *type = call_env(call, "CONTENT_TYPE");

	/* What is compressed is not read. */
	if (coding != NULL && *coding != '\0' &&
	    strcasecmp(coding, "identity") != 0) {
		buf_printf(why, "%s is sent without Content-Encoding: ", what);
		path_append_safe(why, coding);
		return refuse(why, "415 Unsupported Media Type");
	}
	if (type != NULL && *type != '\0' && !is_form_type(type)) {
		buf_printf(why, "%s is " FORM_TYPE, what);
		return refuse(why, "415 Unsupported Media Type");
	}
	if (call->is_body_cut) {
		buf_printf(why, "the option max-body limits %s", what);
		return refuse(why, "413 Content Too Large");
	}
	return NULL;
}
