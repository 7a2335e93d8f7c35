#include "store_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define TURN_MS_MAX 20

uv_loop_t store_loop;
char      store_dir[64];
char      store_url[128];
int64_t   store_hand_ms;

/* While a call to a store runs, no callback of one may. */
static bool is_within_call;

static uv_timer_t turn_timer;

static int open_count;

int64_t
store_hand_wall_ms(void)
{
	return store_hand_ms;
}

int
store_set_up(void **state)
{
	(void)state;
	snprintf(store_dir, sizeof(store_dir), "/tmp/store-test-XXXXXX");
	if (mkdtemp(store_dir) == NULL || uv_loop_init(&store_loop) != 0)
		return -1;
	snprintf(store_url, sizeof(store_url), "sqlite:%s/log", store_dir);
	store_hand_ms = 0;
	open_count = 0;
	is_within_call = false;
	uv_timer_init(&store_loop, &turn_timer);
	return log_init("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG);
}

static void
remove_folder(void)
{
	DIR           *dir = opendir(store_dir);
	struct dirent *entry;
	char           path[512];

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", store_dir, entry->d_name);
		unlink(path);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(store_dir);
}

int
store_tear_down(void **state)
{
	(void)state;
	remove_folder();
	log_deinit();
	/* A test that failed leaves stores that nobody can close any more. */
	if (open_count > 0)
		return -1;
	uv_close((uv_handle_t *)&turn_timer, NULL);
	uv_run(&store_loop, UV_RUN_DEFAULT);
	return uv_loop_close(&store_loop) == 0 ? 0 : -1;
}

static void
on_turn(uv_timer_t *timer)
{
	(void)timer;
}

/* Waits for something to happen, for so long at most. */
static void
turn_at_most(uint64_t ms)
{
	uv_timer_start(&turn_timer, on_turn, ms, 0);
	uv_run(&store_loop, UV_RUN_ONCE);
	uv_timer_stop(&turn_timer);
}

void
store_turn(void)
{
	turn_at_most(TURN_MS_MAX);
}

void
store_turn_for(uint64_t ms)
{
	uint64_t now_ms = uv_hrtime() / 1000000, end_ms = now_ms + ms;

	for (; now_ms < end_ms; now_ms = uv_hrtime() / 1000000)
		turn_at_most(end_ms - now_ms < TURN_MS_MAX ? end_ms - now_ms :
							     TURN_MS_MAX);
}

static char *
join_topics(const struct update *update)
{
	size_t len = 1;
	char  *text;

	for (size_t i = 0; i < update->topic_count; i++)
		len += strlen(update->topics[i]) + 1;
	text = calloc(1, len);
	assert_non_null(text);
	for (size_t i = 0; i < update->topic_count; i++) {
		if (i > 0)
			strcat(text, ",");
		strcat(text, update->topics[i]);
	}
	return text;
}

static void
remember(struct store_user *user, const struct update *update)
{
	struct got_update *got;

	assert_true(update->topic_count > 0);
	if (!user->may_go_back)
		assert_true(update->position > user->last);
	user->last = update->position;
	/* Twice as many each time that their number is a power of two. */
	if ((user->got_count & (user->got_count - 1)) == 0) {
		user->got = realloc(user->got,
		    (2 * user->got_count + 1) * sizeof(*user->got));
		assert_non_null(user->got);
	}
	got = &user->got[user->got_count++];
	got->position = update->position;
	got->id = update->id == NULL ? NULL : strdup(update->id);
	got->topics = join_topics(update);
	got->bytes = calloc(1, update->len_bytes + 1);
	assert_non_null(got->bytes);
	memcpy(got->bytes, update->bytes, update->len_bytes);
	got->len_bytes = update->len_bytes;
	got->is_private = update->is_private;
}

static void
on_updates(void *arg, const struct update *updates, size_t count)
{
	struct store_user *user = arg;

	assert_false(is_within_call);
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++)
		remember(user, &updates[i]);
	if (user->then != NULL)
		user->then(user);
}

