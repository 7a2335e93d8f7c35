#include "tool/store_check.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pure/date.h"
#include "pure/position.h"
#include "tool/report.h"
#include "tool/store_session.h"

static void
print_position(const char *name, uint64_t position)
{
	char date[DATE_BYTES_MAX];

	if (position == 0) {
		printf("%s: none\n", name);
		return;
	}
	date_print(date, DATE_FORMAT_ISO, position_ms(position));
	printf("%s: %" PRIu64 " %s\n", name, position, date);
}

static void
print_health(const char *name, const struct store_health *health)
{
	printf("store: %s\nkind: %s\nevents: %" PRIu64 "\nbytes: %" PRIu64 "\n",
	    name, health->engine, health->update_count, health->byte_count);
	print_position("oldest", health->update_count > 0 ? health->oldest : 0);
	print_position("newest", health->newest);
}

/* What a broker's settings do to events. Returns -1 for a danger. */
static int
judge_settings(const struct store_health *health)
{
	bool is_evicting = strncmp(health->eviction, "allkeys-", 8) == 0;
	bool is_unsaved = strcmp(health->saving, "no") == 0;

	printf("maxmemory-policy: %s\n",
	    health->eviction[0] != '\0' ? health->eviction : "not told");
	if (is_unsaved)
		printf("appendonly: no\n");
	else
		printf("appendfsync: %s\n",
		    health->saving[0] != '\0' ? health->saving : "not told");
	if (is_evicting)
		report(0,
		    "maxmemory-policy %s: when memory is short the broker may "
		    "delete all events at once; set volatile-lru or noeviction",
		    health->eviction);
	if (is_unsaved)
		report(0,
		    "appendonly no: a restart of the broker loses the events "
		    "since its last snapshot; set appendonly yes");
	return is_evicting || is_unsaved ? -1 : 0;
}

static int
check_broker(const char *url, int64_t wait_ms)
{
	struct store_session session;
	struct store_health  health;
	char                 error[STORE_ERROR_BYTES];
	const char          *why;
	int                  result = -1;

	if (store_session_open(&session, url, false, 0, NULL, wait_ms, error,
		sizeof(error)) == -1) {
		report(0, "%s", error);
		return -1;
	}
	store_get_health(session.store, &health);
	if (store_session_is_up(&session, &why)) {
		print_health(health.name, &health);
		result = judge_settings(&health);
	} else {
		report(0, "store %s: %s", health.name, why);
	}
	store_session_close(&session);
	return result;
}

int
store_check(const char *url, int64_t wait_ms)
{
	struct store_health health;
	char                error[STORE_ERROR_BYTES];
	int                 result;

	if (store_session_check_url(url, false, error, sizeof(error)) == -1) {
		report(0, "%s", error);
		return -1;
	}
	result = store_verify(url, &health, error, sizeof(error));
	if (result == 1)
		return check_broker(url, wait_ms);
	if (result == -1) {
		report(0, "%s", error);
		return -1;
	}
	print_health(url, &health);
	printf("integrity: ok\n");
	return 0;
}
