#include "rostrum/ogg_opus.h"
#include "rostrum/opus_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    TAGS_BYTES = 4096,
    SERIAL = 0x01020304,
    PAGE_PACKETS = 10, /* 200 ms */
    PAGES = 5,
    FRAME = 960
};

static const struct ogg_opus_head head = {
    .channels = 1, .pre_skip_samples = 312, .input_rate_hz = 48000};
static uint8_t file_bytes[1 << 18];
static struct ogg_opus_writer page_writer;
static struct ogg_opus_reader reader;
static struct ogg_opus_verify verify;

static struct ogg_opus_tags some_tags(const char *title)
{
    struct ogg_opus_tags tags = {.vendor = slice_text("rostrum"), .count = 2};
    tags.tags[0] = slice_text(title);
    tags.tags[1] = slice_text("ARTIST=Ada & Bo");
    return tags;
}

/* A hybrid 20 ms packet whose body tells its number. */
static struct slice packet_number(unsigned number)
{
    static uint8_t packet[300];
    size_t bytes = 80 + number % 200; /* some of them have more than one segment */
    memset(packet, (int)(number & 0xFF), sizeof(packet));
    packet[0] = 0x78;
    packet[1] = (uint8_t)(number >> 8);
    return slice_of(packet, bytes);
}

static struct slice write_file(bool with_end)
{
    struct writer w = writer_of(file_bytes, sizeof(file_bytes));
    struct ogg_opus_tags tags = some_tags("TITLE=An evening");
    assert_int_equal(ogg_opus_header_write(SERIAL, &head, &tags, TAGS_BYTES, &w), 0);
    assert_int_equal(w.at, ogg_opus_header_bytes(TAGS_BYTES));
    ogg_opus_writer_init(&page_writer, SERIAL, 2, 0);
    for (unsigned i = 0; i < PAGES * PAGE_PACKETS; i++) {
        assert_int_equal(ogg_opus_writer_add(&page_writer, packet_number(i)), 0);
        bool is_last = i + 1 == PAGES * PAGE_PACKETS;
        if (is_last && with_end)
            assert_int_equal(ogg_opus_writer_end(&page_writer, -1, &w), 0);
        else if (i % PAGE_PACKETS == PAGE_PACKETS - 1)
            assert_int_equal(ogg_opus_writer_flush(&page_writer, &w), 0);
    }
    assert_int_equal(ogg_opus_writer_flush(&page_writer, &w), 0); /* nothing pending: no page */
    return writer_slice(&w);
}

static void test_headers_round_trip(void **state)
{
    (void)state;
    uint8_t buffer[256];
    struct writer w = writer_of(buffer, sizeof(buffer));
    struct ogg_opus_head loud = {
        .channels = 2, .pre_skip_samples = 3840, .input_rate_hz = 44100, .gain_q8 = -256};
    struct ogg_opus_head got;
    assert_int_equal(ogg_opus_head_write(&loud, &w), 0);
    assert_int_equal(w.at, OGG_HEAD_BYTES);
    assert_int_equal(ogg_opus_head_parse(&got, writer_slice(&w)), 0);
    assert_int_equal(got.channels, 2);
    assert_int_equal(got.pre_skip_samples, 3840);
    assert_int_equal(got.input_rate_hz, 44100);
    assert_int_equal(got.gain_q8, -256);
    for (size_t bytes = 0; bytes < OGG_HEAD_BYTES; bytes++) {
        uint8_t *cut = malloc(bytes > 0 ? bytes : 1);
        assert_non_null(cut);
        memcpy(cut, buffer, bytes);
        assert_int_equal(ogg_opus_head_parse(&got, slice_of(cut, bytes)), ERR_PROTO);
        free(cut);
    }
    buffer[18] = 1;
    assert_int_equal(ogg_opus_head_parse(&got, writer_slice(&w)), ERR_UNSUPPORTED);
    buffer[18] = 0;
    buffer[8] = 0x10;
    assert_int_equal(ogg_opus_head_parse(&got, writer_slice(&w)), ERR_UNSUPPORTED);
    buffer[8] = 0x0F; /* RFC 7845 section 5.1: minor versions are compatible */
    assert_int_equal(ogg_opus_head_parse(&got, writer_slice(&w)), 0);
    buffer[9] = 3;
    assert_int_equal(ogg_opus_head_parse(&got, writer_slice(&w)), ERR_PROTO);
    loud.channels = 3;
    assert_int_equal(ogg_opus_head_write(&loud, &w), ERR_INVAL);
    w = writer_of(buffer, OGG_HEAD_BYTES - 1);
    assert_int_equal(ogg_opus_head_write(&head, &w), ERR_FULL);
    assert_int_equal(w.at, 0);
}

