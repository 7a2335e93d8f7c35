/* What is believed of what comes from the store as an announcement. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "hub/update.h"
#include "presence/announced.h"
#include "presence/announcement.h"

#define HUB_PATH "/a/hub"
#define ID "urn:uuid:00000000-0000-8000-8000-0123456789ab"
#define ID_SEGMENT "urn%3Auuid%3A00000000-0000-8000-8000-0123456789ab"
#define BELOW HUB_PATH "/subscriptions/"

static struct announced announced;

static bool
read_update(const char *topic, const char *bytes, size_t len_bytes)
{
	const char         *topics[] = { topic, "b" };
	const struct update update = {
		.topics = topics,
		.topic_count = 1,
		.is_private = true,
		.bytes = bytes,
		.len_bytes = len_bytes,
	};

	return announced_read(&announced, &update, HUB_PATH);
}

static void
assert_read(const char *topic, const char *bytes, bool is_good)
{
	/* Memory of the very length, for what watches over it. */
	char *copy = malloc(strlen(bytes) + 1);
	bool  was_read;

	memcpy(copy, bytes, strlen(bytes));
	was_read = read_update(topic, copy, strlen(bytes));
	free(copy);
	if (was_read)
		announced_deinit(&announced);
	if (was_read != is_good)
		fail_msg("%s: %s", topic, bytes);
}

static void
test_what_we_publish_is_read(void **state)
{
	static const struct announcement cases[] = {
		{ HUB_PATH, SELECTOR_TOPIC, "/a?\xc3\xbc\"\\%2F", ID, NULL,
		    true },
		{ HUB_PATH, SELECTOR_TOPIC, "{id}", ID, "{\"a\":[1,null]}",
		    false },
		{ HUB_PATH, SELECTOR_EXACT, "*", ID, "7", true },
		{ HUB_PATH, SELECTOR_URL_PATTERN, "/:id", ID, NULL, true },
	};
	unsigned   shapes;
	struct buf topic, event;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		shapes = announcement_shapes(cases[i].kind, cases[i].selector);
		for (unsigned shape = 1; shape <= 2; shape++) {
			if ((shapes & shape) == 0)
				continue;
			topic = event = (struct buf){ 0 };
			announcement_append(&cases[i], shape, &topic, &event);
			assert_true(read_update(topic.data, event.data,
			    event.len_bytes));
			assert_int_equal(announced.fact.shape, shape);
			assert_string_equal(announced.fact.selector,
			    cases[i].selector);
			assert_int_equal(announced.fact.is_pattern,
			    cases[i].kind == SELECTOR_URL_PATTERN);
			assert_int_equal(announced.is_active,
			    cases[i].is_active);
			assert_int_equal(subscriber_id_process(&announced.fact
								    .id),
			    0x0123456789ab);
			if (cases[i].payload == NULL)
				assert_null(announced.fact.payload);
			else
				assert_string_equal(announced.fact.payload,
				    cases[i].payload);
			announced_deinit(&announced);
			buf_deinit(&topic);
			buf_deinit(&event);
		}
	}
}

/* What somebody else might write who can write to the store. */
static const char *const bad[] = { "", "\n", "\n\n", "data: ", "data: \n\n",
	"data: {}\n\n", "data: []\n\n", "data: 7\n\n", "data: null\n\n",
	"data: {\n\n", "event: mercure\n", "event: mercure\ndata: \n\n",
	": x\n\n", "event: mercure\nevent: mercure\ndata: {}\n\n",
	/* each member missing, or of another type */
	"data: {\"subscriber\":\"" ID "\",\"active\":true}\n\n",
	"data: {\"topic\":7,\"subscriber\":\"" ID "\",\"active\":true}\n\n",
	"data: {\"topic\":\"a\",\"active\":true}\n\n",
	"data: {\"topic\":\"a\",\"subscriber\":[],\"active\":true}\n\n",
	"data: {\"topic\":\"a\",\"subscriber\":\"" ID "\"}\n\n",
	"data: {\"topic\":\"a\",\"subscriber\":\"" ID "\",\"active\":1}\n\n",
	/* another selector or subscriber than its topic has */
	"data: {\"topic\":\"b\",\"subscriber\":\"" ID "\",\"active\":true}\n\n",
	"data: {\"topic\":\"a\",\"subscriber\":\"urn:uuid:00000000-"
	"0000-8000-8000-0123456789ac\",\"active\":true}\n\n",
	"data: {\"topic\":\"a\",\"subscriber\":\"\","
	"\"active\":true}\n\n",
	/* a member twice, bytes that are no UTF-8, no line end */
	"data: {\"topic\":\"b\",\"topic\":\"a\",\"subscriber\":\"" ID
	"\",\"active\":true}\n\n",
	"data: {\"topic\":\"\xff\",\"subscriber\":\"" ID
	"\",\"active\":true}\n\n",
	"data: {\"topic\":\"a\",\"subscriber\":\"" ID "\",\"active\":true}x\n",
	"data: {\"topic\":\"a\\u0000\",\"subscriber\":\"" ID
	"\",\"active\":true}\n\n",
	/* another way to match, or none */
	"event: mercure\ndata: {\"match_type\":\"like\",\"match\":"
	"\"a\",\"subscriber\":\"" ID "\",\"active\":false}\n\n",
	"event: mercure\ndata: {\"match\":\"a\",\"subscriber\":\"" ID
	"\",\"active\":false}\n\n" };

