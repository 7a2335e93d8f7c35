#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <sys/types.h>
#include <stdint.h>

/* What a process and all its descendants have used. */
struct process_usage {
	uint64_t cpu_ns;
	uint64_t rss_bytes; /* VmRSS of /proc/PID/status */
	uint64_t pss_bytes; /* of smaps_rollup; 0 when not readable */
	uint64_t writes;    /* system calls that write */
	unsigned count;     /* of processes; 0 when it is gone */
};

struct process_usage process_usage_of(pid_t);

#endif