static void test_tags_round_trip(void **state)
{
    (void)state;
    uint8_t buffer[512];
    struct writer w = writer_of(buffer, sizeof(buffer));
    struct ogg_opus_tags tags = some_tags("TITLE=An evening");
    struct ogg_opus_tags got;
    struct slice value;
    assert_int_equal(ogg_opus_tags_write(&tags, 300, &w), 0);
    assert_int_equal(w.at, 300);
    assert_int_equal(ogg_opus_tags_parse(&got, writer_slice(&w)), 0);
    assert_true(slice_is(got.vendor, "rostrum"));
    assert_int_equal(got.count, 2);
    assert_int_equal(ogg_opus_tag(&got, "title", &value), 0);
    assert_true(slice_is(value, "An evening"));
    assert_int_equal(ogg_opus_tag(&got, "TITL", &value), ERR_NOENT);
    w = writer_of(buffer, sizeof(buffer));
    assert_int_equal(ogg_opus_tags_write(&tags, 0, &w), 0);
    size_t needed = w.at;
    for (size_t bytes = 0; bytes < needed; bytes++) {
        uint8_t *cut = malloc(bytes > 0 ? bytes : 1);
        assert_non_null(cut);
        memcpy(cut, buffer, bytes);
        assert_int_equal(ogg_opus_tags_parse(&got, slice_of(cut, bytes)), ERR_PROTO);
        free(cut);
        w = writer_of(buffer, sizeof(buffer));
        assert_int_equal(ogg_opus_tags_write(&tags, bytes, &w), bytes > 0 ? ERR_FULL : 0);
    }
}

static void test_tags_limits(void **state)
{
    (void)state;
    static uint8_t buffer[OGG_TAGS_BYTES_MAX + 1024];
    struct writer w = writer_of(buffer, sizeof(buffer));
    struct ogg_opus_tags tags = some_tags("no equals sign");
    struct ogg_opus_tags got;
    assert_int_equal(ogg_opus_tags_write(&tags, 0, &w), ERR_INVAL);
    tags.tags[0] = slice_text("=no name");
    assert_int_equal(ogg_opus_tags_write(&tags, 0, &w), ERR_INVAL);
    for (unsigned i = 0; i < OGG_TAGS_MAX; i++)
        tags.tags[i] = slice_text("A=b");
    tags.count = OGG_TAGS_MAX;
    assert_int_equal(ogg_opus_tags_write(&tags, 0, &w), 0);
    /* one more on the wire is left out when read */
    size_t count_at = 8 + 4 + 7;
    buffer[count_at]++;
    writer_u32_le(&w, 3);
    writer_text(&w, "A=c");
    assert_int_equal(ogg_opus_tags_parse(&got, writer_slice(&w)), 0);
    assert_int_equal(got.count, OGG_TAGS_MAX);
    tags.count++;
    assert_int_equal(ogg_opus_tags_write(&tags, 0, &w), ERR_INVAL);
    tags.count = 1;
    assert_int_equal(ogg_opus_tags_write(&tags, OGG_TAGS_BYTES_MAX + 1, &w), ERR_INVAL);
    w = writer_of(file_bytes, sizeof(file_bytes));
    assert_int_equal(ogg_opus_header_write(1, &head, &tags, OGG_TAGS_BYTES_MAX, &w), 0);
    assert_int_equal(ogg_opus_header_write(1, &head, &tags, OGG_TAGS_BYTES_MAX + 1, &w), ERR_INVAL);
    assert_int_equal(ogg_opus_header_write(1, &head, &tags, 10, &w), ERR_FULL);
}

