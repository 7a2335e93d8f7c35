#include "config.h"

#include "hub/update.h"

#include <string.h>

bool
update_went_to(const struct update *update, const char *const *topics,
    size_t topic_count)
{
	for (size_t i = 0; i < update->topic_count; i++) {
		for (size_t j = 0; j < topic_count; j++) {
			if (strcmp(update->topics[i], topics[j]) == 0)
				return true;
		}
	}
	return topic_count == 0;
}
