#include "stage/voice.h"

#include "stage_tools.h"

#include <stdbool.h>
#include <stdlib.h>

enum { TICKS = 400, SETTLED = 50, SSRC = 0x1234 };

static int16_t speech[(TICKS + 10) * FRAME_SAMPLES];

/* A host and the voice that hears it, tick by tick. */
struct line {
    OpusEncoder *opus;
    struct voice *voice;
    struct voice_counts counts;
    uint16_t seq;
    uint32_t timestamp;
    uint32_t ssrc;
    uint64_t position; /* of the tick, on the stem's timeline */
    uint64_t stem_end;
    uint8_t former[1275]; /* the packet before: RED's redundant block */
    size_t former_bytes;
    struct voice_frame frame;
};

static int load_speech(void **state)
{
    (void)state;
    make_speech(speech, sizeof(speech) / sizeof(speech[0]));
    return 0;
}

static void open_line(struct line *line, unsigned channels)
{
    *line = (struct line){.ssrc = SSRC, .seq = 65500, .timestamp = 0u - 100u * 960u};
    line->opus = make_sender(1);
    assert_int_equal(voice_create(&line->voice, channels), 0);
    voice_reset(line->voice, PT_OPUS, PT_RED);
}

static void close_line(struct line *line)
{
    opus_encoder_destroy(line->opus);
    voice_destroy(line->voice);
}

enum delivery { ARRIVES, LOST };

/* Encodes and sends `samples` of the speech from sample `at` on. */
static void say(struct line *line, size_t at, int samples, bool red, enum delivery delivery)
{
    uint8_t data[1275 * 6];
    int bytes = opus_encode(line->opus, speech + at, samples, data, sizeof(data));
    assert_true(bytes > 0);
    struct slice payload = slice_of(data, (size_t)bytes);
    uint8_t red_bytes[RTP_PACKET_MAX];
    if (red) {
        struct writer w = writer_of(red_bytes, sizeof(red_bytes));
        struct red_block blocks[2] = {
            {.payload_type = PT_OPUS,
             .timestamp = line->timestamp - (uint32_t)samples,
             .payload = slice_of(line->former, line->former_bytes)},
            {.payload_type = PT_OPUS, .timestamp = line->timestamp, .payload = payload}};
        size_t skipped = line->former_bytes == 0;
        assert_int_equal(red_write(blocks + skipped, 2 - skipped, &w), 0);
        memcpy(line->former, data, (size_t)bytes);
        line->former_bytes = (size_t)bytes;
        payload = writer_slice(&w);
    }
    struct sent_packet packet;
    struct slice rtp =
        rtp_of(&packet, red ? PT_RED : PT_OPUS, line->seq++, line->timestamp, line->ssrc, payload);
    line->timestamp += (uint32_t)samples;
    if (delivery == ARRIVES)
        voice_receive(line->voice, rtp, &line->counts);
}

static void hear(struct line *line)
{
    voice_tick(line->voice, &line->counts, &line->frame);
    for (unsigned i = 0; i < line->frame.packet_count; i++) {
        const struct voice_packet *packet = &line->frame.packets[i];
        assert_true(line->position + packet->offset_samples >= line->stem_end);
        assert_int_equal(packet->offset_samples % 120, 0);
        line->stem_end = line->position + packet->offset_samples + packet->samples;
    }
    line->position += FRAME_SAMPLES;
}

static void test_a_clean_line_is_heard_whole(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, 1);
    double energy = 0;
    for (size_t i = 0; i < TICKS; i++) {
        say(&line, i * 960, 960, false, ARRIVES);
        hear(&line);
        energy += energy_of(line.frame.pcm, FRAME_SAMPLES);
    }
    assert_in_range(line.counts.decoded, TICKS - 4, TICKS);
    assert_in_range(line.counts.concealed + line.counts.rebuilt, 0, 3); /* the delay's start */
    assert_int_equal(line.counts.bad + line.counts.late, 0);
    assert_true(energy > 0.5 * energy_of(speech, TICKS * 960));
    close_line(&line);
}

/* Speech with every tenth packet lost: mean likeness of what is heard in the gaps to what an
 * unharmed line plays there. */
static double likeness_in_gaps(bool fec, bool red, struct voice_counts *counts)
{
    struct line whole;
    struct line lossy;
    open_line(&whole, 1);
    open_line(&lossy, 1);
    for (unsigned i = 0; i < 2 && !fec; i++)
        assert_int_equal(opus_encoder_ctl(i ? whole.opus : lossy.opus, OPUS_SET_INBAND_FEC(0)),
                         OPUS_OK);
    double sum = 0;
    unsigned gaps = 0;
    for (size_t i = 0; i < TICKS; i++) {
        bool is_lost = i > SETTLED && i % 10 == 5;
        say(&whole, i * 960, 960, red, ARRIVES);
        say(&lossy, i * 960, 960, red, is_lost ? LOST : ARRIVES);
        hear(&whole);
        hear(&lossy);
        /* one packet is kept in hand: the gap is played a tick later */
        bool was_lost = i - 1 > SETTLED && (i - 1) % 10 == 5;
        if (!was_lost || energy_of(whole.frame.pcm, 960) < 1e8)
            continue;
        gaps++;
        sum += correlation(whole.frame.pcm, lossy.frame.pcm, 960);
        if (red)
            assert_memory_equal(whole.frame.pcm, lossy.frame.pcm, 960 * sizeof(int16_t));
    }
    *counts = lossy.counts;
    close_line(&whole);
    close_line(&lossy);
    assert_true(gaps > 20);
    return sum / gaps;
}

