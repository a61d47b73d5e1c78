#include "signalling/anteroom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LONG_US = 1000 * 1000, FIRST = 0, AGAIN = 1000, PAGE = 2000 };

static struct anteroom room;

static int set_up(void **state)
{
    (void)state;
    room = (struct anteroom){0};
    return 0;
}

/* The descriptor tells who it was. */
static void add(int who, unsigned number, uint64_t since_us)
{
    struct waiter waiter = {.fd = who + (int)number, .since_us = since_us};
    waiter.head.is_post = who != PAGE;
    waiter.head.was_put_off = who == AGAIN;
    anteroom_add(&room, &waiter);
}

static void expect_given_up(int who, uint64_t now_us)
{
    struct waiter waiter;
    assert_true(anteroom_give_up(&room, now_us, &waiter));
    assert_int_equal(waiter.fd, who);
}

static void expect_none_given_up(uint64_t now_us)
{
    struct waiter waiter;
    assert_false(anteroom_give_up(&room, now_us, &waiter));
}

static void test_nobody_waits_longer_than_their_queue_allows(void **state)
{
    (void)state;
    add(AGAIN, 1, 1000);
    add(FIRST, 1, 2000);
    add(PAGE, 1, 3000);
    expect_none_given_up(2000 + ANTEROOM_NEWCOMER_US);
    expect_given_up(FIRST + 1, 2001 + ANTEROOM_NEWCOMER_US);
    expect_none_given_up(1000 + ANTEROOM_PATIENT_US);
    expect_given_up(AGAIN + 1, 1001 + ANTEROOM_PATIENT_US);
    expect_given_up(PAGE + 1, 3001 + ANTEROOM_PATIENT_US);
    assert_true(anteroom_is_empty(&room));
    expect_none_given_up(UINT64_MAX);
}

static void test_a_full_queue_gives_up_its_first(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * ANTEROOM_MOST; i++) {
        add(FIRST, i, 1000);
        if (i + 1 >= ANTEROOM_MOST)
            expect_given_up((int)(i + 1) - ANTEROOM_MOST, 1000);
        expect_none_given_up(1000);
    }
}

static unsigned let_in(double spare_us, int *last)
{
    struct waiter waiter;
    unsigned count = 0;
    for (; anteroom_let_in(&room, spare_us, &waiter); count++)
        *last = waiter.fd;
    return count;
}

static void test_control_without_time_to_spare_lets_nobody_in(void **state)
{
    (void)state;
    int last = -1;
    add(FIRST, 1, 1000);
    assert_int_equal(let_in(0, &last), 0);
    assert_int_equal(let_in(LONG_US, &last), 1);
    for (unsigned i = 0; i < 200; i++)
        add(FIRST, i, 1000);
    unsigned burst = let_in(LONG_US, &last);
    assert_in_range(burst, 1, 100); /* of all the time before only a little was saved */
    assert_int_equal(let_in(LONG_US, &last), 0);
    unsigned more = let_in(LONG_US + 3000, &last);
    assert_in_range(more, 5, 20);
}

/* Of a thread that waits for its processor this is known only later. */
static void test_time_that_control_did_not_have_after_all_is_worked_off(void **state)
{
    (void)state;
    int last = -1;
    for (unsigned i = 0; i < 200; i++)
        add(FIRST, i, 1000);
    (void)let_in(LONG_US, &last);
    assert_int_equal(let_in(LONG_US - 5000, &last), 0);
    assert_int_equal(let_in(LONG_US, &last), 0);
    assert_in_range(let_in(LONG_US + 3000, &last), 5, 20);
}

static void test_the_patient_go_first_each_in_their_order(void **state)
{
    (void)state;
    static const int order[] = {AGAIN + 1, PAGE + 1, AGAIN + 2, FIRST + 1, FIRST + 2};
    struct waiter waiter;
    add(FIRST, 1, 1000);
    add(AGAIN, 1, 1000);
    add(FIRST, 2, 1000);
    add(PAGE, 1, 1000);
    add(AGAIN, 2, 1000);
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        assert_true(anteroom_let_in(&room, LONG_US, &waiter));
        assert_int_equal(waiter.fd, order[i]);
    }
    assert_false(anteroom_let_in(&room, 2 * LONG_US, &waiter));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nobody_waits_longer_than_their_queue_allows, set_up),
        cmocka_unit_test_setup(test_a_full_queue_gives_up_its_first, set_up),
        cmocka_unit_test_setup(test_control_without_time_to_spare_lets_nobody_in, set_up),
        cmocka_unit_test_setup(test_time_that_control_did_not_have_after_all_is_worked_off, set_up),
        cmocka_unit_test_setup(test_the_patient_go_first_each_in_their_order, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
