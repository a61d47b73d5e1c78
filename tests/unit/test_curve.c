#include "simulate/curve.h"
#include "simulate/dice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PEOPLE = 100000 };

/* Of a hundred thousand, how many come in these seconds from the start. */
static uint32_t come(enum curve curve, int from_s, int to_s)
{
    struct dice dice = {.state = 5};
    uint32_t count = 0;
    for (unsigned i = 0; i < PEOPLE; i++) {
        int64_t at_ms = (int64_t)curve_arrival_ms(curve, dice_roll(&dice)) - CURVE_START_MS;
        count += at_ms >= from_s * 1000 && at_ms < to_s * 1000;
    }
    return count;
}

static void test_everybody_comes_within_the_event(void **state)
{
    (void)state;
    for (unsigned curve = 0; curve < CURVES; curve++) {
        assert_int_equal(come((enum curve)curve, -900, 600), PEOPLE);
        assert_true(curve_arrival_ms((enum curve)curve, 0) == 0);
        assert_true(curve_arrival_ms((enum curve)curve, UINT64_MAX) < CURVE_END_MS);
    }
}

static void test_the_evening_has_its_rush_at_the_start(void **state)
{
    (void)state;
    assert_in_range(come(CURVE_EVENING, -900, -60), PEOPLE * 19 / 100, PEOPLE * 21 / 100);
    assert_in_range(come(CURVE_EVENING, -60, 90), PEOPLE * 74 / 100, PEOPLE * 76 / 100);
    assert_in_range(come(CURVE_EVENING, 0, 30), PEOPLE * 29 / 100, PEOPLE * 31 / 100);
    assert_true(come(CURVE_EVENING, 90, 600) > 0);
}

static void test_a_flash_crowd_comes_within_ten_seconds(void **state)
{
    (void)state;
    assert_in_range(come(CURVE_FLASH, 0, 10), PEOPLE * 98 / 100, PEOPLE);
}

static void test_dice_are_even_and_the_same_for_a_seed(void **state)
{
    (void)state;
    struct dice a = {.state = 9}, b = {.state = 9};
    uint32_t counts[6] = {0};
    for (unsigned i = 0; i < 60000; i++) {
        uint32_t side = dice_below(&a, 6);
        assert_int_equal(side, dice_below(&b, 6));
        counts[side]++;
    }
    for (unsigned i = 0; i < 6; i++)
        assert_in_range(counts[i], 9700, 10300);
    assert_int_equal(dice_below(&a, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_comes_within_the_event),
        cmocka_unit_test(test_the_evening_has_its_rush_at_the_start),
        cmocka_unit_test(test_a_flash_crowd_comes_within_ten_seconds),
        cmocka_unit_test(test_dice_are_even_and_the_same_for_a_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
