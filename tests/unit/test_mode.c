#include "base/mode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_people_may_ask_for_all_but_the_lifeboat(void **state)
{
    (void)state;
    enum mode mode = MODE_LIFEBOAT;
    for (enum mode asked = MODE_NORMAL; asked < MODE_LIFEBOAT; asked++) {
        assert_int_equal(mode_parse(&mode, mode_name(asked)), 0);
        assert_int_equal(mode, asked);
    }
    static const char *const others[] = {"lifeboat", "Normal", "small-audience", "", "normal "};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(mode_parse(&mode, others[i]), ERR_INVAL);
    assert_int_equal(mode, MODE_SMALL_AUDIENCE); /* written only on success */
    assert_string_equal(mode_name(MODE_LIFEBOAT), "lifeboat");
}

static void test_the_order_is_that_of_strictness(void **state)
{
    (void)state;
    static const enum mode order[] = {MODE_NORMAL, MODE_ECONOMY, MODE_SMALL_AUDIENCE,
                                      MODE_LIFEBOAT};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(mode_stricter(order[i], order[k]), order[i > k ? i : k]);
}

static void test_all_but_normal_send_long_packets(void **state)
{
    (void)state;
    assert_false(mode_is_packed(MODE_NORMAL));
    assert_true(mode_is_packed(MODE_ECONOMY));
    assert_true(mode_is_packed(MODE_SMALL_AUDIENCE));
    assert_true(mode_is_packed(MODE_LIFEBOAT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_people_may_ask_for_all_but_the_lifeboat),
        cmocka_unit_test(test_the_order_is_that_of_strictness),
        cmocka_unit_test(test_all_but_normal_send_long_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
