#include "config.h"

#include "tool/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tool/client_error.h"
#include "tool/reply.h"
#include "tool/target.h"
#include "tool/update.h"

#define CONNECT_TIMEOUT_MS 10000

/* How often an event is sent at most, and the longest wait in between. */
#define TRIES_MAX 5
#define WAIT_S_MAX 30

struct client {
	CURL                *curl;
	struct curl_slist   *fields;
	const struct target *target;
	char                *key;
	struct buf           body;      /* of the answer */
	bool                 is_proven; /* something was accepted */
	CURLcode             code;      /* of the last transfer */
	char                 curl_error[CURL_ERROR_SIZE];
};

static size_t
collect_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct client *client = arg;
	size_t         len_bytes = size * count;

	if (len_bytes > REPLY_BODY_BYTES_MAX - client->body.len_bytes)
		return 0; /* ends the transfer */
	buf_append(&client->body, bytes, len_bytes);
	return len_bytes;
}

/* That field, instead of what libcurl would send. */
static void
add_field(struct client *client, const char *name, const char *value)
{
	struct buf         line = { 0 };
	struct curl_slist *fields;

	buf_printf(&line, "%s: %s", name, value);
	fields = curl_slist_append(client->fields, line.data);
	explicit_bzero(line.data, line.len_bytes);
	buf_deinit(&line);
	if (fields == NULL)
		mem_fail();
	client->fields = fields;
}

static void
set_up(struct client *client, int64_t timeout_ms)
{
	CURL *curl = client->curl;

	curl_easy_setopt(curl, CURLOPT_URL, client->target->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (client->target->socket_path != NULL) {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH,
		    client->target->socket_path);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
	}
	curl_easy_setopt(curl, CURLOPT_USERAGENT,
	    PACKAGE_NAME "/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->fields);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_error);
}

struct client *
client_new(const struct target *target, const char *key, int64_t timeout_ms)
{
	struct client *client = mem_zalloc(sizeof(*client));
	struct buf     value = { 0 };

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (client->curl = curl_easy_init()) == NULL)
		mem_fail();
	client->target = target;
	if (key != NULL) {
		client->key = mem_strdup(key);
		buf_printf(&value, "Bearer %s", key);
		add_field(client, "Authorization", value.data);
		explicit_bzero(value.data, value.len_bytes);
		buf_deinit(&value);
	}
	set_up(client, timeout_ms);
	return client;
}

void
client_free(struct client *client)
{
	curl_easy_cleanup(client->curl);
	if (client->key != NULL)
		explicit_bzero(client->fields->data,
		    strlen(client->fields->data));
	curl_slist_free_all(client->fields);
	curl_global_cleanup();
	if (client->key != NULL)
		explicit_bzero(client->key, strlen(client->key));
	free(client->key);
	buf_deinit(&client->body);
	free(client);
}

static struct reply
get_reply(const struct client *client)
{
	struct reply reply = {
		.body = client->body.data,
		.body_bytes = client->body.len_bytes,
	};
	char *content_type = NULL, *location = NULL;

	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &reply.status);
	curl_easy_getinfo(client->curl, CURLINFO_CONTENT_TYPE, &content_type);
	curl_easy_getinfo(client->curl, CURLINFO_REDIRECT_URL, &location);
	reply.content_type = content_type;
	reply.location = location;
	return reply;
}

static enum client_result
no_answer(const struct client *client, struct buf *text)
{
	struct client_failure failure = {
		.code = client->code,
		.what = client->curl_error,
		.target = client->target,
		.is_proven = client->is_proven,
	};

	curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &failure.os_error);
	client_error_append(text, &failure);
	return CLIENT_HOPELESS;
}

/* Whether that status is for the place, and not for one event or moment. */
static bool
is_hopeless(long status)
{
	return status < 400 || status == 404 || status == 405 || status == 501;
}

/* One request. The text becomes the id or the cause. */
static enum client_result
send_form(struct client *client, const struct buf *form, struct buf *text)
{
	CURL        *curl = client->curl;
	struct reply reply;

	client->body.len_bytes = 0;
	text->len_bytes = 0;
	client->curl_error[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)form->len_bytes);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form->data);
	client->code = curl_easy_perform(curl);
	/* A body that is too long comes with a status all the same. */
	if (client->code != CURLE_OK && client->code != CURLE_WRITE_ERROR)
		return no_answer(client, text);
	reply = get_reply(client);
	if (client->code == CURLE_OK && reply_is_id(&reply)) {
		buf_append(text, reply.body, reply.body_bytes);
		client->is_proven = true;
		return CLIENT_ACCEPTED;
	}
	reply_append_cause(text, &reply, client->key);
	return is_hopeless(reply.status) ? CLIENT_HOPELESS : CLIENT_REFUSED;
}

/*
 * How long until the same request may be accepted; -1 when it will not. A web
 * server that took events and now takes no connection is mostly starting anew;
 * one that was connected to may have published already.
 */
static long
retry_wait_s(const struct client *client)
{
	long       status = 0;
	curl_off_t wait_s = 0;

	if (client->code == CURLE_COULDNT_CONNECT && client->is_proven)
		return 1;
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &wait_s);
	if (status != 429 || wait_s > WAIT_S_MAX)
		return -1;
	return wait_s > 0 ? (long)wait_s : 1;
}

static void
wait_for(long seconds)
{
	struct timespec left = { .tv_sec = seconds };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		continue;
}

enum client_result
client_publish(struct client *client, const struct update *update,
    struct buf *text)
{
	struct buf         form = { 0 };
	enum client_result result = CLIENT_REFUSED;
	long               wait_s;
	int                tries;

	update_append_form(&form, update);
	for (tries = 1;; tries++) {
		result = send_form(client, &form, text);
		wait_s = retry_wait_s(client);
		if (result == CLIENT_ACCEPTED || wait_s == -1 ||
		    tries == TRIES_MAX)
			break;
		wait_for(wait_s);
	}
	if (result != CLIENT_ACCEPTED && tries > 1)
		buf_printf(text, " (tried %d times)", tries);
	buf_append(text, "", 1);
	buf_deinit(&form);
	return result == CLIENT_HOPELESS && client->is_proven ? CLIENT_REFUSED :
								result;
}

const char *
client_note(const struct client *client)
{
	struct curl_header *field;

	if (curl_easy_header(client->curl, "Fcgi-Sse-Note", 0, CURLH_HEADER, -1,
		&field) != CURLHE_OK)
		return NULL;
	return field->value;
}
