#include "stream/head.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stream/peer.h"

#define TIMES_8(text) text text text text text text text text

static const char colons[] = TIMES_8(TIMES_8(TIMES_8(":")));
#define COLONS_BYTES (sizeof(colons) - 1)

_Static_assert((HEAD_PARTS_MAX - 1) * COLONS_BYTES < PEER_WRITE_BYTES_MAX,
    "a piece of padding is too long for one write");

struct head *
head_new(struct buf *bytes, size_t padding_bytes)
{
	struct head *head = mem_zalloc(sizeof(*head));

	head->bytes = *bytes;
	*bytes = (struct buf){ 0 };
	/* The colon and the line end of a comment are added. */
	if (padding_bytes > 0)
		head->comment_bytes = padding_bytes + 2;
	return head;
}

void
head_free(struct head *head)
{
	buf_deinit(&head->bytes);
	free(head);
}

size_t
head_bytes(const struct head *head)
{
	return head->bytes.len_bytes + head->comment_bytes;
}

static void
set_part(struct iovec *part, const char *bytes, size_t len_bytes)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): writev(2) only reads */
	part->iov_base = (char *)(uintptr_t)bytes;
	part->iov_len = len_bytes;
}

static size_t
at_most(size_t bytes, size_t bytes_max)
{
	return bytes < bytes_max ? bytes : bytes_max;
}

/* Of a comment of colons and a line end, of which so many bytes are left. */
static int
comment_piece(size_t left_bytes, struct iovec parts[static HEAD_PARTS_MAX])
{
	size_t len_bytes;
	int    count = 0;

	while (left_bytes > 1 && count < HEAD_PARTS_MAX - 1) {
		len_bytes = at_most(left_bytes - 1, COLONS_BYTES);
		set_part(&parts[count++], colons, len_bytes);
		left_bytes -= len_bytes;
	}
	if (left_bytes == 1)
		set_part(&parts[count++], "\n", 1);
	return count;
}

int
head_piece(const struct head *head, size_t sent_bytes,
    struct iovec parts[static HEAD_PARTS_MAX])
{
	size_t len_bytes = head->bytes.len_bytes;

	if (sent_bytes >= len_bytes)
		return comment_piece(head_bytes(head) - sent_bytes, parts);
	set_part(&parts[0], head->bytes.data + sent_bytes,
	    at_most(len_bytes - sent_bytes, PEER_WRITE_BYTES_MAX));
	return 1;
}
