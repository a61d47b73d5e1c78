/* stage_doubles.h - the stage's neighbours as test doubles: a transport and a recorder that keep
 * what they are given. The real ones are threads and sockets.
 *
 * Owner    the including test program; doubles_reset() before each test
 * Thread   any: a mutex guards them (this is the test's side)
 * Units    as in transport.h and recorder.h
 * Errors   failed assertions
 * Spec     none
 */
#ifndef TESTS_STAGE_DOUBLES_H
#define TESTS_STAGE_DOUBLES_H

#include "recording/recorder.h"
#include "stage_tools.h"
#include "transport/transport.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum { KEPT_MAX = 20000, WAITING_MAX = 4096, KEPT_BYTES = 1275 };

struct kept_frame {
    enum media_kind kind;
    uint32_t room;
    uint64_t peer;
    uint64_t index;
    uint64_t made_us;
    uint32_t timestamp;
    uint32_t samples;
    uint32_t payload_bytes;
    uint8_t payload[KEPT_BYTES];
};

struct kept_packet {
    uint64_t recording;
    uint64_t position;
    uint32_t track;
    uint32_t samples;
    uint32_t bytes;
    uint8_t data[KEPT_BYTES];
};

static struct {
    pthread_mutex_t lock;
    struct host_packet *waiting[WAITING_MAX]; /* owned */
    size_t waiting_from, waiting_to;
    struct kept_frame *frames;
    size_t frame_count;
    struct kept_packet *packets;
    size_t packet_count;
    uint64_t ended_recording, end_samples;
    unsigned flushes;
} doubles = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void doubles_reset(void)
{
    while (doubles.waiting_from < doubles.waiting_to)
        free(doubles.waiting[doubles.waiting_from++ % WAITING_MAX]);
    if (!doubles.frames)
        doubles.frames = calloc(KEPT_MAX, sizeof(*doubles.frames));
    if (!doubles.packets)
        doubles.packets = calloc(KEPT_MAX, sizeof(*doubles.packets));
    assert_non_null(doubles.frames);
    assert_non_null(doubles.packets);
    doubles.waiting_from = doubles.waiting_to = 0;
    doubles.frame_count = doubles.packet_count = 0;
    doubles.ended_recording = doubles.end_samples = 0;
    doubles.flushes = 0;
}

static inline void doubles_free(void)
{
    doubles_reset();
    free(doubles.frames);
    free(doubles.packets);
    doubles.frames = NULL;
    doubles.packets = NULL;
}

/* Takes the packet (made by malloc). */
static inline void doubles_deliver(struct host_packet *packet)
{
    (void)pthread_mutex_lock(&doubles.lock);
    bool fits = doubles.waiting_to - doubles.waiting_from < WAITING_MAX;
    if (fits)
        doubles.waiting[doubles.waiting_to++ % WAITING_MAX] = packet;
    (void)pthread_mutex_unlock(&doubles.lock);
    if (!fits)
        free(packet);
}

static inline size_t doubles_count(enum media_kind kind)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&doubles.lock);
    for (size_t i = 0; i < doubles.frame_count; i++)
        count += doubles.frames[i].kind == kind;
    (void)pthread_mutex_unlock(&doubles.lock);
    return count;
}

void transport_stage_hush(struct transport *transport, unsigned stage)
{
    (void)transport;
    (void)stage;
}

const struct host_packet *transport_stage_peek(struct transport *transport, unsigned stage)
{
    (void)transport;
    const struct host_packet *packet = NULL;
    (void)pthread_mutex_lock(&doubles.lock);
    if (stage == 0 && doubles.waiting_from < doubles.waiting_to)
        packet = doubles.waiting[doubles.waiting_from % WAITING_MAX];
    (void)pthread_mutex_unlock(&doubles.lock);
    return packet;
}

void transport_stage_release(struct transport *transport, unsigned stage)
{
    (void)transport;
    (void)stage;
    (void)pthread_mutex_lock(&doubles.lock);
    free(doubles.waiting[doubles.waiting_from++ % WAITING_MAX]);
    (void)pthread_mutex_unlock(&doubles.lock);
}

void transport_stage_send(struct transport *transport, unsigned stage,
                          const struct media_frame *frame)
{
    (void)transport;
    (void)stage;
    (void)pthread_mutex_lock(&doubles.lock);
    if (doubles.frame_count < KEPT_MAX) {
        struct kept_frame *kept = &doubles.frames[doubles.frame_count++];
        *kept = (struct kept_frame){.kind = frame->kind,
                                    .room = frame->room,
                                    .peer = frame->peer,
                                    .index = frame->index,
                                    .made_us = frame->made_us,
                                    .timestamp = frame->timestamp,
                                    .samples = frame->samples,
                                    .payload_bytes = frame->payload_bytes};
        if (frame->payload_bytes <= KEPT_BYTES)
            memcpy(kept->payload, frame->payload, frame->payload_bytes);
    }
    (void)pthread_mutex_unlock(&doubles.lock);
}

void transport_stage_flush(struct transport *transport, unsigned stage)
{
    (void)transport;
    (void)stage;
    (void)pthread_mutex_lock(&doubles.lock);
    doubles.flushes++;
    (void)pthread_mutex_unlock(&doubles.lock);
}

void recorder_push(struct recorder *recorder, unsigned stage, const struct track_packet *packet)
{
    (void)recorder;
    (void)stage;
    (void)pthread_mutex_lock(&doubles.lock);
    if (doubles.packet_count < KEPT_MAX) {
        struct kept_packet *kept = &doubles.packets[doubles.packet_count++];
        *kept = (struct kept_packet){.recording = packet->recording,
                                     .position = packet->position_samples,
                                     .track = packet->track,
                                     .samples = packet->samples,
                                     .bytes = packet->bytes};
        if (packet->bytes <= KEPT_BYTES)
            memcpy(kept->data, packet->data, packet->bytes);
    }
    (void)pthread_mutex_unlock(&doubles.lock);
}

void recorder_push_end(struct recorder *recorder, unsigned stage, uint64_t recording,
                       uint64_t end_samples)
{
    (void)recorder;
    (void)stage;
    (void)pthread_mutex_lock(&doubles.lock);
    doubles.ended_recording = recording;
    doubles.end_samples = end_samples;
    (void)pthread_mutex_unlock(&doubles.lock);
}

void recorder_flush(struct recorder *recorder, unsigned stage)
{
    (void)recorder;
    (void)stage;
}

#endif
