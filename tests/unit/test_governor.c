/* The rules of the governor's header, one by one: an idle node, and one signal that is not. */
#include "admission/governor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { STEP_US = LOAD_PERIOD_US, STEPS_PER_S = 4, SECOND_US = 1000 * 1000 };

struct bench {
    struct governor governor;
    struct governor_signals signals;
    struct governor_verdict verdict;
    uint64_t now_us;
    uint32_t put_off_per_s;
    uint64_t put_off_quarters;
    unsigned changes;
};

static void open_bench(struct bench *bench)
{
    *bench = (struct bench){.now_us = 77 * SECOND_US};
    governor_init(&bench->governor, &(struct governor_params){.workers = 1, .seats_max = 100000},
                  bench->now_us);
}

static void step(struct bench *bench)
{
    bench->now_us += STEP_US;
    bench->signals.load.taken_us = bench->now_us;
    bench->put_off_quarters += bench->put_off_per_s;
    bench->signals.put_off = bench->put_off_quarters / STEPS_PER_S;
    bench->verdict = governor_step(&bench->governor, &bench->signals, bench->now_us);
    bench->changes += bench->verdict.changed;
}

/* Seconds until it changes, or -1 if it does not within `most_s`. */
static double until_change(struct bench *bench, double most_s)
{
    for (unsigned i = 1; i <= most_s * STEPS_PER_S; i++) {
        step(bench);
        if (bench->verdict.changed)
            return (double)i / STEPS_PER_S;
    }
    return -1;
}

/* As in the header. */
static const struct {
    enum governor_cause signal;
    const char *name;
    uint32_t limit, quiet; /* just quiet enough */
    double seconds;
    enum mode helps;
} table[] = {
    {GOVERNOR_PROGRAM_LATE, "program_late", 5, 2, 2, MODE_ECONOMY},
    {GOVERNOR_STAGE_LATE, "stage_late", 20, 11, 2, MODE_ECONOMY},
    {GOVERNOR_SEND_FAILED, "send_failed", 10, 5, 2, MODE_ECONOMY},
    {GOVERNOR_WORKER_LAG, "worker_lag", 10000, 5999, 2, MODE_ECONOMY},
    {GOVERNOR_WORKER_BUSY, "worker_busy", 900, 539, 2, MODE_SMALL_AUDIENCE},
    {GOVERNOR_STAGE_BUSY, "stage_busy", 900, 764, 2, MODE_ECONOMY},
    {GOVERNOR_LOSS, "loss", 250, 149, 2, MODE_ECONOMY},
    {GOVERNOR_EGRESS, "egress", 850, 509, 2, MODE_ECONOMY},
    {GOVERNOR_CONTROL_LAG, "control_lag", 50000, 29999, 2, MODE_SMALL_AUDIENCE},
    {GOVERNOR_HANDSHAKES, "handshakes", 800, 479, 2, MODE_SMALL_AUDIENCE},
    {GOVERNOR_MEMORY, "memory", 900, 764, 1, MODE_SMALL_AUDIENCE},
    {GOVERNOR_DESCRIPTORS, "descriptors", 900, 764, 1, MODE_SMALL_AUDIENCE},
    {GOVERNOR_CONTROL_BUSY, "control_busy", 850, 509, 2, MODE_ECONOMY},
    {GOVERNOR_PUT_OFF, "put_off", 20, 11, 2, MODE_ECONOMY},
};
enum { TABLE_ROWS = sizeof(table) / sizeof(table[0]) };

static void set(struct bench *bench, enum governor_cause signal, uint32_t value)
{
    struct load *load = &bench->signals.load;
    uint32_t *const fields[] = {
        [GOVERNOR_PROGRAM_LATE] = &load->program_late_permille,
        [GOVERNOR_STAGE_LATE] = &load->stage_late_permille,
        [GOVERNOR_SEND_FAILED] = &load->send_failed_permille,
        [GOVERNOR_WORKER_LAG] = &load->worker_lag_us,
        [GOVERNOR_WORKER_BUSY] = &load->worker_busy_permille,
        [GOVERNOR_STAGE_BUSY] = &load->stage_busy_permille,
        [GOVERNOR_LOSS] = &bench->signals.loss_permille,
        [GOVERNOR_EGRESS] = &load->egress_permille,
        [GOVERNOR_CONTROL_LAG] = &load->control_lag_us,
        [GOVERNOR_HANDSHAKES] = &bench->signals.handshakes_permille,
        [GOVERNOR_MEMORY] = &load->memory_permille,
        [GOVERNOR_DESCRIPTORS] = &load->descriptors_permille,
        [GOVERNOR_CONTROL_BUSY] = &load->control_busy_permille,
        [GOVERNOR_PUT_OFF] = &bench->put_off_per_s,
    };
    *fields[signal] = value;
}

