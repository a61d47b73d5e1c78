#include "stage/encoder.h"

#include "rostrum/opus_frame.h"
#include "stage_tools.h"

#include <stdbool.h>

enum { FRAMES = 100 };

static struct encoder *made(enum encoder_use use, unsigned channels, uint32_t bps)
{
    struct encoder *encoder = NULL;
    assert_int_equal(encoder_create(&encoder, use, channels, bps), 0);
    return encoder;
}

static struct opus_packet parsed(const uint8_t *data, size_t bytes)
{
    struct opus_packet packet;
    assert_int_equal(opus_frame_parse(&packet, slice_of(data, bytes)), 0);
    return packet;
}

static void test_arguments_are_checked(void **state)
{
    (void)state;
    struct encoder *encoder = NULL;
    assert_int_equal(encoder_create(&encoder, ENCODER_FEED, 3, 40000), ERR_INVAL);
    assert_int_equal(encoder_create(&encoder, ENCODER_FEED, 0, 40000), ERR_INVAL);
    assert_int_equal(encoder_create(&encoder, ENCODER_FEED, 1, ENCODER_BPS_MIN - 1), ERR_INVAL);
    assert_int_equal(encoder_create(&encoder, ENCODER_FEED, 1, ENCODER_BPS_MAX + 1), ERR_INVAL);
    assert_null(encoder);
    encoder_destroy(NULL);
}

static void test_every_use_makes_20_ms_packets_near_its_rate(void **state)
{
    (void)state;
    static int16_t speech[FRAMES * FRAME_SAMPLES];
    make_speech(speech, FRAMES * FRAME_SAMPLES);
    for (enum encoder_use use = ENCODER_FEED; use <= ENCODER_RECORDING; use++) {
        struct encoder *encoder = made(use, 1, 48000);
        size_t total_bytes = 0;
        for (size_t i = 0; i < FRAMES; i++) {
            uint8_t out[ENCODER_BYTES_MAX];
            size_t bytes = encoder_encode(encoder, speech + i * FRAME_SAMPLES, out);
            assert_int_equal(parsed(out, bytes).samples, FRAME_SAMPLES);
            total_bytes += bytes;
        }
        assert_true(total_bytes * 8 * 50 / FRAMES < 48000 * 12 / 10);
        encoder_destroy(encoder);
    }
}

static void hear(OpusDecoder *decoder, struct slice packet, int fec, int16_t *out)
{
    assert_int_equal(
        opus_decode(decoder, packet.data, (opus_int32)packet.bytes, out, FRAME_SAMPLES, fec),
        FRAME_SAMPLES);
}

/* The program must carry FEC at every rate that is offered for it: drop a packet, rebuild it from
 * the next. */
static void test_the_program_has_working_fec(void **state)
{
    (void)state;
    static const uint32_t BPS[] = {24000, 48000, 64000, 96000};
    static int16_t speech[FRAMES * FRAME_SAMPLES];
    make_speech(speech, FRAMES * FRAME_SAMPLES);
    for (size_t r = 0; r < sizeof(BPS) / sizeof(BPS[0]); r++) {
        struct encoder *encoder = made(ENCODER_PROGRAM, 1, BPS[r]);
        if (BPS[r] < 48000)
            encoder_set_loss(encoder, 100); /* a low rate has no room for it unless it is needed */
        int error = OPUS_OK;
        OpusDecoder *whole = opus_decoder_create(48000, 1, &error);
        OpusDecoder *lossy = opus_decoder_create(48000, 1, &error);
        assert_non_null(whole);
        assert_non_null(lossy);
        static int16_t expected[FRAMES][FRAME_SAMPLES];
        int16_t got[FRAME_SAMPLES];
        unsigned good = 0;
        for (size_t i = 0; i < FRAMES; i++) {
            uint8_t out[ENCODER_BYTES_MAX];
            size_t bytes = encoder_encode(encoder, speech + i * FRAME_SAMPLES, out);
            hear(whole, slice_of(out, bytes), 0, expected[i]);
            if (i % 10 == 5)
                continue; /* lost */
            if (i % 10 == 6) {
                hear(lossy, slice_of(out, bytes), 1, got);
                good += correlation(got, expected[i - 1], FRAME_SAMPLES) > 0.8;
            }
            hear(lossy, slice_of(out, bytes), 0, got);
        }
        assert_true(good >= 7); /* of 10 */
        opus_decoder_destroy(whole);
        opus_decoder_destroy(lossy);
        encoder_destroy(encoder);
    }
}

