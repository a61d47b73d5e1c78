#include "rostrum/rtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(literal) slice_of(literal, sizeof(literal) - 1)

/* two CSRCs, one-byte extensions (RFC 8285: id 1 audio level, id 4 mid "0"), padding of 4 */
static const char full_packet[] = "\xB2\xEF\x12\x34\x00\x00\x03\xC0\xDE\xAD\xBE\xEF"
                                  "\x00\x00\x00\x01\x00\x00\x00\x02"
                                  "\xBE\xDE\x00\x02\x10\x95\x40\x30\x00\x00\x00\x00"
                                  "opus!\x00\x00\x00\x04";

static void test_every_field_is_read(void **state)
{
    (void)state;
    struct rtp_packet rtp;
    assert_int_equal(rtp_parse(&rtp, BYTES(full_packet)), 0);
    assert_int_equal(rtp.payload_type, 111);
    assert_true(rtp.marker);
    assert_int_equal(rtp.seq, 0x1234);
    assert_int_equal(rtp.timestamp, 960);
    assert_true(rtp.ssrc == 0xDEADBEEF);
    assert_int_equal(rtp.csrc_count, 2);
    assert_true(rtp.has_extension);
    assert_int_equal(rtp.extension_profile, RTP_EXT_ONE_BYTE);
    assert_int_equal(rtp.extension.bytes, 8);
    assert_true(slice_is(rtp.payload, "opus!"));
}

static void test_bad_packets_are_refused(void **state)
{
    (void)state;
    struct rtp_packet rtp = {.seq = 7};
    /* header, CSRC or extension torn; without the padding byte of the end any cut is legal */
    for (size_t bytes = 0; bytes < 32; bytes++) {
        char *cut = malloc(bytes > 0 ? bytes : 1);
        assert_non_null(cut);
        memcpy(cut, full_packet, bytes);
        assert_int_equal(rtp_parse(&rtp, slice_of(cut, bytes)), ERR_PROTO);
        free(cut);
    }
    assert_int_equal(rtp_parse(&rtp, BYTES("\x40\x6F\x00\x01____SSRC")), ERR_PROTO); /* version */
    assert_int_equal(rtp_parse(&rtp, BYTES("\xA0\x6F\x00\x01____SSRC")), ERR_PROTO); /* padding */
    assert_int_equal(rtp_parse(&rtp, BYTES("\xA0\x6F\x00\x01____SSRCx\x00")), ERR_PROTO);
    assert_int_equal(rtp_parse(&rtp, BYTES("\xA0\x6F\x00\x01____SSRCx\x03")), ERR_PROTO);
    assert_int_equal(rtp.seq, 7);
    assert_int_equal(rtp_parse(&rtp, BYTES("\xA0\x6F\x00\x01____SSRCx\x02")), 0);
    assert_int_equal(rtp.payload.bytes, 0);
}

static void test_one_byte_extensions(void **state)
{
    (void)state;
    struct rtp_packet rtp;
    struct slice value;
    uint8_t level;
    bool voice;
    assert_int_equal(rtp_parse(&rtp, BYTES(full_packet)), 0);
    assert_int_equal(rtp_extension(&rtp, 4, &value), 0);
    assert_true(slice_is(value, "0"));
    assert_int_equal(rtp_extension(&rtp, 2, &value), ERR_NOENT);
    assert_int_equal(rtp_extension(&rtp, 0, &value), ERR_NOENT);
    assert_int_equal(rtp_audio_level(&rtp, 1, &level, &voice), 0);
    assert_int_equal(level, 21);
    assert_true(voice);
    assert_int_equal(rtp_audio_level(&rtp, 3, &level, &voice), ERR_NOENT);
    /* padding between elements, and id 15 ends the list (RFC 8285 section 4.2) */
    rtp.extension = BYTES("\x00\x00\x10\x7F\x00\xF0\x00\x20");
    assert_int_equal(rtp_audio_level(&rtp, 1, &level, &voice), 0);
    assert_int_equal(level, 127);
    assert_false(voice);
    assert_int_equal(rtp_extension(&rtp, 2, &value), ERR_NOENT);
    /* an element longer than what is left */
    rtp.extension = BYTES("\x13\x01\x02\x03");
    assert_int_equal(rtp_extension(&rtp, 1, &value), ERR_PROTO);
}

