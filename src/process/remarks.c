#include "config.h"

#include "process/remarks.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "auth/access.h"
#include "base/log.h"
#include "config/option_spec.h"
#include "config/option_value.h"
#include "config/options.h"
#include "edge/cgi.h"
#include "process/engine.h"

/* How long clients may wait for their turn: a round, as stream/places.c. */
#define ROUND_MS_MIN 60000
#define ROUND_TURNS 12

/* What the options are judged by. */
struct setting {
	const struct options *options;
	const struct engine  *engine;
	bool                  is_single_use; /* a process for each stream */
	bool                  has_keys;      /* for tokens */
};

struct remark {
	const char *option;
	bool (*is_due)(const struct setting *);
	const char *reason;
	const char *cure;
};

static bool
is_changed(const struct setting *setting, const char *name)
{
	return !option_value_is_default(setting->options,
	    option_spec_find(name));
}

static bool
has_dialect(const struct setting *setting, enum token_dialect dialect)
{
	return access_has_dialect(setting->engine->access, dialect);
}

/* Streams. */

static bool
turns_are_off(const struct setting *setting)
{
	return setting->options->turns > 0 &&
	    setting->options->turn_max_ms == 0;
}

static bool
turns_are_single_use(const struct setting *setting)
{
	return setting->options->turns > 0 && setting->is_single_use;
}

static bool
turns_are_too_many(const struct setting *setting)
{
	const struct options *options = setting->options;

	return !setting->is_single_use && options->turns > 0 &&
	    options->max_streams > 0 && options->max_streams <= options->turns;
}

static bool
turns_exceed_descriptors(const struct setting *setting)
{
	return !setting->is_single_use &&
	    setting->options->turns >
	    setting->engine->streams.limits.count_max &&
	    !turns_are_too_many(setting);
}

static bool
streams_exceed_descriptors(const struct setting *setting)
{
	return !setting->is_single_use &&
	    setting->options->max_streams >
	    setting->engine->streams.limits.count_max;
}

static bool
is_turn_min_idle(const struct setting *setting)
{
	return !setting->is_single_use && setting->options->turns == 0 &&
	    is_changed(setting, "turn-min");
}

static bool
is_turn_max_idle(const struct setting *setting)
{
	return !setting->is_single_use && setting->options->turns == 0 &&
	    setting->options->turn_max_ms > 0 &&
	    is_changed(setting, "turn-max");
}

static bool
client_may_have_all(const struct setting *setting)
{
	const struct options *options = setting->options;

	return options->max_streams > 0 &&
	    options->max_streams_per_client >= options->max_streams;
}

static bool
client_is_not_counted(const struct setting *setting)
{
	return setting->is_single_use &&
	    setting->options->max_streams_per_client > 0 &&
	    setting->engine->streams.limits.places.count == 0;
}

static bool
is_heartbeat_late(const struct setting *setting)
{
	const struct options *options = setting->options;

	return options->stream_lifetime_ms > 0 &&
	    options->heartbeat_ms >= options->stream_lifetime_ms &&
	    is_changed(setting, "heartbeat");
}

static bool
is_request_left(const struct setting *setting)
{
	return setting->options->listen_count > 0 && cgi_is_requested();
}

static bool
is_mode_idle(const struct setting *setting)
{
	const struct options *options = setting->options;

	for (size_t i = 0; i < options->listen_count; i++) {
		if (strncmp(options->listen[i], "unix:", 5) == 0)
			return false;
	}
	return is_changed(setting, "socket-mode");
}

/* Publishing, and what is kept. */

static bool
is_history_less_than_body(const struct setting *setting)
{
	return setting->options->max_body_bytes >
	    setting->options->history_bytes;
}

static bool
is_history_uncounted(const struct setting *setting)
{
	return setting->is_single_use && is_changed(setting, "history-events");
}

static bool
is_history_shorter_than_spread(const struct setting *setting)
{
	return setting->options->history_age_ms <
	    setting->options->drain_spread_ms;
}

