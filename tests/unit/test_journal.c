#include "recording/journal.h"

#include "recording/tail.h"
#include "recording_fixture.h"

#include <opus/opus.h>
#include <time.h>

static char path[128];
static struct flaky_disk flaky;

static int setup(void **state)
{
    flaky_init(&flaky);
    if (make_test_folder(state) != 0)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/track.opus", test_folder);
    return 0;
}

static int teardown(void **state)
{
    (void)unlink(path);
    return remove_test_folder(state);
}

static struct journal_params params_of(bool keep_end)
{
    return (struct journal_params){.disk = &flaky.disk,
                                   .channels = 1,
                                   .pre_skip_samples = PRE_SKIP,
                                   .keep_end = keep_end,
                                   .tags = {.title = "", .artist = ""}};
}

static struct journal *open_it(bool keep_end)
{
    struct journal *journal = NULL;
    struct journal_params params = params_of(keep_end);
    int system_error;
    assert_int_equal(journal_open(&journal, path, &params, &system_error), 0);
    return journal;
}

/* Pushes 20 ms packets from the journal's end on. */
static void push_packets(struct journal *journal, unsigned count)
{
    struct test_packet packet = make_packet(TOC_HYBRID_20, 40);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(
            journal_push(journal, journal_position(journal), slice_of(packet.data, packet.bytes)),
            0);
}

static void test_file_plays_up_to_its_last_page_without_an_end(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 25);
    struct verdict verdict = judge_file(path); /* while it is open: what a crash would leave */
    assert_true(verdict.whole);
    assert_false(verdict.ended);
    assert_int_equal(verdict.packets, 20);
    assert_int_equal(verdict.pages, 2 + 2);
    assert_int_equal(verdict.duration_samples, 20 * FRAME - PRE_SKIP);
    assert_int_equal(atomic_load(&flaky.writes), 1 + 2); /* the header, and each page at once */
    journal_close(journal);
}

static void test_hole_is_filled_so_that_time_stays_true(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 10);
    struct test_packet packet = make_packet(TOC_HYBRID_20, 40);
    uint64_t position = 100 * FRAME;
    assert_int_equal(journal_push(journal, position, slice_of(packet.data, packet.bytes)), 0);
    assert_int_equal(journal_position(journal), position + FRAME);
    assert_int_equal(journal_end(journal, position + FRAME), 0);
    journal_close(journal);
    struct verdict verdict = judge_file(path);
    assert_true(verdict.whole);
    assert_int_equal(verdict.duration_samples, position + FRAME);
    /* 90 frames of 20 ms, five to a packet, and one for the pre-skip at the end */
    assert_int_equal(verdict.packets, 11 + 90 / 5 + 1);
    assert_int_equal(verdict.filler_packets, 2); /* the first and the last conceal */
}

/* A hole of 10 s in a loud tone, decoded. */
static void test_long_hole_is_silent(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    int failed = 0;
    OpusEncoder *encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO, &failed);
    OpusDecoder *decoder = opus_decoder_create(48000, 1, &failed);
    assert_non_null(encoder);
    assert_non_null(decoder);
    for (unsigned i = 0; i < 600; i++) {
        int16_t pcm[FRAME];
        uint8_t packet[1275];
        for (unsigned k = 0; k < FRAME; k++)
            pcm[k] = (k + i * FRAME) / 50 % 2 ? 12000 : -12000;
        int bytes = opus_encode(encoder, pcm, FRAME, packet, sizeof(packet));
        assert_true(bytes > 0);
        if (i < 50 || i >= 550)
            assert_int_equal(
                journal_push(journal, (uint64_t)i * FRAME, slice_of(packet, (size_t)bytes)), 0);
    }
    journal_close(journal);
    static uint8_t file[262144];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t file_bytes = read(fd, file, sizeof(file));
    assert_true(file_bytes > 0);
    (void)close(fd);
    struct ogg_opus_reader reader;
    struct ogg_opus_packet packet;
    ogg_opus_reader_init(&reader);
    assert_int_equal(ogg_opus_reader_feed(&reader, slice_of(file, (size_t)file_bytes)), 0);
    while (ogg_opus_reader_next(&reader, &packet) == 0) {
        int16_t pcm[OPUS_PACKET_SAMPLES_MAX];
        int samples = opus_decode(decoder, packet.data.data, (opus_int32)packet.data.bytes, pcm,
                                  OPUS_PACKET_SAMPLES_MAX, 0);
        assert_int_equal(samples, packet.samples);
        bool in_hole = packet.granule > 75 * FRAME && packet.granule <= 550 * FRAME;
        for (int k = 0; in_hole && k < samples; k++)
            assert_in_range(pcm[k] + 2, 0, 4);
    }
    ogg_opus_reader_clear(&reader);
    opus_encoder_destroy(encoder);
    opus_decoder_destroy(decoder);
}

