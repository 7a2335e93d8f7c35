#include "config/option_spec.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "config/options.h"
#include "pure/selector.h"
#include "pure/url.h"

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

#define COOKIE_NAME "the name of a cookie, without a blank and without = ; ,"

/* Of a URL without a query, and of a header field's value. */
#define URL_BYTES DIGITS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:/[]@!$&'()+,;=%"

/* 1 to 65535 without leading zeros. */
static bool
is_port(const char *text)
{
	size_t len = strspn(text, DIGITS);
	long   port = 0;

	if (len == 0 || len > 5 || text[len] != '\0' || text[0] == '0')
		return false;
	for (size_t i = 0; i < len; i++)
		port = port * 10 + (text[i] - '0');
	return port <= 65535;
}

/*
 * Where the host at the start of the text ends: behind the bracket of an IPv6
 * address, or at the first byte that is none of host_chars. NULL: no host.
 */
static const char *
host_end(const char *text, const char *host_chars)
{
	size_t len;

	if (text[0] != '[') {
		len = strspn(text, host_chars);
		return len > 0 ? text + len : NULL;
	}
	text++;
	len = strspn(text, DIGITS "abcdefABCDEF:.");
	if (len < 2 || text[len] != ']')
		return NULL;
	return text + len + 1;
}

/* unix:PATH, HOST:PORT or [V6]:PORT; whether a name resolves is not checked. */
static bool
is_address(const char *text)
{
	const char *end;
	size_t      path_bytes;

	if (strncmp(text, "unix:", strlen("unix:")) == 0) {
		path_bytes = strlen(text + strlen("unix:"));
		return path_bytes > 0 &&
		    path_bytes < sizeof(((struct sockaddr_un *)NULL)->sun_path);
	}
	end = host_end(text, DIGITS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");
	return end != NULL && *end == ':' && is_port(end + 1);
}

/* Whether something can be published to it: "*" is for subscribers. */
static bool
is_topic(const char *text)
{
	return *text != '\0' && strcmp(text, "*") != 0;
}

/*
 * "*" or an origin as browsers write it (RFC 6454 section 6.2): scheme://host
 * with a port unless it is the scheme's own, all in lower case.
 */
static bool
is_origin(const char *text)
{
	const char *end;
	size_t      scheme_len;

	if (strcmp(text, "*") == 0)
		return true;
	scheme_len = strspn(text, LOWER DIGITS "+-.");
	if (strspn(text, LOWER) == 0 ||
	    strncmp(text + scheme_len, "://", 3) != 0)
		return false;
	end = host_end(text + scheme_len + 3, DIGITS LOWER ".-_");
	if (end == NULL || strpbrk(text, "ABCDEF") != NULL)
		return false;
	if (*end == '\0')
		return true;
	if (*end != ':' || !is_port(end + 1))
		return false;
	if (strncmp(text, "http://", strlen("http://")) == 0)
		return strcmp(end, ":80") != 0;
	if (strncmp(text, "https://", strlen("https://")) == 0)
		return strcmp(end, ":443") != 0;
	return true;
}

/* The path of a URL, decoded: what stands for something else is none of it. */
static bool
is_mount(const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return false;
	}
	return text[0] == '/' && strpbrk(text, "?#%") == NULL &&
	    strstr(text, "//") == NULL;
}

/* An origin that may have one "*" in place of some of its characters. */
static bool
is_origin_pattern(const char *text)
{
	const char *star = strchr(text, '*');
	const char *host = strstr(text, "://");
	char        filled[256];

	if (star == NULL || strcmp(text, "*") == 0)
		return is_origin(text);
	if (host == NULL || star < host || strchr(star + 1, '*') != NULL ||
	    strlen(text) >= sizeof(filled))
		return false;
	memcpy(filled, text, strlen(text) + 1);
	filled[star - text] = '8';
	return is_origin(filled);
}

