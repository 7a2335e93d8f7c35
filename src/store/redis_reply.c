#include "store/redis_reply.h"

#include <stddef.h>
#include <string.h>

/* What errors begin with, or, in a script, what follows a "-". */
static const struct {
	const char *word;
	const char *reason;
	bool        is_general; /* of the whole server */
} reasons[] = { { "LOADING", "the broker is loading its data", true },
	{ "OOM", "the broker's memory is full", true },
	{ "READONLY", "the broker is a read-only replica", true },
	{ "MISCONF", "the broker cannot save its data", true },
	{ "NOAUTH", "the broker wants a password", true },
	{ "WRONGPASS", "the broker refused the password", false },
	{ "NOPERM", "the broker's user has not the right to do this", true },
	{ "WRONGTYPE", "a key of the log holds something else", false },
	{ "MOVED", "another node of the cluster has the log", true },
	{ "ASK", "another node of the cluster has the log", false },
	{ "CLUSTERDOWN", "the broker's cluster is down", true },
	{ "MASTERDOWN", "the broker's master is down", true },
	{ "NOREPLICAS", "the broker has too few replicas", true },
	{ "BUSY", "the broker is busy with a script", true },
	{ "EXECABORT", "the broker refused a transaction", false },
	{ "ERR max number of clients", "the broker has too many clients",
	    false },
	{ "ERR DB index", "the broker has no such database", false },
	{ "ERR invalid DB index", "the broker has no such database", false },
	{ "ERR AUTH", "the broker refused the password", false },
	{ "ERR invalid password", "the broker refused the password", false },
	{ "ERR Client sent AUTH", "the broker has no password set", false },
	{ "ERR unknown command", "the broker is older than Redis 6.2", false },
	{ "ERR syntax error", "the broker is older than Redis 6.2", false },
	{ "ERR value is not an integer", "the broker refused a number",
	    false } };

#define REASON_COUNT (sizeof(reasons) / sizeof(reasons[0]))

/* Whether the text has the word at its start, or behind a "-". */
static bool
has_word(const char *text, const char *word)
{
	const char *at;

	if (strncmp(text, word, strlen(word)) == 0)
		return true;
	for (at = strchr(text, '-'); at != NULL; at = strchr(at + 1, '-'))
		if (strncmp(at + 1, word, strlen(word)) == 0)
			return true;
	return false;
}

/* Which of the reasons; REASON_COUNT: none. */
static size_t
find_reason(const redisReply *error)
{
	size_t i;

	for (i = 0; i < REASON_COUNT; i++)
		if (has_word(error->str, reasons[i].word))
			break;
	return i;
}

const char *
redis_reply_reason(const redisReply *error)
{
	size_t i = find_reason(error);

	return i < REASON_COUNT ? reasons[i].reason : "the broker refused";
}

bool
redis_reply_is_general(const redisReply *error)
{
	size_t i = find_reason(error);

	return i < REASON_COUNT && reasons[i].is_general;
}

bool
redis_reply_is_behind(const redisReply *error)
{
	return error->type == REDIS_REPLY_ERROR &&
	    strstr(error->str, "equal or smaller than the target") != NULL;
}

bool
redis_reply_is(const redisReply *reply, const char *text)
{
	return (reply->type == REDIS_REPLY_STRING ||
		   reply->type == REDIS_REPLY_STATUS) &&
	    reply->len == strlen(text) &&
	    memcmp(reply->str, text, reply->len) == 0;
}

static bool
read_id(struct redis_id *id, const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING &&
	    redis_id_parse(id, reply->str, reply->len);
}

/* The value behind a name in a list of both. */
static bool
read_field(struct redis_info *info, const redisReply *name,
    const redisReply *value)
{
	if (redis_reply_is(name, "last-generated-id"))
		return read_id(&info->last, value);
	if (redis_reply_is(name, "first-entry"))
		return value->type == REDIS_REPLY_NIL ||
		    (value->type == REDIS_REPLY_ARRAY && value->elements == 2 &&
			read_id(&info->first, value->element[0]));
	if (redis_reply_is(name, "length") ||
	    redis_reply_is(name, "entries-added")) {
		if (value->type != REDIS_REPLY_INTEGER || value->integer < 0)
			return false;
		if (redis_reply_is(name, "length"))
			info->length = (uint64_t)value->integer;
		else
			info->added = (uint64_t)value->integer;
	}
	return true;
}

const char *
redis_info_read(struct redis_info *info, const redisReply *reply)
{
	size_t i;

	memset(info, 0, sizeof(*info));
	if (reply->type == REDIS_REPLY_ERROR)
		return strstr(reply->str, "no such key") != NULL ?
		    NULL :
		    redis_reply_reason(reply);
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 0)
		return REDIS_REPLY_ODD;
	for (i = 0; i < reply->elements; i += 2)
		if (!read_field(info, reply->element[i], reply->element[i + 1]))
			return REDIS_REPLY_ODD;
	info->is_there = true;
	return NULL;
}
