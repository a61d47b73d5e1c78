#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { START_US = 1000 * 1000, STEP_US = 250 * 1000 };

static void test_a_quiet_heap_is_left_alone(void **state)
{
    (void)state;
    struct heap_rest rest = {0};
    for (uint64_t now_us = START_US; now_us < 5ull * HEAP_ANYWAY_US; now_us += STEP_US)
        assert_false(heap_is_to_trim(&rest, 0, now_us));
}

static void test_once_after_a_storm(void **state)
{
    (void)state;
    struct heap_rest rest = {0};
    uint64_t now_us = START_US;
    for (uint64_t count = 1; count <= 40; count++, now_us += STEP_US)
        assert_false(heap_is_to_trim(&rest, count, now_us));
    uint64_t last_us = now_us - STEP_US;
    unsigned trims = 0;
    for (; now_us < last_us + 3ull * HEAP_QUIET_US; now_us += STEP_US)
        if (heap_is_to_trim(&rest, 40, now_us)) {
            trims++;
            assert_true(now_us >= last_us + HEAP_QUIET_US);
        }
    assert_int_equal(trims, 1);
}

static void test_once_a_minute_while_it_never_ends(void **state)
{
    (void)state;
    struct heap_rest rest = {0};
    unsigned trims = 0;
    uint64_t count = 0;
    for (uint64_t now_us = START_US; now_us < START_US + 5ull * HEAP_ANYWAY_US; now_us += STEP_US)
        trims += heap_is_to_trim(&rest, count += 10, now_us);
    assert_in_range(trims, 4, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_quiet_heap_is_left_alone),
        cmocka_unit_test(test_once_after_a_storm),
        cmocka_unit_test(test_once_a_minute_while_it_never_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