static void test_short_filler_does_not_change_the_ones_behind_it(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 1);
    assert_int_equal(journal_fill(journal, 2 * FRAME + 120), 0); /* 20 ms and 2.5 ms */
    assert_int_equal(journal_position(journal), 2 * FRAME + 120);
    assert_int_equal(journal->toc, TOC_HYBRID_20);
    journal_close(journal);
}

static void test_overlap_is_dropped(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 10);
    struct test_packet packet = make_packet(TOC_HYBRID_20, 40);
    struct slice bytes = slice_of(packet.data, packet.bytes);
    assert_int_equal(journal_push(journal, 9 * FRAME, bytes), 0);
    assert_int_equal(journal_push(journal, 10 * FRAME - JOURNAL_SLACK_SAMPLES, bytes), 0);
    assert_int_equal(journal->dropped_packets, 2);
    /* nearly in place is in place, on either side */
    assert_int_equal(journal_push(journal, 10 * FRAME - JOURNAL_SLACK_SAMPLES + 1, bytes), 0);
    assert_int_equal(journal_push(journal, 11 * FRAME + JOURNAL_SLACK_SAMPLES - 1, bytes), 0);
    assert_int_equal(journal->dropped_packets, 2);
    assert_int_equal(journal_position(journal), 12 * FRAME);
    journal_close(journal);
}

static void test_what_is_no_opus_packet_is_dropped(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 3);
    const uint8_t odd[] = {TOC_HYBRID_20 | 1, 0}; /* two equal frames share one byte: [R3] */
    assert_int_equal(journal_push(journal, 3 * FRAME, slice_of(odd, sizeof(odd))), ERR_PROTO);
    assert_int_equal(journal_push(journal, 3 * FRAME, slice_of(odd, 0)), ERR_PROTO);
    assert_int_equal(journal->dropped_packets, 2);
    assert_int_equal(journal_position(journal), 3 * FRAME);
    journal_close(journal);
}

static void test_late_track_starts_with_silence_like_its_first_packet(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    const uint8_t toc_silk_60 = 0x18; /* configuration 3: SILK, narrow band, 60 ms */
    struct test_packet packet = make_packet(toc_silk_60, 50);
    uint64_t position = 60 * 48000; /* a minute */
    assert_int_equal(journal_push(journal, position, slice_of(packet.data, packet.bytes)), 0);
    assert_int_equal(journal_end(journal, position + 2880), 0);
    journal_close(journal);
    struct verdict verdict = judge_file(path);
    assert_true(verdict.whole);
    assert_int_equal(verdict.duration_samples, position + 2880);
    /* two to a page, but 60 ms to the first and the last, and the packet itself */
    assert_in_range(verdict.pages, 2 + 300, 2 + 303);
}

static void test_end_is_exact_whatever_the_frames(void **state)
{
    (void)state;
    static const uint8_t tocs[] = {
        0xE0,                /* CELT 2.5 ms */
        0xF0,                /* CELT 10 ms */
        TOC_HYBRID_20, 0x18, /* SILK 60 ms */
    };
    static const uint64_t ends[] = {0, 1, 311, 312, 647, 648, 649, 9600, 9599, 96000, 123457};
    for (size_t t = 0; t < sizeof(tocs); t++) {
        for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
            (void)unlink(path);
            struct journal *journal = open_it(false);
            struct test_packet packet = make_packet(tocs[t], 20);
            while (journal_end_min(journal) + 2880 < ends[e])
                assert_int_equal(journal_push(journal, journal_position(journal),
                                              slice_of(packet.data, packet.bytes)),
                                 0);
            assert_int_equal(journal_end(journal, ends[e]), 0);
            assert_int_equal(journal_end(journal, ends[e]), 0); /* again: nothing */
            journal_close(journal);
            struct verdict verdict = judge_file(path);
            assert_true(verdict.whole);
            assert_true(verdict.ended);
            assert_int_equal(verdict.duration_samples, ends[e]);
        }
    }
}

