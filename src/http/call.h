#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "http/answer.h"
#include "pure/query.h"

struct refusal_counts;
struct route;
struct stream_spec;
struct streams;

/*
 * One request on its way to its answer, whichever way it came. It owns what was
 * asked, and is freed when it was answered: in the turn of the loop in which it
 * came, or in a later one.
 *
 * The edge makes a call and has the router run its handler. The handler fills
 * in the answer and calls call_answer. One that has to wait for something calls
 * call_hold instead, and call_answer later. If the answer is not needed any
 * more, on_cancel says so, and the call is freed.
 */
struct call {
	/* What was asked. */
	char **env;  /* NAME=value, as RFC 3875 names them; NULL ends it */
	char  *body; /* may hold NUL; NULL when empty */
	size_t body_bytes;
	bool   is_body_cut; /* the body was longer than we keep */
	bool   is_cgi;      /* the process answers this request only */

	/* Variables that each request is asked for; NULL: it is not there. */
	const char *method;        /* REQUEST_METHOD */
	const char *uri;           /* REQUEST_URI */
	const char *script;        /* SCRIPT_NAME */
	const char *path_info;     /* PATH_INFO */
	const char *query_string;  /* QUERY_STRING */
	const char *document_root; /* DOCUMENT_ROOT */
	const char *client;        /* REMOTE_ADDR, its address */
	const char *origin;        /* HTTP_ORIGIN */
	const char *last_event_id; /* HTTP_LAST_EVENT_ID */

	/* What the router has found in it. */
	const struct route *route;
	const char         *path;      /* the route's own: "/clock" */
	char               *full_path; /* as the client asked, decoded */
	const char         *rest;      /* behind the route's path; or NULL */
	struct query        query;
	bool                is_head;
	bool                is_post;
	bool                is_query; /* the method, RFC 10008 */
	bool                has_post; /* the route takes POST and QUERY too */

	/* Of the stream that follows, if has_padding: the client's wish. */
	bool     has_padding;
	unsigned padding_bytes;

	struct answer answer;

	/* Where the answer is counted if it refuses; or NULL. */
	struct refusal_counts *refusals;

	/* The edge's: on_answer takes a late answer, and frees the call. */
	void (*on_answer)(struct call *);
	void *asker;

	/* For call.c and router.c. */
	bool is_running; /* the handler has not returned */
	bool is_answered;
	void (*on_cancel)(void *holder);
	void *holder;
};

/* An empty call; the edge fills in what was asked. */
struct call *call_new(void);
void         call_free(struct call *);

/*
 * Copies the variables into one piece of memory, which is the call's, and notes
 * those that have a member.
 */
void call_set_env(struct call *, char *const *from);

/* The variable's value, or NULL: no variable is sure to be there. */
const char *call_env(const struct call *, const char *name);

/*
 * The length that CONTENT_LENGTH announces. It may be absent, empty or
 * negative; that is 0, as for a body of no announced length.
 */
unsigned long long call_content_length(const struct call *);

/*
 * For a handler that answers after it has returned: if the client leaves
 * before, or the time is over, on_cancel is called once with the holder, and
 * the call is not to be touched any more.
 */
void call_hold(struct call *, void (*on_cancel)(void *holder), void *holder);

/* The holder of a call goes on with it: it answers it, or holds it again. */
void call_resume(struct call *);

/*
 * The answer is complete. The call is freed once the handler has returned, or
 * at once if it has returned before.
 */
void call_answer(struct call *);

/*
 * For the edge: the answer is not needed any more. Tells its holder, and frees
 * it.
 */
void call_cancel(struct call *);

/*
 * For the edge: takes the call from its holder, who is told so, to give it
 * another answer than his.
 */
void call_take_back(struct call *);

/*
 * Has the edge open a stream behind the answer's bytes, of the call's client
 * and path. What else the spec points to is copied.
 */
void call_open_stream(struct call *, struct streams *,
    const struct stream_spec *);

#endif