static void
test_what_is_none_is_ignored(void **state)
{
	static const char topic_07[] = BELOW "a/" ID_SEGMENT;
	static const char topic_08[] = BELOW "exact/a/" ID_SEGMENT;
	static const char good_07[] = "data: {\"topic\":\"a\",\"subscriber\":"
				      "\"" ID "\",\"active\":true}\n\n";
	static const char good_08[] = "event: mercure\n"
				      "data: {\"match_type\":\"exact\","
				      "\"match\":\"a\",\"subscriber\":\"" ID
				      "\",\"active\":false}\n\n";
	char *cut;

	(void)state;
	assert_read(topic_07, good_07, true);
	assert_read(topic_08, good_08, true);
	assert_read(topic_08, good_07, false);
	assert_read(topic_07, good_08, false);
	assert_read(BELOW "exact/b/" ID_SEGMENT, good_08, false);
	assert_read("/b/hub/subscriptions/a/" ID_SEGMENT, good_07, false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_read(topic_07, bad[i], false);
		assert_read(topic_08, bad[i], false);
	}
	for (size_t i = 0; i < strlen(good_08); i++) {
		cut = strndup(good_08, i);
		assert_read(topic_08, cut, false);
		free(cut);
	}
}

static void
test_what_is_long_or_deep_is_ignored(void **state)
{
	char *bytes = malloc(20000), topic[5000];

	(void)state;
	sprintf(topic, "%s%04097d/%s", BELOW, 0, ID_SEGMENT);
	sprintf(bytes,
	    "data: {\"topic\":\"%04097d\",\"subscriber\":\"" ID
	    "\",\"active\":true}\n\n",
	    0);
	assert_read(topic, bytes, false);
	strcpy(bytes, "data: {\"payload\":");
	memset(bytes + strlen(bytes), '[', 10000);
	strcpy(bytes + 10017, "\n\n");
	assert_read(BELOW "a/" ID_SEGMENT, bytes, false);
	free(bytes);
}

/* A public update, one with an id or several topics is no announcement. */
static void
test_other_updates(void **state)
{
	static const char *const topics[] = { BELOW "a/" ID_SEGMENT, "b" };
	static const char        bytes[] =
	    "data: {\"topic\":\"a\",\"subscriber\":\"" ID
	    "\",\"active\":true}\n\n";
	struct update update = {
		.topics = topics,
		.topic_count = 1,
		.is_private = true,
		.bytes = bytes,
		.len_bytes = sizeof(bytes) - 1,
	};

	(void)state;
	assert_true(announced_read(&announced, &update, HUB_PATH));
	announced_deinit(&announced);
	update.topic_count = 2;
	assert_false(announced_read(&announced, &update, HUB_PATH));
	update.topic_count = 1;
	update.id = "x";
	assert_false(announced_read(&announced, &update, HUB_PATH));
	update.id = NULL;
	update.is_private = false;
	assert_false(announced_read(&announced, &update, HUB_PATH));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_we_publish_is_read),
		cmocka_unit_test(test_what_is_none_is_ignored),
		cmocka_unit_test(test_what_is_long_or_deep_is_ignored),
		cmocka_unit_test(test_other_updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
