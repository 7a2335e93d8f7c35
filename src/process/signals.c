#include "process/signals.h"

#include <signal.h>

static const int numbers[SIGNALS_COUNT] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };

static void
change_mask(int how)
{
	sigset_t set;
	int      i;

	sigemptyset(&set);
	for (i = 0; i < SIGNALS_COUNT; i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(how, &set, NULL);
}

void
signals_hold(void)
{
	change_mask(SIG_BLOCK);
}

void
signals_release(void)
{
	change_mask(SIG_UNBLOCK);
}

static void
on_signal(uv_signal_t *handle, int number)
{
	struct signals *signals = handle->data;

	if (number == SIGHUP)
		signals->on_hangup(signals->arg);
	else
		signals->on_stop(signals->arg);
}

void
signals_init(struct signals *signals, uv_loop_t *loop)
{
	int i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < SIGNALS_COUNT; i++) {
		uv_signal_init(loop, &signals->handles[i]);
		signals->handles[i].data = signals;
		uv_signal_start(&signals->handles[i], on_signal, numbers[i]);
	}
	signals_release();
}

void
signals_deinit(struct signals *signals)
{
	int i;

	for (i = 0; i < SIGNALS_COUNT; i++) {
		uv_close((uv_handle_t *)&signals->handles[i], NULL);
		/* The process ends already, and with its own exit status. */
		signal(numbers[i], SIG_IGN);
	}
}
