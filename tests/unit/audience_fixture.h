/* audience_fixture.h - an audience in virtual time, with listeners that run libsrtp.
 *
 * Owner    the test
 * Thread   any
 * Units    microseconds of virtual time
 * Errors   asserts
 * Spec     none
 */
#ifndef TEST_AUDIENCE_FIXTURE_H
#define TEST_AUDIENCE_FIXTURE_H

#include "audience/audience.h"
#include "rostrum/cursor.h"
#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"
#include "srtp_reference.h"

#include <stdlib.h>

enum { TICK_US = 20000, SAMPLES = 960, PAYLOAD_TYPE = 111, FIRST_SSRC = 1000, PACKET_MAX = 2048 };

struct listener {
    struct srtp_keys keys;
    uint32_t number;
    uint32_t ssrc; /* FIRST_SSRC + number, so that a datagram tells whose it is */
    uint32_t seat;
    bool seated;
    struct address address;
    uint8_t local;
    uint8_t red_type; /* 0: no relay */
    srtp_t receiver; /* what the browser opens our packets with; NULL: this one does not look */
    srtp_t reporter; /* what it protects its reports with */
};

struct hall {
    const struct srtp_engine *engine;
    void *batch;
    struct audience *audience;
    uint64_t now_us;
    uint64_t next_index;
    bool is_economy; /* three frames a packet */
    uint64_t seed;
    uint8_t payload[PACKET_MAX];
    struct program_packet packet; /* the newest */
    struct datagram out[AUDIENCE_BATCH];
};

static inline void hall_init(struct hall *hall, uint32_t seats_max)
{
    memset(hall, 0, sizeof(*hall));
    hall->engine = srtp_engine_find("auto");
    hall->now_us = 1000 * 1000 * 1000;
    hall->seed = 42;
    assert_non_null(hall->engine);
    assert_int_equal(hall->engine->batch_create(&hall->batch), 0);
    struct audience_params params = {
        .engine = hall->engine, .batch = hall->batch, .seats_max = seats_max};
    assert_int_equal(audience_create(&hall->audience, &params), 0);
}

static inline void hall_clear(struct hall *hall)
{
    audience_destroy(hall->audience);
    hall->engine->batch_destroy(hall->batch);
}

static inline uint8_t local_of(uint32_t number)
{
    return (uint8_t)(1 + number % 31);
}

static inline void listener_init(struct hall *hall, struct listener *listener, uint32_t number,
                                 enum srtp_profile profile)
{
    memset(listener, 0, sizeof(*listener));
    noise_fill(&hall->seed, &listener->keys, sizeof(listener->keys));
    listener->keys.profile = profile;
    listener->number = number;
    listener->ssrc = FIRST_SSRC + number;
    listener->address.ip[10] = 0xFF;
    listener->address.ip[11] = 0xFF;
    listener->address.ip[12] = 10;
    listener->address.ip[13] = (uint8_t)(number >> 16);
    listener->address.ip[14] = (uint8_t)(number >> 8);
    listener->address.ip[15] = (uint8_t)number;
    listener->address.port = (uint16_t)(20000 + number % 1000);
    listener->local = local_of(number);
}

/* Fresh libsrtp contexts, roll-over counter 0, as a browser that has just joined. */
static inline void listener_open(struct listener *listener)
{
    listener->receiver =
        reference_open(listener->keys.profile, &listener->keys.send, listener->ssrc);
    listener->reporter =
        reference_open(listener->keys.profile, &listener->keys.receive, listener->ssrc + 1);
}

static inline void listener_close(struct listener *listener)
{
    if (listener->receiver)
        srtp_dealloc(listener->receiver);
    if (listener->reporter)
        srtp_dealloc(listener->reporter);
}

static inline int hall_try_seat(struct hall *hall, struct listener *listener)
{
    struct seat_params params = {.peer = listener->number,
                                 .address = listener->address,
                                 .local = listener->local,
                                 .keys = &listener->keys,
                                 .ssrc = listener->ssrc,
                                 .payload_type = PAYLOAD_TYPE,
                                 .red_type = listener->red_type};
    int err = audience_add_seat(hall->audience, &params, hall->now_us, &listener->seat);
    listener->seated = err == 0;
    return err;
}

static inline void hall_seat(struct hall *hall, struct listener *listener)
{
    assert_int_equal(hall_try_seat(hall, listener), 0);
}

