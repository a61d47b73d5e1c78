#include "rehearse/strain.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <cmocka.h>

enum { LONG_US = 300 * 1000 };

static atomic_bool is_over;

static void *be_busy(void *none)
{
    while (!atomic_load(&is_over))
        ;
    return none;
}

/* In one piece: each end of a rest may be a wait for a processor. */
static void idle(void)
{
    struct timespec rest = {.tv_nsec = LONG_US * 1000L};
    (void)nanosleep(&rest, NULL);
}

static void test_the_busiest_thread_counts_also_a_new_one(void **state)
{
    (void)state;
    struct strain strain;
    pthread_t thread;
    strain_begin(&strain, clock_now_us());
    idle();
    assert_in_range(strain_permille(&strain, clock_now_us()), 0, 500);
    atomic_store(&is_over, false);
    strain_begin(&strain, clock_now_us());
    assert_int_equal(pthread_create(&thread, NULL, be_busy, NULL), 0);
    idle();
    unsigned busy = strain_permille(&strain, clock_now_us());
    atomic_store(&is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_in_range(busy, 800, 1000);
}

static void test_what_was_before_does_not_count(void **state)
{
    (void)state;
    struct strain strain;
    for (uint64_t from_us = clock_now_us(); clock_now_us() < from_us + LONG_US;)
        ;
    strain_begin(&strain, clock_now_us());
    idle();
    assert_in_range(strain_permille(&strain, clock_now_us()), 0, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_busiest_thread_counts_also_a_new_one),
        cmocka_unit_test(test_what_was_before_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