static void test_each_signal_over_its_limit_leads_up_in_time_and_is_named(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TABLE_ROWS; i++) {
        static const double over[] = {1.2, 8};
        for (unsigned k = 0; k < 2; k++) {
            struct bench bench;
            open_bench(&bench);
            uint32_t value = (uint32_t)(table[i].limit * over[k]);
            assert_true(until_change(&bench, 5) < 0);
            set(&bench, table[i].signal, value);
            double seconds = until_change(&bench, 10);
            if (seconds < table[i].seconds || seconds > (k == 0 ? 5 : table[i].seconds + 1))
                fail_msg("%s at %u: after %.2f s", table[i].name, value, seconds);
            assert_int_equal(bench.verdict.mode, table[i].helps);
            assert_int_equal(bench.verdict.cause, table[i].signal);
            assert_string_equal(governor_cause_name(bench.verdict.cause), table[i].name);
            assert_int_equal(bench.verdict.limit, table[i].limit);
            assert_in_range(bench.verdict.value, table[i].limit, value);
        }
    }
}

static void test_a_signal_at_its_limit_leads_nowhere(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TABLE_ROWS; i++) {
        struct bench bench;
        open_bench(&bench);
        set(&bench, table[i].signal, table[i].limit);
        if (until_change(&bench, 120) >= 0)
            fail_msg("%s", table[i].name);
    }
}

static void test_one_bad_sample_changes_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TABLE_ROWS; i++) {
        if (table[i].signal == GOVERNOR_MEMORY || table[i].signal == GOVERNOR_DESCRIPTORS)
            continue; /* these do not come and go within a second */
        struct bench bench;
        open_bench(&bench);
        for (unsigned k = 0; k < 10; k++) {
            set(&bench, table[i].signal, 100 * table[i].limit);
            step(&bench);
            set(&bench, table[i].signal, 0);
            if (bench.verdict.changed || until_change(&bench, 4) >= 0)
                fail_msg("%s", table[i].name);
        }
    }
}

static void test_down_after_a_quiet_minute_and_not_before(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TABLE_ROWS; i++) {
        struct bench bench;
        open_bench(&bench);
        set(&bench, table[i].signal, 3 * table[i].limit);
        assert_true(until_change(&bench, 5) > 0);
        set(&bench, table[i].signal, table[i].quiet + 3);
        if (table[i].signal == GOVERNOR_SEND_FAILED)
            set(&bench, table[i].signal, 7);
        if (until_change(&bench, 200) >= 0)
            fail_msg("%s: down", table[i].name);
        set(&bench, table[i].signal, table[i].quiet);
        double seconds = until_change(&bench, 90);
        if (seconds < 60 || seconds > 70)
            fail_msg("%s: down after %.2f s", table[i].name, seconds);
        assert_int_equal(bench.verdict.mode, MODE_NORMAL);
        assert_int_equal(bench.verdict.cause, GOVERNOR_QUIET);
        assert_in_range(bench.verdict.value, 60, 61);
        assert_int_equal(bench.verdict.limit, 60);
    }
}

static void test_one_hiccup_does_not_cost_the_whole_quiet_minute(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    set(&bench, GOVERNOR_STAGE_LATE, 100);
    assert_true(until_change(&bench, 5) > 0);
    set(&bench, GOVERNOR_STAGE_LATE, 0);
    assert_true(until_change(&bench, 40) < 0);
    set(&bench, GOVERNOR_STAGE_LATE, 76); /* one tick of the thirteen in a sample */
    step(&bench);
    set(&bench, GOVERNOR_STAGE_LATE, 0);
    double seconds = until_change(&bench, 60);
    assert_true(seconds > 20 && seconds < 45);
    assert_int_equal(bench.verdict.mode, MODE_NORMAL);
}

