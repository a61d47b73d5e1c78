/* stage_tools.h - what the stage's tests share: tones, a voice-like signal, and ears for both.
 *
 * Owner    the including test program
 * Thread   one
 * Units    samples at 48 kHz, one channel; full scale is 32768
 * Errors   failed assertions
 * Spec     none
 */
#ifndef TESTS_STAGE_TOOLS_H
#define TESTS_STAGE_TOOLS_H

#include "rostrum/rtp.h"
#include "stage/stage.h"

#include <math.h>
#include <opus/opus.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PT_OPUS = 111, PT_RED = 63 };

static const double RATE_HZ = 48000.0;

/* Adds a sine; `at` is the number of its first sample, so that frames join. */
static inline void add_tone(int16_t *pcm, size_t samples, uint64_t at, double hz, double amplitude)
{
    for (size_t i = 0; i < samples; i++)
        pcm[i] = (int16_t)(pcm[i] + amplitude * sin(2.0 * M_PI * hz * (double)(at + i) / RATE_HZ));
}

/* Voice-like: a gliding pitch with eight harmonics, in syllables of 250 ms. */
static inline void make_speech(int16_t *pcm, size_t samples)
{
    double phase = 0;
    for (size_t i = 0; i < samples; i++) {
        double seconds = (double)i / RATE_HZ;
        phase += 2.0 * M_PI * (140.0 + 40.0 * sin(2.0 * M_PI * 1.3 * seconds)) / RATE_HZ;
        double swell = fabs(sin(M_PI * 4.0 * seconds));
        double sum = 0;
        for (int h = 1; h <= 8; h++)
            sum += sin(phase * h) / (1.0 + fabs(h - 4.0));
        pcm[i] = (int16_t)(4000.0 * swell * sum);
    }
}

/* Amplitude of one frequency (Goertzel's algorithm). */
static inline double tone_of(const int16_t *pcm, size_t samples, size_t stride, double hz)
{
    double factor = 2.0 * cos(2.0 * M_PI * hz / RATE_HZ);
    double s1 = 0;
    double s2 = 0;
    for (size_t i = 0; i < samples; i++) {
        double s0 = pcm[i * stride] + factor * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    double power = s1 * s1 + s2 * s2 - factor * s1 * s2;
    return 2.0 * sqrt(power > 0 ? power : 0) / (double)samples;
}

static inline double energy_of(const int16_t *pcm, size_t values)
{
    double sum = 0;
    for (size_t i = 0; i < values; i++)
        sum += (double)pcm[i] * pcm[i];
    return sum;
}

/* 1 for equal shapes, 0 for unrelated ones. */
static inline double correlation(const int16_t *a, const int16_t *b, size_t values)
{
    double sum = 0;
    for (size_t i = 0; i < values; i++)
        sum += (double)a[i] * b[i];
    return sum / (sqrt(energy_of(a, values) * energy_of(b, values)) + 1e-9);
}

/* What a browser sends: voice, in-band FEC, 32 kbit/s. */
static inline OpusEncoder *make_sender(int channels)
{
    int error = OPUS_OK;
    OpusEncoder *opus = opus_encoder_create(48000, channels, OPUS_APPLICATION_VOIP, &error);
    assert_int_equal(error, OPUS_OK);
    assert_int_equal(opus_encoder_ctl(opus, OPUS_SET_BITRATE(32000 * channels)), OPUS_OK);
    assert_int_equal(opus_encoder_ctl(opus, OPUS_SET_INBAND_FEC(1)), OPUS_OK);
    assert_int_equal(opus_encoder_ctl(opus, OPUS_SET_PACKET_LOSS_PERC(20)), OPUS_OK);
    assert_int_equal(opus_encoder_ctl(opus, OPUS_SET_COMPLEXITY(3)), OPUS_OK);
    return opus;
}

struct sent_packet {
    uint8_t bytes[RTP_PACKET_MAX];
    size_t byte_count;
};

static inline struct slice rtp_of(struct sent_packet *packet, uint8_t payload_type, uint16_t seq,
                                  uint32_t timestamp, uint32_t ssrc, struct slice payload)
{
    struct writer w = writer_of(packet->bytes, sizeof(packet->bytes));
    struct rtp_packet header = {
        .payload_type = payload_type, .seq = seq, .timestamp = timestamp, .ssrc = ssrc};
    assert_int_equal(rtp_write_header(&header, &w), 0);
    writer_bytes(&w, payload);
    assert_false(w.full);
    packet->byte_count = w.at;
    return writer_slice(&w);
}

#endif
