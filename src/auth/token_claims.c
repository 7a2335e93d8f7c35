#include "config.h"

#include "auth/token_claims.h"

#include <stdlib.h>
#include <string.h>

#include "auth/token_json.h"
#include "base/mem.h"

#define CLAIM_07 "mercure"
#define CLAIM_07_ALIAS "https://mercure.rocks/"
#define DETAIL_08 "https://mercure.rocks/authorization-detail"

/* The last second that a time can have: beyond it, it is the last one. */
#define SECONDS_MAX 9.0e15

static int64_t
to_ms(double seconds)
{
	if (seconds >= SECONDS_MAX)
		return INT64_MAX - 1;
	if (seconds <= -SECONDS_MAX)
		return INT64_MIN + 1;
	return (int64_t)(seconds * 1000);
}

/* Digits, and perhaps a fraction: nothing else that strtod(3) would take. */
static bool
parse_seconds(const char *text, double *seconds)
{
	static const char digits[] = "0123456789";
	size_t            whole = strspn(text, digits), fraction = 0;
	const char       *rest = text + whole;

	if (*rest == '.') {
		fraction = strspn(rest + 1, digits);
		rest += 1 + fraction;
	}
	if (whole == 0 || *rest != '\0' || (text[whole] == '.' && !fraction))
		return false;
	*seconds = strtod(text, NULL);
	return true;
}

/* A claim that is a time; false: it is there and is none. */
static bool
read_time(const json_t *payload, const char *name, int64_t *ms)
{
	const json_t *claim = json_object_get(payload, name);
	double        seconds;

	if (claim == NULL)
		return true;
	if (json_is_number(claim))
		seconds = json_number_value(claim);
	else if (!json_is_string(claim) ||
	    !parse_seconds(json_string_value(claim), &seconds))
		return false;
	*ms = to_ms(seconds);
	return true;
}

enum token_result
token_claims_times(const json_t *payload, struct token_times *times)
{
	times->exp_ms = INT64_MAX;
	times->nbf_ms = INT64_MIN;
	return read_time(payload, "exp", &times->exp_ms) &&
		read_time(payload, "nbf", &times->nbf_ms) ?
	    TOKEN_OK :
	    TOKEN_MALFORMED;
}

static bool
is_text(const json_t *value, const char *text)
{
	return json_is_string(value) &&
	    strcmp(json_string_value(value), text) == 0;
}

bool
token_claims_has_audience(const json_t *payload, const char *audience)
{
	const json_t *claim = json_object_get(payload, "aud"), *member;
	bool          is_found = is_text(claim, audience);
	size_t        i;

	json_array_foreach (claim, i, member) {
		if (!json_is_string(member))
			return false;
		is_found = is_found || is_text(member, audience);
	}
	return is_found;
}

static void
add_selector(struct grant_selector **selectors, size_t *count,
    enum grant_match match, const char *text)
{
	*selectors = mem_realloc(*selectors,
	    (*count + 1) * sizeof(**selectors));
	(*selectors)[(*count)++] = (struct grant_selector){ match, text };
}

static struct token_payload *
add_payload(struct token_rights *rights, const json_t *value)
{
	struct token_payload *payload;

	rights->payloads = mem_realloc(rights->payloads,
	    (rights->payload_count + 1) * sizeof(*rights->payloads));
	payload = &rights->payloads[rights->payload_count++];
	*payload = (struct token_payload){ 0 };
	if (value == NULL || json_is_null(value))
		return payload;
	payload->json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (payload->json == NULL)
		mem_fail();
	return payload;
}

static bool
is_good(const struct token_selector_check *check, enum grant_match match,
    const char *text)
{
	return check == NULL || check->is_valid(check->data, match, text);
}

/* A list of the old dialect; NULL or null is an empty one. */
static bool
read_list(const json_t *list, const struct token_selector_check *check,
    struct token_rights *rights)
{
	const json_t *member;
	size_t        i;
	const char   *text;

	if (list == NULL || json_is_null(list))
		return true;
	if (!json_is_array(list) || json_array_size(list) > TOKEN_SELECTORS_MAX)
		return false;
	json_array_foreach (list, i, member) {
		text = json_string_value(member);
		if (text == NULL || !is_good(check, GRANT_MATCH_TOPIC, text))
			return false;
		if (rights != NULL)
			add_selector(&rights->selectors,
			    &rights->selector_count, GRANT_MATCH_TOPIC, text);
	}
	return true;
}

static bool
read_rights_07(const json_t *payload, enum token_role role,
    const struct token_selector_check *check, struct token_rights *rights)
{
	const json_t *claim = json_object_get(payload, CLAIM_07_ALIAS);
	const json_t *value;
	bool          is_publisher = role == TOKEN_ROLE_PUBLISHER;

	if (claim == NULL || json_is_null(claim))
		claim = json_object_get(payload, CLAIM_07);
	if (claim == NULL || json_is_null(claim))
		return true;
	if (!json_is_object(claim) ||
	    !read_list(json_object_get(claim, "publish"), check,
		is_publisher ? rights : NULL) ||
	    !read_list(json_object_get(claim, "subscribe"), check,
		is_publisher ? NULL : rights))
		return false;
	value = json_object_get(claim, "payload");
	if (!is_publisher && value != NULL && !json_is_null(value))
		add_payload(rights, value);
	return true;
}

