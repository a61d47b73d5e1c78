#include "rehearse/delay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { DELAY_US = 100 * 1000 };

static struct delay *delay;

static int setup(void **state)
{
    (void)state;
    return delay_create(&delay, DELAY_US, 0);
}

static int teardown(void **state)
{
    (void)state;
    delay_destroy(delay);
    return 0;
}

static void push(uint32_t listener, const char *text, uint64_t now_us)
{
    struct delayed what = {.listener = listener,
                           .attempt = 3,
                           .is_outgoing = true,
                           .other = {.port = 5004},
                           .datagram = slice_text(text)};
    assert_int_equal(delay_push(delay, &what, now_us), 0);
}

static void test_a_datagram_comes_out_when_its_time_has_passed(void **state)
{
    (void)state;
    struct delayed out;
    push(7, "hello", 1000);
    assert_false(delay_peek(delay, 1000 + DELAY_US - 1, &out));
    assert_true(delay_peek(delay, 1000 + DELAY_US, &out));
    assert_int_equal(out.due_us, 1000 + DELAY_US);
    assert_int_equal(out.listener, 7);
    assert_int_equal(out.attempt, 3);
    assert_int_equal(out.other.port, 5004);
    assert_true(out.is_outgoing);
    assert_true(slice_is(out.datagram, "hello"));
    delay_drop(delay);
    assert_false(delay_peek(delay, UINT64_MAX, &out));
}

static void test_they_come_out_in_their_order(void **state)
{
    (void)state;
    struct delayed out;
    push(1, "a", 1000);
    push(2, "", 2000);
    push(3, "ccc", 3000);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(delay_peek(delay, 1000 * i + DELAY_US, &out));
        assert_int_equal(out.listener, i);
        delay_drop(delay);
        assert_false(delay_peek(delay, 1000 * i + DELAY_US, &out));
    }
}

static void test_what_finds_no_room_is_lost(void **state)
{
    (void)state;
    uint8_t bytes[1400] = {0};
    struct delayed out, what = {.datagram = slice_of(bytes, sizeof(bytes))};
    unsigned pushed = 0;
    while (delay_push(delay, &what, 0) == 0)
        pushed++;
    assert_in_range(pushed, 20, 100);
    assert_true(delay_peek(delay, DELAY_US, &out));
    delay_drop(delay);
    assert_int_equal(delay_push(delay, &what, 0), 0);
}

static void test_more_than_fits_is_refused_at_once(void **state)
{
    (void)state;
    struct delay *large = NULL;
    assert_int_equal(delay_create(&large, DELAY_US, ((size_t)1 << 30) + 1), ERR_NOMEM);
    assert_null(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_datagram_comes_out_when_its_time_has_passed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_they_come_out_in_their_order, setup, teardown),
        cmocka_unit_test(test_more_than_fits_is_refused_at_once),
        cmocka_unit_test_setup_teardown(test_what_finds_no_room_is_lost, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
