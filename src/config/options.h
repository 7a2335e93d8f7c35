#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct buf;

/* Whether a client without a token may subscribe. */
enum options_anonymous {
	OPTIONS_ANONYMOUS_AUTO, /* only where no token key is configured */
	OPTIONS_ANONYMOUS_YES,
	OPTIONS_ANONYMOUS_NO
};

/* Where a request may name its topics. */
enum options_topic_by {
	OPTIONS_TOPIC_BY_BOTH,
	OPTIONS_TOPIC_BY_PATH,
	OPTIONS_TOPIC_BY_QUERY
};

/* How an event tells the topic of its update. */
enum options_topic_in_event {
	OPTIONS_TOPIC_IN_EVENT_NO,
	OPTIONS_TOPIC_IN_EVENT_COMMENT
};

/* Whether it is announced who subscribes; a bit for each dialect's shape. */
enum options_subscriptions {
	OPTIONS_SUBSCRIPTIONS_NO,
	OPTIONS_SUBSCRIPTIONS_07,
	OPTIONS_SUBSCRIPTIONS_08,
	OPTIONS_SUBSCRIPTIONS_BOTH
};

/*
 * The values of all options. A new option is a field here and a row in
 * option_spec.c.
 * Strings and lists belong to the struct.
 */
struct options {
	char   **listen; /* unix:PATH, HOST:PORT, [V6]:PORT */
	size_t   listen_count;
	unsigned socket_mode;
	char    *config; /* NULL: no file was read */
	char   **mount;  /* begin with a slash, and may end with one */
	size_t   mount_count;
	int64_t  request_timeout_ms;
	uint64_t max_body_bytes;
	int64_t  heartbeat_ms;
	uint64_t max_streams;            /* 0: what descriptors allow */
	uint64_t max_streams_per_client; /* 0: no limit */
	int64_t  stall_timeout_ms;
	int64_t  stream_lifetime_ms; /* 0: no limit */
	uint64_t turns;              /* streams at a time; 0: no turns */
	int64_t  turn_min_ms;
	int64_t  turn_max_ms;
	uint64_t padding_bytes;    /* 0: none */
	char    *publish_key_file; /* NULL: none */
	char   **public_topic;
	size_t   public_topic_count;
	char   **token_key; /* as token_key_spec_init reads them */
	size_t   token_key_count;
	bool     allow_weak_keys;
	char    *token_audience; /* NULL: none */
	char    *public_url;
	enum options_anonymous     anonymous;
	enum options_subscriptions subscriptions;
	int64_t                    subscriptions_lease_ms;
	char                      *cookie_name;
	char                      *access_token_cookie;
	bool                       query_token;
	bool                       count;
	char **publish_origin; /* as allow_origin; one "*" inside */
	size_t publish_origin_count;
	enum options_topic_by       topic_by;
	enum options_topic_in_event topic_in_event;
	uint64_t                    history_events;
	uint64_t                    history_bytes;
	int64_t                     history_age_ms;
	int64_t                     coalesce_ms;
	char                       *store;
	bool                        status;
	int64_t                     drain_spread_ms;
	int64_t                     drain_timeout_ms;
	char          **allow_origin; /* "*", or origins in lower case */
	size_t          allow_origin_count;
	char           *log; /* as log_init's target */
	enum log_format log_format;
	enum log_level  log_level;
};

enum options_verdict {
	OPTIONS_RUN,     /* all is read; run with it */
	OPTIONS_EXIT_OK, /* --help and the like: it is printed */
	OPTIONS_USAGE    /* something is wrong, and was said */
};

/*
 * Fills the struct, whatever it held, from the command line, FCGI_SSE_*
 * variables, the file of --config and the defaults. For each option the first
 * of these sources that has it counts, also for a list. An empty variable
 * counts as not set. In a variable, blanks separate the values of a list.
 *
 * What is wrong is one line that names the option, the variable, or the file
 * and its line. It is appended to problem, without LF. Then, and after
 * OPTIONS_EXIT_OK, the struct is empty.
 *
 * The words of a CGI request's query at the end of the command line (RFC 3875
 * section 4.4) are left out: the client would set the options with them.
 *
 * May be called again, as for a reload; nothing stays from the last time.
 */
enum options_verdict options_load(struct options *, int argc, char **argv,
    struct buf *problem);

/*
 * As options_load, but leaves out what is wrong as far as it can: to find the
 * log in which the error is to be reported.
 */
void options_load_log(struct options *, int argc, char **argv);

/* Frees what it holds; the struct is empty and may be deinitialised again. */
void options_deinit(struct options *);

#endif