static void test_fec_rebuilds_better_than_guessing(void **state)
{
    (void)state;
    struct voice_counts with;
    struct voice_counts without;
    double rebuilt = likeness_in_gaps(true, false, &with);
    double guessed = likeness_in_gaps(false, false, &without);
    assert_in_range(with.rebuilt, 30, 40); /* of 35 losses */
    assert_int_equal(without.rebuilt, 0);
    assert_true(without.concealed >= 30);
    assert_true(rebuilt > 0.85);
    assert_true(rebuilt > guessed + 0.1);
}

static void test_red_restores_bit_by_bit(void **state)
{
    (void)state;
    struct voice_counts counts;
    assert_true(likeness_in_gaps(true, true, &counts) > 0.999);
    assert_in_range(counts.redundant, 30, 40);
    assert_int_equal(counts.rebuilt, 0);
    assert_int_equal(counts.bad + counts.late, 0);
}

static void test_every_duration_fills_every_tick(void **state)
{
    (void)state;
    static const int SAMPLES[] = {120, 240, 480, 960, 1920, 2880, 5760};
    for (size_t d = 0; d < sizeof(SAMPLES) / sizeof(SAMPLES[0]); d++) {
        struct line line;
        open_line(&line, 1);
        size_t said = 0;
        double energy = 0;
        for (size_t i = 0; i < TICKS; i++) {
            while (said + (size_t)SAMPLES[d] <= (i + 1) * 960) {
                say(&line, said, SAMPLES[d], false, ARRIVES);
                said += (size_t)SAMPLES[d];
            }
            hear(&line);
            if (i > SETTLED)
                energy += energy_of(line.frame.pcm, FRAME_SAMPLES);
        }
        assert_true(line.counts.decoded >= (TICKS - 40) * 960 / (size_t)SAMPLES[d]);
        assert_true(line.counts.concealed + line.counts.rebuilt < 15);
        assert_int_equal(line.counts.bad, 0);
        assert_true(energy > 0.5 * energy_of(speech, (TICKS - SETTLED) * 960));
        close_line(&line);
    }
}

static void test_a_lost_60_ms_packet_is_rebuilt(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, 1);
    for (size_t i = 0; i < TICKS; i += 3) {
        say(&line, i * 960, 2880, false, i > 100 && i % 30 == 0 ? LOST : ARRIVES);
        for (unsigned k = 0; k < 3; k++)
            hear(&line);
    }
    assert_in_range(line.counts.rebuilt, 7, 12);
    close_line(&line);
}

static void test_random_loss_is_survived(void **state)
{
    (void)state;
    for (int percent = 5; percent <= 10; percent += 5) {
        struct line line;
        open_line(&line, 2);
        unsigned lost = 0;
        srand(3);
        for (size_t i = 0; i < TICKS; i++) {
            enum delivery delivery = rand() % 100 < percent ? LOST : ARRIVES;
            lost += delivery == LOST;
            say(&line, i * 960, 960, false, delivery);
            hear(&line);
        }
        assert_true(lost > 10);
        assert_in_range(line.counts.decoded, TICKS - lost - 5, TICKS - lost);
        assert_in_range(line.counts.rebuilt + line.counts.concealed, lost, lost + 10);
        assert_true(line.counts.rebuilt * 2 > lost);
        assert_int_equal(line.counts.late, 0);
        close_line(&line);
    }
}

static void test_a_packet_sent_again_is_heard_once(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, 1);
    for (size_t i = 0; i < TICKS; i++) {
        uint32_t timestamp = line.timestamp;
        uint16_t seq = line.seq;
        say(&line, i * 960, 960, true, ARRIVES);
        struct sent_packet packet;
        struct slice data = slice_of(line.former, line.former_bytes);
        voice_receive(line.voice, rtp_of(&packet, PT_OPUS, seq, timestamp, SSRC, data),
                      &line.counts);
        hear(&line);
    }
    assert_true(line.counts.decoded <= TICKS);
    assert_int_equal(line.counts.late + line.counts.bad + line.counts.redundant, 0);
    close_line(&line);
}

static void test_a_new_source_is_followed_and_the_former_one_is_not(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, 1);
    for (size_t i = 0; i < SETTLED; i++) {
        say(&line, i * 960, 960, false, ARRIVES);
        hear(&line);
    }
    line.ssrc = SSRC + 1;
    line.timestamp = 77;
    uint64_t before = line.counts.decoded;
    for (size_t i = SETTLED; i < 2 * SETTLED; i++) {
        say(&line, i * 960, 960, false, ARRIVES);
        uint8_t stale[3] = {0xF8, 0xFF, 0xFE};
        struct sent_packet packet;
        voice_receive(line.voice,
                      rtp_of(&packet, PT_OPUS, 7, (uint32_t)i * 960, SSRC, slice_of(stale, 3)),
                      &line.counts);
        hear(&line);
    }
    assert_in_range(line.counts.decoded - before, SETTLED - 4, SETTLED);
    assert_true(energy_of(line.frame.pcm, 960) > 0);
    close_line(&line);
}

