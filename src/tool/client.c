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
#include "tool/retry.h"

#define CONNECT_TIMEOUT_MS 10000

/*
 * Where there were too many requests: how often an event is sent at most, and
 * the longest wait in between.
 */
#define TRIES_MAX 5
#define WAIT_S_MAX 30

struct client {
	CURL                *curl;
	struct curl_slist   *fields;
	const struct target *target;
	char                *key;
	int64_t              timeout_ms;
	int64_t              retry_ms;
	bool                 is_proven; /* something was accepted */

	/* Of the last event. */
	struct retry retry;
	char         once[RETRY_KEY_BYTES]; /* its Idempotency-Key */

	/* Of the last request. */
	CURLcode              code;
	long                  os_error; /* an errno, or 0 */
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
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_error);
}

struct client *
client_new(const struct target *target, const char *key, int64_t timeout_ms,
    int64_t retry_ms)
{
	struct client *client = mem_zalloc(sizeof(*client));
	struct buf     value = { 0 };

	client->target = target;
	client->timeout_ms = timeout_ms;
	client->retry_ms = retry_ms;
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
	struct curl_slist once = { .next = client->fields };
	char  line[sizeof("Idempotency-Key: \"\"") + RETRY_KEY_BYTES];
	CURL *curl = client->curl;

	/* A string, as RFC 9651 section 3.3.3 has it. */
	snprintf(line, sizeof(line), "Idempotency-Key: \"%s\"", client->once);
	once.data = line;
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, &once);
	client->body.len_bytes = 0;
	client->curl_error[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)form->len_bytes);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form->data);
	client->code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &client->os_error);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	/* A body that is too long comes with a status all the same. */
	if (client->code != CURLE_OK && client->code != CURLE_WRITE_ERROR)
		return false;
	read_reply(client);
	return true;
}

/* By FastCGI; what fails is told in libcurl's numbers, as by HTTP. */

static bool
send_by_fastcgi(struct client *client, const struct buf *form)
{
	static const struct {
		CURLcode    code;
		const char *what;
	} failures[] = {
		[FASTCGI_ANSWERED] = { CURLE_OK, "" },
		[FASTCGI_NOT_CONNECTED] = { CURLE_COULDNT_CONNECT, "" },
		[FASTCGI_TIMED_OUT] = { CURLE_OPERATION_TIMEDOUT,
		    "the request timed out" },
		[FASTCGI_BROKEN] = { CURLE_RECV_ERROR,
		    "there was no answer by FastCGI" },
		[FASTCGI_FAILED] = { CURLE_WEIRD_SERVER_REPLY,
		    "there was no answer by FastCGI" },
	};
	enum fastcgi_result result;

	fastcgi_answer_deinit(&client->answer);
	result = fastcgi_publish(client->target->socket_path, client->key,
	    client->once, form, client->timeout_ms, &client->answer);
	client->os_error = result == FASTCGI_NOT_CONNECTED ? errno : 0;
	client->code = failures[result].code;
	snprintf(client->curl_error, sizeof(client->curl_error), "%s",
	    failures[result].what);
	client->reply = client->answer.reply;
	return result == FASTCGI_ANSWERED;
}

/* By either. */

static void
append_failure(const struct client *client, struct buf *text)
{
	struct failure failure = {
		.code = client->code,
		.what = client->curl_error,
		.target = client->target,
		.os_error = client->os_error,
		.is_proven = client->is_proven,
	};

	reply_append_failure(text, &failure);
}

/* Whether that status is for the place, and not for one event or moment. */
static bool
is_hopeless(long status)
{
	return status < 400 || status == 404 || status == 405 || status == 501;
}

/* Whether the connection failed in a way that may pass. */
static bool
is_broken(const struct client *client)
{
	switch (client->code) {
	case CURLE_COULDNT_CONNECT: /* mostly something starts anew */
		return client->os_error != EACCES && client->os_error != EPERM;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
		return true;
	default:
		return false;
	}
}

/* Whether a connection that failed had a request that may have been read. */
static bool
is_sent(const struct client *client)
{
	curl_off_t sent_us = 1;

	if (client->curl != NULL)
		curl_easy_getinfo(client->curl, CURLINFO_PRETRANSFER_TIME_T,
		    &sent_us);
	return client->code != CURLE_COULDNT_CONNECT && sent_us > 0;
}