static void test_headers_are_rewritten_in_place(void **state)
{
    (void)state;
    struct slice file = write_file(true);
    struct ogg_opus_tags tags = some_tags("TITLE=A quite different and longer title");
    struct writer w = writer_of(file_bytes, ogg_opus_header_bytes(TAGS_BYTES));
    assert_int_equal(ogg_opus_header_write(SERIAL, &head, &tags, TAGS_BYTES, &w), 0);
    ogg_opus_verify_init(&verify);
    assert_int_equal(ogg_opus_verify_feed(&verify, file), 0);
    assert_true(ogg_opus_verify_finish(&verify));
    assert_int_equal(ogg_opus_tags_parse(&tags, verify.reader.tags_packet), 0);
    assert_true(slice_is(tags.tags[0], "TITLE=A quite different and longer title"));
    ogg_opus_verify_clear(&verify);
}

static void test_packets_come_back_with_their_granules(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 7, 4096, 1 << 20};
    struct slice file = write_file(true);
    for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++) {
        struct cursor c = cursor_of(file);
        unsigned number = 0;
        ogg_opus_reader_init(&reader);
        while (cursor_left(&c) > 0) {
            struct ogg_opus_packet packet;
            size_t chunk = cursor_left(&c) < chunks[k] ? cursor_left(&c) : chunks[k];
            int err;
            assert_int_equal(ogg_opus_reader_feed(&reader, cursor_slice(&c, chunk)), 0);
            while ((err = ogg_opus_reader_next(&reader, &packet)) == 0) {
                assert_true(slice_equal(packet.data, packet_number(number)));
                assert_int_equal(packet.samples, FRAME);
                assert_int_equal(packet.granule, (int64_t)(number + 1) * FRAME);
                assert_int_equal(packet.gap_samples, 0);
                assert_int_equal(packet.first_on_page, number % PAGE_PACKETS == 0);
                assert_int_equal(packet.last_on_page, number % PAGE_PACKETS == PAGE_PACKETS - 1);
                number++;
                assert_int_equal(packet.end_of_stream, number == PAGES * PAGE_PACKETS);
            }
            assert_int_equal(err, ERR_AGAIN);
        }
        assert_int_equal(number, PAGES * PAGE_PACKETS);
        assert_true(reader.ended && reader.links == 1 && reader.page_seq == PAGES + 1);
        assert_int_equal(reader.good_bytes, file.bytes);
        assert_int_equal(reader.audio_at, ogg_opus_header_bytes(TAGS_BYTES));
        assert_int_equal(reader.head.pre_skip_samples, 312);
        ogg_opus_reader_clear(&reader);
        ogg_opus_reader_clear(&reader);
    }
}

static bool verify_bytes(struct slice bytes)
{
    ogg_opus_verify_init(&verify);
    int err = ogg_opus_verify_feed(&verify, bytes);
    assert_true(err == 0 || verify.failed);
    return ogg_opus_verify_finish(&verify);
}

static void test_verify_counts_a_good_file(void **state)
{
    (void)state;
    assert_true(verify_bytes(write_file(true)));
    assert_true(verify.has_bos && verify.has_eos);
    assert_int_equal(verify.pages, PAGES + 2);
    assert_int_equal(verify.packets, PAGES * PAGE_PACKETS);
    assert_int_equal(verify.duration_samples, PAGES * PAGE_PACKETS * FRAME - 312);
    assert_int_equal(verify.filler_packets + verify.gaps + verify.damaged_places, 0);
    ogg_opus_verify_clear(&verify);
    assert_true(verify_bytes(write_file(false))); /* cut off live: whole, but without its end */
    assert_false(verify.has_eos);
    ogg_opus_verify_clear(&verify);
}

