#include "rostrum/opus_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[4096];

/* A packet whose first bytes are `head`, filled with zeros to `total`. */
static struct slice packet_of(const char *head, size_t head_bytes, size_t total)
{
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, head, head_bytes);
    return slice_of(bytes, total);
}

#define PACKET(head, total) packet_of(head, sizeof(head) - 1, total)

static void test_each_configuration_of_the_toc(void **state)
{
    (void)state;
    /* RFC 6716 section 3.1, table 2 */
    static const struct {
        enum opus_mode mode;
        enum opus_bandwidth bandwidth;
    } rows[8] = {{OPUS_SILK, OPUS_NARROW},      {OPUS_SILK, OPUS_MEDIUM}, {OPUS_SILK, OPUS_WIDE},
                 {OPUS_HYBRID, OPUS_SUPERWIDE}, {OPUS_CELT, OPUS_NARROW}, {OPUS_CELT, OPUS_WIDE},
                 {OPUS_CELT, OPUS_SUPERWIDE},   {OPUS_CELT, OPUS_FULL}};
    static const unsigned silk[4] = {480, 960, 1920, 2880};
    static const unsigned celt[4] = {120, 240, 480, 960};
    for (unsigned config = 0; config < 32; config++) {
        struct opus_toc toc = opus_toc_of((uint8_t)(config << 3 | 4 | 2));
        assert_true(toc.stereo);
        assert_int_equal(toc.code, 2);
        assert_int_equal(toc.mode, rows[config / 4].mode);
        if (config < 12)
            assert_int_equal(toc.frame_samples, silk[config % 4]);
        else if (config < 16)
            assert_int_equal(toc.frame_samples, config % 2 ? 960 : 480);
        else
            assert_int_equal(toc.frame_samples, celt[config % 4]);
        if (config < 14)
            assert_int_equal(toc.bandwidth, rows[config / 4].bandwidth);
        else if (config < 16)
            assert_int_equal(toc.bandwidth, OPUS_FULL);
        else
            assert_int_equal(toc.bandwidth, rows[config / 4].bandwidth);
    }
    assert_false(opus_toc_of(0).stereo);
}

static void test_good_packets_have_their_duration(void **state)
{
    (void)state;
    assert_int_equal(opus_frame_samples(PACKET("\x78", 1)), 960);    /* filler */
    assert_int_equal(opus_frame_samples(PACKET("\x78", 1276)), 960); /* code 0 */
    assert_int_equal(opus_frame_samples(PACKET("\x79", 3)), 1920);   /* code 1 */
    assert_int_equal(opus_frame_samples(PACKET("\x7A\x02", 4)), 1920);
    assert_int_equal(opus_frame_samples(PACKET("\x7A\x02", 9)), 1920);
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x03", 11)), 2880);            /* CBR */
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x06", 2)), 5760);             /* 120 ms */
    assert_int_equal(opus_frame_samples(PACKET("\xE3\x30", 2 + 48)), 5760);        /* 48 x 2.5 ms */
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x82\x05", 20)), 1920);        /* VBR */
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x43\x02", 3 + 6 + 2)), 2880); /* padding */
    struct opus_packet packet;
    assert_int_equal(opus_frame_parse(&packet, PACKET("\x7B\x43\xFF\x02", 4 + 6 + 256)), 0);
    assert_int_equal(packet.frame_count, 3);
    assert_int_equal(packet.frame_bytes, 6);
    assert_int_equal(opus_frame_parse(&packet, PACKET("\x7A\xFC\x01", 3 + 256 + 10)), 0);
    assert_int_equal(packet.frame_bytes, 266);
}

static void test_malformed_packets_are_refused(void **state)
{
    (void)state;
    /* RFC 6716 section 3.4 */
    assert_int_equal(opus_frame_samples(slice_of(bytes, 0)), ERR_PROTO);   /* R1 */
    assert_int_equal(opus_frame_samples(PACKET("\x78", 1277)), ERR_PROTO); /* R2 */
    assert_int_equal(opus_frame_samples(PACKET("\x79", 4)), ERR_PROTO);    /* R3 */
    assert_int_equal(opus_frame_samples(PACKET("\x79", 1 + 2 * 1276)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7A", 1)), ERR_PROTO); /* R4 */
    assert_int_equal(opus_frame_samples(PACKET("\x7A\xFC", 2)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7A\x05", 6)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7A\x01", 3 + 1276)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7B", 1)), ERR_PROTO); /* R6, R7 */
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x00", 2)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x07", 2)), ERR_PROTO); /* R5: 140 ms */
    assert_int_equal(opus_frame_samples(PACKET("\xE3\x31", 2)), ERR_PROTO); /* 49 frames */
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x03", 2 + 4)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x02", 2 + 2 * 1276)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x42\x05", 3 + 4)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x42\xFF", 3)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x82\x05", 3 + 4)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x82\x00", 3 + 1276)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x7B\x83\x01", 3)), ERR_PROTO);
    assert_int_equal(opus_frame_samples(PACKET("\x1A\x00", 4)), 5760);      /* 2 x 60 ms */
    assert_int_equal(opus_frame_samples(PACKET("\x1B\x03", 2)), ERR_PROTO); /* 3 x 60 ms */
}