static void
on_level(void *arg, uint64_t position)
{
	struct store_user *user = arg;

	assert_false(is_within_call);
	assert_true(user->may_go_back || position >= user->last);
	user->level_count++;
	user->level_position = position;
}

static void
on_lost(void *arg, uint64_t up_to)
{
	struct store_user *user = arg;

	assert_false(is_within_call);
	user->lost_count++;
	user->lost_up_to = up_to;
}

static void
on_state(void *arg, enum store_state state, const char *why)
{
	struct store_user *user = arg;

	assert_false(is_within_call);
	user->state = state;
	user->up_count += state == STORE_UP;
	user->down_count += state == STORE_DOWN;
	snprintf(user->why, sizeof(user->why), "%s", why != NULL ? why : "");
}

struct store_options
store_options_of(const char *url)
{
	return (struct store_options){ .url = url,
		.wall_ms = store_hand_ms != 0 ? store_hand_wall_ms : NULL };
}

void
store_user_open(struct store_user *user, const struct store_options *options)
{
	struct store_options own = store_options_of(store_url);
	struct store_reader  reader = { .on_updates = on_updates,
		 .on_level = on_level,
		 .on_lost = on_lost,
		 .on_state = on_state,
		 .arg = user };
	char                 error[1024] = "";

	memset(user, 0, sizeof(*user));
	if (options != NULL)
		own = *options;
	if (own.url == NULL)
		own.url = store_url;
	is_within_call = true;
	user->store = store_open(&store_loop, &own, &reader, error,
	    sizeof(error));
	is_within_call = false;
	if (user->store == NULL)
		fail_msg("%s", error);
	assert_string_equal(error, "");
	open_count++;
}

static void
on_closed(void *arg)
{
	struct store_user *user = arg;

	assert_false(is_within_call);
	assert_false(user->is_closed);
	user->is_closed = true;
}

void
store_user_close(struct store_user *user)
{
	is_within_call = true;
	store_close(user->store, on_closed, user);
	is_within_call = false;
	store_wait(user->is_closed);
	open_count--;
	store_user_forget(user);
	user->store = NULL;
}

void
store_user_tail(struct store_user *user, uint64_t after, const char *topic)
{
	bool was_within = is_within_call;

	user->last = after == STORE_FROM_NOW ? 0 : after;
	user->level_count = 0;
	is_within_call = true;
	store_tail(user->store, after, &topic, topic != NULL);
	is_within_call = was_within;
}

void
store_user_settle(struct store_user *user)
{
	store_wait(user->level_count > 0);
}

static void
on_done(struct store_publish *publish, const struct store_receipt *receipt)
{
	struct sent_update *sent = (struct sent_update *)(void *)publish;

	assert_false(is_within_call);
	assert_false(sent->is_done);
	sent->is_done = true;
	sent->receipt = *receipt;
	sent->receipt.why = sent->receipt.id = NULL;
	if (receipt->result != STORE_KEPT) {
		assert_non_null(receipt->why);
		snprintf(sent->why, sizeof(sent->why), "%s", receipt->why);
	} else {
		assert_true(receipt->position > 0);
	}
	if (receipt->id != NULL)
		snprintf(sent->id, sizeof(sent->id), "%s", receipt->id);
	if (sent->then != NULL)
		sent->then(sent);
}

void
store_user_send_as(struct store_user *user, struct sent_update *sent,
    const struct update *update, const char *once)
{
	bool was_within = is_within_call;

	memset(sent, 0, offsetof(struct sent_update, then));
	sent->user = user;
	sent->publish.done = on_done;
	is_within_call = true;
	store_publish(user->store, &sent->publish, update, once);
	is_within_call = was_within;
}

void
store_user_send(struct store_user *user, struct sent_update *sent,
    const char *topic, const char *text)
{
	char          bytes[512];
	struct update update = { .topics = &topic,
		.topic_count = 1,
		.bytes = bytes };

	snprintf(bytes, sizeof(bytes), "data: %s\n\n", text);
	update.len_bytes = strlen(bytes);
	store_user_send_as(user, sent, &update, NULL);
}

