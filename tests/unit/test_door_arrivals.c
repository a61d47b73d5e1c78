#include "admission/arrivals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint64_t network_of(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(&address, text), 0);
    return arrivals_network(&address);
}

static void test_of_an_address_only_its_network_is_kept(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"192.0.2.1", "192.0.2.0/24"},
                                           {"192.0.2.255:80", "192.0.2.0/24"},
                                           {"0.0.0.0", "0.0.0.0/24"},
                                           {"255.255.255.255", "255.255.255.0/24"},
                                           {"2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"},
                                           {"::1", "::/48"}};
    char text[ARRIVALS_NETWORK_TEXT_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t network = network_of(cases[i][0]);
        assert_true(network != 0 && network <= INT64_MAX);
        assert_true(arrivals_network_write(network, text));
        assert_string_equal(text, cases[i][1]);
    }
    assert_int_equal(network_of("192.0.2.1"), network_of("192.0.2.254"));
    assert_true(network_of("192.0.2.1") != network_of("192.0.3.1"));
    assert_int_equal(network_of("2001:db8:1::"), network_of("2001:db8:1:ffff::1"));
    assert_true(network_of("2001:db8:1::") != network_of("2001:db8:2::"));
}

static void test_other_numbers_are_no_networks(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, UINT64_MAX, (uint64_t)4 << 56 | 1u << 24,
                                       (uint64_t)6 << 56 | (uint64_t)1 << 48};
    char text[ARRIVALS_NETWORK_TEXT_MAX];
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        assert_false(arrivals_network_write(numbers[i], text));
}

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
        cmocka_unit_test(test_of_an_address_only_its_network_is_kept),
        cmocka_unit_test(test_other_numbers_are_no_networks),
        cmocka_unit_test(test_each_ten_seconds_count_for_themselves),
        cmocka_unit_test(test_sums_stop_at_their_largest_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
