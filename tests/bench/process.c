#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The figure behind a name such as "VmRSS:"; 0 if there is none. */
static uint64_t
field_number(pid_t pid, const char *file, const char *name)
{
	uint64_t number = 0;
	char     path[64], line[256];
	FILE    *fp;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	if ((fp = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), fp) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			number = strtoull(line + strlen(name), NULL, 10);
	fclose(fp);
	return number;
}

static void
usage_add(struct process_usage *u, pid_t pid)
{
	struct timespec ts;
	clockid_t       clock;
	char            path[64];
	FILE           *fp;
	char            child[32];

	if (clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &ts) == -1)
		return;
	u->count++;
	u->cpu_ns += (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	u->rss_bytes += field_number(pid, "status", "VmRSS:") * 1024;
	u->pss_bytes += field_number(pid, "smaps_rollup", "Pss:") * 1024;
	u->writes += field_number(pid, "io", "syscw:");

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid,
	    (int)pid);
	if ((fp = fopen(path, "r")) == NULL)
		return;
	while (fscanf(fp, "%31s", child) == 1)
		usage_add(u, (pid_t)strtol(child, NULL, 10));
	fclose(fp);
}

struct process_usage
process_usage_of(pid_t pid)
{
	struct process_usage u = { 0 };

	usage_add(&u, pid);
	return u;
}