static bool
is_history_shorter_than_turns(const struct setting *setting)
{
	const struct options *options = setting->options;

	return setting->engine->streams.limits.places.count > 0 &&
	    (options->history_age_ms < ROUND_MS_MIN ||
		options->history_age_ms < ROUND_TURNS * options->turn_max_ms);
}

static bool
is_public_topic_reserved(const struct setting *setting)
{
	const struct options *options = setting->options;

	for (size_t i = 0; i < options->public_topic_count; i++) {
		if (access_is_reserved(setting->engine->access,
			options->public_topic[i], false))
			return true;
	}
	return false;
}

static bool
is_memory_of_many(const struct setting *setting)
{
	return !setting->is_single_use && setting->engine->tail.is_memory &&
	    setting->engine->seating.is_shared &&
	    strcmp(setting->options->store, "memory") == 0;
}

/* Tokens. */

static bool
is_origin_idle(const struct setting *setting)
{
	return setting->options->publish_origin_count > 0 && !setting->has_keys;
}

static bool
is_weakness_idle(const struct setting *setting)
{
	return setting->options->allow_weak_keys && !setting->has_keys;
}

static bool
is_cookie_07_idle(const struct setting *setting)
{
	return is_changed(setting, "cookie-name") &&
	    !has_dialect(setting, TOKEN_DIALECT_07);
}

static bool
is_cookie_08_idle(const struct setting *setting)
{
	return is_changed(setting, "access-token-cookie") &&
	    !has_dialect(setting, TOKEN_DIALECT_08);
}

static bool
is_query_idle(const struct setting *setting)
{
	return setting->options->query_token &&
	    !has_dialect(setting, TOKEN_DIALECT_07);
}

static bool
is_audience_idle(const struct setting *setting)
{
	return setting->options->token_audience != NULL &&
	    !has_dialect(setting, TOKEN_DIALECT_08);
}

static bool
can_nobody_subscribe(const struct setting *setting)
{
	return !setting->engine->routing.subscribe.is_anonymous_allowed &&
	    !access_has_role(setting->engine->access, TOKEN_ROLE_SUBSCRIBER);
}

static bool
can_nobody_read_announcements(const struct setting *setting)
{
	const struct options *options = setting->options;

	return options->subscriptions != OPTIONS_SUBSCRIPTIONS_NO &&
	    !options->count &&
	    !access_has_role(setting->engine->access, TOKEN_ROLE_SUBSCRIBER);
}

static bool
is_lease_idle(const struct setting *setting)
{
	return is_changed(setting, "subscriptions-lease") &&
	    (setting->options->subscriptions == OPTIONS_SUBSCRIPTIONS_NO ||
		setting->engine->tail.is_memory);
}

static bool
is_count_refused(const struct setting *setting)
{
	return setting->options->count && setting->is_single_use;
}

static bool
is_count_partial(const struct setting *setting)
{
	return setting->options->count && !setting->is_single_use &&
	    setting->engine->seating.is_shared &&
	    setting->options->subscriptions == OPTIONS_SUBSCRIPTIONS_NO;
}