uint64_t
store_user_keep(struct store_user *user, const char *topic, const char *text)
{
	struct sent_update sent = { 0 };

	store_user_send(user, &sent, topic, text);
	store_wait(sent.is_done);
	if (sent.receipt.result != STORE_KEPT)
		fail_msg("not kept: %s", sent.why);
	return sent.receipt.position;
}

static void
on_found(struct store_find *find, const struct update *update)
{
	struct found_update *found = (struct found_update *)(void *)find;

	assert_false(is_within_call);
	assert_false(found->is_done);
	found->is_done = true;
	if (update == NULL)
		return;
	found->position = update->position;
	found->is_private = update->is_private;
	if (update->topic_count > 0)
		snprintf(found->topic, sizeof(found->topic), "%s",
		    update->topics[0]);
}

void
store_user_find(struct store_user *user, struct found_update *found,
    const char *id, const char *topic)
{
	memset(found, 0, sizeof(*found));
	found->find.done = on_found;
	is_within_call = true;
	store_find(user->store, &found->find, id, &topic, topic != NULL);
	is_within_call = false;
}

void
store_user_forget(struct store_user *user)
{
	for (size_t i = 0; i < user->got_count; i++) {
		free(user->got[i].id);
		free(user->got[i].topics);
		free(user->got[i].bytes);
	}
	free(user->got);
	user->got = NULL;
	user->got_count = 0;
}

void
store_user_assert_got(struct store_user *user, const char *texts)
{
	char        all[8192] = "";
	const char *text;
	size_t      len = 0;

	for (size_t i = 0; i < user->got_count; i++) {
		text = user->got[i].bytes;
		assert_int_equal(strncmp(text, "data: ", 6), 0);
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%.*s",
		    i > 0 ? " " : "", (int)user->got[i].len_bytes - 8,
		    text + 6);
		assert_true(len < sizeof(all));
	}
	assert_string_equal(all, texts);
	store_user_forget(user);
}

struct store_health
store_user_health(const struct store_user *user)
{
	struct store_health health;

	memset(&health, 0xff, sizeof(health));
	store_get_health(user->store, &health);
	return health;
}

const char *
store_file(const char *suffix)
{
	static char paths[8][128];
	static int  next;
	char       *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/log%s", store_dir, suffix);
	return path;
}

void
store_remove_file(const char *suffix)
{
	assert_int_equal(unlink(store_file(suffix)), 0);
}

/* How many files there are whose names begin with log.corrupt. */
int
store_corrupt_count(void)
{
	char  command[160];
	FILE *output;
	int   count = -1;

	snprintf(command, sizeof(command),
	    "ls %s | grep -c 'log.corrupt-[0-9]*$'", store_dir);
	output = popen(command, "r");
	assert_non_null(output);
	assert_int_equal(fscanf(output, "%d", &count), 1);
	pclose(output);
	return count;
}

void
store_assert_refused(const char *part)
{
	struct store_options options = store_options_of(store_url);
	struct store_reader  reader = { .arg = NULL };
	char                 error[1024] = "";

	assert_null(store_open(&store_loop, &options, &reader, error,
	    sizeof(error)));
	if (strstr(error, part) == NULL || strstr(error, store_dir) == NULL)
		fail_msg("\"%s\" is not in: %s", part, error);
	assert_null(strchr(error, '\n'));
}

void
store_fill(int count)
{
	struct store_user  user;
	struct sent_update last = { 0 };
	char               text[300];

	store_user_open(&user, NULL);
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%d %0200d", i, i);
		if (i + 1 < count) {
			static struct sent_update sent[4000];
			store_user_send(&user, &sent[i], "a", text);
		} else {
			store_user_send(&user, &last, "a", text);
		}
	}
	store_wait(last.is_done);
	store_user_close(&user);
}
