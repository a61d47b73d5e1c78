#include "rehearse/strain.h"

enum { NS_PER_US = 1000, ALL = 1000 };

static uint64_t busy_ns_of(int id)
{
    struct process_run run = {0};
    (void)process_thread_run(&run, id);
    return run.cpu_ns + run.waited_ns;
}

void strain_begin(struct strain *strain, uint64_t now_us)
{
    struct process_thread threads[PROCESS_THREADS_MAX];
    strain->from_us = now_us;
    strain->count = process_threads(threads, PROCESS_THREADS_MAX);
    for (size_t i = 0; i < strain->count; i++) {
        strain->threads[i].id = threads[i].id;
        strain->threads[i].busy_ns = busy_ns_of(threads[i].id);
    }
}

/* 0: it was not there. */
static uint64_t busy_before(const struct strain *strain, int id)
{
    for (size_t i = 0; i < strain->count; i++)
        if (strain->threads[i].id == id)
            return strain->threads[i].busy_ns;
    return 0;
}

unsigned strain_permille(const struct strain *strain, uint64_t now_us)
{
    struct process_thread threads[PROCESS_THREADS_MAX];
    size_t count = process_threads(threads, PROCESS_THREADS_MAX);
    uint64_t most_ns = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t before_ns = busy_before(strain, threads[i].id);
        uint64_t busy_ns = busy_ns_of(threads[i].id);
        if (busy_ns > before_ns + most_ns)
            most_ns = busy_ns - before_ns;
    }
    uint64_t passed_us = now_us - strain->from_us;
    uint64_t permille = passed_us > 0 ? most_ns * ALL / NS_PER_US / passed_us : 0;
    return permille < ALL ? (unsigned)permille : ALL;
}
