#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "client.h"
#include "process.h"
#include "request.h"
#include "window.h"

enum { PROCESS_MAX = 8 };

/* What the command line asks for. */
struct options {
	struct address       address;
	struct request       request;
	const char          *tokens;         /* a file; NULL: none */
	char               **authorizations; /* one for each stream */
	enum decoder_framing framing;
	unsigned             streams;
	unsigned             burst;       /* 0: all at once */
	double               window_s;    /* 0: only open the streams */
	bool                 is_held;     /* the window ends with stdin */
	bool                 has_updates; /* not ticks: decoder_update */
	bool                 is_counted;  /* the window has this many: */
	uint64_t             expected;
	double               open_timeout_s;
	unsigned             quiet_ms; /* a gap between two ticks */
	pid_t                pids[PROCESS_MAX];
	unsigned             pid_count;
};

/* One run: all clients, and what was seen of them. */
struct load {
	struct options o;
	char           request[REQUEST_BYTES_MAX];
	size_t         request_bytes;
	struct client *clients;
	int            epoll;
	uint64_t       now_ns;
	uint64_t       start_ns;
	uint64_t       last_arrival_ns;
	/* How many clients were started, had an event, lost the connection. */
	unsigned started;
	unsigned opened;
	unsigned refused;
	unsigned closed;
	/* How many had an event since events_base was set. */
	unsigned             ticked;
	struct window        window;
	bool                 is_measuring;
	bool                 is_held;       /* stdin is open */
	bool                 is_report_due; /* a line came on stdin */
	uint64_t             report_asked_ns;
	double               window_s; /* as it came out */
	uint64_t             window_bytes;
	uint64_t             unordered; /* updates out of their sequence */
	struct process_usage before[PROCESS_MAX];
	struct process_usage begin[PROCESS_MAX];
	struct process_usage end[PROCESS_MAX];
};

/* Fills in the options; what is wrong ends the program with the usage. */
void options_parse(struct options *, int argc, char **argv);

/* Prints what the run found as one JSON object. */
void report_print(struct load *);

#endif
