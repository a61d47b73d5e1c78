#include "telemetry/load.h"

#include "base/clock.h"
#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

enum { START_US = 5 * 1000 * 1000, MS_US = 1000 };

static const struct load_params params = {
    .stages = 2, .stage_tick_us = 20 * MS_US, .egress_max_bps = 8 * 1000 * 1000};

/* One sample after a quarter of a second in which this was counted. */
static struct load sample_of(const struct load_counted *counted, uint64_t span_us)
{
    struct load_meter meter;
    struct load load;
    struct load_counted before = {.program_sent = 1000, .program_late = 50, .bytes_out = 7};
    struct load_counted after = {
        .program_sent = before.program_sent + counted->program_sent,
        .program_late = before.program_late + counted->program_late,
        .program_failed = counted->program_failed,
        .datagrams_out = counted->datagrams_out,
        .send_failures = counted->send_failures,
        .bytes_out = before.bytes_out + counted->bytes_out,
        .stage_ticks = counted->stage_ticks,
        .stage_tardy_ticks = counted->stage_tardy_ticks,
    };
    load_meter_init(&meter, &params);
    load_meter_take(&meter, &before, START_US, &load);
    load_meter_take(&meter, &after, START_US + span_us, &load);
    assert_int_equal(load.taken_us, START_US + span_us);
    return load;
}

static void test_the_first_sample_knows_no_rates(void **state)
{
    (void)state;
    struct load_meter meter;
    struct load load;
    load_meter_init(&meter, &params);
    load_meter_take(&meter, &(struct load_counted){.program_late = 100, .bytes_out = 1u << 30},
                    START_US, &load);
    assert_int_equal(load.taken_us, START_US);
    assert_int_equal(load.program_late_permille + load.stage_late_permille + load.control_lag_us +
                         load.egress_permille + load.worker_busy_permille,
                     0);
}

static void test_rates_are_of_what_was_due_since_the_last_sample(void **state)
{
    (void)state;
    struct load load = sample_of(&(struct load_counted){.program_sent = 990,
                                                        .program_late = 10,
                                                        .program_failed = 3,
                                                        .datagrams_out = 1995,
                                                        .send_failures = 2,
                                                        .stage_ticks = 25,
                                                        .stage_tardy_ticks = 1},
                                 LOAD_PERIOD_US);
    assert_int_equal(load.program_late_permille, 10);
    assert_int_equal(load.send_failed_permille, 2); /* 5 of 2000 */
    assert_int_equal(load.stage_late_permille, 40);
    assert_int_equal(load.control_lag_us, 0);
}

static void test_of_nothing_nothing_is_late(void **state)
{
    (void)state;
    struct load load = sample_of(&(struct load_counted){.stage_ticks = 25}, LOAD_PERIOD_US);
    assert_int_equal(load.program_late_permille + load.send_failed_permille +
                         load.stage_late_permille + load.egress_permille,
                     0);
    load = sample_of(&(struct load_counted){.program_late = 5, .stage_ticks = 25}, LOAD_PERIOD_US);
    assert_int_equal(load.program_late_permille, 1000);
}