static void test_end_inside_the_last_packet_trims_it(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 15);
    uint64_t end = 15 * FRAME - 500 - PRE_SKIP;
    assert_true(journal_end_min(journal) <= end);
    assert_int_equal(journal_end(journal, end), 0);
    journal_close(journal);
    assert_int_equal(judge_file(path).duration_samples, end);
}

static void test_page_of_the_end_mark_is_never_empty(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 10); /* a full page, written; and the end lies just there */
    assert_int_equal(journal_end(journal, 10 * FRAME - PRE_SKIP), 0);
    journal_close(journal);
    struct verdict verdict = judge_file(path);
    assert_true(verdict.whole);
    assert_true(verdict.ended);
    assert_int_equal(verdict.duration_samples, 10 * FRAME - PRE_SKIP);
    assert_int_equal(verdict.packets, 11);
}

static void test_great_packets_do_not_overflow_a_page(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    struct test_packet packet = make_packet(0xE0, 1276); /* 2.5 ms: 80 of them are 200 ms */
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(
            journal_push(journal, journal_position(journal), slice_of(packet.data, packet.bytes)),
            0);
    assert_int_equal(journal_end(journal, 200 * 120), 0);
    journal_close(journal);
    struct verdict verdict = judge_file(path);
    assert_true(verdict.whole);
    assert_int_equal(verdict.duration_samples, 200 * 120);
}

static void test_torn_tail_is_cut_wherever_it_was_torn(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 40);
    uint64_t whole_bytes = journal->file_bytes;
    journal_close(journal);
    static uint8_t copy[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, copy, sizeof(copy)), whole_bytes);
    (void)close(fd);
    for (uint64_t cut = 0; cut <= whole_bytes; cut += cut < 4200 ? 100 : 1) {
        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write(fd, copy, cut), cut);
        (void)close(fd);
        journal = open_it(false);
        uint64_t position = journal_position(journal);
        assert_int_equal(position % 9600, 0);
        push_packets(journal, 7);
        assert_int_equal(journal_end(journal, position + 7 * FRAME), 0);
        journal_close(journal);
        struct verdict verdict = judge_file(path);
        assert_true(verdict.whole);
        assert_true(verdict.ended);
        assert_int_equal(verdict.duration_samples, position + 7 * FRAME);
    }
}

static void test_page_far_from_the_end_is_found(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 30);
    uint64_t whole_bytes = journal->file_bytes;
    journal_close(journal);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, (off_t)whole_bytes + 2 * TAIL_SCAN_BYTES), 0); /* zeros */
    assert_int_equal(pwrite(fd, "OggS", 4, (off_t)whole_bytes + 200000), 4);
    (void)close(fd);
    journal = open_it(false);
    assert_int_equal(journal_position(journal), 30 * FRAME);
    assert_int_equal(journal->file_bytes, whole_bytes);
    assert_int_equal(size_of_file(path), whole_bytes);
    journal_close(journal);
}

static void test_false_page_start_does_not_hide_the_pages_behind_it(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    struct test_packet packet = make_packet(TOC_HYBRID_20, 400);
    /* a header that claims the greatest page there is */
    memset(packet.data + 100, 0xFF, 300);
    memcpy(packet.data + 100, "OggS", 4);
    for (unsigned i = 0; i < 350; i++)
        assert_int_equal(
            journal_push(journal, journal_position(journal), slice_of(packet.data, packet.bytes)),
            0);
    uint64_t header_bytes = ogg_opus_header_bytes(JOURNAL_TAGS_BYTES);
    uint64_t page_bytes = (journal->file_bytes - header_bytes) / 35;
    assert_true(journal->file_bytes > TAIL_SCAN_BYTES); /* the scan starts inside of a page */
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    /* the checksum of the last page but two: now its packets are searched for pages */
    assert_int_equal(pwrite(fd, "bad", 3, (off_t)(journal->file_bytes - 3 * page_bytes + 22)), 3);
    (void)close(fd);
    journal_close(journal);
    journal = open_it(false);
    assert_int_equal(journal_position(journal), 350 * FRAME);
    journal_close(journal);
}