static void test_truncations_stay_in_bounds(void **state)
{
    (void)state;
    static const uint8_t good[] = {0x7B, 0xC4, 0x03, 2, 0, 1, 'a', 'b', 'c', 'd', 'e', 0, 0, 0};
    assert_int_equal(opus_frame_samples(slice_of(good, sizeof(good))), 4 * 960);
    for (size_t cut = 0; cut < sizeof(good); cut++) {
        uint8_t *copy = malloc(cut > 0 ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, good, cut);
        int samples = opus_frame_samples(slice_of(copy, cut));
        /* a cut that spares the first frames only shortens the last one */
        assert_int_equal(samples, cut < 12 ? ERR_PROTO : 4 * 960);
        free(copy);
    }
}

/* Covers `samples` with fillers like a recorder does, and returns their number. */
static unsigned cover(uint8_t toc_byte, unsigned samples)
{
    unsigned packets = 0;
    struct opus_toc wanted = opus_toc_of(toc_byte);
    while (samples > 0) {
        uint8_t out[OPUS_FILLER_BYTES_MAX];
        struct writer w = writer_of(out, sizeof(out));
        struct opus_packet packet;
        unsigned covered = 0;
        assert_int_equal(opus_frame_filler(toc_byte, samples, &w, &covered), 0);
        assert_int_equal(opus_frame_parse(&packet, writer_slice(&w)), 0);
        assert_int_equal(packet.samples, covered);
        assert_int_equal(packet.frame_bytes, 0);
        assert_int_equal(packet.toc.stereo, wanted.stereo);
        assert_in_range(covered, 120, samples);
        if (covered >= wanted.frame_samples) {
            assert_int_equal(packet.toc.mode, wanted.mode);
            assert_int_equal(packet.toc.bandwidth, wanted.bandwidth);
            assert_int_equal(packet.toc.frame_samples, wanted.frame_samples);
        }
        samples -= covered;
        packets++;
    }
    return packets;
}

static void test_fillers_cover_any_gap(void **state)
{
    (void)state;
    assert_int_equal(cover(0x78, 960), 1);
    assert_int_equal(cover(0x7C, 1920), 1);
    assert_int_equal(cover(0x78, 40 * 960), 7); /* 0.8 s in packets of 120 ms */
    assert_int_equal(cover(0x78, 120), 1);
    assert_int_equal(cover(0x78, 960 + 480 + 240 + 120), 4);
    assert_int_equal(cover(0x18, 2880 * 3 + 960), 3);
    for (unsigned config = 0; config < 32; config++)
        for (unsigned samples = 120; samples <= 6000; samples += 120)
            (void)cover((uint8_t)(config << 3 | (samples & 4) | 3), samples);
}

static void test_filler_of_nothing_is_refused(void **state)
{
    (void)state;
    uint8_t out[OPUS_FILLER_BYTES_MAX];
    struct writer w = writer_of(out, sizeof(out));
    unsigned covered = 77;
    assert_int_equal(opus_frame_filler(0x78, 0, &w, &covered), ERR_INVAL);
    assert_int_equal(opus_frame_filler(0x78, 121, &w, &covered), ERR_INVAL);
    w = writer_of(out, 1);
    assert_int_equal(opus_frame_filler(0x78, 2880, &w, &covered), ERR_FULL);
    assert_int_equal(w.at, 0);
    assert_int_equal(covered, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_configuration_of_the_toc),
        cmocka_unit_test(test_good_packets_have_their_duration),
        cmocka_unit_test(test_malformed_packets_are_refused),
        cmocka_unit_test(test_truncations_stay_in_bounds),
        cmocka_unit_test(test_fillers_cover_any_gap),
        cmocka_unit_test(test_filler_of_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
