/* media.h - the client's media connection: a UDP socket, a controlling peer, SRTP.
 *
 * Owner    session.c
 * Thread   the loop's
 * Units    microseconds, monotonic; of an RTP packet: when the kernel had it
 * Errors   as named; what the network damages is counted and dropped
 * Spec     RFC 8829, RFC 8445, RFC 3711
 */
#ifndef CLI_MEDIA_H
#define CLI_MEDIA_H

#include "rostrum/error.h"
#include "rostrum/peer.h"
#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"
#include "rostrum/sdp.h"

#include <uv.h>

enum { MEDIA_SDP_MAX = 8192 };

struct media;

struct media_events {
    void (*on_up)(void *owner);
    void (*on_rtp)(void *owner, const struct rtp_packet *packet, uint64_t now_us);
    void (*on_rtcp)(void *owner, const struct rtcp_packet *packet, uint64_t now_us);
    void (*on_lost)(void *owner, enum peer_end cause); /* the last call */
};

/* Opens a socket and writes an offer. direction: SDP_RECVONLY, SDP_SENDRECV. Allocates. ERR_IO,
 * ERR_NOMEM. */
MUST_CHECK int media_create(struct media **out, uv_loop_t *loop,
                            const struct dtls_identity *identity, enum sdp_direction direction,
                            const struct media_events *events, void *owner,
                            char offer[MEDIA_SDP_MAX]);
/* From now on it answers nothing and says no good-bye. */
void media_mute(struct media *media);
/* Closes its handles, which need the loop to run on once more. NULL is fine. */
void media_close(struct media *media);
/* The server's answer: checks begin. ERR_PROTO, ERR_UNSUPPORTED: told on standard error. */
MUST_CHECK int media_answer(struct media *media, const char *answer);
/* Protects and sends one Opus packet with the next sequence number; kept for retransmission.
 * ERR_AGAIN: not up. */
MUST_CHECK int media_send(struct media *media, uint32_t timestamp, struct slice opus);
/* Sends a compound RTCP packet that the caller wrote; one that cannot go now is dropped, as the next report replaces it. */
void media_send_rtcp(struct media *media, struct slice compound);
uint32_t media_ssrc(const struct media *media);

#endif
