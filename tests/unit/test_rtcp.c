#include "rostrum/rtcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(literal) slice_of(literal, sizeof(literal) - 1)

static const struct rtcp_block block = {.ssrc = 0x11111111,
                                        .fraction_lost_q8 = 64,
                                        .lost_packets = -3,
                                        .highest_ext_seq = 0x0001FFFF,
                                        .jitter = 48,
                                        .last_sr = 0xAABBCCDD,
                                        .delay_since_sr = 65536};

/* SR with two blocks, SDES, NACK, BYE in one compound packet */
static struct slice write_compound(uint8_t *buffer, size_t bytes)
{
    static const uint16_t seqs[] = {65530, 65535, 10, 11, 26, 27};
    struct rtcp_sender sender = {.ntp = 0x0102030405060708u, .timestamp = 960, .packets = 50};
    struct rtcp_block blocks[2] = {block, block};
    struct writer w = writer_of(buffer, bytes);
    sender.bytes = 4000;
    blocks[1].lost_packets = 0x7FFFFFFF; /* saturates at 24 bits */
    assert_int_equal(rtcp_write_sr(0x22222222, &sender, blocks, 2, &w), 0);
    assert_int_equal(rtcp_write_sdes(0x22222222, BYTES("rostrum"), &w), 0);
    assert_int_equal(rtcp_write_nack(0x22222222, 0x33333333, seqs, 6, &w), 0);
    assert_int_equal(rtcp_write_bye(0x22222222, &w), 0);
    return writer_slice(&w);
}

static void test_compound_round_trip(void **state)
{
    (void)state;
    uint8_t buffer[512];
    struct rtcp_packet packet;
    struct slice compound = write_compound(buffer, sizeof(buffer));
    struct cursor c = cursor_of(compound);
    assert_int_equal(rtcp_check(compound), 0);

    assert_int_equal(rtcp_next(&c, &packet), 0);
    assert_int_equal(packet.kind, RTCP_SR);
    assert_int_equal(packet.ssrc, 0x22222222);
    assert_true(packet.report.sender.ntp == 0x0102030405060708u);
    assert_int_equal(packet.report.sender.timestamp, 960);
    assert_int_equal(packet.report.sender.packets, 50);
    assert_int_equal(packet.report.sender.bytes, 4000);
    assert_int_equal(packet.report.block_count, 2);
    assert_memory_equal(&packet.report.blocks[0].highest_ext_seq, &block.highest_ext_seq, 16);
    assert_int_equal(packet.report.blocks[0].ssrc, 0x11111111);
    assert_int_equal(packet.report.blocks[0].fraction_lost_q8, 64);
    assert_int_equal(packet.report.blocks[0].lost_packets, -3);
    assert_int_equal(packet.report.blocks[1].lost_packets, 0x7FFFFF);

    assert_int_equal(rtcp_next(&c, &packet), 0);
    assert_int_equal(packet.kind, RTCP_SDES);
    assert_true(slice_is(packet.cname, "rostrum"));

    static const uint16_t seqs[] = {65530, 65535, 10, 11, 26, 27};
    assert_int_equal(rtcp_next(&c, &packet), 0);
    assert_int_equal(packet.kind, RTCP_NACK);
    assert_int_equal(packet.nack.media_ssrc, 0x33333333);
    assert_int_equal(packet.nack.seq_count, 6);
    assert_memory_equal(packet.nack.seqs, seqs, sizeof(seqs));

    assert_int_equal(rtcp_next(&c, &packet), 0);
    assert_int_equal(packet.kind, RTCP_BYE);
    assert_int_equal(packet.ssrc, 0x22222222);
    assert_int_equal(rtcp_next(&c, &packet), ERR_AGAIN);
}

static void test_each_truncation_is_refused_or_a_whole_packet(void **state)
{
    (void)state;
    uint8_t buffer[512];
    struct slice compound = write_compound(buffer, sizeof(buffer));
    unsigned whole = 0;
    for (size_t bytes = 0; bytes < compound.bytes; bytes++) {
        uint8_t *cut = malloc(bytes > 0 ? bytes : 1);
        assert_non_null(cut);
        memcpy(cut, buffer, bytes);
        whole += rtcp_check(slice_of(cut, bytes)) == 0;
        free(cut);
    }
    assert_int_equal(whole, 3); /* behind SR, SDES and NACK */
}