static const struct remark remarks[] = {
	{ "listen", is_request_left,
	    "a web server has started this process for a request by CGI, "
	    "which is not answered: the process serves the sockets",
	    "leave listen out of a CGI program's options; to start a server "
	    "from one, unset GATEWAY_INTERFACE and REQUEST_METHOD" },
	{ "turns", turns_are_single_use,
	    "by CGI and mod_fcgid each stream is a process, and clients take "
	    "turns on max-streams",
	    "set max-streams in its place" },
	{ "turns", turns_are_off, "turn-max is 0: nobody takes turns",
	    "leave one of the two out" },
	{ "turns", turns_are_too_many,
	    "max-streams is not more: nobody takes turns",
	    "leave max-streams out, or set it to more than turns" },
	{ "turns", turns_exceed_descriptors,
	    "the limit of open files allows fewer streams",
	    "raise it, as by LimitNOFILE= of systemd or ulimit -n" },
	{ "max-streams", streams_exceed_descriptors,
	    "the limit of open files allows fewer streams",
	    "raise it, as by LimitNOFILE= of systemd or ulimit -n" },
	{ "turn-min", is_turn_min_idle, "without turns nobody takes turns",
	    "set turns" },
	{ "turn-max", is_turn_max_idle, "without turns nobody takes turns",
	    "set turns" },
	{ "max-streams-per-client", client_may_have_all,
	    "max-streams is not more, and is reached before",
	    "set it to less than max-streams" },
	{ "max-streams-per-client", client_is_not_counted,
	    "by CGI and mod_fcgid each process has one stream, and clients "
	    "are counted only where they take turns",
	    "have turn-max be more than 0" },
	{ "heartbeat", is_heartbeat_late,
	    "streams end before it is due, by stream-lifetime",
	    "set it to less than stream-lifetime" },
	{ "socket-mode", is_mode_idle,
	    "no socket is made here: there is no listen = unix:PATH",
	    "set it where the socket is made, as by SocketMode= of systemd or "
	    "spawn-fcgi -M" },
	{ "history-bytes", is_history_less_than_body,
	    "it is less than max-body: of a longer update only those learn who "
	    "are there when it is published",
	    "set it to several times max-body, or max-body to less" },
	{ "history-events", is_history_uncounted,
	    "by CGI and mod_fcgid clients get all that the store has",
	    "set history-bytes or history-age" },
	{ "history-age", is_history_shorter_than_spread,
	    "it is less than drain-spread: who is told to come back then "
	    "misses events",
	    "set it to more than drain-spread" },
	{ "history-age", is_history_shorter_than_turns,
	    "clients may wait longer for their turn, and miss events",
	    "set it to a minute and 12 times turn-max at least" },
	{ "store", is_memory_of_many,
	    "several processes may serve, and each has other events",
	    "leave it out, or set store = sqlite:FILE" },
	{ "public-topic", is_public_topic_reserved,
	    "one of them is at the path of public-url, where topics are "
	    "reserved: nobody can publish to it",
	    "choose another name" },
	{ "publish-origin", is_origin_idle,
	    "no token-key is configured: pages publish by a token",
	    "add a token-key; allow-origin is for pages that subscribe" },
	{ "allow-weak-keys", is_weakness_idle, "no token-key is configured",
	    "add a token-key" },
	{ "cookie-name", is_cookie_07_idle,
	    "no token-key of dialect=07 is configured",
	    "add one; access-token-cookie is for dialect=08" },
	{ "access-token-cookie", is_cookie_08_idle,
	    "no token-key of dialect=08 is configured",
	    "add one; cookie-name is for dialect=07" },
	{ "query-token", is_query_idle,
	    "no token-key of dialect=07 is configured", "add one" },
	{ "token-audience", is_audience_idle,
	    "no token-key of dialect=08 is configured", "add one" },
	{ "anonymous", can_nobody_subscribe,
	    "nobody can subscribe: it is no, or auto beside a token-key, and "
	    "no token-key is for subscribers",
	    "set anonymous = yes, or add a token-key of role=subscriber or "
	    "role=both" },
	{ "subscriptions", can_nobody_read_announcements,
	    "nobody can read them: no token-key is for subscribers",
	    "add a token-key of role=subscriber or role=both" },
	{ "subscriptions-lease", is_lease_idle,
	    "it is for subscriptions and a store that processes share",
	    "set subscriptions and store" },
	{ "count", is_count_refused,
	    "by CGI and mod_fcgid each process has one stream: it answers 501",
	    "have one process serve all, as by mod_proxy_fcgi" },
	{ "count", is_count_partial,
	    "several processes serve, and each counts its own streams",
	    "set subscriptions" },
};

void
remarks_log(const struct options *options, const struct engine *engine)
{
	const struct setting setting = {
		.options = options,
		.engine = engine,
		.is_single_use = seating_is_single_use(&engine->seating),
		.has_keys = access_has_keys(engine->access),
	};

	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
		if (remarks[i].is_due(&setting))
			log_warn("option", LOG_STR("option", remarks[i].option),
			    LOG_STR("reason", remarks[i].reason),
			    LOG_STR("cure", remarks[i].cure));
	}
}
