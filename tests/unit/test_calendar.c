#include "simulate/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { END_MS = 1000, ITEMS = 8 };

static struct calendar *calendar;

static int make(void **state)
{
    (void)state;
    return calendar_create(&calendar, ITEMS, END_MS);
}

static int unmake(void **state)
{
    (void)state;
    calendar_destroy(calendar);
    return 0;
}

static void assert_next(uint32_t item, uint32_t at_ms)
{
    uint32_t taken, now_ms;
    assert_true(calendar_take(calendar, &taken, &now_ms));
    assert_int_equal(taken, item);
    assert_int_equal(now_ms, at_ms);
}

static void assert_nothing_left(void)
{
    uint32_t item, now_ms;
    assert_false(calendar_take(calendar, &item, &now_ms));
}

static void test_items_come_at_their_time_in_the_order_they_were_put(void **state)
{
    (void)state;
    calendar_add(calendar, 3, 500);
    calendar_add(calendar, 1, 20);
    calendar_add(calendar, 2, 500);
    calendar_add(calendar, 0, 500);
    assert_next(1, 20);
    assert_next(3, 500);
    assert_next(2, 500);
    assert_next(0, 500);
    assert_nothing_left();
}

static void test_an_item_may_be_put_again_once_it_was_taken(void **state)
{
    (void)state;
    calendar_add(calendar, 5, 10);
    calendar_add(calendar, 6, 10);
    assert_next(5, 10);
    calendar_add(calendar, 5, 10);
    assert_next(6, 10);
    assert_next(5, 10);
    calendar_add(calendar, 5, END_MS);
    assert_next(5, END_MS);
    assert_nothing_left();
}

static void test_what_is_past_is_now_and_what_is_beyond_the_end_never(void **state)
{
    (void)state;
    calendar_add(calendar, 1, 100);
    assert_next(1, 100);
    calendar_add(calendar, 2, 3);
    calendar_add(calendar, 1, END_MS + 1);
    assert_next(2, 100);
    assert_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_items_come_at_their_time_in_the_order_they_were_put,
                                        make, unmake),
        cmocka_unit_test_setup_teardown(test_an_item_may_be_put_again_once_it_was_taken, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(test_what_is_past_is_now_and_what_is_beyond_the_end_never,
                                        make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
