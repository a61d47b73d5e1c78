/* process.h - what this process uses of the machine: processor time, memory, threads, descriptors.
 *
 * Owner    the caller's buffers
 * Thread   any but the media threads: the kernel is asked through files
 * Units    milliseconds and nanoseconds of processor time (user and system), bytes
 * Errors   none: what the kernel does not tell is 0
 * Spec     proc(5), getrusage(2), the kernel's scheduler/sched-stats
 */
#ifndef TELEMETRY_PROCESS_H
#define TELEMETRY_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROCESS_THREADS_MAX = 128,
    PROCESS_NAME_MAX = 32,
};

struct process_thread {
    int id;
    char name[PROCESS_NAME_MAX]; /* as in `comm` */
    uint64_t cpu_ms;             /* in steps of the kernel's tick, 10 ms */
};

/* What one thread got of the processors, and how long it was ready to run and got none. */
struct process_run {
    uint64_t cpu_ns, waited_ns;
    uint64_t runs; /* how often it got one */
};

uint64_t process_cpu_ms(void);
uint64_t process_rss_bytes(void);
uint64_t process_address_bytes(void); /* what RLIMIT_AS counts */
/* Open now. Cheap since Linux 6.2, which counts itself; before, one step for each of them. */
unsigned process_descriptors(void);
/* Of the machine, not of a control group. */
unsigned process_cores(void);
/* All threads (at most `max`), in order of their ids: the main thread is the first. Returns how many. */
size_t process_threads(struct process_thread *out, size_t max);
/* One thread of this process. Where the kernel does not keep it, waited_ns and runs are 0 and cpu_ns
 * moves in steps of 10 ms. False: there is no such thread. */
bool process_thread_run(struct process_run *out, int id);

/* Reads one line of /proc/PID/task/TID/schedstat. False: it is no such line. */
bool process_parse_run(struct process_run *out, const char *line);
/* Reads one line of /proc/PID/task/TID/stat. False: it is no such line. */
bool process_parse_stat(struct process_thread *out, const char *line, unsigned ticks_per_second);

#endif
