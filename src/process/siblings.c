#include "config.h"

#include "process/siblings.h"

#include <ctype.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "process/listen.h"

/* As /proc/self/net/unix shows an abstract name, "@" for its NUL. */
#define NAME_FORMAT "@fcgi-sse/%016llx/"
#define NAME_BYTES_MAX 64

struct siblings {
	uv_poll_t poll;
	int       fd;
	char      prefix[NAME_BYTES_MAX]; /* of all our names */
	void (*on_found)(void *);         /* NULL: was called */
	void *arg;
};

/* FNV-1a: names have no room for a path. */
static unsigned long long
hash(const void *bytes, size_t len_bytes)
{
	const unsigned char *next = bytes;
	unsigned long long   sum = 0xcbf29ce484222325;

	while (len_bytes-- > 0)
		sum = (sum ^ *next++) * 0x100000001b3;
	return sum;
}

/*
 * What processes that share have in common: the address without the "-0",
 * "-1" that lighttpd puts behind the paths of one program's sockets.
 */
static bool
shared_key(int fd, unsigned long long *key)
{
	union {
		struct sockaddr_storage any;
		struct sockaddr_un      un;
	} address;
	socklen_t size = sizeof(address);
	size_t    len_bytes;

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, (struct sockaddr *)&address, &size) == -1)
		return false;
	if (address.any.ss_family != AF_UNIX) {
		*key = hash(&address, size);
		return true;
	}
	len_bytes = strnlen(address.un.sun_path, sizeof(address.un.sun_path));
	while (len_bytes > 0 &&
	    isdigit((unsigned char)address.un.sun_path[len_bytes - 1]))
		len_bytes--;
	*key = hash(address.un.sun_path, len_bytes);
	return true;
}

/* A name in the abstract namespace; "@" stands for its NUL. */
static socklen_t
name_address(struct sockaddr_un *address, const char *name)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + 1, name + 1, strlen(name) - 1);
	return (
	    socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

static void
found(struct siblings *siblings)
{
	void (*on_found)(void *) = siblings->on_found;

	siblings->on_found = NULL;
	if (on_found != NULL)
		on_found(siblings->arg);
}

static void
on_told(uv_poll_t *poll, int status, int events)
{
	struct siblings *siblings = list_entry(poll, struct siblings, poll);
	char             byte;

	(void)status;
	(void)events;
	if (recv(siblings->fd, &byte, 1, MSG_DONTWAIT) == 1)
		found(siblings);
}

/* Tells all that have a name like ours; they are there before us. */
static void
tell_others(struct siblings *siblings, const char *own_name)
{
	FILE              *table = fopen("/proc/self/net/unix", "re");
	struct sockaddr_un address;
	char               line[512], *name;

	while (table != NULL && fgets(line, sizeof(line), table) != NULL) {
		name = strstr(line, siblings->prefix);
		if (name == NULL)
			continue;
		name[strcspn(name, "\n")] = '\0';
		if (strcmp(name, own_name) == 0 ||
		    strlen(name) >= NAME_BYTES_MAX)
			continue;
		sendto(siblings->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (struct sockaddr *)&address, name_address(&address, name));
		found(siblings);
	}
	if (table != NULL)
		fclose(table);
}

struct siblings *
siblings_new(uv_loop_t *loop, const struct listeners *listeners,
    void (*on_found)(void *), void                   *arg)
{
	struct siblings   *siblings;
	struct sockaddr_un address;
	unsigned long long key;
	char               name[NAME_BYTES_MAX];

	/* What we opened ourselves nobody else has. */
	if (!listeners->all[0].is_inherited ||
	    !shared_key(listeners->all[0].fd, &key))
		return NULL;
	siblings = mem_zalloc(sizeof(*siblings));
	siblings->on_found = on_found;
	siblings->arg = arg;
	snprintf(siblings->prefix, sizeof(siblings->prefix), NAME_FORMAT, key);
	snprintf(name, sizeof(name), NAME_FORMAT "%ld", key, (long)getpid());
	siblings->fd = socket(AF_UNIX,
	    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (siblings->fd == -1 ||
	    bind(siblings->fd, (struct sockaddr *)&address,
		name_address(&address, name)) == -1 ||
	    uv_poll_init(loop, &siblings->poll, siblings->fd) != 0) {
		if (siblings->fd != -1)
			close(siblings->fd);
		free(siblings);
		return NULL;
	}
	uv_poll_start(&siblings->poll, UV_READABLE, on_told);
	tell_others(siblings, name);
	return siblings;
}

static void
on_closed(uv_handle_t *handle)
{
	free(list_entry((uv_poll_t *)handle, struct siblings, poll));
}

void
siblings_free(struct siblings *siblings)
{
	if (siblings == NULL)
		return;
	uv_close((uv_handle_t *)&siblings->poll, on_closed);
	close(siblings->fd);
}
