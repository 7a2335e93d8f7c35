#include "config.h"

#include "tool/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tool/arguments.h"
#include "tool/fastcgi.h"
#include "tool/publication.h"
#include "tool/reply.h"

#define CONNECT_TIMEOUT_MS 10000

/* How often an event is sent at most, and the longest wait in between. */
#define TRIES_MAX 5
#define WAIT_S_MAX 30

struct client {
	CURL                *curl;
	struct curl_slist   *fields;
	const struct target *target;
	char                *key;
	int64_t              timeout_ms;
	bool                 is_proven; /* something was accepted */

	/* Of the last request. */
	CURLcode              code;
	struct reply          reply;
	struct buf            body;   /* of a reply by HTTP */
	struct fastcgi_answer answer; /* by FastCGI */
	char                  curl_error[CURL_ERROR_SIZE];
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
	curl_easy_setopt(curl, CURLOPT_USERAGENT, CLIENT_NAME PACKAGE_VERSION);
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

	client->target = target;
	client->timeout_ms = timeout_ms;
	if (key != NULL)
		client->key = mem_strdup(key);
	if (target->url == NULL)
		return client;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (client->curl = curl_easy_init()) == NULL)
		mem_fail();
	if (key != NULL) {
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
	if (client->curl != NULL) {
		curl_easy_cleanup(client->curl);
		if (client->fields != NULL)
			explicit_bzero(client->fields->data,
			    strlen(client->fields->data));
		curl_slist_free_all(client->fields);
		curl_global_cleanup();
	}
	if (client->key != NULL)
		explicit_bzero(client->key, strlen(client->key));
	free(client->key);
	buf_deinit(&client->body);
	fastcgi_answer_deinit(&client->answer);
	free(client);
}

/* By HTTP. */

static void
read_reply(struct client *client)
{
	struct reply       *reply = &client->reply;
	CURL               *curl = client->curl;
	struct curl_header *note;
	char               *content_type = NULL, *location = NULL;
	curl_off_t          retry_after_s = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &content_type);
	curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
	if (curl_easy_header(curl, "Fcgi-Sse-Note", 0, CURLH_HEADER, -1,
		&note) == CURLHE_OK)
		reply->note = note->value;
	reply->content_type = content_type;
	reply->location = location;
	reply->retry_after_s = (long)retry_after_s;
	reply->body = client->body.data;
	reply->body_bytes = client->body.len_bytes;
}

/* True when there is a reply; it is an id only when all of it came. */
static bool
send_by_http(struct client *client, const struct buf *form)
{
	CURL *curl = client->curl;

	client->body.len_bytes = 0;
	client->curl_error[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)form->len_bytes);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form->data);
	client->code = curl_easy_perform(curl);
	/* A body that is too long comes with a status all the same. */
	if (client->code != CURLE_OK && client->code != CURLE_WRITE_ERROR)
		return false;
	read_reply(client);
	return true;
}

/* By FastCGI; what fails is told in libcurl's numbers, as by HTTP. */

static bool
send_by_fastcgi(struct client *client, const struct buf *form, int *os_error)
{
	static const struct {
		CURLcode    code;
		const char *what;
	} failures[] = {
		[FASTCGI_ANSWERED] = { CURLE_OK, "" },
		[FASTCGI_NOT_CONNECTED] = { CURLE_COULDNT_CONNECT, "" },
		[FASTCGI_TIMED_OUT] = { CURLE_OPERATION_TIMEDOUT,
		    "the request timed out" },
		[FASTCGI_FAILED] = { CURLE_WEIRD_SERVER_REPLY,
		    "there was no answer by FastCGI" },
	};
	enum fastcgi_result result;

	fastcgi_answer_deinit(&client->answer);
	result = fastcgi_publish(client->target->socket_path, client->key, form,
	    client->timeout_ms, &client->answer);
	*os_error = result == FASTCGI_NOT_CONNECTED ? errno : 0;
	client->code = failures[result].code;
	snprintf(client->curl_error, sizeof(client->curl_error), "%s",
	    failures[result].what);
	client->reply = client->answer.reply;
	return result == FASTCGI_ANSWERED;
}

/* By either. */

static void
append_failure(const struct client *client, int os_error, struct buf *text)
{
	struct failure failure = {
		.code = client->code,
		.what = client->curl_error,
		.target = client->target,
		.os_error = os_error,
		.is_proven = client->is_proven,
	};

	if (client->curl != NULL)
		curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO,
		    &failure.os_error);
	reply_append_failure(text, &failure);
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
	const struct reply *reply = &client->reply;
	int                 os_error = 0;
	bool                is_answered;

	text->len_bytes = 0;
	client->reply = (struct reply){ 0 };
	is_answered = client->curl != NULL ?
	    send_by_http(client, form) :
	    send_by_fastcgi(client, form, &os_error);
	if (!is_answered) {
		append_failure(client, os_error, text);
		return CLIENT_HOPELESS;
	}
	if (client->code == CURLE_OK && reply_is_id(reply)) {
		buf_append(text, reply->body, reply->body_bytes);
		client->is_proven = true;
		return CLIENT_ACCEPTED;
	}
	reply_append_cause(text, reply, client->key);
	return is_hopeless(reply->status) ? CLIENT_HOPELESS : CLIENT_REFUSED;
}

/*
 * How long until the same request may be accepted; -1 when it will not. A web
 * server that took events and now takes no connection is mostly starting anew;
 * one that was connected to may have published already.
 */
static long
retry_wait_s(const struct client *client)
{
	long wait_s = client->reply.retry_after_s;

	if (client->code == CURLE_COULDNT_CONNECT && client->is_proven)
		return 1;
	if (client->reply.status != 429 || wait_s > WAIT_S_MAX)
		return -1;
	return wait_s > 0 ? wait_s : 1;
}

static void
wait_for(long seconds)
{
	struct timespec left = { .tv_sec = seconds };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		continue;
}

enum client_result
client_publish(struct client *client, const struct publication *publication,
    struct buf *text)
{
	struct buf         form = { 0 };
	enum client_result result = CLIENT_REFUSED;
	long               wait_s;
	int                tries;

	publication_append_form(&form, publication);
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
	return client->reply.note;
}