/* One request. The text becomes the id or the cause. */
static enum client_result
send_form(struct client *client, const struct buf *form, struct buf *text)
{
	const struct reply *reply = &client->reply;
	bool                is_answered;

	text->len_bytes = 0;
	client->reply = (struct reply){ 0 };
	client->os_error = 0;
	is_answered = client->curl != NULL ? send_by_http(client, form) :
					     send_by_fastcgi(client, form);
	if (!is_answered) {
		append_failure(client, text);
		if (is_broken(client) && is_sent(client))
			client->retry.is_doubtful = true;
		return CLIENT_HOPELESS;
	}
	if (client->code == CURLE_OK && reply_is_id(reply)) {
		buf_append(text, reply->body, reply->body_bytes);
		client->is_proven = true;
		return CLIENT_ACCEPTED;
	}
	reply_append_cause(text, reply, client->key);
	if (reply_is_doubtful(reply))
		client->retry.is_doubtful = true;
	return is_hopeless(reply->status) ? CLIENT_HOPELESS : CLIENT_REFUSED;
}

/*
 * How many seconds the server wants us to wait before the same request may be
 * accepted; -1: it will not be.
 */
static long
least_wait_s(const struct client *client)
{
	const struct retry *retry = &client->retry;
	const struct reply *reply = &client->reply;
	long                wait_s = reply->retry_after_s;
	bool                is_over, is_passing;

	if (reply->status == 429) {
		is_over = retry->for_ms == 0 || retry->count == TRIES_MAX ||
		    wait_s > WAIT_S_MAX;
		return is_over ? -1 : wait_s > 0 ? wait_s : 1;
	}
	is_passing = reply->status == 0 ? is_broken(client) :
					  reply_is_passing(reply);
	is_over = retry_is_over(retry, (int64_t)wait_s * 1000);
	return is_passing && !is_over ? wait_s : -1;
}

/* Waits until the same request may be accepted; false: it will not be. */
static bool
wait_for_next(struct client *client)
{
	long wait_s = least_wait_s(client);

	if (wait_s >= 0)
		retry_wait(&client->retry, (int64_t)wait_s * 1000);
	return wait_s >= 0;
}

static const char as_they_are[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz"
				  "0123456789*-._";

static void
append_encoded(struct buf *form, const char *bytes, size_t len_bytes)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char     byte;
	char             *out;

	buf_reserve(form, 3 * len_bytes);
	for (size_t i = 0; i < len_bytes; i++) {
		byte = (unsigned char)bytes[i];
		out = form->data + form->len_bytes;
		if (byte != '\0' && strchr(as_they_are, byte) != NULL) {
			out[0] = (char)byte;
			form->len_bytes++;
		} else if (byte == ' ') {
			out[0] = '+';
			form->len_bytes++;
		} else {
			out[0] = '%';
			out[1] = digits[byte >> 4];
			out[2] = digits[byte & 0xf];
			form->len_bytes += 3;
		}
	}
}

static void
append_field(struct buf *form, const char *name, const char *value,
    size_t value_bytes)
{
	if (form->len_bytes > 0)
		buf_append_str(form, "&");
	buf_append_str(form, name);
	buf_append_str(form, "=");
	append_encoded(form, value, value_bytes);
}

static void
append_text(struct buf *form, const char *name, const char *value)
{
	if (value != NULL)
		append_field(form, name, value, strlen(value));
}

/*
 * Appends it as application/x-www-form-urlencoded (URL standard, section 5.2),
 * the body of the request that publishes it.
 */
static void
append_form(struct buf *form, const struct publication *publication)
{
	for (size_t i = 0; i < publication->topic_count; i++)
		append_text(form, "topic", publication->topics[i]);
	append_text(form, "id", publication->id);
	append_text(form, "type", publication->type);
	if (publication->retry_ms >= 0)
		buf_printf(form, "&retry=%ld", publication->retry_ms);
	if (publication->is_private)
		append_text(form, "private", "on");
	append_field(form, "data", publication->data, publication->data_bytes);
}

enum client_result
client_publish(struct client *client, const struct publication *publication,
    struct buf *text)
{
	struct buf         form = { 0 };
	enum client_result result;

	append_form(&form, publication);
	retry_begin(&client->retry, client->retry_ms);
	retry_make_key(client->once);
	do
		result = send_form(client, &form, text);
	while (result != CLIENT_ACCEPTED && wait_for_next(client));
	if (result != CLIENT_ACCEPTED)
		retry_append(&client->retry, text);
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
