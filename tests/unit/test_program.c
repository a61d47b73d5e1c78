#include "audience/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint8_t payload[PROGRAM_PAYLOAD_MAX + 1];

static struct program_packet packet_of(uint64_t index, uint32_t bytes)
{
    memset(payload, (int)(index & 0xFF), sizeof(payload));
    return (struct program_packet){.index = index,
                                   .made_us = index * 20000,
                                   .timestamp = (uint32_t)index * 960,
                                   .samples = 960,
                                   .bytes = bytes,
                                   .payload = payload};
}

static int push(struct program *program, uint64_t index, uint32_t bytes)
{
    struct program_packet packet = packet_of(index, bytes);
    return program_push(program, &packet);
}

static void test_packets_are_copied_and_lent(void **state)
{
    (void)state;
    struct program *program;
    struct program_packet packet;
    assert_int_equal(program_create(&program), 0);
    assert_int_equal(push(program, 7, 100), 0);
    memset(payload, 0xEE, sizeof(payload));
    assert_int_equal(program_get(program, 7, &packet), 0);
    assert_int_equal(packet.index, 7);
    assert_int_equal(packet.made_us, 140000);
    assert_int_equal(packet.timestamp, 6720);
    assert_int_equal(packet.samples, 960);
    assert_int_equal(packet.bytes, 100);
    assert_int_equal(packet.payload[0], 7);
    assert_int_equal(packet.payload[99], 7);
    program_destroy(program);
    program_destroy(NULL);
}

static void test_only_the_last_packets_are_kept(void **state)
{
    (void)state;
    struct program *program;
    struct program_packet packet;
    assert_int_equal(program_create(&program), 0);
    assert_int_equal(program_get(program, 0, &packet), ERR_NOENT);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(push(program, i, 1), 0);
    assert_int_equal(program_get(program, 1000, &packet), ERR_NOENT);
    assert_int_equal(program_get(program, 999, &packet), 0);
    assert_int_equal(program_get(program, 1000 - PROGRAM_HISTORY, &packet), 0);
    assert_int_equal(packet.index, 1000 - PROGRAM_HISTORY);
    assert_int_equal(program_get(program, 999 - PROGRAM_HISTORY, &packet), ERR_NOENT);
    program_destroy(program);
}

static void test_a_jump_leaves_nothing_old_behind(void **state)
{
    (void)state;
    struct program *program;
    struct program_packet packet;
    assert_int_equal(program_create(&program), 0);
    assert_int_equal(push(program, 5, 1), 0);
    assert_int_equal(push(program, 6, 1), 0);
    assert_int_equal(push(program, 5 + PROGRAM_HISTORY, 1), 0);
    assert_int_equal(program_get(program, 5, &packet), ERR_NOENT);
    assert_int_equal(program_get(program, 6, &packet), 0);
    assert_int_equal(program_get(program, 7, &packet), ERR_NOENT);
    assert_int_equal(push(program, 900, 1), 0);
    assert_int_equal(program_get(program, 6, &packet), ERR_NOENT);
    program_destroy(program);
}

static void test_limits_are_refused(void **state)
{
    (void)state;
    struct program *program;
    assert_int_equal(program_create(&program), 0);
    assert_int_equal(push(program, 3, PROGRAM_PAYLOAD_MAX + 1), ERR_INVAL);
    assert_int_equal(push(program, 3, PROGRAM_PAYLOAD_MAX), 0);
    assert_int_equal(push(program, 3, 1), ERR_INVAL);
    assert_int_equal(push(program, 2, 1), ERR_INVAL);
    assert_int_equal(push(program, 4, 0), 0);
    program_destroy(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets_are_copied_and_lent),
        cmocka_unit_test(test_only_the_last_packets_are_kept),
        cmocka_unit_test(test_a_jump_leaves_nothing_old_behind),
        cmocka_unit_test(test_limits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
