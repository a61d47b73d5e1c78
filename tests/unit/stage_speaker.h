/* stage_speaker.h - a host's side for the tests of the stage: a tone, encoded and packed as a browser would.
 *
 * Owner    the test; speaker.opus is destroyed by whoever made the speaker
 * Thread   the test's
 * Units    20 ms a packet
 * Errors   failed assertions
 * Spec     RFC 7587
 */
#ifndef TESTS_STAGE_SPEAKER_H
#define TESTS_STAGE_SPEAKER_H

#include "stage/stage.h"
#include "stage_doubles.h"

enum { ROOM = 4, RECORDING = 77, START_SAMPLES = 48000, PEER = 1000, SPEAKERS_MAX = 3 };

static const double HZ_OF[SPEAKERS_MAX] = {400, 700, 1100};

struct speaker {
    OpusEncoder *opus;
    uint32_t host;
    uint64_t peer;
    uint16_t seq;
    uint32_t timestamp;
    uint32_t ssrc;
    uint64_t at;
    double hz;
    double amplitude;
};

static void speaker_init(struct speaker *speaker, unsigned number)
{
    *speaker = (struct speaker){.opus = make_sender(1),
                                .host = number + 1,
                                .peer = PEER + number,
                                .timestamp = 12345 * (number + 1),
                                .ssrc = number + 9,
                                .hz = HZ_OF[number],
                                .amplitude = 6000};
}

/* The next 20 ms as the worker would hand them over; made by malloc. */
static struct host_packet *next_packet(struct speaker *speaker)
{
    int16_t pcm[FRAME_SAMPLES] = {0};
    add_tone(pcm, FRAME_SAMPLES, speaker->at, speaker->hz, speaker->amplitude);
    speaker->at += FRAME_SAMPLES;
    uint8_t data[1275];
    int bytes = opus_encode(speaker->opus, pcm, FRAME_SAMPLES, data, sizeof(data));
    assert_true(bytes > 0);
    struct sent_packet sent;
    struct slice rtp = rtp_of(&sent, PT_OPUS, speaker->seq++, speaker->timestamp, speaker->ssrc,
                              slice_of(data, (size_t)bytes));
    speaker->timestamp += FRAME_SAMPLES;
    struct host_packet *packet = malloc(sizeof(*packet) + rtp.bytes);
    assert_non_null(packet);
    *packet = (struct host_packet){.peer = speaker->peer,
                                   .room = ROOM,
                                   .host = speaker->host,
                                   .rtp_bytes = (uint32_t)rtp.bytes};
    memcpy(packet->rtp, rtp.data, rtp.bytes);
    return packet;
}

static struct stage_host_params params_of(const struct speaker *speaker)
{
    return (struct stage_host_params){.room = ROOM,
                                      .host = speaker->host,
                                      .peer = speaker->peer,
                                      .payload_type = PT_OPUS,
                                      .agreed = true};
}

static int forget(void **state)
{
    (void)state;
    doubles_free();
    return 0;
}

#endif
