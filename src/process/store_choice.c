#include "config.h"

#include "process/store_choice.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
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
	else
		return;
	file = store_choice_file(choice);
	choice->seats_path = store_place_seats(listeners, file);
	free(file);
}

void
store_choice_init(struct store_choice *choice, const char *option,
    const struct listeners *listeners)
{
	struct buf url = { 0 };

	memset(choice, 0, sizeof(*choice));
	choice->is_auto = strcmp(option, AUTO) == 0;
	choice->why = "the option store says so";
	if (!choice->is_auto)
		choice->url = mem_strdup(option);
	else if (store_place_find(listeners, &url, &choice->why,
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
