#ifndef EDGE_RECORD_H
#define EDGE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Walks the 8-byte heads of the records that a web server sends (FastCGI
 * specification, section 3.3) until one whole request is there. It parses no
 * more than that: libfcgi does, and is given nothing but the BEGIN_REQUEST,
 * PARAMS and STDIN records of one request id. Whatever else arrives is left
 * out here and, where the specification asks for it, answered.
 */

#define RECORD_HEAD_BYTES 8

enum record_type {
	RECORD_BEGIN_REQUEST = 1,
	RECORD_ABORT_REQUEST,
	RECORD_END_REQUEST,
	RECORD_PARAMS,
	RECORD_STDIN,
	RECORD_STDOUT,
	RECORD_STDERR,
	RECORD_DATA,
	RECORD_GET_VALUES,
	RECORD_GET_VALUES_RESULT,
	RECORD_UNKNOWN_TYPE
};

enum record_role { RECORD_RESPONDER = 1 };

/* protocolStatus of an END_REQUEST record, section 5.5. */
enum record_status {
	RECORD_REQUEST_COMPLETE,
	RECORD_CANT_MPX_CONN,
	RECORD_OVERLOADED,
	RECORD_UNKNOWN_ROLE
};

struct record_limits {
	size_t params_bytes_max;  /* PARAMS records of one request */
	size_t body_bytes_max;    /* STDIN content kept of one request */
	size_t foreign_bytes_max; /* all that is no part of a request */
};

/* What the next bytes of a connection mean. */
enum record_event {
	RECORD_EVENT_NONE,    /* more bytes are needed */
	RECORD_EVENT_REQUEST, /* a whole request, at the buffer's front */
	RECORD_EVENT_PASSED,  /* the body of an answered request is over */
	RECORD_EVENT_ABORT,   /* the active request is to be ended */
	RECORD_EVENT_REPLY,   /* reply holds a record to be sent */
	RECORD_EVENT_BROKEN   /* error says why; no way to go on */
};

#define RECORD_REPLY_BYTES_MAX 64

/* One connection's place in its records. */
struct record_reader {
	const struct record_limits *limits;
	size_t   request_bytes; /* of the request, at the front */
	size_t   seen_bytes;    /* of the buffer */
	bool     is_active;     /* between BEGIN_REQUEST and its end */
	bool     is_whole;      /* the request was handed over */
	bool     is_refused;    /* the last BEGIN_REQUEST had no role for us */
	bool     has_params;    /* their empty record was seen */
	bool     is_passing;    /* answered: the rest of it is left out */
	bool     is_body_unwanted; /* all STDIN is left out */
	bool     is_body_cut;      /* STDIN beyond body_bytes_max left out */
	bool     is_kept;          /* FCGI_KEEP_CONN, of the last request */
	bool     holds_next; /* the next request waits for the active one */
	uint16_t request_id;
	size_t   params_bytes;
	size_t   head_bytes; /* BEGIN_REQUEST and PARAMS, at the front */
	size_t   body_bytes;
	size_t   body_record_bytes;
	size_t   foreign_bytes;

	const char   *error;
	unsigned char reply[RECORD_REPLY_BYTES_MAX];
	size_t        reply_bytes;
};

void record_reader_init(struct record_reader *, const struct record_limits *);

/*
 * Has a new reader go on where another one was, which had no bytes left: the
 * request of that id was handed over, and is active.
 */
void record_reader_resume(struct record_reader *, uint16_t request_id,
    bool is_kept, size_t foreign_bytes);

/*
 * Takes the next records from the buffer. After RECORD_EVENT_REQUEST the
 * caller takes request_bytes from its front with record_take; the request
 * stays active, and further records are read with that in mind, until
 * record_finish. While holds_next is set, a request that the peer has sent
 * ahead of the answer stays in the buffer; otherwise it is an error.
 */
enum record_event record_next(struct record_reader *, struct buf *);

/* Whether all PARAMS of the active request are at the buffer's front. */
bool record_has_head(const struct record_reader *, const struct buf *);

/*
 * The active request is answered before its end: drops what there is of it,
 * and leaves out what comes until RECORD_EVENT_PASSED, or until another one
 * begins.
 */
void record_pass(struct record_reader *, struct buf *);

/* Drops the request's bytes from the buffer, and those left out. */
void record_take(struct record_reader *, struct buf *);

/* The active request was answered: the next BEGIN_REQUEST is accepted. */
void record_finish(struct record_reader *);

/* Writes an END_REQUEST record, 16 bytes, and returns its size. */
size_t record_put_end(unsigned char *, uint16_t request_id, enum record_status);

#endif
