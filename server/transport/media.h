/* media.h - the records on the rings between workers and stage threads, one packet each.
 *
 * Owner    the ring holds them; each is copied in by the producer and lent to the consumer
 * Thread   host_packet: worker to stage; media_frame: stage to worker
 * Units    microseconds; samples at 48 kHz per channel; bytes
 * Errors   none: plain data of our own making
 * Spec     none (inside one process)
 */
#ifndef TRANSPORT_MEDIA_H
#define TRANSPORT_MEDIA_H

#include <stdint.h>

enum {
    MEDIA_RTP_MAX = 1500,
    MEDIA_PAYLOAD_MAX = 1275 * 3, /* three Opus frames, for 60 ms packets */
};

/* One decrypted RTP packet of a host. */
struct host_packet {
    uint64_t peer;
    uint64_t arrival_us;
    uint32_t room;
    uint32_t host;
    uint32_t rtp_bytes;
    uint8_t rtp[]; /* rtp_bytes of it */
};

enum media_kind {
    MEDIA_PROGRAM, /* to every seat of `room` that this worker has */
    MEDIA_HOST,    /* to the host behind `peer` */
};

/* One encoded Opus packet on its way out. */
struct media_frame {
    enum media_kind kind;
    uint32_t room;
    uint64_t peer;    /* MEDIA_HOST only */
    uint64_t index;   /* counts the packets of this program, or of this host's feed, from 0 without
                         holes */
    uint64_t made_us; /* when the tick began: age is measured from here */
    uint32_t timestamp; /* RTP timestamp */
    uint32_t samples;   /* duration: 960 = 20 ms */
    uint32_t payload_bytes;
    uint8_t payload[]; /* payload_bytes of it */
};

#endif