/* The hub's URL or its path, with nothing behind the path. */
static bool
is_public_url(const char *text)
{
	struct url url = { 0 };
	bool       is_url;

	/* Two slashes would make a browser take what follows for a host. */
	is_url = ((text[0] == '/' && text[1] != '/') ||
		     strncmp(text, "https://", 8) == 0 ||
		     strncmp(text, "http://", 7) == 0) &&
	    strspn(text, URL_BYTES) == strlen(text) &&
	    selector_base_parse(&url, text, strlen(text)) == 0 &&
	    !url_part_is(&url, URL_PATHNAME, "/");
	url_deinit(&url);
	return is_url;
}

/* RFC 9110 section 5.6.2 has the characters of a cookie's name. */
static bool
is_cookie_name(const char *text)
{
	size_t len = strspn(text,
	    DIGITS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~");

	return len > 0 && len < 128 && text[len] == '\0';
}

/* clang-format off */
/*
 * The field's place. The comparison is never made, but the compiler warns when
 * the field is of another type than its row writes.
 */
#define FIELD(type, field) \
	(offsetof(struct options, field) + \
	    0 * sizeof((type *)NULL == &((struct options *)NULL)->field))

#define HEADING(text) \
	.type = OPTION_HEADING, .help = (text)
#define ACTION(what) \
	.type = OPTION_ACTION, .action = (what)
#define STRING(field) \
	.type = OPTION_STRING, .offset = FIELD(char *, field)
#define LIST(field) \
	.type = OPTION_LIST, .offset = FIELD(char **, field), \
	.count_offset = FIELD(size_t, field##_count)
#define DURATION(field, least_ms, most_ms) \
	.type = OPTION_DURATION, .offset = FIELD(int64_t, field), \
	.min = (least_ms), .max = (most_ms)
#define SIZE(field, least_bytes, most_bytes) \
	.type = OPTION_SIZE, .offset = FIELD(uint64_t, field), \
	.min = (least_bytes), .max = (most_bytes)
#define NUMBER(field, least, most) \
	.type = OPTION_NUMBER, .offset = FIELD(uint64_t, field), \
	.min = (least), .max = (most)
#define FLAG(field) \
	.type = OPTION_FLAG, .offset = FIELD(bool, field)
#define MODE(field) \
	.type = OPTION_MODE, .offset = FIELD(unsigned, field), .max = 0777
/* An enum is written as an int: another one would not compile. */
#define WORD(enum_type, field, ...) \
	.type = OPTION_WORD, \
	.offset = FIELD(enum_type, field) + \
	    0 * sizeof(char[sizeof(enum_type) == sizeof(int) ? 1 : -1]), \
	.words = (const char *const[]){ __VA_ARGS__, NULL }

#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)

const struct option_spec option_specs[] = {
	{ HEADING("Where requests come from") },
	{ .name = "listen", LIST(listen), .argument = "ADDRESS",
	    .is_valid = is_address,
	    .takes = "unix:PATH, HOST:PORT or [V6]:PORT",
	    .help = "Listen at unix:PATH, HOST:PORT or [V6]:PORT. Without it "
	    "requests come from the sockets that systemd passes, from a "
	    "listening socket on descriptor 0, or by CGI." },
	{ .name = "socket-mode", MODE(socket_mode), .fallback = "0660",
	    .argument = "MODE",
	    .help = "Permissions of the unix sockets of --listen." },
	{ .name = "mount", LIST(mount), .argument = "PATH",
	    .is_valid = is_mount,
	    .takes = "the path of a URL that begins with /, such as /sse, "
	    "decoded",
	    .help = "The path at which the web server has fcgi-sse, such as "
	    "/sse. Needed where the web server sets no PATH_INFO." },
	{ .name = "request-timeout", .fallback = "10s", .argument = "TIME",
	    DURATION(request_timeout_ms, SECOND_MS / 10, HOUR_MS),
	    .help = "How long a whole request may take to arrive." },
	{ .name = "max-body", SIZE(max_body_bytes, KIB, 64 * MIB),
	    .fallback = "1M", .argument = "SIZE",
	    .help = "The longest body of a request, in bytes." },

	{ HEADING("Streams") },
	{ .name = "heartbeat", DURATION(heartbeat_ms, SECOND_MS, HOUR_MS),
	    .fallback = "15s", .argument = "TIME",
	    .help = "Send a comment to a stream after this time without an "
	    "event. Web servers notice by it that a client is gone." },
	{ .name = "max-streams", NUMBER(max_streams, 1, 10000000),
	    .has_off = true, .fallback = "0", .argument = "COUNT",
	    .help = "How many streams may be open at a time. 0 is as many as "
	    "the limit of open files allows, less a reserve. It holds for "
	    "all processes at one socket together, also by CGI and "
	    "mod_fcgid, where 0 is 10 and 80." },
	{ .name = "max-streams-per-client", .has_off = true,
	    NUMBER(max_streams_per_client, 1, 10000000), .fallback = "0",
	    .argument = "COUNT",
	    .help = "How many streams may be open for one address. 0 is no "
	    "limit. Behind a proxy the address may be the proxy's. Of "
	    "several processes each counts its own, unless clients take "
	    "turns." },
	{ .name = "stall-timeout", .fallback = "30s", .argument = "TIME",
	    DURATION(stall_timeout_ms, SECOND_MS / 10, HOUR_MS),
	    .help = "End a stream when its client has read nothing for this "
	    "time." },
	{ .name = "stream-lifetime", .fallback = "0", .has_off = true,
	    DURATION(stream_lifetime_ms, SECOND_MS, 24 * 7 * HOUR_MS),
	    .argument = "TIME",
	    .help = "End each stream when it is as old as this, or up to a "
	    "fifth younger; its client comes back. 0 is never." },
	{ .name = "turns", NUMBER(turns, 1, 1000000), .has_off = true,
	    .fallback = "0", .argument = "COUNT",
	    .help = "How many streams are open at a time when more clients "
	    "want one, which then take turns: the web server's workers, "
	    "less a reserve for its other pages. 0 is no turns. It holds for "
	    "all processes at one socket together. By CGI and mod_fcgid it "
	    "has no effect: clients take turns on --max-streams." },
	{ .name = "turn-min", DURATION(turn_min_ms, 50, 120 * SECOND_MS),
	    .fallback = "200ms", .argument = "TIME",
	    .help = "With --turns: end no stream for another client before "
	    "this time." },
	{ .name = "turn-max", DURATION(turn_max_ms, SECOND_MS, 120 * SECOND_MS),
	    .has_off = true, .fallback = "5s", .argument = "TIME",
	    .help = "With --turns: each client has a turn within this time. "
	    "With twice as many clients as streams a turn is half of it. 0: "
	    "no turns, also by CGI and mod_fcgid." },
	{ .name = "padding", SIZE(padding_bytes, 1, 128 * KIB),
	    .has_off = true, .fallback = "0", .argument = "SIZE",
	    .help = "Begin each stream with a comment of so many bytes, for "
	    "what holds back a response's first kilobytes. 0 is none." },
	{ .name = "allow-origin", LIST(allow_origin), .argument = "ORIGIN",
	    .is_valid = is_origin,
	    .takes = "* or an origin as browsers send it, such as "
	    "https://example.org: in lower case, without a path, without the "
	    "scheme's own port",
	    .help = "Let pages of another origin, such as "
	    "https://example.org, read the answers (CORS). * allows "
	    "all origins." },

	{ HEADING("Publishing") },
	{ .name = "publish-key-file", STRING(publish_key_file),
	    .argument = "FILE", .takes = "a file's path",
	    .help = "A file with a key on each line. Whoever sends one of "
	    "the keys may publish to all topics." },
	{ .name = "public-topic", LIST(public_topic), .argument = "TOPIC",
	    .is_valid = is_topic,
	    .takes = "the name of one topic; * is none",
	    .help = "Anyone may publish to this topic. The rate is limited "
	    "for each address." },
	{ .name = "publish-origin", LIST(publish_origin), .argument = "ORIGIN",
	    .is_valid = is_origin_pattern,
	    .takes = "* or an origin as browsers send it, such as "
	    "https://example.org, in which one * may stand for any characters",
	    .help = "Let pages of this origin publish by the token of a "
	    "cookie. Without it only pages of the hub's own origin may." },
	{ .name = "topic-by", .fallback = "both", .argument = "WORD",
	    WORD(enum options_topic_by, topic_by, "both", "path", "query"),
	    .help = "Where a request names its topics: in the path "
	    "(/events/t/TOPIC), so that the web server's rules for paths "
	    "hold for them, in the query or the form, or both." },
	{ .name = "topic-in-event", .fallback = "no", .argument = "WORD",
	    WORD(enum options_topic_in_event, topic_in_event, "no", "comment"),
	    .help = "Whether each event has its topic in a comment: no or "
	    "comment. EventSource does not show comments, other clients may." },
	{ .name = "history-events", NUMBER(history_events, 1, 1000000),
	    .fallback = "1000", .argument = "COUNT",
	    .help = "How many events a topic keeps for subscribers who come "
	    "back." },
	{ .name = "history-bytes", .fallback = "64M", .argument = "SIZE",
	    SIZE(history_bytes, 64 * KIB, 64 * 1024 * MIB),
	    .help = "How much memory all topics and their events may take." },
	{ .name = "history-age", .fallback = "1h", .argument = "TIME",
	    DURATION(history_age_ms, SECOND_MS / 10, 24 * 365 * HOUR_MS),
	    .help = "How long an event is kept." },
	{ .name = "store", STRING(store), .fallback = "auto",
	    .argument = "URL", .takes = "the URL of a store",
	    .help = "Where events are kept: memory, sqlite:FILE, redis://HOST, "
	    "redis+unix:PATH, or auto: memory if this process alone "
	    "serves, else a file." },
	{ .name = "coalesce", .fallback = "0", .has_off = true,
	    DURATION(coalesce_ms, 1, 10 * SECOND_MS), .argument = "TIME",
	    .help = "Send the events that are published to a topic within "
	    "this time together, which costs less." },

	{ HEADING("Tokens") },
	{ .name = "token-key", LIST(token_key), .argument = "SPEC",
	    .help = "A key for tokens, such as "
	    "dialect=07,role=subscriber,alg=HS256,file=PATH. fcgi-sse(8) "
	    "tells its members." },
	{ .name = "allow-weak-keys", FLAG(allow_weak_keys), .fallback = "no",
	    .help = "Take secrets that others could guess, for tests." },
	{ .name = "token-audience", STRING(token_audience),
	    .argument = "URL", .takes = "the hub's resource identifier",
	    .help = "What a token of draft 08 has to name as its audience "
	    "(aud)." },
	{ .name = "public-url", STRING(public_url), .argument = "URL",
	    .fallback = "/.well-known/mercure", .is_valid = is_public_url,
	    .takes = "a path that begins with /, or an http or https URL, "
	    "without a query",
	    .help = "The hub's URL, or its path alone. Topics there are "
	    "reserved, and patterns are relative to it." },
	{ .name = "anonymous", .fallback = "auto", .argument = "WORD",
	    WORD(enum options_anonymous, anonymous, "auto", "yes", "no"),
	    .help = "Whether clients without a token may subscribe: yes, no, "
	    "or auto for yes where no token key is configured." },
	{ .name = "subscriptions", .fallback = "no", .argument = "WORD",
	    WORD(enum options_subscriptions, subscriptions, "no", "0.x", "1.0",
		"both"),
	    .help = "Whether private updates tell who subscribes to what: no; "
	    "0.x or 1.0, in the shape that these versions of the Mercure hub "
	    "use; or both." },
	{ .name = "subscriptions-lease",
	    DURATION(subscriptions_lease_ms, SECOND_MS, HOUR_MS),
	    .fallback = "1m", .argument = "TIME",
	    .help = "How long a process that shares the store may be silent "
	    "before others announce that its subscribers have left." },
	{ .name = "cookie-name", STRING(cookie_name), .argument = "NAME",
	    .fallback = "mercureAuthorization", .is_valid = is_cookie_name,
	    .takes = COOKIE_NAME,
	    .help = "The cookie that holds a token of draft 07." },
	{ .name = "access-token-cookie", STRING(access_token_cookie),
	    .argument = "NAME", .is_valid = is_cookie_name,
	    .fallback = "__Secure-mercure_access_token",
	    .takes = COOKIE_NAME,
	    .help = "The cookie that holds a token of draft 08. It is looked "
	    "at first." },
	{ .name = "query-token", FLAG(query_token), .fallback = "no",
	    .help = "Take tokens of draft 07 from the query too "
	    "(authorization=). Access logs will hold them." },
	{ .name = "count", FLAG(count), .fallback = "no",
	    .help = "Answer /events/count with the number of a topic's open "
	    "streams, to all who may subscribe." },

	{ HEADING("Operation") },
	{ .name = "status", FLAG(status), .fallback = "no",
	    .help = "Answer /healthz, /metrics and /status to all clients, "
	    "not only to those on this machine." },
	{ .name = "drain-spread", .fallback = "5s", .has_off = true,
	    DURATION(drain_spread_ms, 1, HOUR_MS), .argument = "TIME",
	    .help = "Tell clients whose stream is refused, or ended by a "
	    "stop, to come back spread over this time." },
	{ .name = "drain-timeout", .fallback = "10s", .argument = "TIME",
	    DURATION(drain_timeout_ms, SECOND_MS / 10, HOUR_MS),
	    .help = "How long responses may take to end after a signal to "
	    "stop." },

	{ HEADING("Log") },
	{ .name = "log", STRING(log), .fallback = "stderr",
	    .argument = "TARGET", .takes = "stderr, syslog or a file's path",
	    .help = "Log to stderr, to the syslog or to the file of this "
	    "path, which SIGHUP opens again." },
	{ .name = "log-format", .fallback = "text", .argument = "FORMAT",
	    WORD(enum log_format, log_format, "text", "json"),
	    .help = "One line an event, as text or JSON." },
	{ .name = "log-level", .fallback = "info", .argument = "LEVEL",
	    WORD(enum log_level, log_level, "error", "warn", "info", "debug"),
	    .help = "Log events of this level and of those named before it." },

	{ HEADING("Options") },
	{ .name = "config", STRING(config), .is_outside_file = true,
	    .argument = "FILE", .takes = "a file's path",
	    .help = "Read options from this file." },
	{ .name = "print-config", ACTION(OPTION_ACTION_PRINT_CONFIG),
	    .help = "Print the options in force as a file for --config, and "
	    "exit." },
	{ .name = "help", ACTION(OPTION_ACTION_HELP),
	    .help = "Print this and exit." },
	{ .name = "version", ACTION(OPTION_ACTION_VERSION),
	    .help = "Print the versions of fcgi-sse and libuv and exit." },
};
/* clang-format on */

const size_t option_spec_count = sizeof(option_specs) / sizeof(option_specs[0]);

_Static_assert(sizeof(option_specs) / sizeof(option_specs[0]) <=
	OPTION_SPEC_MAX,
    "OPTION_SPEC_MAX is too small for the table");

const struct option_spec *
option_spec_find(const char *name)
{
	for (size_t i = 0; i < option_spec_count; i++) {
		if (option_specs[i].type != OPTION_HEADING &&
		    strcmp(option_specs[i].name, name) == 0)
			return &option_specs[i];
	}
	return NULL;
}