static void test_full_disk_never_tears_the_file(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 15);
    uint64_t good_bytes = journal->file_bytes;
    atomic_store(&flaky.write_error, ENOSPC);
    atomic_store(&flaky.no_room, true);
    struct test_packet packet = make_packet(TOC_HYBRID_20, 40);
    struct slice bytes = slice_of(packet.data, packet.bytes);
    int err = 0;
    for (unsigned i = 15; i < 20; i++)
        err = journal_push(journal, i * FRAME, bytes);
    assert_int_equal(err, ERR_IO);
    assert_int_equal(journal->system_error, ENOSPC);
    assert_true(journal->failed);
    assert_int_equal(size_of_file(path), good_bytes); /* the half page is cut off again */
    assert_int_equal(journal_position(journal), 10 * FRAME);
    assert_int_equal(journal_push(journal, 20 * FRAME, bytes), ERR_BADSTATE);

    unsigned attempts = atomic_load(&flaky.attempts);
    assert_int_equal(journal_retry(journal, 50 * FRAME), ERR_IO); /* no room */
    assert_int_equal(atomic_load(&flaky.attempts), attempts);
    atomic_store(&flaky.no_room, false);
    assert_int_equal(journal_retry(journal, 50 * FRAME), ERR_IO);
    assert_int_equal(atomic_load(&flaky.attempts), attempts + 1);
    assert_int_equal(size_of_file(path), good_bytes);
    assert_true(judge_file(path).whole);
    atomic_store(&flaky.write_error, 0);
    assert_int_equal(journal_retry(journal, 75 * FRAME), 0);
    assert_int_equal(journal_position(journal), 75 * FRAME);
    push_packets(journal, 5);
    assert_int_equal(journal_end(journal, 80 * FRAME), 0);
    journal_close(journal);
    struct verdict verdict = judge_file(path);
    assert_true(verdict.whole);
    assert_int_equal(verdict.duration_samples, 80 * FRAME);
}

static void test_end_on_a_full_disk_can_be_tried_again(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 23);
    atomic_store(&flaky.write_error, ENOSPC);
    assert_int_equal(journal_end(journal, 500 * FRAME), ERR_IO);
    assert_int_equal(journal_end(journal, 500 * FRAME), ERR_IO);
    atomic_store(&flaky.write_error, 0);
    assert_int_equal(journal_end(journal, 500 * FRAME), 0);
    journal_close(journal);
    struct verdict verdict = judge_file(path);
    assert_true(verdict.whole);
    assert_int_equal(verdict.duration_samples, 500 * FRAME);
}

static void test_tags_are_rewritten_in_place(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 10);
    uint64_t before_bytes = size_of_file(path);
    /* 2026-11-21 20:00 UTC */
    struct journal_tags tags = {.title = "Grüße", .artist = "Ada", .date_wall_ms = 1795291200000};
    assert_int_equal(journal_write_tags(journal, &tags), 0);
    assert_int_equal(size_of_file(path), before_bytes);
    journal_close(journal);
    char text[400];
    read_tag(path, "TITLE", text, sizeof(text));
    assert_string_equal(text, "Grüße");
    read_tag(path, "ARTIST", text, sizeof(text));
    assert_string_equal(text, "Ada");
    read_tag(path, "DATE", text, sizeof(text));
    assert_string_equal(text, "2026-11-21");
    read_tag(path, "ENCODER", text, sizeof(text));
    assert_memory_equal(text, "Rostrum ", 8);
    assert_true(judge_file(path).whole);
    journal = open_it(false);
    assert_string_equal(journal->artist, "Ada"); /* the file remembers */
    journal_close(journal);
}

static void test_longest_texts_fit_the_reserved_room(void **state)
{
    (void)state;
    char title[801];
    char artist[JOURNAL_ARTIST_BYTES_MAX + 1];
    memset(title, 't', sizeof(title) - 1);
    memset(artist, 'a', sizeof(artist) - 1);
    title[sizeof(title) - 1] = '\0';
    artist[sizeof(artist) - 1] = '\0';
    struct journal *journal = open_it(false);
    struct journal_tags tags = {.title = title, .artist = artist};
    assert_int_equal(journal_write_tags(journal, &tags), 0);
    journal_close(journal);
    char text[1024];
    read_tag(path, "TITLE", text, sizeof(text));
    assert_string_equal(text, title);
    read_tag(path, "ARTIST", text, sizeof(text));
    assert_string_equal(text, artist);
}

