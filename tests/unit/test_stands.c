#include "rehearse/stands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MS = 1000, S = 1000 * MS };

static struct stands stands;

static int setup(void **state)
{
    (void)state;
    stands = (struct stands){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stands_clear(&stands);
    return 0;
}

/* Asks, is told a place, and is seated (0: never). */
static struct stand *wait_from(uint64_t ask_us, uint64_t seat_us)
{
    struct stand stand = {.number = stands.count,
                          .since_us = ask_us,
                          .since_answer_us = ask_us + 10 * MS,
                          .ask_us = ask_us,
                          .answer_us = ask_us + 10 * MS,
                          .placed_us = ask_us + 10 * MS,
                          .again_us = ask_us,
                          .place = 1};
    if (seat_us != 0) {
        stand.seat_ask_us = seat_us - 10 * MS;
        stand.seat_us = seat_us;
    }
    uint32_t index = stands_open(&stands, &stand);
    assert_int_not_equal(index, STANDS_NONE);
    return stands_at(&stands, index);
}

static struct stands_order order_now(void)
{
    struct stands_order order;
    stands_order(&stands, STAND_NEWCOMER, &order);
    return order;
}

static struct stands_waits waits_at(uint64_t now_us)
{
    struct stands_waits waits;
    stands_waits(&stands, now_us, &waits);
    return waits;
}

/* ---- order ---- */

static void test_who_asked_first_and_sat_first_is_in_order(void **state)
{
    (void)state;
    (void)wait_from(1 * S, 20 * S);
    (void)wait_from(2 * S, 30 * S);
    struct stands_order order = order_now();
    assert_int_equal(order.pairs, 1);
    assert_int_equal(order.inversions, 0);
}

static void test_who_sat_before_the_one_that_asked_first_inverts(void **state)
{
    (void)state;
    (void)wait_from(1 * S, 30 * S);
    (void)wait_from(2 * S, 20 * S);
    struct stands_order order = order_now();
    assert_int_equal(order.pairs, 1);
    assert_int_equal(order.inversions, 1);
}

static void test_asks_that_crossed_have_no_order(void **state)
{
    (void)state;
    (void)wait_from(1 * S, 30 * S);
    (void)wait_from(1 * S + 9 * MS, 20 * S); /* asked before the first was answered */
    assert_int_equal(order_now().pairs, 0);
}

static void test_seats_of_the_same_second_have_no_order(void **state)
{
    (void)state;
    (void)wait_from(1 * S, 20 * S + 900 * MS);
    (void)wait_from(2 * S, 20 * S);
    assert_int_equal(order_now().pairs, 0);
}

static void test_who_sat_before_the_other_came_was_no_rival(void **state)
{
    (void)state;
    (void)wait_from(1 * S, 5 * S);
    (void)wait_from(6 * S, 20 * S);
    assert_int_equal(order_now().pairs, 0);
}

static void test_who_is_passed_over_and_never_seated_is_seen(void **state)
{
    (void)state;
    struct stand *first = wait_from(1 * S, 0);
    (void)wait_from(2 * S, 20 * S);
    assert_int_equal(order_now().pairs, 0); /* it has not asked again since: nobody knows */
    first->again_us = 25 * S;
    struct stands_order order = order_now();
    assert_int_equal(order.pairs, 1);
    assert_int_equal(order.inversions, 1);
}

static void test_who_gave_up_before_the_other_came_is_none(void **state)
{
    (void)state;
    struct stand *first = wait_from(1 * S, 0);
    first->end_us = 1500 * MS;
    first->again_us = 40 * S;
    (void)wait_from(2 * S, 20 * S);
    assert_int_equal(order_now().pairs, 0);
}

static void test_who_comes_back_keeps_the_rank_of_the_first_ask(void **state)
{
    (void)state;
    struct stand *late = wait_from(50 * S, 60 * S), *early;
    late->since_us = 2 * S; /* came back first, and asked later in the evening */
    late->since_answer_us = 3 * S;
    early = wait_from(51 * S, 70 * S);
    early->since_us = 1 * S;
    early->since_answer_us = 1 * S + MS;
    struct stands_order order = order_now();
    assert_int_equal(order.pairs, 1);
    assert_int_equal(order.inversions, 1);
    early->placed_us = 61 * S; /* it was not there yet when the other sat */
    assert_int_equal(order_now().pairs, 0);
}

static void test_classes_are_not_compared_with_each_other(void **state)
{
    (void)state;
    (void)wait_from(1 * S, 30 * S);
    struct stand *second = wait_from(2 * S, 20 * S);
    second->who = STAND_RETURNING;
    assert_int_equal(order_now().pairs, 0);
}

static void test_who_is_seated_past_the_line_inverts(void **state)
{
    (void)state;
    (void)wait_from(1 * S, 30 * S);
    struct stand *second = wait_from(2 * S, 20 * S);
    second->placed_us = 0;
    assert_int_equal(order_now().inversions, 1);
    second->placed_us = 3 * S;
    stands_at(&stands, 0)->placed_us = 0;
    assert_int_equal(order_now().pairs, 0); /* nobody stood in line when the second came */
}

static void test_of_very_many_evenly_chosen_ones_are_compared(void **state)
{
    (void)state;
    enum { MANY = STANDS_COMPARED_MAX * 2 + 17 };
    for (uint64_t i = 0; i < MANY; i++)
        (void)wait_from(S + i * 20 * MS, 1000 * S + i * 20 * MS);
    struct stands_order order = order_now();
    assert_in_range(order.people, STANDS_COMPARED_MAX - 1, STANDS_COMPARED_MAX);
    assert_int_equal(order.inversions, 0);
    assert_true(order.pairs > (uint64_t)STANDS_COMPARED_MAX * STANDS_COMPARED_MAX / 4);
}

/* ---- waits ---- */

static void show(struct stand *stand, uint32_t from_s, uint32_t to_s)
{
    stand->has_wait = true;
    stand->shown_us = stand->placed_us;
    stand->from_s = from_s;
    stand->to_s = to_s;
}

static void test_a_wait_within_a_factor_of_two_is_right(void **state)
{
    (void)state;
    static const unsigned waited_s[] = {9, 10, 20, 40, 41};
    for (unsigned i = 0; i < 5; i++)
        show(wait_from(1 * S, 1 * S + 10 * MS + (uint64_t)waited_s[i] * S), 15, 25);
    struct stands_waits waits = waits_at(100 * S);
    assert_int_equal(waits.right, 3);
    assert_int_equal(waits.wrong, 2);
    assert_int_equal(waits.places, 5);
}

static void test_anywhere_within_the_range_is_right(void **state)
{
    (void)state;
    show(wait_from(1 * S, 12 * S), 10, 100); /* 11 s of 55 in the middle */
    assert_int_equal(waits_at(100 * S).right, 1);
}

static void test_who_waits_longer_than_twice_is_wrong_already(void **state)
{
    (void)state;
    show(wait_from(1 * S, 0), 15, 25);
    assert_int_equal(waits_at(40 * S).undecided, 1);
    assert_int_equal(waits_at(42 * S).wrong, 1);
}

static void test_who_left_before_is_undecided(void **state)
{
    (void)state;
    struct stand *stand = wait_from(1 * S, 0);
    show(stand, 15, 25);
    stand->end_us = 10 * S;
    assert_int_equal(waits_at(100 * S).undecided, 1);
}

static void test_an_unknown_wait_is_no_lie(void **state)
{
    (void)state;
    (void)wait_from(1 * S, 20 * S);
    struct stands_waits waits = waits_at(100 * S);
    assert_int_equal(waits.unknown, 1);
    assert_int_equal(waits.right + waits.wrong, 0);
}

/* ---- coming back ---- */

static void come_back(uint64_t lost_us, uint64_t sound_us)
{
    struct stand *stand = wait_from(lost_us + 100 * MS, sound_us == 0 ? 0 : sound_us - 50 * MS);
    stand->who = STAND_RETURNING;
    stand->lost_us = lost_us;
    stand->sound_us = sound_us;
}

static void test_the_way_back_is_measured_from_the_loss_to_the_sound(void **state)
{
    (void)state;
    struct stands_back back;
    for (uint64_t i = 1; i <= 100; i++)
        come_back(50 * S, 50 * S + i * 100 * MS);
    come_back(49 * S, 0);
    assert_int_equal(stands_back(&stands, 50 * S, 60 * S, &back), 0);
    assert_int_equal(back.lost, 100);
    assert_int_equal(back.heard, 100);
    assert_int_equal(back.p50_us, 5 * S);
    assert_int_equal(back.p95_us, 9500 * MS);
    assert_int_equal(back.max_us, 10 * S);
    assert_int_equal(stands_back(&stands, 49 * S, 60 * S, &back), 0);
    assert_int_equal(back.lost, 101);
    assert_int_equal(back.heard, 100);
    assert_int_equal(back.p95_us, 9600 * MS);
    assert_true(back.max_us == STANDS_NEVER);
}

static void test_who_never_comes_back_is_slower_than_all(void **state)
{
    (void)state;
    struct stands_back back;
    for (uint64_t i = 1; i <= 94; i++)
        come_back(50 * S, 52 * S);
    for (uint64_t i = 1; i <= 6; i++)
        come_back(50 * S, 0);
    assert_int_equal(stands_back(&stands, 50 * S, 60 * S, &back), 0);
    assert_int_equal(back.p50_us, 2 * S);
    assert_true(back.p95_us == STANDS_NEVER);
    char times[STANDS_TIMES_CHARS];
    assert_string_equal(stands_back_times(times, &back), "p50 2.0 s, p95 never, longest never");
}

static void test_a_newcomer_seated_before_the_last_of_them_is_a_stranger(void **state)
{
    (void)state;
    struct stands_back back;
    come_back(50 * S, 52 * S);
    come_back(50 * S, 56 * S);
    (void)wait_from(20 * S, 40 * S); /* seated long before */
    (void)wait_from(45 * S, 60 * S); /* seated after them */
    assert_int_equal(stands_back(&stands, 50 * S, 60 * S, &back), 0);
    assert_int_equal(back.strangers, 0);
    (void)wait_from(45 * S, 54 * S);
    assert_int_equal(stands_back(&stands, 50 * S, 60 * S, &back), 0);
    assert_int_equal(back.strangers, 1);
}

static void test_where_nobody_was_lost_there_is_nothing_to_tell(void **state)
{
    (void)state;
    struct stands_back back;
    (void)wait_from(45 * S, 54 * S);
    assert_int_equal(stands_back(&stands, 0, 60 * S, &back), 0);
    assert_int_equal(back.lost + back.heard + back.strangers, 0);
    assert_int_equal(back.p95_us, 0);
}

static void test_what_does_not_fit_in_is_counted(void **state)
{
    (void)state;
    struct stand stand = {0};
    for (uint32_t i = 0; i < STANDS_MAX; i++)
        assert_int_equal(stands_open(&stands, &stand), i);
    assert_int_equal(stands_open(&stands, &stand), STANDS_NONE);
    assert_int_equal(stands.dropped, 1);
    assert_null(stands_at(&stands, STANDS_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_who_asked_first_and_sat_first_is_in_order),
        TEST(test_who_sat_before_the_one_that_asked_first_inverts),
        TEST(test_asks_that_crossed_have_no_order),
        TEST(test_seats_of_the_same_second_have_no_order),
        TEST(test_who_sat_before_the_other_came_was_no_rival),
        TEST(test_who_is_passed_over_and_never_seated_is_seen),
        TEST(test_who_gave_up_before_the_other_came_is_none),
        TEST(test_who_comes_back_keeps_the_rank_of_the_first_ask),
        TEST(test_classes_are_not_compared_with_each_other),
        TEST(test_who_is_seated_past_the_line_inverts),
        TEST(test_of_very_many_evenly_chosen_ones_are_compared),
        TEST(test_a_wait_within_a_factor_of_two_is_right),
        TEST(test_anywhere_within_the_range_is_right),
        TEST(test_who_waits_longer_than_twice_is_wrong_already),
        TEST(test_who_left_before_is_undecided),
        TEST(test_an_unknown_wait_is_no_lie),
        TEST(test_the_way_back_is_measured_from_the_loss_to_the_sound),
        TEST(test_who_never_comes_back_is_slower_than_all),
        TEST(test_a_newcomer_seated_before_the_last_of_them_is_a_stranger),
        TEST(test_where_nobody_was_lost_there_is_nothing_to_tell),
        TEST(test_what_does_not_fit_in_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
