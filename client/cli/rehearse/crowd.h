/* crowd.h - thousands of real listeners in one process: signalling, ICE, DTLS, SRTP, reports.
 *
 * One thread (signalling, libuv and libwebsockets) brings listeners to the door by WebSocket or
 * WHEP as the plan says and hears the answers; the ear threads own the UDP sockets, the peers and
 * what is received, and read many sockets with one wait. A listener that is refused with
 * retry_after comes again then, as a page does, and counts as one more attempt; one whose attempt
 * fails or whose connection is lost comes again after a moment, longer each time, and gives up
 * after six failures in a row, or at once when this machine is the limit.
 *
 * All share one DTLS certificate, which browsers would not: it costs the server the same.
 *
 * Owner    rehearse
 * Thread   create, start, stop, destroy: the command's. crowd_look: any
 * Units    microseconds, monotonic
 * Errors   as named; what happens to a listener is counted, never an error of the crowd
 * Spec     protocol.schema.json, WHEP, RFC 8445, RFC 5764, RFC 3711
 */
#ifndef REHEARSE_CROWD_H
#define REHEARSE_CROWD_H

#include "base/address.h"
#include "plan.h"
#include "stands.h"
#include "tally.h"
#include "wave.h"

struct crowd;

struct crowd_params {
    const struct plan *plan; /* borrowed */
    const char *server;      /* http://host:port, borrowed */
    struct address address;  /* where that is */
    const char *slug;
    unsigned ear_threads;          /* 1..16 */
    const struct address *sources; /* borrowed; where sockets are bound to (port 0), in turn; */
    unsigned source_count;         /* 0: the system chooses */
    bool is_stubborn;              /* nobody gives up because attempts failed */
};

/* What stands now; sums of the threads, a moment old at most. */
struct crowd_now {
    uint32_t waiting;   /* their turn has not come */
    uint32_t joining;   /* attempt under way */
    uint32_t lined;     /* have a place in line, or ask there */
    uint32_t seated;    /* were answered with a seat and have not left */
    uint32_t connected; /* handshake done and not left */
    uint32_t steady;    /* have heard for ten seconds or longer */
    uint32_t heard;     /* a packet came in the last ten seconds, also to who has left since */
    uint32_t missing;   /* had sound, lost it, and do not have it again yet */
    uint32_t hearing;   /* a packet came in the last second (unread ones: came once) */
    uint32_t gone;      /* left, or given up: refused for good or failed */
    uint64_t attempts, joined, refused, failed, disconnects, packets, lost;
    uint64_t late_answers, unanswered; /* as in struct tally_asks */
    bool is_over;                      /* everybody left as planned, or gave up */
};

/* Allocates. ERR_INVAL, ERR_NOMEM, ERR_IO. */
MUST_CHECK int crowd_create(struct crowd **out, const struct crowd_params *params);
MUST_CHECK int crowd_start(struct crowd *crowd); /* the plan's time begins */
void crowd_look(struct crowd *crowd, struct crowd_now *out);
/* A conductor's word, done within a moment (plan: is_conducted). ERR_FULL: too many at a time. */
MUST_CHECK int crowd_wave(struct crowd *crowd, const struct wave *wave);
/* Questions that are asked from now on count in this part of the tally, 0..TALLY_PARTS - 1. */
void crowd_set_part(struct crowd *crowd, unsigned part);
/* Everybody leaves (WebSocket closed, WHEP deleted, close_notify) and the threads end; at most a
 * few seconds. */
void crowd_stop(struct crowd *crowd);
/* After crowd_stop(): the sum of everything. out->per_second is the caller's or NULL. */
void crowd_tally(const struct crowd *crowd, struct tally *out);
/* After crowd_stop(): lends who stood where. */
const struct stands *crowd_stands(const struct crowd *crowd);
void crowd_destroy(struct crowd *crowd); /* NULL is fine */

#endif
