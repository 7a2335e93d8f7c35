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
}

void
store_choice_deinit(struct store_choice *choice)
{
	free(choice->url);
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
