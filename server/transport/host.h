/* host.h - the media of one host, behind its keys: what it sends is opened, policed and reported
 * on; its feed is numbered, protected and kept for a while, in case it asks again.
 *
 * Owner    one peer of a worker
 * Thread   that worker; allocates only in host_create()
 * Units    microseconds, monotonic, passed in
 * Errors   bytes from the network are counted and dropped
 * Spec     RFC 3550, RFC 4585, RFC 7587
 */
#ifndef TRANSPORT_HOST_H
#define TRANSPORT_HOST_H

#include "rostrum/error.h"
#include "rostrum/srtp_keys.h"
#include "transport/media.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HOST_PACKETS_PER_S = 200, /* four times what a browser sends */
    HOST_BURST_PACKETS = 400, /* what piles up behind a stalled link may come at once */
    HOST_REPORT_US = 1000 * 1000,
    HOST_FEED_MAX_BYTES = 1440, /* a larger feed packet would not fit into a datagram */
};

struct host; /* opaque: fields live in host.c */

struct host_events {
    /* One protected datagram; lent. */
    void (*on_send)(void *owner, const uint8_t *data, size_t bytes);
    /* One packet in clear; lent. */
    void (*on_rtp)(void *owner, const uint8_t *rtp, size_t bytes, uint64_t arrival_us);
};

struct host_params {
    const struct srtp_keys *keys;     /* used during the call only */
    const struct host_events *events; /* borrowed */
    void *owner;
    uint32_t ssrc; /* ours */
    uint8_t payload_type;
    uint8_t red_type; /* 0: none */
    bool nack;        /* we may ask for retransmission */
    int64_t wall_ms;  /* now, for sender reports */
};

struct host_counts {
    uint64_t forged, replayed, policed, retransmitted, oversized;
};

/* Allocates; release with host_destroy(). ERR_NOMEM, ERR_CRYPTO. */
MUST_CHECK int host_create(struct host **out, const struct host_params *params, uint64_t now_us);
void host_destroy(struct host *host); /* NULL is fine */
/* Opens in place. True if it was authentic. */
bool host_receive_rtp(struct host *host, uint8_t *packet, size_t bytes, uint64_t now_us);
bool host_receive_rtcp(struct host *host, uint8_t *packet, size_t bytes, uint64_t now_us);
/* The next packet of its feed. */
void host_send(struct host *host, const struct media_frame *frame);
/* Sends reports and requests that are due. */
void host_tick(struct host *host, uint64_t now_us);
uint64_t host_due_us(const struct host *host);
const struct host_counts *host_counts(const struct host *host);

#endif
