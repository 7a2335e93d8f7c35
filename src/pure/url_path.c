#include "pure/url_path.h"

#include <string.h>

#include "base/buf.h"
#include "pure/percent.h"

/* How many dots the segment consists of; 0 if of anything else. */
static int
count_dots(const char *segment, size_t len_bytes)
{
	int dots = 0;

	for (size_t i = 0; i < len_bytes; i++, dots++) {
		if (segment[i] == '.')
			continue;
		if (!percent_is_triplet(segment + i, len_bytes - i) ||
		    segment[i + 1] != '2' || (segment[i + 2] | 32) != 'e')
			return 0;
		i += 2;
	}
	return dots;
}

void
url_path_shorten(struct buf *path)
{
	while (path->len_bytes > 0 && path->data[--path->len_bytes] != '/')
		;
}

static void
append_segment(struct buf *path, const char *segment, size_t len_bytes,
    bool is_last)
{
	int dots = count_dots(segment, len_bytes);

	if (dots == 2)
		url_path_shorten(path);
	if (dots == 1 || dots == 2) {
		if (is_last)
			buf_append_str(path, "/");
		return;
	}
	buf_append_str(path, "/");
	percent_encode(path, segment, len_bytes, PERCENT_PATH);
}

void
url_path_append(struct buf *path, const char *text, size_t len_bytes,
    bool is_special)
{
	size_t start = 0, end;

	for (;; start = end + 1) {
		for (end = start; end < len_bytes; end++) {
			if (text[end] == '/' ||
			    (is_special && text[end] == '\\'))
				break;
		}
		append_segment(path, text + start, end - start,
		    end == len_bytes);
		if (end == len_bytes)
			break;
	}
}
