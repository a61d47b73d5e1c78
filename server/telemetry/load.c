#include "telemetry/load.h"

#include <string.h>
#include <unistd.h>

enum {
    TAKES_PER_SECOND = 1000 * 1000 / LOAD_PERIOD_US,
    TAKES_PER_SEARCH = 10 * TAKES_PER_SECOND, /* for threads and bounds, which hardly change */
    NS_PER_US = 1000,
    US_PER_S = 1000 * 1000,
    BITS_PER_BYTE = 8,
};

void load_meter_init(struct load_meter *meter, const struct load_params *params)
{
    *meter = (struct load_meter){.params = *params};
}

static uint32_t capped(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* At most 1000; of nothing, nothing. */
static uint32_t permille(uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return 0;
    return part >= whole ? 1000 : (uint32_t)((double)part * 1000 / (double)whole);
}

/* ---- threads ---- */

static bool role_of(enum load_role *out, const struct process_thread *thread)
{
    if (thread->id == (int)getpid())
        *out = LOAD_CONTROL;
    else if (strcmp(thread->name, "worker") == 0)
        *out = LOAD_WORKER;
    else if (strcmp(thread->name, "stage") == 0)
        *out = LOAD_STAGE;
    else
        return false;
    return true;
}

static const struct load_thread *known_thread(const struct load_meter *meter, int id)
{
    for (unsigned i = 0; i < meter->thread_count; i++)
        if (meter->threads[i].id == id)
            return &meter->threads[i];
    return NULL;
}

static void find_threads(struct load_meter *meter)
{
    struct process_thread all[PROCESS_THREADS_MAX];
    struct load_thread found[LOAD_THREADS_MAX];
    size_t all_count = process_threads(all, PROCESS_THREADS_MAX);
    unsigned count = 0;
    if (all_count == 0)
        return; /* out of descriptors: those that were known are still there */
    for (size_t i = 0; i < all_count && count < LOAD_THREADS_MAX; i++) {
        struct load_thread *thread = &found[count];
        *thread = (struct load_thread){.id = all[i].id};
        const struct load_thread *known = known_thread(meter, all[i].id);
        if (!role_of(&thread->role, &all[i]))
            continue;
        if (known)
            *thread = *known;
        else if (!process_thread_run(&thread->run, thread->id))
            continue; /* gone already */
        count++;
    }
    memcpy(meter->threads, found, count * sizeof(found[0]));
    meter->thread_count = count;
}

/* Another thread may have got the number of one that ended. */
static uint64_t grown(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static void raise_to(uint32_t *most, uint32_t value)
{
    if (value > *most)
        *most = value;
}

static void look_at_thread(struct load_thread *thread, uint64_t span_us, struct load *out)
{
    struct process_run run;
    if (!process_thread_run(&run, thread->id))
        return;
    uint64_t waited_ns = grown(run.waited_ns, thread->run.waited_ns);
    uint64_t runs = grown(run.runs, thread->run.runs);
    uint64_t busy_ns = grown(run.cpu_ns, thread->run.cpu_ns) + waited_ns;
    uint32_t busy_permille = permille(busy_ns, span_us * NS_PER_US);
    thread->run = run;
    switch (thread->role) {
    case LOAD_CONTROL:
        out->control_busy_permille = busy_permille;
        return;
    case LOAD_WORKER:
        raise_to(&out->worker_busy_permille, busy_permille);
        if (runs > 0)
            raise_to(&out->worker_lag_us, capped(waited_ns / runs / NS_PER_US));
        return;
    case LOAD_STAGE:
        raise_to(&out->stage_busy_permille, busy_permille);
        return;
    }
}

/* ---- what others counted ---- */

/* A tick that never came is as late as one can be. Each stage may have one under way. */
static uint32_t stage_late(const struct load_params *params, uint64_t ticks, uint64_t tardy,
                           uint64_t span_us)
{
    if (params->stage_tick_us == 0)
        return 0;
    uint64_t due = span_us / params->stage_tick_us;
    due = due > 0 ? (due - 1) * params->stages : 0;
    if (due < ticks)
        due = ticks;
    uint64_t in_time = ticks > tardy ? ticks - tardy : 0;
    return permille(due - in_time, due);
}

static void look_at_counts(const struct load_meter *meter, const struct load_counted *now,
                           uint64_t span_us, struct load *out)
{
    const struct load_counted *before = &meter->counted;
    uint64_t sent = now->program_sent - before->program_sent;
    uint64_t late = now->program_late - before->program_late;
    uint64_t datagrams = now->datagrams_out - before->datagrams_out;
    uint64_t failed =
        now->send_failures - before->send_failures + now->program_failed - before->program_failed;
    uint64_t bytes = now->bytes_out - before->bytes_out + datagrams * LOAD_DATAGRAM_HEAD_BYTES;
    out->program_late_permille = permille(late, sent + late);
    out->send_failed_permille = permille(failed, datagrams + failed);
    out->stage_late_permille =
        stage_late(&meter->params, now->stage_ticks - before->stage_ticks,
                   now->stage_tardy_ticks - before->stage_tardy_ticks, span_us);
    out->egress_bps = bytes * BITS_PER_BYTE * US_PER_S / span_us;
    out->egress_permille = permille(out->egress_bps, meter->params.egress_max_bps);
}

/* ---- what the system allows ---- */

static void look_at_bounds(struct load_meter *meter, struct load *out)
{
    const struct bounds *bounds = &meter->bounds;
    if (bounds->memory_bytes != BOUNDS_NONE)
        raise_to(&out->memory_permille, permille(process_rss_bytes(), bounds->memory_bytes));
    if (bounds->address_bytes != BOUNDS_NONE)
        raise_to(&out->memory_permille, permille(process_address_bytes(), bounds->address_bytes));
    if (meter->takes % TAKES_PER_SECOND == 0)
        meter->descriptors_permille = bounds->descriptors == BOUNDS_NONE
                                          ? 0
                                          : permille(process_descriptors(), bounds->descriptors);
    out->descriptors_permille = meter->descriptors_permille;
}

void load_meter_take(struct load_meter *meter, const struct load_counted *counted, uint64_t now_us,
                     struct load *out)
{
    uint64_t span_us = now_us - meter->taken_us;
    struct load load = {.taken_us = now_us};
    if (meter->takes > 0 && span_us > 0) {
        load.control_lag_us = capped(span_us > LOAD_PERIOD_US ? span_us - LOAD_PERIOD_US : 0);
        look_at_counts(meter, counted, span_us, &load);
        for (unsigned i = 0; i < meter->thread_count; i++)
            look_at_thread(&meter->threads[i], span_us, &load);
    }
    if (meter->takes % TAKES_PER_SEARCH == 0) {
        find_threads(meter);
        bounds_read(&meter->bounds, "");
    }
    look_at_bounds(meter, &load);
    meter->counted = *counted;
    meter->taken_us = now_us;
    meter->takes++;
    *out = load;
}

_Static_assert(LOAD_PERIOD_US *TAKES_PER_SECOND == US_PER_S, "a whole number of takes a second");
