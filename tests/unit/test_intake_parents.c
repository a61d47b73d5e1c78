/* A program from one parent after another, and from two at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intake_house.h"

static void test_another_parent_goes_on_where_the_former_stopped(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 100; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 95; n < 200; n++) { /* it is behind, then alone */
        assert_true(deliver(1, n));
        tick();
    }
    intake_shut(intake, 0);
    expect_unbroken(0, 200);
    assert_int_equal(counts_now().restarts, 0);
}

static void test_a_parent_that_is_ahead_waits_for_the_one_behind(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 100; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 100; n < 120; n++) {
        assert_true(deliver(1, n + 3)); /* n + 1 and on: packet 100 comes from the former only */
        (void)collect();
        assert_true(deliver(0, n));
        tick();
    }
    run_until(now_us + 1000 * 1000);
    expect_unbroken(0, 123);
}

static void test_a_change_in_the_middle_of_a_loss_leaves_its_hole(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 100; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    /* 100 to 109 are lost with the parent; half a second, then another one */
    now_us += 10 * TICK_US;
    intake_shut(intake, 0);
    intake_open(intake, 1, OPUS, RED);
    assert_true(deliver(1, 112));   /* brings 110 and 111 */
    assert_int_equal(collect(), 2); /* at once: nobody can send what is missing */
    assert_int_equal(given[100].number, 110);
    assert_int_equal(given[100].index, FIRST_INDEX + 110);
    tick();
    for (uint32_t n = 113; n < 200; n++) {
        assert_true(deliver(1, n));
        tick();
    }
    assert_int_equal(given_count, 190);
    assert_int_equal(given[189].index, FIRST_INDEX + 199);
    assert_int_equal(counts_now().missing, 10);
}

static void test_a_former_parent_that_is_still_there_fills_the_hole(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    for (uint32_t n = 0; n < 50; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    assert_true(deliver(0, 54)); /* 50 and 51 are missing */
    assert_int_equal(collect(), 0);
    assert_int_equal(asked(0, seqs), 2);
    intake_open(intake, 1, OPUS, RED);
    now_us += TICK_US;
    assert_true(deliver(1, 54)); /* is there already */
    assert_int_equal(counts_now().duplicates, 1);
    assert_true(deliver(1, 55));
    assert_int_equal(collect(), 0);
    assert_true(deliver(0, 50));
    assert_true(deliver(0, 51));
    run_until(now_us + 5 * TICK_US);
    expect_unbroken(0, 56);
}

/* Each has losses; nobody is asked for what the other one brought, before or after. */
static void test_what_another_parent_brought_is_not_asked_for(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    parents[0].has_no_red = parents[1].has_no_red = true;
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 0; n < 10; n++) {
        assert_true(deliver(0, n));
        assert_true(deliver(1, n));
        tick();
    }
    assert_true(deliver(0, 10));
    assert_true(deliver(0, 11));
    assert_true(deliver(1, 11)); /* not 10, which is there */
    assert_int_equal(asked(1, seqs), 0);
    tick();
    assert_true(deliver(0, 14));
    assert_true(deliver(1, 12));
    assert_true(deliver(1, 13)); /* now the other's hole is filled */
    assert_int_equal(asked(0, seqs), 0);
    assert_int_equal(collect(), 2);
    run_until(now_us + 2 * TICK_US);
    expect_unbroken(0, 15);
    assert_int_equal(intake_due_us(intake, now_us), UINT64_MAX);
}

/* Two that disagree about how many packets lie in a hole that both have. */
static void test_parents_that_count_differently_give_nothing_twice(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 10; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 12; n < 40; n++) {
        bool is_first = n == 25; /* each once */
        if (n == 20 || n == 25)
            parents[1].seq_of_0 += 2; /* it has two packets more than the program */
        assert_true(deliver(is_first ? 1 : 0, n));
        assert_true(deliver(is_first ? 0 : 1, n));
        (void)collect();
        tick();
    }
    for (size_t i = 1; i < given_count; i++)
        assert_true(given[i].number > given[i - 1].number);
    assert_int_equal(given[given_count - 1].number, 39);
}