static void test_damaged_header_is_made_again(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 30);
    journal_close(journal);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, 1000), 8);
    (void)close(fd);
    journal = open_it(false);
    assert_int_equal(journal_position(journal), 30 * FRAME);
    assert_int_equal(journal_end(journal, 30 * FRAME), 0);
    journal_close(journal);
    struct verdict verdict = judge_file(path);
    assert_true(verdict.whole);
    assert_int_equal(verdict.duration_samples, 30 * FRAME);
}

static void test_end_mark_stands_or_makes_way(void **state)
{
    (void)state;
    struct journal *journal = open_it(false);
    push_packets(journal, 25);
    assert_int_equal(journal_end(journal, 25 * FRAME), 0);
    journal_close(journal);
    journal = open_it(true);
    assert_true(journal->ended);
    assert_int_equal(journal_duration(journal), 25 * FRAME);
    journal_close(journal);
    journal = open_it(false);
    assert_false(journal->ended);
    assert_int_equal(journal_position(journal), 20 * FRAME);
    push_packets(journal, 30);
    assert_int_equal(journal_end(journal, 50 * FRAME), 0);
    journal_close(journal);
    struct verdict verdict = judge_file(path);
    assert_true(verdict.whole);
    assert_int_equal(verdict.duration_samples, 50 * FRAME);
}

static void test_three_hours_end_by_touching_head_and_tail(void **state)
{
    (void)state;
    enum { HOURS_3_PACKETS = 3 * 60 * 60 * 50 };
    struct journal *journal = open_it(false);
    struct test_packet packet = make_packet(TOC_HYBRID_20, 240); /* 96 kbit/s */
    for (unsigned i = 0; i < HOURS_3_PACKETS; i++)
        assert_int_equal(
            journal_push(journal, (uint64_t)i * FRAME, slice_of(packet.data, packet.bytes)), 0);
    journal_close(journal); /* and the scan from its end: opened as after a crash */
    uint64_t before_bytes = atomic_load(&flaky.written_bytes);
    struct timespec start;
    struct timespec end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    journal = open_it(false);
    struct journal_tags tags = {.title = "Three hours", .artist = ""};
    assert_int_equal(journal_end(journal, (uint64_t)HOURS_3_PACKETS * FRAME), 0);
    assert_int_equal(journal_write_tags(journal, &tags), 0);
    assert_int_equal(journal_sync(journal), 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    print_message("three hours, %llu bytes: opened and ended in %.1f ms\n",
                  (unsigned long long)journal->file_bytes,
                  (double)(end.tv_sec - start.tv_sec) * 1e3 +
                      (double)(end.tv_nsec - start.tv_nsec) / 1e6);
    journal_close(journal);
    uint64_t touched_bytes = atomic_load(&flaky.written_bytes) - before_bytes;
    assert_true(touched_bytes < ogg_opus_header_bytes(JOURNAL_TAGS_BYTES) + 1000);
    struct verdict verdict = judge_file(path);
    assert_true(verdict.whole);
    assert_int_equal(verdict.duration_samples, (int64_t)HOURS_3_PACKETS * FRAME);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_file_plays_up_to_its_last_page_without_an_end),
        TEST(test_hole_is_filled_so_that_time_stays_true),
        TEST(test_long_hole_is_silent),
        TEST(test_short_filler_does_not_change_the_ones_behind_it),
        TEST(test_overlap_is_dropped),
        TEST(test_what_is_no_opus_packet_is_dropped),
        TEST(test_late_track_starts_with_silence_like_its_first_packet),
        TEST(test_end_is_exact_whatever_the_frames),
        TEST(test_end_inside_the_last_packet_trims_it),
        TEST(test_page_of_the_end_mark_is_never_empty),
        TEST(test_great_packets_do_not_overflow_a_page),
        TEST(test_torn_tail_is_cut_wherever_it_was_torn),
        TEST(test_page_far_from_the_end_is_found),
        TEST(test_false_page_start_does_not_hide_the_pages_behind_it),
        TEST(test_full_disk_never_tears_the_file),
        TEST(test_end_on_a_full_disk_can_be_tried_again),
        TEST(test_tags_are_rewritten_in_place),
        TEST(test_longest_texts_fit_the_reserved_room),
        TEST(test_damaged_header_is_made_again),
        TEST(test_end_mark_stands_or_makes_way),
        TEST(test_three_hours_end_by_touching_head_and_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
