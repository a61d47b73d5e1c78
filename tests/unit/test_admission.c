#include "admission/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_nodes_cap_is_exact(void **state)
{
    (void)state;
    struct admission *admission = NULL;
    assert_int_equal(admission_create(&admission, 3), 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(admission_take_seat(admission, 0, i), ADMISSION_SEAT);
    assert_int_equal(admission_take_seat(admission, 0, 3), ADMISSION_FULL);
    assert_int_equal(admission_seats_taken(admission), 3);
    admission_return_seat(admission, true);
    assert_int_equal(admission_take_seat(admission, 0, 2), ADMISSION_SEAT);
    assert_int_equal(admission_take_seat(admission, 0, 3), ADMISSION_FULL);
    admission_destroy(admission);
    admission_destroy(NULL);
}

static void test_the_rooms_cap_takes_no_seat_of_the_node(void **state)
{
    (void)state;
    struct admission *admission = NULL;
    assert_int_equal(admission_create(&admission, 10), 0);
    assert_int_equal(admission_take_seat(admission, 2, 1), ADMISSION_SEAT);
    assert_int_equal(admission_take_seat(admission, 2, 2), ADMISSION_FULL);
    assert_int_equal(admission_take_seat(admission, 2, 3), ADMISSION_FULL);
    assert_int_equal(admission_seats_taken(admission), 1);
    admission_destroy(admission);
}

static void test_one_more_than_may_join_at_once_is_told_so(void **state)
{
    (void)state;
    struct admission *admission = NULL;
    assert_int_equal(admission_create(&admission, 2 * ADMISSION_JOINING_MAX), 0);
    for (uint32_t i = 0; i < ADMISSION_JOINING_MAX; i++)
        assert_int_equal(admission_take_seat(admission, 0, i), ADMISSION_SEAT);
    assert_int_equal(admission_take_seat(admission, 0, 0), ADMISSION_BUSY);
    assert_int_equal(admission_seats_taken(admission), ADMISSION_JOINING_MAX);
    assert_int_equal(admission_joins(admission), 0);
    admission_joined(admission); /* one is in */
    assert_int_equal(admission_joins(admission), 1);
    assert_int_equal(admission_take_seat(admission, 0, 0), ADMISSION_SEAT);
    assert_int_equal(admission_take_seat(admission, 0, 0), ADMISSION_BUSY);
    admission_return_seat(admission, true); /* one gave up */
    assert_int_equal(admission_take_seat(admission, 0, 0), ADMISSION_SEAT);
    admission_return_seat(admission, false); /* one who was in left: nobody more may join */
    assert_int_equal(admission_take_seat(admission, 0, 0), ADMISSION_BUSY);
    admission_destroy(admission);
}

static void test_a_node_without_seats_is_refused(void **state)
{
    (void)state;
    struct admission *admission = NULL;
    assert_int_equal(admission_create(&admission, 0), ERR_INVAL);
    assert_null(admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_nodes_cap_is_exact),
        cmocka_unit_test(test_the_rooms_cap_takes_no_seat_of_the_node),
        cmocka_unit_test(test_one_more_than_may_join_at_once_is_told_so),
        cmocka_unit_test(test_a_node_without_seats_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
