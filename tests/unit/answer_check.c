#include "answer_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIELD_COUNT_MAX 32
#define EVENT_STREAM "text/event-stream"

/* RFC 9110 section 5.6.2. */
#define TOKEN_CHARS                 \
	"!#$%&'*+-.^_`|~0123456789" \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Fields that belong to the web server, and what an answer never needs. */
static const char *const foreign_fields[] = { "Connection", "Transfer-Encoding",
	"Content-Encoding", "Keep-Alive", "Upgrade", "Date", "Server", NULL };

struct field {
	const char *name;
	size_t      name_bytes;
	const char *value;
	size_t      value_bytes;
};

struct head {
	struct field fields[FIELD_COUNT_MAX];
	size_t       field_count;
	size_t       len_bytes; /* the empty line included */
};

static bool
is_named(const struct field *field, const char *name, size_t name_bytes)
{
	return field->name_bytes == name_bytes &&
	    strncasecmp(field->name, name, name_bytes) == 0;
}

static const struct field *
head_find(const struct head *head, const char *name)
{
	for (size_t i = 0; i < head->field_count; i++) {
		if (is_named(&head->fields[i], name, strlen(name)))
			return &head->fields[i];
	}
	return NULL;
}

static const char *
field_read(struct head *head, const char *line, size_t len_bytes)
{
	struct field *field = &head->fields[head->field_count];
	const char   *colon = memchr(line, ':', len_bytes);

	if (head->field_count == FIELD_COUNT_MAX)
		return "too many fields";
	if (colon == NULL || colon == line)
		return "a line of the head is no field";
	*field = (struct field){ line, (size_t)(colon - line), colon + 2,
		len_bytes - (size_t)(colon - line) - 2 };
	if (len_bytes < field->name_bytes + 3 || colon[1] != ' ')
		return "a field without value";
	for (size_t i = 0; i < field->name_bytes; i++) {
		if (line[i] == '\0' || strchr(TOKEN_CHARS, line[i]) == NULL)
			return "a field's name is no token";
	}
	for (size_t i = 0; i < field->value_bytes; i++) {
		/* Bytes beyond ASCII may be there (RFC 9110 section 5.5). */
		if ((unsigned char)field->value[i] < ' ' ||
		    field->value[i] == 0x7f)
			return "a byte in a field that may not be there";
	}
	if (field->value_bytes >= ANSWER_VALUE_BYTES_MAX)
		return "a long field";
	for (size_t i = 0; i < head->field_count; i++) {
		if (is_named(&head->fields[i], field->name, field->name_bytes))
			return "a field twice";
	}
	for (size_t i = 0; foreign_fields[i] != NULL; i++) {
		if (is_named(field, foreign_fields[i],
			strlen(foreign_fields[i])))
			return "a field that is the web server's";
	}
	head->field_count++;
	return NULL;
}

static const char *
head_read(struct head *head, const char *bytes, size_t len_bytes)
{
	const char *line = bytes, *end, *problem;

	head->field_count = 0;
	for (;;) {
		end = memmem(line, len_bytes - (size_t)(line - bytes), "\r\n",
		    2);
		if (end == NULL)
			return "the head has no end";
		if (end == line)
			break;
		problem = field_read(head, line, (size_t)(end - line));
		if (problem != NULL)
			return problem;
		line = end + 2;
	}
	head->len_bytes = (size_t)(end - bytes) + 2;
	return NULL;
}

/* 200 when the head does not say; 0 when what it says is no status. */
static int
head_status(const struct head *head)
{
	const struct field *field = head_find(head, "Status");
	int                 status;

	if (field == NULL)
		return 200;
	status = atoi(field->value);
	/* Some web servers pass on what they need not. */
	if (status <= 200 || status > 599 || field->value_bytes < 5 ||
	    field->value[3] != ' ')
		return 0;
	return status;
}

/* Whether the bytes, which have no NUL behind them, begin with the text. */
static bool
begins_with(const char *bytes, size_t len_bytes, const char *text)
{
	return len_bytes >= strlen(text) &&
	    memcmp(bytes, text, strlen(text)) == 0;
}

/*
 * Whole frames and comments: each line has its end, a comment stands before
 * an event or behind it, not within, and the last frame is whole.
 */
static const char *
check_events(const char *body, size_t len_bytes)
{
	static const char *const starts[] = { "id: ", "data: ", "event: ",
		"retry: ", ":", "\n", NULL };
	const char              *end = body + len_bytes, *line = body;
	bool                     is_within = false;
	size_t                   i;

	if (len_bytes > 0 && end[-1] != '\n')
		return "a line without its end";
	while (line < end) {
		for (i = 0; starts[i] != NULL; i++) {
			if (begins_with(line, (size_t)(end - line), starts[i]))
				break;
		}
		if (starts[i] == NULL)
			return "a line of an event that is no field";
		if (*line == ':' && is_within)
			return "a comment within an event";
		if (*line == '\n' && !is_within)
			return "a blank line that ends no event";
		if (*line != ':')
			is_within = *line != '\n';
		line = memchr(line, '\n', (size_t)(end - line));
		line++;
	}
	return is_within ? "an event without its end" : NULL;
}

static const char *
check_body(const struct head *head, int status, const char *body,
    size_t body_bytes, bool is_head)
{
	const struct field *length = head_find(head, "Content-Length");
	const struct field *type = head_find(head, "Content-Type");

	if (is_head || status == 204 || status == 304)
		return body_bytes > 0 ? "a body where none may be" : NULL;
	if (type == NULL)
		return "a body without a type";
	if (length != NULL && strtoull(length->value, NULL, 10) != body_bytes)
		return "a body of another length than announced";
	if (begins_with(type->value, type->value_bytes, EVENT_STREAM) &&
	    type->value_bytes == strlen(EVENT_STREAM))
		return check_events(body, body_bytes);
	return NULL;
}

const char *
answer_problem(const char *bytes, size_t len_bytes, bool is_head)
{
	struct head head;
	const char *problem = head_read(&head, bytes, len_bytes);
	int         status;

	if (problem != NULL)
		return problem;
	status = head_status(&head);
	if (status == 0)
		return "a malformed status";
	return check_body(&head, status, bytes + head.len_bytes,
	    len_bytes - head.len_bytes, is_head);
}

bool
answer_find_field(const char *bytes, size_t len_bytes, const char *name,
    char value[ANSWER_VALUE_BYTES_MAX])
{
	struct head         head;
	const struct field *field = NULL;

	if (head_read(&head, bytes, len_bytes) == NULL)
		field = head_find(&head, name);
	if (field == NULL)
		return false;
	snprintf(value, ANSWER_VALUE_BYTES_MAX, "%.*s", (int)field->value_bytes,
	    field->value);
	return true;
}

size_t
answer_head_bytes(const char *bytes, size_t len_bytes)
{
	struct head head;

	return head_read(&head, bytes, len_bytes) == NULL ? head.len_bytes : 0;
}
