#include "admission/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND_US UINT64_C(1000000)
#define NOW_US (100 * SECOND_US)

static struct admission *make(uint32_t seats)
{
    struct admission *admission = NULL;
    assert_int_equal(admission_create(&admission, &(struct admission_params){.seats = seats}), 0);
    return admission;
}

static void test_the_cap_is_exact(void **state)
{
    (void)state;
    struct admission *admission = make(3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(admission_free(admission), 3 - i);
        admission_hold(admission);
    }
    assert_int_equal(admission_free(admission), 0);
    admission_return_seat(admission, false);
    assert_int_equal(admission_free(admission), 1);
    admission_destroy(admission);
    admission_destroy(NULL);
}

static void test_a_cap_below_what_is_taken_evicts_nobody(void **state)
{
    (void)state;
    struct admission *admission = make(10);
    for (unsigned i = 0; i < 8; i++)
        admission_hold(admission);
    admission_set_limits(admission, 5, 100);
    assert_int_equal(admission_free(admission), 0);
    assert_int_equal(admission_seats_taken(admission), 8);
    for (unsigned i = 0; i < 4; i++)
        admission_return_seat(admission, false);
    assert_int_equal(admission_free(admission), 1);
    admission_set_limits(admission, 1000, 100); /* never more than the operator's */
    assert_int_equal(admission_seats(admission), 10);
    admission_destroy(admission);
}

static void test_so_many_come_in_a_second(void **state)
{
    (void)state;
    struct admission *admission = make(100000);
    admission_set_limits(admission, 100000, 100);
    uint32_t first = admission_may_join(admission, NOW_US);
    assert_int_equal(first, 200); /* two seconds' worth at once */
    for (uint32_t i = 0; i < first; i++)
        admission_hold(admission);
    assert_int_equal(admission_may_join(admission, NOW_US), 0);
    assert_int_equal(admission_may_join(admission, NOW_US + SECOND_US / 2), 50);
    assert_int_equal(admission_may_join(admission, NOW_US + SECOND_US), 100);
    assert_int_equal(admission_may_join(admission, NOW_US + 9 * SECOND_US),
                     200); /* no more is saved */
    assert_int_equal(admission_may_join(admission, NOW_US + 1000000 * SECOND_US), 200);
    admission_set_limits(admission, 100000, 0);
    assert_int_equal(admission_may_join(admission, NOW_US + 1000001 * SECOND_US), 0);
    admission_destroy(admission);
}

static void test_without_a_rate_only_handshakes_bound_them(void **state)
{
    (void)state;
    struct admission *admission = make(2 * ADMISSION_JOINING_MAX);
    assert_int_equal(admission_may_join(admission, NOW_US), ADMISSION_JOINING_MAX);
    for (uint32_t i = 0; i < ADMISSION_JOINING_MAX; i++) {
        admission_hold(admission);
        admission_begin_join(admission);
    }
    assert_int_equal(admission_may_join(admission, NOW_US), 0);
    admission_joined(admission); /* one is in */
    assert_int_equal(admission_joins(admission), 1);
    assert_int_equal(admission_may_join(admission, NOW_US), 1);
    admission_return_seat(admission, true); /* one gave up */
    assert_int_equal(admission_may_join(admission, NOW_US), 2);
    admission_return_seat(admission, false); /* one who was in left: nobody more may join */
    assert_int_equal(admission_may_join(admission, NOW_US), 2);
    admission_destroy(admission);
}

static void test_a_number_is_the_time_and_nobody_elses(void **state)
{
    (void)state;
    struct admission *admission = make(1);
    uint64_t last = 0;
    for (int64_t ms = 1000; ms < 3000; ms += 7) {
        uint64_t number = admission_new_number(admission, ms);
        assert_true(number > last);
        assert_int_equal(number >> 20, ms);
        last = number;
    }
    /* Many in one moment, and a clock that is set back: still one after another. */
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t number = admission_new_number(admission, 2000);
        assert_true(number > last);
        last = number;
    }
    assert_true(last >> 62 == 0);
    admission_destroy(admission);
}

static void test_two_nodes_give_other_numbers_in_the_same_millisecond(void **state)
{
    (void)state;
    struct admission *here = make(1), *there = make(1);
    unsigned same = 0;
    for (int64_t ms = 1000; ms < 2000; ms++)
        same += admission_new_number(here, ms) == admission_new_number(there, ms);
    assert_in_range(same, 0, 2);
    admission_destroy(here);
    admission_destroy(there);
}

static void test_a_node_without_seats_is_refused(void **state)
{
    (void)state;
    struct admission *admission = NULL;
    assert_int_equal(admission_create(&admission, &(struct admission_params){0}), ERR_INVAL);
    assert_null(admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_cap_is_exact),
        cmocka_unit_test(test_a_cap_below_what_is_taken_evicts_nobody),
        cmocka_unit_test(test_so_many_come_in_a_second),
        cmocka_unit_test(test_without_a_rate_only_handshakes_bound_them),
        cmocka_unit_test(test_a_number_is_the_time_and_nobody_elses),
        cmocka_unit_test(test_two_nodes_give_other_numbers_in_the_same_millisecond),
        cmocka_unit_test(test_a_node_without_seats_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