static void test_a_tick_that_never_came_is_late(void **state)
{
    (void)state;
    /* Two stages, 250 ms: 24 or 25 ticks; one under way each may be missing. */
    static const struct {
        uint64_t ticks, tardy;
        uint32_t late_permille;
    } cases[] = {{25, 0, 0}, {22, 0, 0}, {21, 0, 45}, {11, 0, 500}, {0, 0, 1000}, {11, 11, 1000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct load load = sample_of(&(struct load_counted){.stage_ticks = cases[i].ticks,
                                                            .stage_tardy_ticks = cases[i].tardy},
                                     LOAD_PERIOD_US);
        assert_int_equal(load.stage_late_permille, cases[i].late_permille);
    }
}

static void test_a_sample_that_comes_late_shows_the_lag_of_its_loop(void **state)
{
    (void)state;
    struct load load = sample_of(&(struct load_counted){.stage_ticks = 40}, 400 * MS_US);
    assert_int_equal(load.control_lag_us, 150 * MS_US);
    load = sample_of(&(struct load_counted){.stage_ticks = 20}, 200 * MS_US);
    assert_int_equal(load.control_lag_us, 0);
}

static void test_egress_counts_the_heads_of_datagrams(void **state)
{
    (void)state;
    /* 1000 datagrams of 172 and 28 bytes in a quarter of a second: 6.4 of 8 Mbit/s */
    struct load load = sample_of(
        &(struct load_counted){.datagrams_out = 1000, .bytes_out = 172 * 1000}, LOAD_PERIOD_US);
    assert_int_equal(load.egress_permille, 800);
    assert_int_equal(load.egress_bps, 6400000);
}

static void test_memory_and_descriptors_are_of_their_bounds(void **state)
{
    (void)state;
    struct load_meter meter;
    struct load load;
    struct load_counted counted = {0};
    load_meter_init(&meter, &params);
    load_meter_take(&meter, &counted, START_US, &load);
    meter.bounds = (struct bounds){.memory_bytes = 2 * process_rss_bytes(),
                                   .address_bytes = BOUNDS_NONE,
                                   .descriptors = 4 * process_descriptors()};
    for (unsigned i = 1; i <= 4; i++)
        load_meter_take(&meter, &counted, START_US + i * LOAD_PERIOD_US, &load);
    assert_in_range(load.memory_permille, 400, 600);
    assert_in_range(load.descriptors_permille, 200, 300);
    meter.bounds = (struct bounds){.memory_bytes = BOUNDS_NONE,
                                   .address_bytes = 2 * process_address_bytes(),
                                   .descriptors = BOUNDS_NONE};
    for (unsigned i = 5; i <= 8; i++)
        load_meter_take(&meter, &counted, START_US + i * LOAD_PERIOD_US, &load);
    assert_in_range(load.memory_permille, 400, 600);
    assert_int_equal(load.descriptors_permille, 0);
}

/* ---- real threads ---- */

struct actor {
    struct thread thread;
    int pipe[2]; /* closed: end */
    bool spins;
    _Atomic int id;
    _Atomic bool stops;
};

static void act(void *arg)
{
    struct actor *actor = arg;
    atomic_store(&actor->id, (int)gettid());
    char byte;
    if (actor->spins)
        while (!atomic_load(&actor->stops))
            ;
    else
        (void)!read(actor->pipe[0], &byte, 1);
}

static void start_actor(struct actor *actor, const char *name, enum thread_role role, bool spins)
{
    *actor = (struct actor){.spins = spins};
    assert_int_equal(pipe(actor->pipe), 0);
    assert_int_equal(thread_start(&actor->thread, name, role, act, actor), 0);
    /* by its name it is found, and that it has when it runs */
    while (atomic_load(&actor->id) == 0)
        ;
}

static void end_actor(struct actor *actor)
{
    atomic_store(&actor->stops, true);
    assert_int_equal(close(actor->pipe[1]), 0);
    thread_join(&actor->thread);
    assert_int_equal(close(actor->pipe[0]), 0);
}

static bool kernel_tells_waiting(void)
{
    return access("/proc/self/schedstat", R_OK) == 0;
}

static void spend(const struct actor *actor, uint64_t cpu_ns)
{
    struct process_run before, now;
    int id = atomic_load(&actor->id);
    assert_true(process_thread_run(&before, id));
    do {
        assert_true(process_thread_run(&now, id));
        (void)usleep(1000);
    } while (now.cpu_ns + now.waited_ns < before.cpu_ns + before.waited_ns + cpu_ns);
}

/* However much else runs here: who is always ready to run is busy all the time. */
static void test_the_busiest_worker_is_told_from_a_stage_that_sleeps(void **state)
{
    (void)state;
    struct actor busy, lazy, stage;
    struct load_meter meter;
    struct load load;
    struct load_counted counted = {0};
    start_actor(&lazy, "worker", THREAD_WORKER, false);
    start_actor(&busy, "worker", THREAD_WORKER, true);
    start_actor(&stage, "stage", THREAD_STAGE, false);
    load_meter_init(&meter, &params);
    load_meter_take(&meter, &counted, clock_now_us(), &load);
    spend(&busy, 300u * 1000 * 1000);
    load_meter_take(&meter, &counted, clock_now_us(), &load);
    assert_int_equal(meter.thread_count, 4); /* with control, which is this one */
    assert_true(load.worker_busy_permille > (kernel_tells_waiting() ? 800 : 0));
    assert_true(load.stage_busy_permille < 200);
    end_actor(&busy);
    load_meter_take(&meter, &counted, clock_now_us() + 1, &load); /* one is gone */
    end_actor(&stage);
    end_actor(&lazy);
}

/* Looking takes a descriptor. Without one it is at least told that there is none left. */
static void test_without_descriptors_that_is_what_is_told(void **state)
{
    (void)state;
    struct load_meter meter;
    struct load load;
    struct load_counted counted = {0};
    struct rlimit limit;
    load_meter_init(&meter, &params);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = {.rlim_cur = process_descriptors(), .rlim_max = limit.rlim_max};
    load_meter_take(&meter, &counted, START_US, &load);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (unsigned i = 1; i <= 44; i++)
        load_meter_take(&meter, &counted, START_US + i * LOAD_PERIOD_US, &load);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(load.descriptors_permille, 1000);
    assert_int_equal(meter.thread_count, 1);
}

static void test_threads_that_begin_later_are_found_within_ten_seconds(void **state)
{
    (void)state;
    struct load_meter meter;
    struct load load;
    struct load_counted counted = {0};
    load_meter_init(&meter, &params);
    load_meter_take(&meter, &counted, START_US, &load);
    assert_int_equal(meter.thread_count, 1);
    struct actor worker;
    start_actor(&worker, "worker", THREAD_WORKER, false);
    for (unsigned i = 1; i <= 40; i++)
        load_meter_take(&meter, &counted, START_US + i * LOAD_PERIOD_US, &load);
    assert_int_equal(meter.thread_count, 2);
    assert_int_equal(meter.threads[1].role, LOAD_WORKER);
    end_actor(&worker);
    for (unsigned i = 41; i <= 80; i++)
        load_meter_take(&meter, &counted, START_US + i * LOAD_PERIOD_US, &load);
    assert_int_equal(meter.thread_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_sample_knows_no_rates),
        cmocka_unit_test(test_rates_are_of_what_was_due_since_the_last_sample),
        cmocka_unit_test(test_of_nothing_nothing_is_late),
        cmocka_unit_test(test_a_tick_that_never_came_is_late),
        cmocka_unit_test(test_a_sample_that_comes_late_shows_the_lag_of_its_loop),
        cmocka_unit_test(test_egress_counts_the_heads_of_datagrams),
        cmocka_unit_test(test_memory_and_descriptors_are_of_their_bounds),
        cmocka_unit_test(test_the_busiest_worker_is_told_from_a_stage_that_sleeps),
        cmocka_unit_test(test_without_descriptors_that_is_what_is_told),
        cmocka_unit_test(test_threads_that_begin_later_are_found_within_ten_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
