/*
 * What libfcgi's documentation leads to: a thread for each client, which
 * sleeps, writes and flushes. threads SOCKET INTERVAL_MS
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BACKLOG = 4096 };

static struct timespec interval;

/* False when the client is gone. */
static int
send_date(FCGX_Request *request)
{
	char      date[64];
	time_t    now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a %b %d %Y %H:%M:%S", &tm);
	FCGX_FPrintF(request->out,
	    "data: %s GMT+0000 (Coordinated Universal Time)\n\n", date);
	return FCGX_FFlush(request->out) == 0;
}

static void *
serve(void *arg)
{
	FCGX_Request *request = arg;

	FCGX_PutS("Content-Type: text/event-stream\r\n"
		  "Cache-Control: no-cache\r\n\r\n",
	    request->out);
	while (send_date(request))
		nanosleep(&interval, NULL);
	FCGX_Finish_r(request);
	free(request);
	return NULL;
}

int
main(int argc, char **argv)
{
	FCGX_Request *request;
	pthread_t     thread;
	long          interval_ms = argc == 3 ? atol(argv[2]) : 0;
	int           listener;

	if (interval_ms <= 0)
		return 2;
	interval.tv_sec = interval_ms / 1000;
	interval.tv_nsec = interval_ms % 1000 * 1000000;
	FCGX_Init();
	signal(SIGTERM, SIG_DFL);
	listener = FCGX_OpenSocket(argv[1], BACKLOG);
	for (;;) {
		request = calloc(1, sizeof(*request));
		if (request == NULL ||
		    FCGX_InitRequest(request, listener, 0) != 0 ||
		    FCGX_Accept_r(request) != 0 ||
		    pthread_create(&thread, NULL, serve, request) != 0) {
			perror("threads");
			return 1;
		}
		pthread_detach(thread);
	}
}
