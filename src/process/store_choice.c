#include "config.h"

#include "process/store_choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "edge/cgi.h"
#include "process/store_place.h"

#define AUTO "auto"
#define MEMORY "memory"
#define FILE_SCHEME "sqlite:"

/*
 * A hoster may allow no more than 20 processes by CGI at a time, which the site
 * needs as well. mod_fcgid starts 100 of a program, and publishers need some.
 */
#define CGI_STREAMS_MAX 10
#define FCGID_STREAMS_MAX 80

static void
find_seats(struct store_choice *choice, const struct listeners *listeners)
{
	char *file;

	if (listeners->count == 0)
		choice->streams_max = CGI_STREAMS_MAX;
	else if (listeners_are_single_use(listeners))
		choice->streams_max = FCGID_STREAMS_MAX;
	choice->is_shared = store_place_is_shared(listeners);
	file = store_choice_file(choice);
	choice->wills_path = store_place_wills(listeners, file);
	if (choice->is_shared)
		choice->seats_path = store_place_seats(listeners, file);
	free(file);
}

void
store_choice_init(struct store_choice *choice, const char *option,
    const struct listeners *listeners)
{
	struct buf url = { 0 };

	const bool is_single_use = listeners->count == 0 ||
	    listeners_are_single_use(listeners);

	memset(choice, 0, sizeof(*choice));
	choice->is_auto = strcmp(option, AUTO) == 0;
	choice->why = "the option store says so";
	if (!choice->is_auto) {
		choice->url = mem_strdup(option);
		if (is_single_use && strcmp(option, MEMORY) == 0)
			snprintf(choice->problem, sizeof(choice->problem),
			    "the option store is memory, and each request has "
			    "a process of its own; leave it out, or set "
			    "store = sqlite:FILE");
	} else if (store_place_find(listeners, &url, &choice->why,
		       choice->problem, sizeof(choice->problem)) == -1)
		choice->url = mem_strdup(MEMORY);
	else {
		buf_append(&url, "", 1);
		choice->url = mem_strdup(url.data);
	}
	buf_deinit(&url);
	find_seats(choice, listeners);
}

void
store_choice_deinit(struct store_choice *choice)
{
	free(choice->url);
	free(choice->seats_path);
	free(choice->wills_path);
}

char *
store_choice_file(const struct store_choice *choice)
{
	char *file;

	if (strncmp(choice->url, FILE_SCHEME, sizeof(FILE_SCHEME) - 1) != 0)
		return NULL;
	file = mem_strdup(choice->url + sizeof(FILE_SCHEME) - 1);
	file[strcspn(file, "?")] = '\0';
	return file;
}

/* Without a request it depends on how the process is started: the cases. */
static void
append_cases(struct buf *text, const struct store_choice *choice)
{
	char *file = store_choice_file(choice);

	buf_append_str(text, "memory where one process serves");
	if (file != NULL)
		buf_printf(text, ", else a file in %.*s",
		    (int)(strrchr(file, '/') - file), file);
	free(file);
}

char *
store_choice_describe(size_t listen_count)
{
	struct listeners    listeners = { 0 };
	struct store_choice choice;
	struct buf          text = { 0 };
	char                error[LISTEN_ERROR_BYTES_MAX];

	if (listeners_inherit(&listeners, error) == -1) {
		listeners_close(&listeners);
		return NULL;
	}
	store_choice_init(&choice, AUTO, &listeners);
	if (listeners.count == 0 && listen_count > 0)
		buf_append_str(&text,
		    MEMORY " here: this process alone serves");
	else if (choice.problem[0] != '\0')
		buf_printf(&text, MEMORY " here, since there is %s",
		    choice.problem);
	else if (listeners.count == 0 && !cgi_is_requested())
		append_cases(&text, &choice);
	else
		buf_printf(&text, "%s here: %s", choice.url, choice.why);
	buf_append(&text, "", 1);
	store_choice_deinit(&choice);
	listeners_close(&listeners);
	return text.data;
}
