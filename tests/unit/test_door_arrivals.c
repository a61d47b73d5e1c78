#include "admission/arrivals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_each_ten_seconds_count_for_themselves(void **state)
{
    (void)state;
    struct arrivals arrivals = {0};
    struct arrival_counts taken;
    struct arrival_network network;
    arrivals_count(&arrivals, ARRIVAL_ASK, 1); /* before networks are kept */
    arrivals_keep_networks(&arrivals);
    assert_non_null(arrivals.networks);
    arrivals_count(&arrivals, ARRIVAL_ASK, 1);
    arrivals_count(&arrivals, ARRIVAL_SEATED, 1);
    arrivals_take(&arrivals, &taken);
    assert_int_equal(taken.of[ARRIVAL_ASK], 2);
    assert_int_equal(taken.of[ARRIVAL_SEATED], 1);
    assert_int_equal(arrival_attempts(&taken), 2);
    arrivals_count(&arrivals, ARRIVAL_ASK_AGAIN, 1);
    arrivals_take(&arrivals, &taken);
    assert_int_equal(taken.of[ARRIVAL_ASK], 0);
    assert_int_equal(arrival_attempts(&taken), 1);
    arrivals_take(&arrivals, &taken);
    assert_false(arrival_counts_any(&taken));
    assert_int_equal(busiest_list(arrivals.networks, &network, 1), 1);
    assert_int_equal(network.attempts, 2); /* networks are counted on */
    assert_true(arrivals.networks_changed);
    arrivals_clear(&arrivals);
}

static void test_sums_stop_at_their_largest_value(void **state)
{
    (void)state;
    struct arrival_counts sum = {.of = {UINT32_MAX - 1, 5}}, more = {.of = {3, 6}};
    arrival_counts_add(&sum, &more);
    assert_int_equal(sum.of[0], UINT32_MAX);
    assert_int_equal(sum.of[1], 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_ten_seconds_count_for_themselves),
        cmocka_unit_test(test_sums_stop_at_their_largest_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
