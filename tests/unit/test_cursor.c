#include "rostrum/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};

static void test_numbers_are_big_endian_unless_named(void **state)
{
    (void)state;
    struct cursor c = cursor_of(slice_of(bytes, sizeof(bytes)));
    assert_int_equal(cursor_u8(&c), 0x01);
    assert_int_equal(cursor_u16(&c), 0x0203);
    assert_int_equal(cursor_u24(&c), 0x040506);
    assert_int_equal(cursor_u32(&c), 0x0708090A);
    assert_int_equal(cursor_u16_le(&c), 0x0C0B);
    assert_int_equal(cursor_u32_le(&c), 0x100F0E0D);
    assert_int_equal(cursor_left(&c), 2);
    c = cursor_of(slice_of(bytes, sizeof(bytes)));
    assert_true(cursor_u64(&c) == 0x0102030405060708u);
    assert_false(c.bad);
}

static void test_past_the_end_is_bad_and_zero_for_ever(void **state)
{
    (void)state;
    struct cursor c = cursor_of(slice_of(bytes, 3));
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(cursor_u8(&c), 0);
    uint8_t out[2] = {9, 9};
    cursor_copy(&c, out, 2);
    assert_int_equal(out[0] + out[1], 0);
    assert_int_equal(cursor_slice(&c, 1).bytes, 0);
    assert_true(cursor_sub(&c, 0).bad);
    assert_int_equal(cursor_rest(&c).bytes, 0);
}

static void test_sub_cursor_stays_within_its_part(void **state)
{
    (void)state;
    struct cursor c = cursor_of(slice_of(bytes, 8));
    struct cursor sub = cursor_sub(&c, 4);
    assert_int_equal(cursor_u32(&sub), 0x01020304);
    assert_int_equal(cursor_u8(&sub), 0);
    assert_true(sub.bad);
    assert_false(c.bad);
    assert_int_equal(cursor_u8(&c), 5);
    sub = cursor_sub(&c, SIZE_MAX);
    assert_true(sub.bad && c.bad);
}

static void test_until_passes_the_stop_byte(void **state)
{
    (void)state;
    struct cursor c = cursor_of(slice_text("a=b==c"));
    assert_true(slice_is(cursor_until(&c, '='), "a"));
    assert_true(slice_is(cursor_until(&c, '='), "b"));
    assert_true(slice_is(cursor_until(&c, '='), ""));
    assert_true(slice_is(cursor_until(&c, '='), "c"));
    assert_int_equal(cursor_until(&c, '=').bytes, 0);
    assert_false(c.bad);
}

static void test_empty_slice_is_no_error(void **state)
{
    (void)state;
    struct cursor c = cursor_of(slice_of(NULL, 0));
    assert_int_equal(cursor_rest(&c).bytes, 0);
    assert_int_equal(cursor_until(&c, ':').bytes, 0);
    cursor_skip(&c, 0);
    assert_false(c.bad);
    assert_int_equal(cursor_u8(&c), 0);
    assert_true(c.bad);
}

static void test_writer_mirrors_the_cursor(void **state)
{
    (void)state;
    uint8_t out[32];
    struct writer w = writer_of(out, sizeof(out));
    writer_u8(&w, 1);
    writer_u16(&w, 0x0203);
    writer_u24(&w, 0x040506);
    writer_u32(&w, 0x0708090A);
    writer_u16_le(&w, 0x0C0B);
    writer_u32_le(&w, 0x100F0E0D);
    assert_int_equal(w.at, 16);
    assert_memory_equal(out, bytes, 16);
    writer_u64(&w, 0x1122334455667788u);
    writer_u64_le(&w, 0x1122334455667788u);
    assert_int_equal(out[16], 0x11);
    assert_int_equal(out[24], 0x88);
    writer_patch_u16(&w, 0, 0xABCD);
    writer_patch_u16(&w, 31, 0);
    assert_int_equal(out[0], 0xAB);
    assert_int_equal(out[31], 0x11);
    assert_false(w.full);
    writer_u8(&w, 1);
    assert_true(w.full);
}

static void test_full_writer_writes_nothing_more(void **state)
{
    (void)state;
    uint8_t out[4] = {9, 9, 9, 9};
    struct writer w = writer_of(out, 3);
    writer_u16(&w, 0);
    writer_u16(&w, 0);
    assert_true(w.full);
    writer_u8(&w, 0);
    writer_text(&w, "");
    assert_int_equal(w.at, 2);
    assert_int_equal(out[2], 9);
    assert_int_equal(out[3], 9);
    assert_int_equal(writer_slice(&w).bytes, 2);
}

static void test_printf_keeps_room_for_its_zero(void **state)
{
    (void)state;
    char out[5];
    struct writer w = writer_of(out, sizeof(out));
    writer_printf(&w, "%d", 1234);
    assert_false(w.full);
    assert_string_equal(out, "1234");
    w = writer_of(out, sizeof(out));
    writer_printf(&w, "%d", 12345);
    assert_true(w.full);
    assert_int_equal(w.at, 0);
    w = writer_of(NULL, 0);
    writer_printf(&w, "x");
    assert_true(w.full);
}

static void test_slices_compare(void **state)
{
    (void)state;
    assert_true(slice_is_nocase(slice_text("OPUS"), "opus"));
    assert_false(slice_is_nocase(slice_text("opu"), "opus"));
    assert_true(slice_equal(slice_of(NULL, 0), slice_text("")));
    assert_false(slice_is(slice_text("Opus"), "opus"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_big_endian_unless_named),
        cmocka_unit_test(test_past_the_end_is_bad_and_zero_for_ever),
        cmocka_unit_test(test_sub_cursor_stays_within_its_part),
        cmocka_unit_test(test_until_passes_the_stop_byte),
        cmocka_unit_test(test_empty_slice_is_no_error),
        cmocka_unit_test(test_writer_mirrors_the_cursor),
        cmocka_unit_test(test_full_writer_writes_nothing_more),
        cmocka_unit_test(test_printf_keeps_room_for_its_zero),
        cmocka_unit_test(test_slices_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
