#include "config.h"

#include "process/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/list.h"

/* A socket that is connected to the manager's, or -1. */
static int
open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t             len_bytes;
	int                fd;

	if (path == NULL || (*path != '/' && *path != '@') ||
	    strlen(path) >= sizeof(address.sun_path))
		return -1;
	len_bytes = strlen(path);
	memcpy(address.sun_path, path, len_bytes);
	/* An abstract name begins with a NUL. */
	if (*path == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 &&
	    connect(fd, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
		    len_bytes)) == -1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Half of the time after which the manager would restart us, in ms, or 0. */
static uint64_t
watchdog_ms(void)
{
	const char *pid = getenv("WATCHDOG_PID");
	const char *time_us = getenv("WATCHDOG_USEC");

	if (time_us == NULL ||
	    (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(time_us, NULL, 10) / 2000;
}

static void
on_watchdog(uv_timer_t *timer)
{
	notify_send(list_entry(timer, struct notify, watchdog), "WATCHDOG=1");
}

void
notify_init(struct notify *notify, uv_loop_t *loop)
{
	uint64_t interval_ms = watchdog_ms();

	notify->fd = open_socket(getenv("NOTIFY_SOCKET"));
	uv_timer_init(loop, &notify->watchdog);
	if (notify->fd != -1 && interval_ms > 0)
		uv_timer_start(&notify->watchdog, on_watchdog, interval_ms,
		    interval_ms);
}

void
notify_deinit(struct notify *notify)
{
	uv_close((uv_handle_t *)&notify->watchdog, NULL);
	if (notify->fd != -1)
		close(notify->fd);
}

void
notify_send(const struct notify *notify, const char *state)
{
	if (notify->fd != -1)
		(void)!send(notify->fd, state, strlen(state), MSG_NOSIGNAL);
}
