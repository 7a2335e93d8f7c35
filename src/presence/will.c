#include "presence/will.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "presence/lease_record.h"
#include "presence/presence.h"
#include "presence/roster.h"
#include "store/wills.h"

/* What a line begins with: the announcement is out, or not any more. */
#define OUT '+'
#define BACK '-'

static char *
line_of(const struct announcement *announcement, unsigned shape, bool is_out)
{
	json_t    *item = lease_record_item(announcement, shape);
	char      *text = json_dumps(item, JSON_COMPACT);
	struct buf line = { 0 };

	json_decref(item);
	if (text == NULL)
		mem_fail();
	buf_printf(&line, "%c", is_out ? OUT : BACK);
	buf_append(&line, text, strlen(text) + 1);
	free(text);
	return line.data;
}

void
will_note(struct presence *presence, const struct announcement *announcement,
    unsigned shape, bool is_out)
{
	char *line;

	if (presence->wills == NULL)
		return;
	presence->willed_count += is_out ? 1 : -1;
	if (presence->willed_count == 0) {
		wills_clear(presence->wills);
		return;
	}
	line = line_of(announcement, shape, is_out);
	if (!wills_add(presence->wills, line) && !presence->is_will_bad) {
		presence->is_will_bad = true;
		log_warn("presence",
		    LOG_STR("reason", "the will cannot be written"),
		    LOG_STR("error", strerror(errno)));
	}
	free(line);
}

static bool
read_line(struct roster *roster, struct roster_process *process,
    const char *line, size_t len_bytes)
{
	const struct lease_record record = { .process = process->number };
	struct roster_fact        fact;
	json_t *item = json_loadb(line + 1, len_bytes - 1, 0, NULL);
	bool    has_room = true;

	if (lease_record_fact(&record, item, &fact)) {
		if (*line == OUT)
			has_room = roster_add(roster, process, &fact);
		else if (*line == BACK)
			roster_remove(roster, &fact);
	}
	json_decref(item);
	return has_room;
}

bool
will_read(struct roster *roster, struct roster_process *process,
    const char *text)
{
	const char *end;
	bool        has_room = true;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		if (end > text &&
		    !read_line(roster, process, text, (size_t)(end - text)))
			has_room = false;
	}
	return has_room;
}
