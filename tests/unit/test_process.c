#include "telemetry/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_a_name_may_hold_spaces_and_parentheses(void **state)
{
    (void)state;
    struct process_thread thread;
    const char *line = "4711 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 6 0 99 1 2";
    assert_true(process_parse_stat(&thread, line, 100));
    assert_int_equal(thread.id, 4711);
    assert_string_equal(thread.name, "a) b (c");
    assert_int_equal(thread.cpu_ms, 1750);
}

static void test_what_is_no_such_line_is_refused(void **state)
{
    (void)state;
    struct process_thread thread = {.id = 5};
    const char *const lines[] = {
        "", "17", "17 (x", "17 x)", "17 )(", "(x) S 1 2 3", "17 (x) S 1 2 3 4 5 6 7 8 9 10 150"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_false(process_parse_stat(&thread, lines[i], 100));
    assert_int_equal(thread.id, 5);
}

static void test_the_main_thread_is_the_first_of_all(void **state)
{
    (void)state;
    struct process_thread threads[PROCESS_THREADS_MAX];
    size_t count = process_threads(threads, PROCESS_THREADS_MAX);
    assert_true(count >= 1);
    assert_int_equal(threads[0].id, getpid());
    assert_int_equal(process_threads(threads, 0), 0);
}

static void test_what_a_thread_ran_and_waited_is_read(void **state)
{
    (void)state;
    struct process_run run = {.runs = 5};
    static const char *const bad[] = {"", "\n", "1", "1 2\n", "x 1 2 3", "-1 2 3", " 1 2 3"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(process_parse_run(&run, bad[i]));
    assert_int_equal(run.runs, 5); /* written only on success */
    assert_true(process_parse_run(&run, "113188 2737674 18446744073709551615\n"));
    assert_int_equal(run.cpu_ns, 113188);
    assert_int_equal(run.waited_ns, 2737674);
    assert_true(run.runs == UINT64_MAX);
}

static void test_a_thread_of_this_process_is_looked_at_and_no_other(void **state)
{
    (void)state;
    struct process_run before, after;
    assert_true(process_thread_run(&before, getpid()));
    do
        assert_true(process_thread_run(&after, getpid()));
    while (after.cpu_ns < before.cpu_ns + 20 * 1000 * 1000);
    assert_true(after.waited_ns >= before.waited_ns);
    assert_false(process_thread_run(&after, 1 << 30));
    assert_false(process_thread_run(&after, -1));
}

static void test_descriptors_are_counted(void **state)
{
    (void)state;
    int more[10];
    unsigned before = process_descriptors();
    assert_true(before >= 1);
    for (unsigned i = 0; i < 10; i++)
        more[i] = dup(STDERR_FILENO);
    assert_int_equal(process_descriptors(), before + 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(close(more[i]), 0);
    assert_int_equal(process_descriptors(), before);
}

static void test_processor_time_moves_on_and_memory_is_used(void **state)
{
    (void)state;
    uint64_t before_ms = process_cpu_ms();
    volatile uint64_t spent = 0;
    while (process_cpu_ms() < before_ms + 30)
        spent++;
    assert_true(process_rss_bytes() > 100 * 1024);
    assert_true(process_address_bytes() > process_rss_bytes());
    assert_true(process_cores() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_may_hold_spaces_and_parentheses),
        cmocka_unit_test(test_what_is_no_such_line_is_refused),
        cmocka_unit_test(test_the_main_thread_is_the_first_of_all),
        cmocka_unit_test(test_what_a_thread_ran_and_waited_is_read),
        cmocka_unit_test(test_a_thread_of_this_process_is_looked_at_and_no_other),
        cmocka_unit_test(test_descriptors_are_counted),
        cmocka_unit_test(test_processor_time_moves_on_and_memory_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