/* Over and under in all rhythms: no rhythm makes it swing. */
static void test_a_load_that_flaps_at_the_limit_does_not_make_it_swing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TABLE_ROWS; i++)
        for (unsigned on = 1; on <= 32; on *= 2)
            for (unsigned off = 1; off <= 128; off *= 2) {
                struct bench bench;
                open_bench(&bench);
                for (unsigned k = 0; k < 300 * STEPS_PER_S; k++) {
                    bool is_on = k % (on + off) < on;
                    set(&bench, table[i].signal, is_on ? 2 * table[i].limit : 0);
                    step(&bench);
                }
                if (bench.changes > 2 || (on >= 2 * off && bench.changes == 0))
                    fail_msg("%s, %u on, %u off: %u changes", table[i].name, on, off,
                             bench.changes);
                unsigned before = bench.changes;
                enum mode mode = bench.verdict.mode;
                set(&bench, table[i].signal, 0);
                for (unsigned k = 0; k < 90 * STEPS_PER_S; k++)
                    step(&bench);
                assert_int_equal(bench.verdict.mode, MODE_NORMAL);
                assert_int_equal(bench.changes, before + (mode != MODE_NORMAL));
            }
}

static void test_signals_that_take_turns_count_together(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    for (unsigned k = 0; k < 5 * STEPS_PER_S && bench.changes == 0; k++) {
        static const enum governor_cause turns[] = {GOVERNOR_STAGE_LATE, GOVERNOR_LOSS,
                                                    GOVERNOR_CONTROL_LAG};
        static const uint32_t values[] = {15, 750, 150000};
        for (unsigned i = 0; i < 3; i++)
            set(&bench, turns[i], k / STEPS_PER_S % 3 == i ? values[i] : 0);
        step(&bench);
    }
    assert_int_equal(bench.changes, 1);
}

static void test_the_lifeboat_is_for_hosts_in_danger_and_comes_last(void **state)
{
    (void)state;
    static const struct {
        enum governor_cause signal;
        uint32_t hard, danger;
    } cases[] = {{GOVERNOR_STAGE_LATE, 50, 51},
                 {GOVERNOR_PROGRAM_LATE, 50, 51},
                 {GOVERNOR_MEMORY, 970, 971}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        open_bench(&bench);
        bench.signals.seats_taken = bench.signals.seats_connected = 400;
        set(&bench, cases[i].signal, cases[i].hard);
        for (unsigned k = 0; k < 60 * STEPS_PER_S; k++)
            step(&bench);
        assert_int_equal(bench.verdict.mode, MODE_SMALL_AUDIENCE);
        assert_in_range(bench.verdict.seats, 390, 400); /* nobody new, and nobody goes */
        set(&bench, cases[i].signal, cases[i].danger);
        assert_in_range((uint32_t)until_change(&bench, 10), 3, 4);
        assert_int_equal(bench.verdict.mode, MODE_LIFEBOAT);
        assert_int_equal(bench.verdict.limit, cases[i].hard);
        assert_int_equal(bench.verdict.seats, 300);
        assert_int_equal(bench.verdict.joins_per_s, 0);
        for (unsigned k = 0; k < 30 * STEPS_PER_S; k++) {
            bench.signals.seats_taken = bench.signals.seats_connected = bench.verdict.seats;
            step(&bench);
        }
        assert_int_equal(bench.verdict.seats, 0); /* it did not help: hosts only */
    }
}

static void test_old_signals_make_a_small_audience(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    step(&bench);
    assert_true(bench.verdict.joins_per_s > 0);
    uint64_t taken_us = bench.now_us;
    for (unsigned k = 0; k < 2 * STEPS_PER_S; k++) {
        bench.now_us += STEP_US;
        bench.verdict = governor_step(&bench.governor, &bench.signals, bench.now_us);
        assert_int_equal(bench.verdict.mode, MODE_NORMAL);
    }
    assert_int_equal(bench.now_us - taken_us, GOVERNOR_STALE_US);
    bench.now_us += STEP_US;
    bench.verdict = governor_step(&bench.governor, &bench.signals, bench.now_us);
    assert_int_equal(bench.verdict.mode, MODE_SMALL_AUDIENCE);
    assert_int_equal(bench.verdict.cause, GOVERNOR_STALE);
    assert_int_equal(bench.verdict.value, 2250);
    assert_int_equal(bench.verdict.joins_per_s, 0);
    assert_in_range((uint32_t)until_change(&bench, 90), 60, 61);
    assert_int_equal(bench.verdict.mode, MODE_NORMAL);
}

