/* load.h - how hard this process works, looked at four times a second: what the governor decides by.
 *
 * A thread is busy while it runs and while it is ready to run and gets no processor: so a thread
 * that shares its core with another program is as busy as if the work had grown.
 *
 * Owner    main, by value
 * Thread   control: the kernel is asked through files (some ten of them a time)
 * Units    per mille: of a core, of what was due, of what the system allows; microseconds
 * Errors   none: what cannot be known is 0
 * Spec     telemetry/process.h, telemetry/bounds.h
 */
#ifndef TELEMETRY_LOAD_H
#define TELEMETRY_LOAD_H

#include "telemetry/bounds.h"
#include "telemetry/process.h"

enum {
    LOAD_PERIOD_US = 250 * 1000, /* load_meter_take() is to be called so often */
    LOAD_THREADS_MAX = 1 + 64 + 16,
    LOAD_DATAGRAM_HEAD_BYTES = 20 + 8, /* IPv4 and UDP, which who counts bytes does not see */
};

/* What others counted since the process began; all grow. */
struct load_counted {
    uint64_t program_sent, program_late, program_failed; /* packets of the program */
    uint64_t datagrams_out, send_failures, bytes_out;    /* all datagrams */
    uint64_t stage_ticks, stage_tardy_ticks;             /* of all stages together */
};

struct load_params {
    unsigned stages;         /* stage threads, each of which should tick... */
    uint32_t stage_tick_us;  /* ...this often */
    uint64_t egress_max_bps; /* what the operator allows; 0: no bound */
};

/* One sample: of the time since the one before. */
struct load {
    uint64_t taken_us;              /* 0: none was taken */
    uint32_t program_late_permille; /* dropped as too late, of those due */
    uint32_t stage_late_permille;   /* tardy or missing, of the ticks due */
    uint32_t send_failed_permille;  /* refused by the system or not encrypted */
    uint32_t control_lag_us;        /* how much later than due this sample was taken */
    uint32_t worker_lag_us; /* how long a worker waits for a processor: mean of the worst one */
    uint32_t control_busy_permille;
    uint32_t worker_busy_permille; /* the busiest one */
    uint32_t stage_busy_permille;  /* the busiest one */
    uint32_t memory_permille;      /* of the tightest bound */
    uint32_t descriptors_permille;
    uint64_t egress_bps;      /* with the heads of IP and UDP */
    uint32_t egress_permille; /* of egress_max_bps */
};

enum load_role { LOAD_CONTROL, LOAD_WORKER, LOAD_STAGE };

struct load_thread {
    int id;
    enum load_role role;
    struct process_run run; /* as of the last sample */
};

struct load_meter {
    struct load_params params;
    struct load_counted counted; /* as of the last sample */
    uint64_t taken_us;
    unsigned takes;
    struct bounds bounds;
    uint32_t descriptors_permille; /* looked at once a second */
    unsigned thread_count;
    struct load_thread threads[LOAD_THREADS_MAX];
};

void load_meter_init(struct load_meter *meter, const struct load_params *params);
/* The first sample knows no rates yet. Threads are found by their names, again every ten seconds. */
void load_meter_take(struct load_meter *meter, const struct load_counted *counted, uint64_t now_us,
                     struct load *out);

#endif