/* The next packet of the program: its payload is made of its index. */
static inline void hall_push(struct hall *hall)
{
    uint64_t index = hall->next_index++;
    uint64_t seed = index;
    uint32_t bytes = 80 + (uint32_t)(index % 100);
    noise_fill(&seed, hall->payload, bytes);
    hall->packet = (struct program_packet){.index = index,
                                           .made_us = hall->now_us,
                                           .timestamp = (uint32_t)index * SAMPLES,
                                           .samples = hall->is_economy ? 3 * SAMPLES : SAMPLES,
                                           .bytes = bytes,
                                           .payload = hall->payload};
    assert_int_equal(audience_push(hall->audience, &hall->packet, hall->now_us), 0);
}

static inline unsigned hall_fill(struct hall *hall)
{
    return audience_fill(hall->audience, hall->out, AUDIENCE_BATCH, hall->now_us);
}

static inline bool is_rtcp(const struct datagram *datagram)
{
    return packet_kind(slice_of(datagram->data, datagram->bytes)) == PACKET_RTCP;
}

/* Which listener an RTP or SRTCP datagram is for: by the SSRC in its clear header. */
static inline uint32_t number_of(const struct datagram *datagram)
{
    struct cursor c = cursor_of(slice_of(datagram->data, datagram->bytes));
    cursor_skip(&c, is_rtcp(datagram) ? 4 : 8);
    return cursor_u32(&c) - FIRST_SSRC;
}

static inline uint16_t seq_of(const struct datagram *datagram)
{
    struct cursor c = cursor_of(slice_of(datagram->data, datagram->bytes));
    cursor_skip(&c, 2);
    return cursor_u16(&c);
}

static inline bool has_marker(const struct datagram *datagram)
{
    return (datagram->data[1] & 0x80) != 0;
}

/* Opens an RTP datagram as the listener would, and compares it with the program's newest packet. */
static inline void listener_hear(struct hall *hall, struct listener *listener,
                                 const struct datagram *datagram)
{
    uint8_t copy[PACKET_MAX];
    struct rtp_packet rtp;
    int bytes = (int)datagram->bytes;
    memcpy(copy, datagram->data, datagram->bytes);
    assert_int_equal(srtp_unprotect(listener->receiver, copy, &bytes), srtp_err_status_ok);
    assert_int_equal(rtp_parse(&rtp, slice_of(copy, (size_t)bytes)), 0);
    assert_int_equal(rtp.payload_type, PAYLOAD_TYPE);
    assert_int_equal(rtp.ssrc, listener->ssrc);
    assert_int_equal(rtp.timestamp, hall->packet.timestamp);
    assert_int_equal(rtp.payload.bytes, hall->packet.bytes);
    assert_memory_equal(rtp.payload.data, hall->packet.payload, hall->packet.bytes);
}

/* Protects an RTCP packet as the listener would. Returns its bytes. */
static inline size_t listener_protect(struct listener *listener, uint8_t *packet, size_t bytes)
{
    int protected_bytes = (int)bytes;
    assert_int_equal(srtp_protect_rtcp(listener->reporter, packet, &protected_bytes),
                     srtp_err_status_ok);
    return (size_t)protected_bytes;
}

static inline size_t write_report(struct listener *listener, uint32_t highest_ext_seq,
                                  uint8_t fraction_lost_q8, uint8_t out[PACKET_MAX])
{
    struct rtcp_block block = {.ssrc = listener->ssrc,
                               .highest_ext_seq = highest_ext_seq,
                               .fraction_lost_q8 = fraction_lost_q8};
    struct writer writer = writer_of(out, PACKET_MAX);
    assert_int_equal(rtcp_write_rr(listener->ssrc + 1, &block, 1, &writer), 0);
    return listener_protect(listener, out, writer.at);
}

static inline bool listener_report(struct hall *hall, struct listener *listener,
                                   uint32_t highest_ext_seq, uint8_t fraction_lost_q8)
{
    uint8_t packet[PACKET_MAX];
    size_t bytes = write_report(listener, highest_ext_seq, fraction_lost_q8, packet);
    return audience_receive(hall->audience, listener->seat, packet, bytes, hall->now_us) ==
           AUDIENCE_REPORT;
}

static inline bool listener_nack(struct hall *hall, struct listener *listener, const uint16_t *seqs,
                                 size_t count)
{
    uint8_t packet[PACKET_MAX];
    struct writer writer = writer_of(packet, sizeof(packet));
    assert_int_equal(rtcp_write_nack(listener->ssrc + 1, listener->ssrc, seqs, count, &writer), 0);
    size_t bytes = listener_protect(listener, packet, writer.at);
    return audience_receive(hall->audience, listener->seat, packet, bytes, hall->now_us) ==
           AUDIENCE_REPORT;
}

static inline struct audience_counts hall_counts(const struct hall *hall)
{
    struct audience_counts counts;
    audience_counts(hall->audience, hall->now_us, &counts);
    return counts;
}

#endif