static void test_foreign_and_broken_packets_are_counted(void **state)
{
    (void)state;
    static const uint8_t NO_OPUS[] = {0xFB}; /* code 3 without its frame count */
    static const uint8_t NO_RED[] = {0x80 | PT_OPUS, 0, 0};
    static const uint8_t FOREIGN_RED[] = {9, 1, 2, 3};
    struct line line;
    open_line(&line, 1);
    struct sent_packet packet;
    const struct {
        uint8_t payload_type;
        struct slice payload;
    } bad[] = {
        {9, slice_of("hello", 5)},
        {PT_OPUS, slice_of(NO_OPUS, sizeof(NO_OPUS))},
        {PT_OPUS, slice_of("", 0)},
        {PT_RED, slice_of(NO_RED, sizeof(NO_RED))},
        {PT_RED, slice_of(FOREIGN_RED, sizeof(FOREIGN_RED))},
    };
    size_t count = sizeof(bad) / sizeof(bad[0]);
    for (size_t i = 0; i < count; i++) {
        voice_receive(line.voice,
                      rtp_of(&packet, bad[i].payload_type, (uint16_t)i, 0, SSRC, bad[i].payload),
                      &line.counts);
        assert_int_equal(line.counts.bad, i + 1);
    }
    voice_receive(line.voice, slice_of("x", 1), &line.counts);
    assert_int_equal(line.counts.bad, count + 1);
    hear(&line);
    assert_int_equal(line.counts.decoded, 0);
    assert_true(energy_of(line.frame.pcm, 960) == 0);
    close_line(&line);
}

static void test_red_is_foreign_where_it_was_not_agreed(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, 1);
    voice_reset(line.voice, PT_OPUS, 0);
    say(&line, 0, 960, true, ARRIVES);
    assert_int_equal(line.counts.bad, 1);
    close_line(&line);
}

static void test_a_host_that_fell_silent_becomes_silence_and_returns(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, 1);
    size_t i = 0;
    for (; i < SETTLED; i++) {
        say(&line, i * 960, 960, false, ARRIVES);
        hear(&line);
    }
    for (unsigned k = 0; k < 60; k++)
        hear(&line);
    assert_true(energy_of(line.frame.pcm, 960) == 0);
    line.timestamp += 60 * 960;
    uint64_t before = line.counts.decoded;
    for (; i < 2 * SETTLED; i++) {
        say(&line, i * 960, 960, false, ARRIVES);
        hear(&line);
    }
    assert_in_range(line.counts.decoded - before, SETTLED - 4, SETTLED);
    close_line(&line);
}

static void test_the_heard_packets_are_the_sent_ones(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, 1);
    static struct sent_packet sent[TICKS];
    size_t next = 0;
    for (size_t i = 0; i < TICKS; i++) {
        uint8_t data[1275];
        int bytes = opus_encode(line.opus, speech + i * 960, 960, data, sizeof(data));
        struct slice rtp = rtp_of(&sent[i], PT_OPUS, (uint16_t)i, (uint32_t)i * 960, SSRC,
                                  slice_of(data, (size_t)bytes));
        voice_receive(line.voice, rtp, &line.counts);
        hear(&line);
        for (unsigned k = 0; k < line.frame.packet_count; k++, next++) {
            struct slice heard = line.frame.packets[k].data;
            assert_int_equal(heard.bytes, sent[next].byte_count - RTP_HEADER_BYTES);
            assert_memory_equal(heard.data, sent[next].bytes + RTP_HEADER_BYTES, heard.bytes);
        }
    }
    assert_in_range(next, TICKS - 3, TICKS);
    close_line(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clean_line_is_heard_whole),
        cmocka_unit_test(test_fec_rebuilds_better_than_guessing),
        cmocka_unit_test(test_red_restores_bit_by_bit),
        cmocka_unit_test(test_every_duration_fills_every_tick),
        cmocka_unit_test(test_a_lost_60_ms_packet_is_rebuilt),
        cmocka_unit_test(test_random_loss_is_survived),
        cmocka_unit_test(test_a_packet_sent_again_is_heard_once),
        cmocka_unit_test(test_a_new_source_is_followed_and_the_former_one_is_not),
        cmocka_unit_test(test_foreign_and_broken_packets_are_counted),
        cmocka_unit_test(test_red_is_foreign_where_it_was_not_agreed),
        cmocka_unit_test(test_a_host_that_fell_silent_becomes_silence_and_returns),
        cmocka_unit_test(test_the_heard_packets_are_the_sent_ones),
    };
    return cmocka_run_group_tests(tests, load_speech, NULL);
}
