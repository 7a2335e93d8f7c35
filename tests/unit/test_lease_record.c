/* What processes say to each other, and what of it is believed. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "hub/update.h"
#include "presence/announcement.h"
#include "presence/lease_record.h"

#define PROCESS "0000123456789abc"
#define NUMBER UINT64_C(0x123456789abc)
#define ID "urn:uuid:00000000-0000-8000-8000-123456789abc"
#define BEGIN "{\"process\":\"" PROCESS "\","
#define GOOD BEGIN "\"lease\":1000,\"digest\":\"00000000000000ff\""

static struct lease_record record;

static bool
read_bytes(const char *bytes, size_t len_bytes, bool is_private)
{
	const char *topics[] = { "/a/hub/lease" };

	return lease_record_read(&record,
	    &(struct update){
		.topics = topics,
		.topic_count = 1,
		.is_private = is_private,
		.bytes = bytes,
		.len_bytes = len_bytes,
	    });
}

static bool
read_json(const char *json)
{
	struct buf bytes = { 0 };
	bool       is_good;

	buf_printf(&bytes, "data: %s\n\n", json);
	is_good = read_bytes(bytes.data, bytes.len_bytes, true);
	buf_deinit(&bytes);
	return is_good;
}

static void
test_there_and_back(void **state)
{
	const struct announcement announcement = {
		.kind = SELECTOR_URL_PATTERN,
		.selector = "/\303\274/:id",
		.subscriber = ID,
		.payload = "{\"a\":[1]}",
	};
	const struct lease_record written = {
		.process = NUMBER,
		.lease_ms = 60000,
		.digest = UINT64_MAX - 1,
		.is_hello = true,
		.ended = { { 1, 2 }, 2 },
		.asked = { { NUMBER }, 1 },
		.is_list_begin = true,
		.list = json_array(),
	};
	struct buf         bytes = { 0 };
	struct roster_fact fact;

	(void)state;
	json_array_append_new(written.list,
	    lease_record_item(&announcement, ANNOUNCEMENT_08));
	lease_record_append(&written, &bytes);
	assert_false(read_bytes(bytes.data, bytes.len_bytes, false));
	assert_true(read_bytes(bytes.data, bytes.len_bytes, true));
	assert_true(record.process == NUMBER);
	assert_int_equal(record.lease_ms, 60000);
	assert_true(record.digest == UINT64_MAX - 1);
	assert_true(record.is_hello && !record.is_bye);
	assert_true(record.is_list_begin && !record.is_list_end);
	assert_int_equal(record.ended.count, 2);
	assert_int_equal(record.ended.numbers[1], 2);
	assert_int_equal(record.asked.count, 1);
	assert_true(record.asked.numbers[0] == NUMBER);
	assert_int_equal(json_array_size(record.list), 1);
	assert_true(lease_record_fact(&record, json_array_get(record.list, 0),
	    &fact));
	assert_true(subscriber_id_process(&fact.id) == NUMBER);
	assert_int_equal(fact.shape, ANNOUNCEMENT_08);
	assert_true(fact.is_pattern);
	assert_string_equal(fact.selector, announcement.selector);
	assert_string_equal(fact.payload, announcement.payload);
	lease_record_deinit(&record);
	json_decref(written.list);
	buf_deinit(&bytes);
}

static void
test_what_is_no_record(void **state)
{
	static const char *const wrong[] = { "", "1", "[]", "{}", "{",
		GOOD ",\"lease\":1000}", GOOD ",\"ended\":[1]}",
		GOOD ",\"ended\":[\"1\"]}",
		GOOD ",\"asked\":[\"000000000000000G\"]}",
		BEGIN "\"lease\":1000}",
		BEGIN "\"lease\":999,\"digest\":\"" PROCESS "\"}",
		BEGIN "\"lease\":86400001,\"digest\":\"" PROCESS "\"}",
		BEGIN "\"lease\":-1,\"digest\":\"" PROCESS "\"}",
		BEGIN "\"lease\":\"1000\",\"digest\":\"" PROCESS "\"}",
		BEGIN "\"lease\":1e4,\"digest\":\"" PROCESS "\"}",
		BEGIN "\"lease\":1000,\"digest\":\"ff\"}",
		"{\"process\":1,\"lease\":1000,\"digest\":\"" PROCESS "\"}" };

	(void)state;
	assert_true(read_json(GOOD "}"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(read_json(wrong[i]));
	assert_false(read_bytes("", 0, true));
	assert_false(read_bytes("data: ", 6, true));
	assert_false(read_bytes(GOOD "}\n\n", strlen(GOOD) + 3, true));
	assert_false(read_bytes("data: " GOOD "}", strlen(GOOD) + 7, true));
}

/* No record names more than so many. */
static void
test_too_many_names(void **state)
{
	struct buf json = { 0 };

	(void)state;
	for (size_t count = LEASE_RECORD_NAMES_MAX;
	     count <= LEASE_RECORD_NAMES_MAX + 1; count++) {
		buf_append_str(&json, GOOD ",\"asked\":[");
		for (size_t i = 0; i < count; i++)
			buf_printf(&json, "%s\"" PROCESS "\"",
			    i == 0 ? "" : ",");
		buf_append(&json, "]}", 3);
		assert_int_equal(read_json(json.data),
		    count == LEASE_RECORD_NAMES_MAX);
		buf_deinit(&json);
	}
}

static void
test_what_is_too_long(void **state)
{
	const size_t len_bytes = 2 * 1024 * 1024;
	struct buf   bytes = { 0 };

	(void)state;
	buf_append_str(&bytes, "data: " GOOD ",\"x\":\"");
	buf_reserve(&bytes, len_bytes);
	memset(bytes.data + bytes.len_bytes, 'x', len_bytes);
	bytes.len_bytes += len_bytes;
	buf_append_str(&bytes, "\"}\n\n");
	assert_false(read_bytes(bytes.data, bytes.len_bytes, true));
	buf_deinit(&bytes);
}

/* Nobody can list what is another process's, or is no subscription. */
static void
test_items(void **state)
{
	static const char *const wrong[] = { "1", "[]", "[\"" ID "\"]",
		"[\"" ID "\",1,false]", "[\"" ID "\",1,false,1]",
		"[\"" ID "\",0,false,\"a\"]", "[\"" ID "\",3,false,\"a\"]",
		"[\"" ID "\",-1,false,\"a\"]",
		"[\"urn:uuid:00000000-0000-8000-8000-123456789abd\",1,false,"
		"\"a\"]",
		"[\"a\",1,false,\"a\"]" };
	struct roster_fact       fact;
	json_t                  *item;

	(void)state;
	assert_true(read_json(GOOD "}"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		item = json_loads(wrong[i], JSON_DECODE_ANY, NULL);
		assert_non_null(item);
		assert_false(lease_record_fact(&record, item, &fact));
		json_decref(item);
	}
	item = json_loads("[\"" ID "\",1,false,\"a\"]", 0, NULL);
	assert_true(lease_record_fact(&record, item, &fact));
	assert_null(fact.payload);
	json_decref(item);
	lease_record_deinit(&record);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_what_is_no_record),
		cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_what_is_too_long),
		cmocka_unit_test(test_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