/* The roles among the actions of a detail; false: they are malformed. */
static bool
read_actions(const json_t *detail, unsigned *roles)
{
	const json_t *actions = json_object_get(detail, "actions"), *action;
	size_t        i;

	*roles = 0;
	json_array_foreach (actions, i, action) {
		if (!json_is_string(action))
			return false;
		if (is_text(action, "publish"))
			*roles |= TOKEN_ROLE_PUBLISHER;
		else if (is_text(action, "subscribe"))
			*roles |= TOKEN_ROLE_SUBSCRIBER;
	}
	return json_array_size(actions) > 0;
}

static bool
read_topic(const json_t *topic, const struct token_selector_check *check,
    struct grant_selector *selector)
{
	const char *type;

	if (!json_is_object(topic) ||
	    !token_json_string(topic, "match", &selector->text) ||
	    selector->text == NULL ||
	    strlen(selector->text) > TOKEN_TOPIC_BYTES_MAX ||
	    !token_json_string(topic, "match_type", &type))
		return false;
	selector->match = GRANT_MATCH_EXACT;
	if (type != NULL && strcmp(type, "urlpattern") == 0)
		selector->match = GRANT_MATCH_URLPATTERN;
	else if (type != NULL && strcmp(type, "exact") != 0)
		return false;
	if (strcmp(selector->text, "*") == 0)
		selector->match = GRANT_MATCH_ALL;
	return is_good(check, selector->match, selector->text);
}

/* What is read of the new dialect, and for what. */
struct reader {
	enum token_role                    role;
	const struct token_selector_check *check;
	struct token_rights               *rights;
	size_t                             topic_count; /* in all details */
};

static bool
read_detail(struct reader *reader, const json_t *detail)
{
	const json_t *topics = json_object_get(detail, "topics"), *topic;
	const json_t *value = json_object_get(detail, "payload");
	struct token_payload *payload = NULL;
	struct grant_selector selector;
	struct token_rights  *rights = reader->rights;
	unsigned              roles;
	size_t                i;

	reader->topic_count += json_array_size(topics);
	if (!read_actions(detail, &roles) || json_array_size(topics) == 0 ||
	    reader->topic_count > TOKEN_TOPICS_MAX ||
	    (value != NULL && !json_is_object(value)))
		return false;
	if ((roles & TOKEN_ROLE_SUBSCRIBER) != 0 &&
	    reader->role == TOKEN_ROLE_SUBSCRIBER)
		payload = add_payload(rights, value);
	json_array_foreach (topics, i, topic) {
		if (!read_topic(topic, reader->check, &selector))
			return false;
		if ((roles & reader->role) != 0)
			add_selector(&rights->selectors,
			    &rights->selector_count, selector.match,
			    selector.text);
		if (payload != NULL)
			add_selector(&payload->selectors,
			    &payload->selector_count, selector.match,
			    selector.text);
	}
	return true;
}

static bool
read_rights_08(const json_t *payload, struct reader *reader)
{
	const json_t *details = json_object_get(payload,
	    "authorization_details");
	const json_t *detail, *type;
	size_t        i;

	if (details == NULL)
		return true;
	if (!json_is_array(details))
		return false;
	json_array_foreach (details, i, detail) {
		type = json_object_get(detail, "type");
		if (!json_is_string(type))
			return false;
		if (!is_text(type, DETAIL_08))
			continue;
		if (!read_detail(reader, detail))
			return false;
	}
	return true;
}

/* Payloads are of no use if no detail has one. */
static void
drop_empty_payloads(struct token_rights *rights)
{
	for (size_t i = 0; i < rights->payload_count; i++) {
		if (rights->payloads[i].json != NULL)
			return;
	}
	for (size_t i = 0; i < rights->payload_count; i++)
		free(rights->payloads[i].selectors);
	rights->payload_count = 0;
}

enum token_result
token_claims_rights(const json_t *payload, enum token_dialect dialect,
    enum token_role role, const struct token_selector_check *check,
    struct token_rights *rights)
{
	struct reader reader = { role, check, rights, 0 };
	bool          is_read;

	*rights = (struct token_rights){ 0 };
	if (dialect == TOKEN_DIALECT_08)
		is_read = read_rights_08(payload, &reader);
	else
		is_read = read_rights_07(payload, role, check, rights);
	drop_empty_payloads(rights);
	return is_read ? TOKEN_OK : TOKEN_CLAIM;
}

void
token_rights_deinit(struct token_rights *rights)
{
	for (size_t i = 0; i < rights->payload_count; i++) {
		free(rights->payloads[i].json);
		free(rights->payloads[i].selectors);
	}
	free(rights->payloads);
	free(rights->selectors);
	*rights = (struct token_rights){ 0 };
}