static void test_two_byte_extensions(void **state)
{
    (void)state;
    struct rtp_packet rtp = {.has_extension = true, .extension_profile = 0x1000};
    struct slice value;
    uint8_t level;
    bool voice;
    rtp.extension = BYTES("\x00\x03\x00\x20\x02ok\x01\x01\x85");
    assert_int_equal(rtp_extension(&rtp, 0x20, &value), 0);
    assert_true(slice_is(value, "ok"));
    assert_int_equal(rtp_audio_level(&rtp, 1, &level, &voice), 0);
    assert_int_equal(level, 5);
    assert_int_equal(rtp_audio_level(&rtp, 3, &level, &voice), ERR_NOENT); /* empty */
    rtp.extension_profile = 0x100F; /* appbits do not matter */
    assert_int_equal(rtp_extension(&rtp, 0x20, &value), 0);
    rtp.extension_profile = 0x2000;
    assert_int_equal(rtp_extension(&rtp, 0x20, &value), ERR_NOENT);
    rtp.extension_profile = 0x1000;
    rtp.extension = BYTES("\x20\x03ok");
    assert_int_equal(rtp_extension(&rtp, 0x20, &value), ERR_PROTO);
    rtp.extension = BYTES("\x20");
    assert_int_equal(rtp_extension(&rtp, 0x21, &value), ERR_PROTO);
}

static void test_header_round_trip(void **state)
{
    (void)state;
    uint8_t buffer[64];
    struct rtp_packet sent = {.payload_type = 109,
                              .marker = true,
                              .seq = 65535,
                              .timestamp = 0xFFFFFFFF,
                              .ssrc = 0x01020304,
                              .has_extension = true,
                              .extension_profile = RTP_EXT_ONE_BYTE,
                              .extension = BYTES("\x10\x95\x00\x00")};
    struct rtp_packet got;
    struct writer w = writer_of(buffer, sizeof(buffer));
    assert_int_equal(rtp_write_header(&sent, &w), 0);
    assert_int_equal(w.at, 20);
    writer_text(&w, "x");
    assert_int_equal(rtp_parse(&got, writer_slice(&w)), 0);
    assert_int_equal(got.payload_type, 109);
    assert_true(got.marker && got.has_extension && got.ssrc == sent.ssrc);
    assert_int_equal(got.seq, 65535);
    assert_true(got.timestamp == 0xFFFFFFFF);
    assert_true(slice_equal(got.extension, sent.extension) && slice_is(got.payload, "x"));
    w = writer_of(buffer, 19);
    assert_int_equal(rtp_write_header(&sent, &w), ERR_FULL);
    assert_int_equal(w.at, 0);
    sent.payload_type = 128;
    w = writer_of(buffer, sizeof(buffer));
    assert_int_equal(rtp_write_header(&sent, &w), ERR_INVAL);
    sent.payload_type = 0;
    sent.extension.bytes = 3;
    assert_int_equal(rtp_write_header(&sent, &w), ERR_INVAL);
}

static void test_numbers_wrap(void **state)
{
    (void)state;
    assert_true(seq_before(65535, 0));
    assert_false(seq_before(0, 65535));
    assert_false(seq_before(5, 5));
    assert_true(seq_before(0, 0x7FFF));
    assert_false(seq_before(0, 0x8000));
    assert_true(timestamp_before(0xFFFFFFFF, 959));
    assert_false(timestamp_before(959, 0xFFFFFFFF));

    assert_true(seq_extend(0x1FFFE, 0x0001) == 0x20001);
    assert_true(seq_extend(0x20001, 0xFFFE) == 0x1FFFE);
    assert_true(seq_extend(0x20001, 0x0001) == 0x20001);
    assert_true(seq_extend(1, 0xFFFE) == 0xFFFE); /* nothing is below zero */
    assert_true(timestamp_extend(0x1FFFFFFFF, 5) == 0x200000005);
    assert_true(timestamp_extend(0x200000005, 0xFFFFFFFF) == 0x1FFFFFFFF);
    uint64_t ext = 0;
    for (unsigned i = 0; i < 200000; i++)
        ext = seq_extend(ext, (uint16_t)i);
    assert_true(ext == 199999);
}

static void test_kinds_are_told_apart(void **state)
{
    (void)state;
    char stun[20] = "\x00\x01\x00\x00\x21\x12\xA4\x42";
    assert_int_equal(packet_kind(slice_of(stun, 20)), PACKET_STUN);
    assert_int_equal(packet_kind(slice_of(stun, 19)), PACKET_OTHER);
    stun[4] = 0;
    assert_int_equal(packet_kind(slice_of(stun, 20)), PACKET_OTHER);
    assert_int_equal(packet_kind(BYTES("")), PACKET_OTHER);
    assert_int_equal(packet_kind(BYTES("\x16")), PACKET_OTHER);
    /* RFC 7983 section 7: the borders of each range */
    assert_int_equal(packet_kind(BYTES("\x13\xFE")), PACKET_OTHER);
    assert_int_equal(packet_kind(BYTES("\x14\xFE")), PACKET_DTLS);
    assert_int_equal(packet_kind(BYTES("\x3F\xFE")), PACKET_DTLS);
    assert_int_equal(packet_kind(BYTES("\x40\xFE")), PACKET_OTHER);
    assert_int_equal(packet_kind(BYTES("\x7F\x6F__________")), PACKET_OTHER);
    assert_int_equal(packet_kind(BYTES("\x80\x6F__________")), PACKET_RTP);
    assert_int_equal(packet_kind(BYTES("\x80\x6F_________")), PACKET_OTHER);
    assert_int_equal(packet_kind(BYTES("\xBF\x6F__________")), PACKET_RTP);
    assert_int_equal(packet_kind(BYTES("\xC0\x6F__________")), PACKET_OTHER);
    assert_int_equal(packet_kind(BYTES("\x80\xBF__________")), PACKET_RTP);
    assert_int_equal(packet_kind(BYTES("\x80\xC0__")), PACKET_RTCP);
    assert_int_equal(packet_kind(BYTES("\x80\xDF__")), PACKET_RTCP);
    assert_int_equal(packet_kind(BYTES("\x80\xE0__________")), PACKET_RTP);
}

