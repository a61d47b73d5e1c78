#include "transport/half_open.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct address at(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(&address, text), 0);
    return address;
}

static void test_a_prefix_and_its_network_have_their_shares(void **state)
{
    (void)state;
    struct half_open half_open;
    half_open_init(&half_open, 2, 5);
    struct address a = at("192.0.2.1:10"), other_port = at("192.0.2.1:11"), b = at("192.0.2.2"),
                   c = at("192.0.2.3"), elsewhere = at("192.0.3.1");
    assert_true(half_open_enter(&half_open, &a));
    assert_true(half_open_enter(&half_open, &other_port));
    assert_false(half_open_enter(&half_open, &a));
    assert_true(half_open_enter(&half_open, &b));
    assert_true(half_open_enter(&half_open, &b));
    assert_true(half_open_enter(&half_open, &c));
    assert_false(half_open_enter(&half_open, &c)); /* five of the network */
    assert_true(half_open_enter(&half_open, &elsewhere));
    half_open_leave(&half_open, &other_port);
    assert_true(half_open_enter(&half_open, &c));
    assert_false(half_open_enter(&half_open, &a));
    half_open_clear(&half_open);
}

static void test_who_left_leaves_no_trace(void **state)
{
    (void)state;
    struct half_open half_open;
    half_open_init(&half_open, 2, 5);
    for (unsigned i = 0; i < 1000; i++) {
        struct address from = at("2001:db8::1");
        from.ip[5] = (uint8_t)(i >> 4); /* of some dozens of networks */
        from.ip[7] = (uint8_t)i;
        assert_true(half_open_enter(&half_open, &from));
        half_open_leave(&half_open, &from);
    }
    assert_int_equal(half_open.counts.count, 0);
    half_open_clear(&half_open);
}

static void test_loopback_has_no_share(void **state)
{
    (void)state;
    struct half_open half_open;
    half_open_init(&half_open, 1, 1);
    struct address from = at("127.0.0.1");
    for (unsigned i = 0; i < 10; i++)
        assert_true(half_open_enter(&half_open, &from));
    half_open_leave(&half_open, &from);
    assert_int_equal(half_open.counts.count, 0);
    half_open_clear(&half_open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_prefix_and_its_network_have_their_shares),
        cmocka_unit_test(test_who_left_leaves_no_trace),
        cmocka_unit_test(test_loopback_has_no_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