/* As when the parent gave us another seat without a word. */
static void test_a_parents_numbers_may_begin_anew(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 40; n++) {
        if (n == 20)
            parents[0] = (struct parent){.ssrc = 11, .seq_of_0 = 12345};
        if (n == 30)
            parents[0].seq_of_0 += 20000;
        assert_true(deliver(0, n));
        tick();
    }
    expect_unbroken(0, 40);
    assert_int_equal(counts_now().restarts, 0);
}

static void test_two_parents_with_losses_of_their_own(void **state)
{
    (void)state;
    enum { PACKETS = 20000, LAG = 2 };
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = LAG; n < PACKETS; n++) {
        if (n == LAG || dice(10) > 0)
            (void)deliver(0, n);
        (void)collect();
        if (dice(10) > 0)
            (void)deliver(1, n - LAG);
        tick();
    }
    run_until(now_us + 1000 * 1000);
    for (size_t i = 1; i < given_count; i++)
        assert_int_equal(given[i].index - given[0].index, given[i].number - given[0].number);
    assert_in_range(counts_now().missing, 0, PACKETS / 10000);
    assert_int_equal(counts_now().restarts, 0);
}

static void test_a_pause_of_a_minute_is_a_hole_of_a_minute(void **state)
{
    (void)state;
    assert_true(deliver(0, 0));
    tick();
    now_us += 3000 * TICK_US;
    intake_shut(intake, 0);
    intake_open(intake, 1, OPUS, RED);
    assert_true(deliver(1, 3000));
    (void)collect();
    assert_int_equal(given_count, 2);
    assert_int_equal(given[1].index, FIRST_INDEX + 3000);
    assert_int_equal(counts_now().restarts, 0);
}

static void test_another_program_follows_without_a_gap(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 20; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    uint32_t former_end = timestamp_of(20);
    intake_shut(intake, 0);
    intake_open(intake, 1, OPUS, RED);
    timestamp_of_0 = former_end - 0x40000000u; /* the origin was started again */
    for (uint32_t n = 5; n < 25; n++) {
        if (n != 15)
            assert_true(deliver(1, n));
        tick();
    }
    assert_int_equal(given_count, 40);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(given[i].index, FIRST_INDEX + i);
    assert_int_equal(given[20].timestamp, timestamp_of(5));
    assert_int_equal(counts_now().restarts, 1);
}

/* A parent that is a relay itself keeps its numbers when its own source begins anew. */
static void test_times_may_begin_anew_under_the_same_numbers(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 20; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    timestamp_of_0 -= 0x20000000u;
    parents[0].has_no_red = true;
    for (uint32_t n = 20; n < 40; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    assert_int_equal(given_count, 40);
    assert_int_equal(given[39].index, FIRST_INDEX + 39);
    assert_int_equal(given[20].timestamp, timestamp_of(20));
}

static void test_only_the_newer_parent_may_begin_anew(void **state)
{
    (void)state;
    uint32_t true_0 = timestamp_of_0;
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 0; n < 50; n++) {
        assert_true(deliver(1, n));
        timestamp_of_0 = true_0 + 0x30000000u;
        (void)deliver(0, n);
        timestamp_of_0 = true_0;
        tick();
    }
    expect_unbroken(0, 50);
    assert_int_equal(counts_now().restarts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_another_parent_goes_on_where_the_former_stopped),
        TEST(test_a_parent_that_is_ahead_waits_for_the_one_behind),
        TEST(test_a_change_in_the_middle_of_a_loss_leaves_its_hole),
        TEST(test_a_former_parent_that_is_still_there_fills_the_hole),
        TEST(test_what_another_parent_brought_is_not_asked_for),
        TEST(test_parents_that_count_differently_give_nothing_twice),
        TEST(test_a_parents_numbers_may_begin_anew),
        TEST(test_two_parents_with_losses_of_their_own),
        TEST(test_a_pause_of_a_minute_is_a_hole_of_a_minute),
        TEST(test_another_program_follows_without_a_gap),
        TEST(test_times_may_begin_anew_under_the_same_numbers),
        TEST(test_only_the_newer_parent_may_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