static void test_damaged_tail_is_found_and_continued(void **state)
{
    (void)state;
    struct slice file = write_file(false);
    size_t page_begin = 0;
    for (size_t bytes = ogg_opus_header_bytes(TAGS_BYTES); bytes < file.bytes; bytes += 13) {
        (void)verify_bytes(slice_of(file.data, bytes));
        assert_int_equal(verify.reader.good_bytes + verify.tail_bytes, bytes);
        if (verify.reader.good_bytes != page_begin)
            assert_int_equal(verify.packets % PAGE_PACKETS, 0);
        page_begin = verify.reader.good_bytes;
        ogg_opus_verify_clear(&verify);
    }
    /* as after a crash: cut behind the last good page, go on with the next number, and end */
    assert_false(verify_bytes(slice_of(file.data, file.bytes - 5)));
    assert_int_equal(verify.packets, (PAGES - 1) * PAGE_PACKETS);
    struct writer w = writer_of(file_bytes, sizeof(file_bytes));
    w.at = (size_t)verify.reader.good_bytes;
    ogg_opus_writer_init(&page_writer, verify.reader.serial, verify.reader.page_seq + 1,
                         verify.reader.granule);
    ogg_opus_verify_clear(&verify);
    assert_int_equal(ogg_opus_writer_add(&page_writer, packet_number(1)), 0);
    assert_int_equal(ogg_opus_writer_flush(&page_writer, &w), 0);
    assert_int_equal(ogg_opus_writer_end(&page_writer, -1, &w), 0); /* nothing pending */
    assert_true(verify_bytes(writer_slice(&w)));
    assert_true(verify.has_eos);
    assert_int_equal(verify.packets, (PAGES - 1) * PAGE_PACKETS + 2);
    assert_int_equal(verify.filler_packets, 0);
    assert_int_equal(verify.duration_samples, ((PAGES - 1) * PAGE_PACKETS + 1) * FRAME - 312);
    ogg_opus_verify_clear(&verify);
}

static void test_each_damaged_page_is_noticed(void **state)
{
    (void)state;
    struct slice file = write_file(true);
    size_t headers = ogg_opus_header_bytes(TAGS_BYTES);
    for (size_t at = headers; at < file.bytes; at += 11) {
        file_bytes[at] ^= 0x55;
        assert_false(verify_bytes(file));
        assert_true(verify.damaged_places > 0 || verify.tail_bytes > 0);
        assert_int_equal(verify.packets, (PAGES - 1) * PAGE_PACKETS);
        ogg_opus_verify_clear(&verify);
        file_bytes[at] ^= 0x55;
    }
    assert_true(verify_bytes(file));
    ogg_opus_verify_clear(&verify);
}

static void test_gaps_and_fillers_are_counted(void **state)
{
    (void)state;
    struct writer w = writer_of(file_bytes, sizeof(file_bytes));
    struct ogg_opus_tags tags = some_tags("A=b");
    assert_int_equal(ogg_opus_header_write(SERIAL, &head, &tags, TAGS_BYTES, &w), 0);
    ogg_opus_writer_init(&page_writer, SERIAL, 2, 0);
    assert_int_equal(ogg_opus_writer_add(&page_writer, packet_number(0)), 0);
    assert_int_equal(ogg_opus_writer_add(&page_writer, slice_of("\x78", 1)), 0);
    assert_int_equal(ogg_opus_writer_flush(&page_writer, &w), 0);
    ogg_opus_writer_init(&page_writer, SERIAL, 3, 2 * FRAME + 4800); /* 100 ms are missing */
    assert_int_equal(ogg_opus_writer_add(&page_writer, packet_number(1)), 0);
    assert_int_equal(ogg_opus_writer_flush(&page_writer, &w), 0);
    ogg_opus_writer_init(&page_writer, SERIAL, 4, FRAME); /* and here time runs backwards */
    assert_int_equal(ogg_opus_writer_add(&page_writer, packet_number(1)), 0);
    assert_int_equal(ogg_opus_writer_flush(&page_writer, &w), 0);
    assert_false(verify_bytes(writer_slice(&w)));
    assert_int_equal(verify.gaps, 2);
    assert_int_equal(verify.gap_samples, 4800 - (2 * FRAME + 4800));
    assert_int_equal(verify.filler_packets, 1);
    assert_int_equal(verify.damaged_places, 0);
    ogg_opus_verify_clear(&verify);
}

