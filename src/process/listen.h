#ifndef PROCESS_LISTEN_H
#define PROCESS_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A socket that web servers connect to. */
struct listener {
	int   fd;
	bool  is_unix;
	bool  is_inherited; /* other processes may have it too */
	bool  is_kept;      /* systemd keeps it open for the next process */
	char *name;         /* for the log: as --listen has it */
	char *path;         /* of a unix socket that we made, or NULL */
	dev_t device;       /* with inode: that it is still ours */
	ino_t inode;
};

struct listeners {
	struct listener *all;
	size_t           count;
};

/* Longest message of listeners_open. */
#define LISTEN_ERROR_BYTES_MAX 256

/*
 * Adds a socket at "unix:PATH", "HOST:PORT" or "[V6]:PORT". A unix socket on
 * which no process listens is replaced; one on which another process listens is
 * an error. Of several starts at one path at a time, one succeeds. Returns 0,
 * or -1 with a line in error.
 */
int listeners_open(struct listeners *, const char *address, mode_t socket_mode,
    char error[static LISTEN_ERROR_BYTES_MAX]);

/*
 * Adds the sockets that the process was started with: those of LISTEN_FDS
 * (sd_listen_fds(3)), else a listening socket on descriptor 0 (FastCGI
 * specification, section 2.2). Having none is no error. As listeners_open.
 */
int listeners_inherit(struct listeners *,
    char error[static LISTEN_ERROR_BYTES_MAX]);

/*
 * Whether the socket is from mod_fcgid, which starts a process for each open
 * request. It is told by the socket's path, in a folder named after mod_fcgid.
 */
bool listeners_are_single_use(const struct listeners *);

/* Closes them all, and removes the unix sockets that we made. */
void listeners_close(struct listeners *);

#endif