static void test_reduced_size_and_unknown_kinds_pass(void **state)
{
    (void)state;
    struct rtcp_packet packet;
    struct slice compound = BYTES("\x8F\xCD\x00\x02SSRCSSRC"   /* transport-cc */
                                  "\x80\xCF\x00\x01SSRC"       /* XR */
                                  "\x81\xCE\x00\x02SSRCSSRC"); /* picture loss */
    struct cursor c = cursor_of(compound);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rtcp_next(&c, &packet), 0);
        assert_int_equal(packet.kind, RTCP_OTHER);
    }
    assert_int_equal(rtcp_next(&c, &packet), ERR_AGAIN);
    assert_int_equal(rtcp_check(BYTES("")), ERR_PROTO);
}

static void test_malformed_packets_are_refused(void **state)
{
    (void)state;
    assert_int_equal(rtcp_check(BYTES("\x40\xC9\x00\x01SSRC")), ERR_PROTO); /* version */
    assert_int_equal(rtcp_check(BYTES("\x81\xC9\x00\x01SSRC")), ERR_PROTO); /* no block */
    assert_int_equal(rtcp_check(BYTES("\x80\xC8\x00\x01SSRC")), ERR_PROTO); /* no sender */
    assert_int_equal(rtcp_check(BYTES("\x81\xCA\x00\x02SSRC\x01\x05xx")), ERR_PROTO);
    assert_int_equal(rtcp_check(BYTES("\x81\xCA\x00\x02SSRC\x01\x02xx")), ERR_PROTO); /* no end */
    assert_int_equal(rtcp_check(BYTES("\x82\xCB\x00\x01SSRC")), ERR_PROTO);
    assert_int_equal(rtcp_check(BYTES("\x81\xCD\x00\x01SSRC")), ERR_PROTO);
    assert_int_equal(rtcp_check(BYTES("\x80\xC9\x00\x01SSRC\x80\xC9\x00\x09SSRC")), ERR_PROTO);
    /* an error sticks: no second chance behind it */
    struct rtcp_packet packet;
    struct cursor c = cursor_of(BYTES("\x40\xC9\x00\x01SSRC\x80\xC9\x00\x01SSRC"));
    assert_int_equal(rtcp_next(&c, &packet), ERR_PROTO);
    assert_int_equal(rtcp_next(&c, &packet), ERR_PROTO);
}

static void test_padding_is_dropped_at_the_end_only(void **state)
{
    (void)state;
    assert_int_equal(rtcp_check(BYTES("\xA0\xC9\x00\x02SSRC\x00\x00\x00\x04")), 0);
    assert_int_equal(rtcp_check(BYTES("\xA0\xC9\x00\x02SSRC\x00\x00\x00\x03")), ERR_PROTO);
    assert_int_equal(rtcp_check(BYTES("\xA0\xC9\x00\x02SSRC\x00\x00\x00\x02")), ERR_PROTO);
    assert_int_equal(rtcp_check(BYTES("\xA0\xC9\x00\x02SSRC\x00\x00\x00\x00")), ERR_PROTO);
    assert_int_equal(rtcp_check(BYTES("\xA0\xC9\x00\x02SSRC\x00\x00\x00\x08")), ERR_PROTO);
    assert_int_equal(rtcp_check(BYTES("\xA0\xC9\x00\x00")), ERR_PROTO);
    assert_int_equal(rtcp_check(BYTES("\xA0\xC9\x00\x02SSRC\x00\x00\x00\x04\x80\xC9\x00\x01SSRC")),
                     ERR_PROTO);
}