static void test_end_trim_shortens_the_last_packet(void **state)
{
    (void)state;
    struct writer w = writer_of(file_bytes, sizeof(file_bytes));
    struct ogg_opus_tags tags = some_tags("A=b");
    assert_int_equal(ogg_opus_header_write(SERIAL, &head, &tags, TAGS_BYTES, &w), 0);
    ogg_opus_writer_init(&page_writer, SERIAL, 2, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ogg_opus_writer_add(&page_writer, packet_number(i)), 0);
    assert_int_equal(ogg_opus_writer_end(&page_writer, 3 * FRAME + 1, &w), ERR_INVAL);
    assert_int_equal(ogg_opus_writer_end(&page_writer, -2, &w), ERR_INVAL);
    assert_int_equal(ogg_opus_writer_end(&page_writer, 3 * FRAME - 100, &w), 0);
    assert_true(verify_bytes(writer_slice(&w)));
    assert_int_equal(verify.duration_samples, 3 * FRAME - 100 - 312);
    ogg_opus_verify_clear(&verify);
}

static void test_full_page_refuses(void **state)
{
    (void)state;
    struct writer w = writer_of(file_bytes, sizeof(file_bytes));
    static uint8_t large[1276] = {0x78};
    unsigned added = 0;
    ogg_opus_writer_init(&page_writer, SERIAL, 2, 0);
    while (ogg_opus_writer_add(&page_writer, slice_of(large, sizeof(large))) == 0)
        added++;
    assert_int_equal(added, OGG_SEGMENTS_MAX / 6);
    assert_int_equal(ogg_opus_writer_add(&page_writer, slice_of(large, 0)), ERR_PROTO);
    assert_int_equal(page_writer.granule, (int64_t)added * FRAME);
    struct writer small = writer_of(file_bytes, 100);
    assert_int_equal(ogg_opus_writer_flush(&page_writer, &small), ERR_FULL);
    assert_int_equal(page_writer.packet_count, added);
    assert_int_equal(ogg_opus_writer_flush(&page_writer, &w), 0);
    assert_true(w.at <= OGG_PAGE_BYTES_MAX);
    for (unsigned i = 0; i < OGG_SEGMENTS_MAX; i++)
        assert_int_equal(ogg_opus_writer_add(&page_writer, slice_of(large, 254)), 0);
    assert_int_equal(ogg_opus_writer_add(&page_writer, slice_of(large, 1)), ERR_FULL);
}

static void test_other_files_are_refused(void **state)
{
    (void)state;
    struct slice file = write_file(true);
    assert_false(verify_bytes(slice_text("RIFF no Ogg at all")));
    assert_false(verify.has_bos);
    ogg_opus_verify_clear(&verify);
    assert_false(verify_bytes(slice_of(NULL, 0)));
    ogg_opus_verify_clear(&verify);
    /* audio without headers, as after the loss of the first page */
    size_t second = OGG_PAGE_HEADER_BYTES + 1 + OGG_HEAD_BYTES;
    assert_false(verify_bytes(slice_of(file.data + second, file.bytes - second)));
    assert_true(verify.failed);
    ogg_opus_verify_clear(&verify);
}

static void test_links_follow_each_other(void **state)
{
    (void)state;
    size_t bytes = write_file(true).bytes;
    memcpy(file_bytes + bytes, file_bytes, bytes);
    assert_true(verify_bytes(slice_of(file_bytes, 2 * bytes)));
    assert_int_equal(verify.reader.links, 2);
    assert_int_equal(verify.duration_samples, 2 * (PAGES * PAGE_PACKETS * FRAME - 312));
    ogg_opus_verify_clear(&verify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_round_trip),
        cmocka_unit_test(test_tags_round_trip),
        cmocka_unit_test(test_tags_limits),
        cmocka_unit_test(test_headers_are_rewritten_in_place),
        cmocka_unit_test(test_packets_come_back_with_their_granules),
        cmocka_unit_test(test_verify_counts_a_good_file),
        cmocka_unit_test(test_damaged_tail_is_found_and_continued),
        cmocka_unit_test(test_each_damaged_page_is_noticed),
        cmocka_unit_test(test_gaps_and_fillers_are_counted),
        cmocka_unit_test(test_end_trim_shortens_the_last_packet),
        cmocka_unit_test(test_full_page_refuses),
        cmocka_unit_test(test_other_files_are_refused),
        cmocka_unit_test(test_links_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