static void test_another_rate_holds_from_the_next_frame_on_without_a_gap(void **state)
{
    (void)state;
    enum { TURN = 10 };
    static int16_t pcm[FRAMES * FRAME_SAMPLES];
    static int16_t heard[FRAMES * FRAME_SAMPLES];
    add_tone(pcm, FRAMES * FRAME_SAMPLES, 0, 440, 8000);
    struct encoder *encoder = made(ENCODER_PROGRAM, 1, 48000);
    int error = OPUS_OK;
    OpusDecoder *decoder = opus_decoder_create(48000, 1, &error);
    assert_non_null(decoder);
    size_t total_bytes[2] = {0, 0};
    for (size_t i = 0; i < FRAMES; i++) {
        bool is_low = i / TURN % 2 == 1;
        if (i % TURN == 0)
            encoder_set_bps(encoder, is_low ? 32000 : 48000);
        uint8_t out[ENCODER_BYTES_MAX];
        size_t bytes = encoder_encode(encoder, pcm + i * FRAME_SAMPLES, out);
        hear(decoder, slice_of(out, bytes), 0, heard + i * FRAME_SAMPLES);
        total_bytes[is_low] += bytes;
    }
    assert_true(total_bytes[true] * 10 < total_bytes[false] * 8);
    for (size_t i = TURN; i < FRAMES; i++) {
        const int16_t *spoken = pcm + i * FRAME_SAMPLES - STAGE_LOOKAHEAD_SAMPLES;
        assert_true(correlation(heard + i * FRAME_SAMPLES, spoken, FRAME_SAMPLES) > 0.97);
    }
    opus_decoder_destroy(decoder);
    encoder_destroy(encoder);
}

static void test_silence_becomes_a_constant_and_ends_with_sound(void **state)
{
    (void)state;
    for (unsigned channels = 1; channels <= 2; channels++) {
        struct encoder *encoder = made(ENCODER_PROGRAM, channels, 48000);
        static int16_t pcm[FRAME_SAMPLES * 2];
        memset(pcm, 0, sizeof(pcm));
        uint8_t out[ENCODER_BYTES_MAX];
        uint8_t silence[ENCODER_BYTES_MAX];
        size_t silence_bytes = encoder_silence(channels, silence);
        assert_int_equal(parsed(silence, silence_bytes).samples, FRAME_SAMPLES);
        assert_int_equal(parsed(silence, silence_bytes).toc.stereo, channels == 2);
        for (unsigned i = 0; i < ENCODER_SILENT_FRAMES; i++)
            (void)encoder_encode(encoder, pcm, out);
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(encoder_encode(encoder, pcm, out), silence_bytes);
            assert_memory_equal(out, silence, silence_bytes);
        }
        pcm[0] = 1;
        assert_true(encoder_encode(encoder, pcm, out) != silence_bytes ||
                    memcmp(out, silence, silence_bytes) != 0);
        pcm[0] = 0; /* the sound has to fade out of the codec before the constant comes again */
        assert_true(encoder_encode(encoder, pcm, out) != silence_bytes ||
                    memcmp(out, silence, silence_bytes) != 0);
        encoder_destroy(encoder);
    }
}

static void test_the_constant_packet_decodes_to_silence(void **state)
{
    (void)state;
    int error = OPUS_OK;
    OpusDecoder *decoder = opus_decoder_create(48000, 2, &error);
    assert_non_null(decoder);
    uint8_t silence[ENCODER_BYTES_MAX];
    int bytes = (int)encoder_silence(2, silence);
    int16_t pcm[FRAME_SAMPLES * 2];
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(opus_decode(decoder, silence, bytes, pcm, FRAME_SAMPLES, 0),
                         FRAME_SAMPLES);
    assert_true(energy_of(pcm, FRAME_SAMPLES * 2) == 0);
    opus_decoder_destroy(decoder);
}

static void test_the_lookahead_is_what_the_header_says(void **state)
{
    (void)state;
    int error = OPUS_OK;
    OpusEncoder *opus = opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO, &error);
    opus_int32 samples = 0;
    assert_int_equal(opus_encoder_ctl(opus, OPUS_GET_LOOKAHEAD(&samples)), OPUS_OK);
    assert_int_equal(samples, STAGE_LOOKAHEAD_SAMPLES);
    opus_encoder_destroy(opus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_are_checked),
        cmocka_unit_test(test_every_use_makes_20_ms_packets_near_its_rate),
        cmocka_unit_test(test_the_program_has_working_fec),
        cmocka_unit_test(test_another_rate_holds_from_the_next_frame_on_without_a_gap),
        cmocka_unit_test(test_silence_becomes_a_constant_and_ends_with_sound),
        cmocka_unit_test(test_the_constant_packet_decodes_to_silence),
        cmocka_unit_test(test_the_lookahead_is_what_the_header_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