static void test_red_round_trip(void **state)
{
    (void)state;
    uint8_t buffer[64];
    const struct red_block sent[3] = {
        {111, 1000, BYTES("oldest")}, {111, 1960, BYTES("")}, {111, 2920, BYTES("primary")}};
    struct red_block got[RED_BLOCKS_MAX];
    size_t count = 0;
    struct writer w = writer_of(buffer, sizeof(buffer));
    assert_int_equal(red_write(sent, 3, &w), 0);
    assert_int_equal(w.at, 4 + 4 + 1 + 6 + 7);
    assert_int_equal(red_parse(got, &count, writer_slice(&w), 2920), 0);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(got[i].payload_type, 111);
        assert_int_equal(got[i].timestamp, sent[i].timestamp);
        assert_true(slice_equal(got[i].payload, sent[i].payload));
    }
    for (size_t bytes = 0; bytes < 15; bytes++) {
        uint8_t *cut = malloc(bytes > 0 ? bytes : 1);
        assert_non_null(cut);
        memcpy(cut, buffer, bytes);
        count = 77;
        assert_int_equal(red_parse(got, &count, slice_of(cut, bytes), 2920), ERR_PROTO);
        assert_int_equal(count, 77);
        free(cut);
    }
}

static void test_red_limits(void **state)
{
    (void)state;
    static uint8_t payload[RED_BLOCK_BYTES_MAX + 1];
    static uint8_t buffer[4096];
    struct red_block blocks[RED_BLOCKS_MAX + 1];
    struct red_block got[RED_BLOCKS_MAX];
    size_t count;
    for (size_t i = 0; i <= RED_BLOCKS_MAX; i++)
        blocks[i] = (struct red_block){111, (uint32_t)i * 960, slice_of(payload, 1)};
    struct writer w = writer_of(buffer, sizeof(buffer));
    assert_int_equal(red_write(blocks, RED_BLOCKS_MAX, &w), 0);
    assert_int_equal(red_parse(got, &count, writer_slice(&w), 0), 0);
    assert_int_equal(count, RED_BLOCKS_MAX);
    assert_int_equal(red_write(blocks, RED_BLOCKS_MAX + 1, &w), ERR_INVAL);
    assert_int_equal(red_write(blocks, 0, &w), ERR_INVAL);
    /* eight older headers are one too many */
    uint8_t many[8 * 4 + 2];
    memset(many, 0, sizeof(many));
    for (size_t i = 0; i < 8; i++)
        many[i * 4] = 0x80 | 111;
    assert_int_equal(red_parse(got, &count, slice_of(many, sizeof(many)), 0), ERR_PROTO);

    w = writer_of(buffer, sizeof(buffer));
    blocks[0].payload = slice_of(payload, RED_BLOCK_BYTES_MAX);
    assert_int_equal(red_write(blocks, 2, &w), 0);
    blocks[0].payload = slice_of(payload, RED_BLOCK_BYTES_MAX + 1);
    assert_int_equal(red_write(blocks, 2, &w), ERR_INVAL);
    blocks[0].payload = slice_of(payload, 1);
    blocks[1].timestamp = 16383;
    assert_int_equal(red_write(blocks, 2, &w), 0);
    blocks[1].timestamp = 16384;
    assert_int_equal(red_write(blocks, 2, &w), ERR_INVAL);
    w = writer_of(buffer, 5);
    assert_int_equal(red_write(blocks + 2, 2, &w), ERR_FULL);
    assert_int_equal(w.at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_is_read),  cmocka_unit_test(test_bad_packets_are_refused),
        cmocka_unit_test(test_one_byte_extensions),  cmocka_unit_test(test_two_byte_extensions),
        cmocka_unit_test(test_header_round_trip),    cmocka_unit_test(test_numbers_wrap),
        cmocka_unit_test(test_kinds_are_told_apart), cmocka_unit_test(test_red_round_trip),
        cmocka_unit_test(test_red_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