static void test_a_governor_that_was_starved_is_careful(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    step(&bench);
    struct governor_verdict seen = governor_look(&bench.governor, bench.now_us + GOVERNOR_STALE_US);
    assert_int_equal(seen.mode, MODE_NORMAL);
    seen = governor_look(&bench.governor, bench.now_us + GOVERNOR_STALE_US + 1);
    assert_int_equal(seen.mode, MODE_SMALL_AUDIENCE);
    assert_int_equal(seen.cause, GOVERNOR_STALE);
    assert_int_equal(seen.joins_per_s, 0);
    bench.now_us += 3 * SECOND_US;
    step(&bench); /* with fresh signals: but what happened meanwhile? */
    assert_int_equal(bench.verdict.mode, MODE_SMALL_AUDIENCE);
    assert_int_equal(bench.verdict.value, 3250);
}

static void test_the_operator_may_set_a_floor(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    assert_int_equal(governor_pin(&bench.governor, GOVERNOR_AT_LEAST, MODE_LIFEBOAT), ERR_INVAL);
    assert_int_equal(governor_pin(&bench.governor, GOVERNOR_AT_LEAST, MODE_ECONOMY), 0);
    step(&bench);
    assert_true(bench.verdict.changed);
    assert_int_equal(bench.verdict.mode, MODE_ECONOMY);
    assert_int_equal(bench.verdict.measured, MODE_NORMAL);
    assert_int_equal(bench.verdict.cause, GOVERNOR_PIN);
    assert_true(until_change(&bench, 200) < 0);
    set(&bench, GOVERNOR_STAGE_LATE, 40);
    assert_true(until_change(&bench, 5) > 0); /* from there it goes on */
    assert_int_equal(bench.verdict.mode, MODE_SMALL_AUDIENCE);
    set(&bench, GOVERNOR_STAGE_LATE, 0);
    assert_true(until_change(&bench, 90) > 0);
    assert_int_equal(bench.verdict.mode, MODE_ECONOMY);
    assert_int_equal(bench.verdict.cause, GOVERNOR_QUIET);
    assert_int_equal(governor_pin(&bench.governor, GOVERNOR_FREE, MODE_NORMAL), 0);
    step(&bench);
    assert_int_equal(bench.verdict.mode, MODE_NORMAL);
    assert_int_equal(bench.verdict.cause, GOVERNOR_PIN);
}

static void test_the_operator_may_choose_the_mode_exactly(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    assert_int_equal(governor_pin(&bench.governor, GOVERNOR_EXACTLY, MODE_ECONOMY), 0);
    step(&bench);
    assert_int_equal(bench.verdict.mode, MODE_ECONOMY);
    assert_int_equal(bench.verdict.cause, GOVERNOR_PIN);
    set(&bench, GOVERNOR_STAGE_LATE, 500);
    assert_true(until_change(&bench, 100) < 0);
    bench.signals.seats_taken = GOVERNOR_FEW; /* but nobody comes in... */
    step(&bench);
    assert_int_equal(bench.verdict.joins_per_s, 0);
    assert_true(bench.verdict.seats <= GOVERNOR_FEW);
    bench.signals.seats_taken = GOVERNOR_FEW - 1; /* ...except where there is nearly nobody */
    step(&bench);
    assert_int_equal(bench.verdict.joins_per_s, GOVERNOR_FEW_JOINS_PER_S);
    assert_int_equal(bench.verdict.seats, GOVERNOR_FEW);
    bench.now_us += 5 * SECOND_US;
    step(&bench);
    assert_int_equal(bench.verdict.mode, MODE_ECONOMY);
    assert_int_equal(governor_look(&bench.governor, bench.now_us + 5 * SECOND_US).mode,
                     MODE_ECONOMY);
    assert_int_equal(governor_pin(&bench.governor, GOVERNOR_FREE, MODE_NORMAL), 0);
    assert_true(until_change(&bench, 5) > 0);
    assert_int_equal(bench.verdict.mode, MODE_SMALL_AUDIENCE);
}

