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

/*
 * As /proc/self/net/unix shows an abstract name, "@" for its NUL: a hash of
 * the address, the socket's inode, the parent process and our own. Anyone can
 * take such a name, so it only says whom to ask; what counts is an answer that
 * comes from a process of our own user.
 */
#define NAME_PREFIX "@fcgi-sse/"
#define NAME_FORMAT NAME_PREFIX "%llx/%llx/%llx/%llx"
#define NAME_BYTES_MAX 104

/* The two messages: a process that starts asks, the others answer. */
#define QUESTION '?'
#define ANSWER '!'

/* The program that starts several processes, with a socket for each. */
#define SPAWNER "lighttpd"

/* What a process's name tells of it. */
struct identity {
	unsigned long long address_hash;
	unsigned long long inode;
	unsigned long long parent;
	unsigned long long process;
};

struct siblings {
	uv_poll_t       poll;
	int             fd;
	struct identity identity;
	void (*on_found)(void *); /* NULL: was called */
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
 * How much of a path the sockets of one program have in common: all but the
 * "-0", "-1" that lighttpd puts behind it.
 */
static size_t
common_bytes(const char *path, size_t size_bytes)
{
	size_t len_bytes = strnlen(path, size_bytes), digits = len_bytes;

	while (digits > 0 && isdigit((unsigned char)path[digits - 1]))
		digits--;
	return digits > 0 && digits < len_bytes && path[digits - 1] == '-' ?
	    digits - 1 :
	    len_bytes;
}

static bool
identify(struct identity *identity, int fd)
{
	union {
		struct sockaddr_storage any;
		struct sockaddr_un      un;
	} address;
	socklen_t   size = sizeof(address);
	struct stat status;

	memset(&address, 0, sizeof(address));
	if (fstat(fd, &status) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) == -1)
		return false;
	identity->address_hash = address.any.ss_family == AF_UNIX ?
	    hash(address.un.sun_path,
		common_bytes(address.un.sun_path,
		    sizeof(address.un.sun_path))) :
	    hash(&address, size);
	identity->inode = (unsigned long long)status.st_ino;
	identity->parent = (unsigned long long)getppid();
	identity->process = (unsigned long long)getpid();
	return true;
}

/* Whether lighttpd has started the process. */
static bool
is_spawned(const struct identity *identity)
{
	char  path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%llu/comm", identity->parent);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fgets(name, sizeof(name), file) != NULL)
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
	return strcmp(name, SPAWNER) == 0;
}

/*
 * Whether the two share their clients: by one socket, or by sockets that
 * lighttpd has made for them. Other sockets whose paths end in a number have
 * nothing to do with each other, and a socket that has taken the place of
 * another at the same path shares nothing with it.
 */
static bool
is_sibling(const struct identity *one, const struct identity *other)
{
	if (one->process == other->process ||
	    one->address_hash != other->address_hash)
		return false;
	return one->inode == other->inode ||
	    (one->parent == other->parent && is_spawned(one));
}

/* A name in the abstract namespace; "@" stands for its NUL. */
static socklen_t
name_address(struct sockaddr_un *address, const char *name)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + 1, name + 1, strlen(name) - 1);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(name));
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
say(const struct siblings *siblings, char what,
    const struct sockaddr_un *address, socklen_t size)
{
	sendto(siblings->fd, &what, 1, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)address, size);
}

/* Whether the kernel says that our own user has sent the message. */
static bool
is_of_our_user(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	struct ucred    sender;

	if (control == NULL || control->cmsg_level != SOL_SOCKET ||
	    control->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&sender, CMSG_DATA(control), sizeof(sender));
	return sender.uid == geteuid() && sender.pid != getpid();
}

static void
on_told(uv_poll_t *poll, int status, int events)
{
	struct siblings   *siblings = list_entry(poll, struct siblings, poll);
	struct sockaddr_un address;
	char               what = '\0';
	struct iovec       part = { .iov_base = &what, .iov_len = 1 };
	union {
		char           bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr aligned;
	} control;
	struct msghdr message = { .msg_name = &address,
		.msg_namelen = sizeof(address),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	(void)status;
	(void)events;
	if (recvmsg(siblings->fd, &message, MSG_DONTWAIT) != 1 ||
	    !is_of_our_user(&message) || (what != QUESTION && what != ANSWER))
		return;
	if (what == QUESTION)
		say(siblings, ANSWER, &address, message.msg_namelen);
	found(siblings);
}

/* Reads a hexadecimal number and what has to follow it. */
static bool
parse_part(const char **next, char follower, unsigned long long *part)
{
	char *end;

	*part = strtoull(*next, &end, 16);
	if (end == *next || *end != follower)
		return false;
	*next = end + 1;
	return true;
}

/* Whether it is a name of ours, which NAME_FORMAT made. */
static bool
parse_name(const char *name, struct identity *identity)
{
	const char *next = name + sizeof(NAME_PREFIX) - 1;

	return strncmp(name, NAME_PREFIX, sizeof(NAME_PREFIX) - 1) == 0 &&
	    parse_part(&next, '/', &identity->address_hash) &&
	    parse_part(&next, '/', &identity->inode) &&
	    parse_part(&next, '/', &identity->parent) &&
	    parse_part(&next, '\0', &identity->process);
}

/* Asks all who may be siblings; they were there before us. */
static void
ask_others(struct siblings *siblings)
{
	FILE              *table = fopen("/proc/self/net/unix", "re");
	struct sockaddr_un address;
	struct identity    other;
	char               line[512], *name;
	socklen_t          size;

	while (table != NULL && fgets(line, sizeof(line), table) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		name = strchr(line, '@');
		if (name == NULL || strlen(name) >= NAME_BYTES_MAX ||
		    !parse_name(name, &other) ||
		    !is_sibling(&siblings->identity, &other))
			continue;
		size = name_address(&address, name);
		say(siblings, QUESTION, &address, size);
	}
	if (table != NULL)
		fclose(table);
}

/* Takes our name. Returns the socket that has it, or -1. */
static int
open_name(const struct identity *identity)
{
	struct sockaddr_un address;
	char               name[NAME_BYTES_MAX];
	socklen_t          size;
	int                fd, on = 1;

	snprintf(name, sizeof(name), NAME_FORMAT, identity->address_hash,
	    identity->inode, identity->parent, identity->process);
	size = name_address(&address, name);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 &&
	    (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == -1 ||
		bind(fd, (struct sockaddr *)&address, size) == -1)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct siblings *
siblings_new(uv_loop_t *loop, const struct listeners *listeners,
    void (*on_found)(void *), void                   *arg)
{
	struct siblings *siblings;
	struct identity  identity;
	int              fd;

	/* What we opened ourselves nobody else has. */
	if (!listeners->all[0].is_inherited ||
	    !identify(&identity, listeners->all[0].fd))
		return NULL;
	fd = open_name(&identity);
	if (fd == -1)
		return NULL;
	siblings = mem_zalloc(sizeof(*siblings));
	siblings->on_found = on_found;
	siblings->arg = arg;
	siblings->identity = identity;
	siblings->fd = fd;
	uv_poll_init(loop, &siblings->poll, fd);
	uv_poll_start(&siblings->poll, UV_READABLE, on_told);
	ask_others(siblings);
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