static void test_nack_takes_a_bounded_number(void **state)
{
    (void)state;
    uint8_t buffer[512];
    struct rtcp_packet packet;
    struct writer w = writer_of(buffer, sizeof(buffer));
    writer_u32(&w, 0x81CD000Cu);
    writer_zeros(&w, 8);
    for (unsigned i = 0; i < 10; i++) /* 10 x 17 = 170 sequence numbers */
        writer_u32(&w, (i * 17) << 16 | 0xFFFF);
    w.data[3] = 12;
    struct cursor c = cursor_of(writer_slice(&w));
    assert_int_equal(rtcp_next(&c, &packet), 0);
    assert_int_equal(packet.nack.seq_count, RTCP_NACK_MAX);
    for (unsigned i = 0; i < RTCP_NACK_MAX; i++)
        assert_int_equal(packet.nack.seqs[i], i);
}

static void test_writers_check_their_limits(void **state)
{
    (void)state;
    uint8_t buffer[1024];
    struct rtcp_block blocks[RTCP_BLOCKS_MAX + 1];
    uint16_t seqs[RTCP_NACK_MAX + 1];
    char cname[RTCP_CNAME_MAX + 1];
    struct rtcp_packet packet;
    for (size_t i = 0; i <= RTCP_BLOCKS_MAX; i++)
        blocks[i] = block;
    for (size_t i = 0; i <= RTCP_NACK_MAX; i++)
        seqs[i] = (uint16_t)(i * 3);
    memset(cname, 'c', sizeof(cname));
    struct writer w = writer_of(buffer, sizeof(buffer));
    assert_int_equal(rtcp_write_rr(1, blocks, RTCP_BLOCKS_MAX + 1, &w), ERR_INVAL);
    assert_int_equal(rtcp_write_nack(1, 2, seqs, RTCP_NACK_MAX + 1, &w), ERR_INVAL);
    assert_int_equal(rtcp_write_nack(1, 2, seqs, 0, &w), ERR_INVAL);
    assert_int_equal(rtcp_write_sdes(1, slice_of(cname, RTCP_CNAME_MAX + 1), &w), ERR_INVAL);
    assert_int_equal(w.at, 0);
    assert_int_equal(rtcp_write_rr(1, blocks, RTCP_BLOCKS_MAX, &w), 0);
    assert_int_equal(rtcp_check(writer_slice(&w)), 0);

    w = writer_of(buffer, sizeof(buffer));
    assert_int_equal(rtcp_write_nack(1, 2, seqs, RTCP_NACK_MAX, &w), 0);
    struct cursor c = cursor_of(writer_slice(&w));
    assert_int_equal(rtcp_next(&c, &packet), 0);
    assert_int_equal(packet.nack.seq_count, RTCP_NACK_MAX);
    assert_memory_equal(packet.nack.seqs, seqs, sizeof(uint16_t) * RTCP_NACK_MAX);

    for (size_t bytes = 1; bytes <= RTCP_CNAME_MAX; bytes++) {
        w = writer_of(buffer, sizeof(buffer));
        assert_int_equal(rtcp_write_sdes(1, slice_of(cname, bytes), &w), 0);
        c = cursor_of(writer_slice(&w));
        assert_int_equal(rtcp_next(&c, &packet), 0);
        assert_int_equal(packet.cname.bytes, bytes);
    }
    w = writer_of(buffer, 31);
    assert_int_equal(rtcp_write_rr(1, blocks, 1, &w), ERR_FULL);
    assert_int_equal(w.at, 0);
}

static void test_wall_time_becomes_ntp(void **state)
{
    (void)state;
    uint64_t ntp = rtcp_ntp_from_wall_ms(1500);
    assert_true(ntp >> 32 == 2208988801u);
    assert_int_equal(ntp & 0xFFFFFFFF, 0x80000000u);
    assert_int_equal(rtcp_ntp_middle(0x0000AAAABBBB0000u), 0xAAAABBBBu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compound_round_trip),
        cmocka_unit_test(test_each_truncation_is_refused_or_a_whole_packet),
        cmocka_unit_test(test_reduced_size_and_unknown_kinds_pass),
        cmocka_unit_test(test_malformed_packets_are_refused),
        cmocka_unit_test(test_padding_is_dropped_at_the_end_only),
        cmocka_unit_test(test_nack_takes_a_bounded_number),
        cmocka_unit_test(test_writers_check_their_limits),
        cmocka_unit_test(test_wall_time_becomes_ntp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