static void test_who_was_served_before_a_restart_is_let_in_at_once(void **state)
{
    (void)state;
    struct bench fresh, again;
    open_bench(&fresh);
    open_bench(&again);
    governor_remember(&again.governor, 1000);
    step(&fresh);
    step(&again);
    assert_true(fresh.verdict.seats < 1000);
    assert_true(again.verdict.seats > 1000);
}

/* What may come in changes by and by while control is late, and never falls to nothing. */
static void test_a_late_control_thread_lets_joins_come_down_evenly(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    for (unsigned i = 0; i < 10 * STEPS_PER_S; i++) {
        bench.signals.joins += 75; /* 300 a second */
        step(&bench);
    }
    assert_true(bench.verdict.joins_per_s > 300);
    for (unsigned i = 0; i < 20 * STEPS_PER_S; i++) {
        uint32_t before = bench.verdict.joins_per_s < 300 ? bench.verdict.joins_per_s : 300;
        bench.signals.load.control_lag_us = i % 3 == 2 ? 5000 : 40000;
        bench.signals.joins += before / STEPS_PER_S;
        step(&bench);
        assert_in_range(bench.verdict.joins_per_s, before * 3 / 4, before * 5 / 4);
    }
    bench.signals.load.control_lag_us = 49000; /* from others: nobody joins */
    for (unsigned i = 0; i < 20 * STEPS_PER_S; i++)
        step(&bench);
    assert_int_equal(bench.verdict.joins_per_s, 100);
}

static void test_a_crowd_before_the_door_does_not_shut_it(void **state)
{
    (void)state;
    static const enum governor_cause signals[] = {GOVERNOR_WORKER_BUSY, GOVERNOR_CONTROL_BUSY,
                                                  GOVERNOR_PUT_OFF};
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct bench bench;
        open_bench(&bench);
        bench.signals.seats_taken = bench.signals.seats_connected = 2 * GOVERNOR_FEW;
        for (unsigned k = 0; k < 20 * STEPS_PER_S; k++) {
            set(&bench, signals[i], 1000);
            step(&bench);
        }
        assert_int_equal(bench.verdict.mode, MODE_SMALL_AUDIENCE);
        bool is_shut = bench.verdict.joins_per_s == 0;
        assert_int_equal(is_shut, signals[i] < GOVERNOR_CROWD);
        assert_int_equal(bench.verdict.seats == bench.signals.seats_taken, is_shut);
    }
}

static void test_a_governor_is_a_value(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    set(&bench, GOVERNOR_STAGE_LATE, 40);
    for (unsigned k = 0; k < 6; k++)
        step(&bench);
    struct bench twin = bench;
    assert_true(until_change(&bench, 5) > 0);
    assert_true(until_change(&twin, 5) > 0);
    assert_int_equal(bench.now_us, twin.now_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_signal_over_its_limit_leads_up_in_time_and_is_named),
        cmocka_unit_test(test_a_signal_at_its_limit_leads_nowhere),
        cmocka_unit_test(test_one_bad_sample_changes_nothing),
        cmocka_unit_test(test_down_after_a_quiet_minute_and_not_before),
        cmocka_unit_test(test_one_hiccup_does_not_cost_the_whole_quiet_minute),
        cmocka_unit_test(test_a_load_that_flaps_at_the_limit_does_not_make_it_swing),
        cmocka_unit_test(test_signals_that_take_turns_count_together),
        cmocka_unit_test(test_the_lifeboat_is_for_hosts_in_danger_and_comes_last),
        cmocka_unit_test(test_old_signals_make_a_small_audience),
        cmocka_unit_test(test_a_governor_that_was_starved_is_careful),
        cmocka_unit_test(test_the_operator_may_set_a_floor),
        cmocka_unit_test(test_the_operator_may_choose_the_mode_exactly),
        cmocka_unit_test(test_who_was_served_before_a_restart_is_let_in_at_once),
        cmocka_unit_test(test_a_late_control_thread_lets_joins_come_down_evenly),
        cmocka_unit_test(test_a_crowd_before_the_door_does_not_shut_it),
        cmocka_unit_test(test_a_governor_is_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
