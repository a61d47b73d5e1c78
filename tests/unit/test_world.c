/* Whole evenings in virtual time, small ones: nobody is forgotten, and no rule of the tree is broken. */
#include "simulate/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct costs costs = {.room_us_per_s = 40000,
                                   .listener_us_per_s = 200,
                                   .join_us = 1000,
                                   .answer_us = 200,
                                   .first_sound_ms = 20,
                                   .listener_bps = 70000,
                                   .relay_bps = 120000,
                                   .relay_us_per_s = 400,
                                   .hop_ms = 5};
static struct options options;
static struct world *world;

static int make(void **state)
{
    (void)state;
    options = (struct options){.listeners = 20000,
                               .nodes = 60,
                               .regions = 3,
                               .cores = 2,
                               .egress_mbit = 50,
                               .doors_percent = 100,
                               .seed = 3};
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    world_destroy(world);
    world = NULL;
    return 0;
}

static const struct account *play(void)
{
    world_destroy(world);
    world = NULL;
    assert_int_equal(world_create(&world, &options, &costs), 0);
    world_run(world);
    const struct account *account = world->account;
    uint32_t people = 0;
    for (unsigned state = 0; state < PERSON_STATES; state++)
        people += account->people[state];
    assert_int_equal(people, options.listeners);
    assert_true(account_is_within_limits(account));
    assert_true(account_is_flat(account));
    return account;
}

static void fail_with(enum failure_kind kind, uint32_t which, uint32_t at_s, uint32_t lasts_s)
{
    options.failures[options.failure_count++] =
        (struct failure){.kind = kind, .which = which, .at_s = at_s, .lasts_s = lasts_s};
}

static void test_everybody_hears_where_there_are_seats(void **state)
{
    (void)state;
    const struct account *account = play();
    assert_true(account_is_answered(account));
    assert_int_equal(account->people[PERSON_HEARING], options.listeners);
    assert_int_equal(account->first_sounds.count, options.listeners);
    assert_int_equal(account->gaps.count, 0);
    assert_true(account->rows[account->seconds - 1].relays > 10);
}

static void test_who_finds_no_seat_is_told_a_place_in_line(void **state)
{
    (void)state;
    options.nodes = 10;
    const struct account *account = play();
    assert_true(account_is_answered(account));
    assert_true(account->people[PERSON_HEARING] > 2000);
    assert_true(account->people[PERSON_HEARING] < 8000);
    assert_true(account->rows[account->seconds - 1].in_line > 10000);
}

static void test_one_node_alone_serves_its_own(void **state)
{
    (void)state;
    options.nodes = 1;
    options.regions = 1;
    options.listeners = 200;
    const struct account *account = play();
    assert_true(account_is_answered(account));
    assert_int_equal(account->people[PERSON_HEARING], 200);
    assert_int_equal(account->rows[account->seconds - 1].relays, 0);
}

static void test_listeners_of_lost_relays_hear_elsewhere_and_few_at_the_origin(void **state)
{
    (void)state;
    fail_with(FAILURE_RELAYS, 2, 200, 0);
    const struct account *account = play();
    assert_true(account->returns[FAILURE_RELAYS].count > 300);
    assert_true(spans_at(&account->returns[FAILURE_RELAYS], 950) <= 5000);
    assert_true(account->returned_peak <= 50);
    assert_int_equal(account->people[PERSON_HEARING], options.listeners);
}

static void test_a_relay_without_parent_turns_to_another_in_time(void **state)
{
    (void)state;
    options.regions = 1;
    fail_with(FAILURE_RELAYS, 15, 200, 0);
    const struct account *account = play();
    assert_true(account->gaps.count > 0);
    assert_true(account->gaps.max_ms <= 700);
    assert_true(account->turns_to_reserve > 0);
}

static void test_a_region_that_fails_and_comes_back_leaves_nobody_silent(void **state)
{
    (void)state;
    fail_with(FAILURE_REGION, 2, 100, 60);
    const struct account *account = play();
    assert_true(account->returns[FAILURE_REGION].count > 1000);
    assert_int_equal(account->people[PERSON_HEARING], options.listeners);
}

static void test_without_the_origin_all_are_silent_and_afterwards_nobody(void **state)
{
    (void)state;
    fail_with(FAILURE_ORIGIN, 0, 300, 10);
    const struct account *account = play();
    assert_int_equal(account->rows[CURVE_START_MS / 1000 + 305].hearing, 0);
    assert_true(account->origin_gaps.max_ms <= 15000);
    assert_int_equal(account->people[PERSON_HEARING], options.listeners);
}

static void test_the_same_seed_gives_the_same_evening(void **state)
{
    (void)state;
    static struct account first;
    fail_with(FAILURE_RELAYS, 5, 100, 30);
    first = *play();
    assert_memory_equal(&first, play(), sizeof(first));
    options.seed = 4;
    assert_memory_not_equal(&first, play(), sizeof(first));
}

static void test_a_node_comes_back_before_its_last_step_was_due(void **state)
{
    (void)state;
    fail_with(FAILURE_ORIGIN, 0, 1, 40); /* relays ask it again and again meanwhile */
    for (uint32_t at_s = 3; at_s < 40; at_s += 3)
        fail_with(FAILURE_REGION, 2 + at_s % 2, at_s, 1);
    const struct account *account = play();
    assert_int_equal(account->people[PERSON_HEARING], options.listeners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everybody_hears_where_there_are_seats, make, unmake),
        cmocka_unit_test_setup_teardown(test_who_finds_no_seat_is_told_a_place_in_line, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(test_one_node_alone_serves_its_own, make, unmake),
        cmocka_unit_test_setup_teardown(
            test_listeners_of_lost_relays_hear_elsewhere_and_few_at_the_origin, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_relay_without_parent_turns_to_another_in_time, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(
            test_a_region_that_fails_and_comes_back_leaves_nobody_silent, make, unmake),
        cmocka_unit_test_setup_teardown(
            test_without_the_origin_all_are_silent_and_afterwards_nobody, make, unmake),
        cmocka_unit_test_setup_teardown(test_the_same_seed_gives_the_same_evening, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_node_comes_back_before_its_last_step_was_due, make,
                                        unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
