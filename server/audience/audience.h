/* audience.h - one worker's share of a room's audience: seats, the pass that sends each program
 * packet to all of them, what their reports prove, and retransmission.
 *
 * A program packet starts a pass. The worker calls audience_fill() again and again, sending what it
 * gets, and looks after its socket in between, until the pass is over. Each seat has its own packet
 * index, which starts near zero when it joins: index = packet.index - seat's first packet (+ a
 * small random start), so a late joiner's roll-over counter is right and a packet that was dropped
 * leaves a visible gap.
 *
 * Owner    a worker; one audience per room on each worker
 * Thread   that worker; allocates only in audience_create() and when seats are added
 * Units    microseconds, monotonic, passed in; index as in program.h
 * Errors   as named; bytes from the network are counted and dropped
 * Spec     RFC 3550 (RR, SR), RFC 4585 (NACK), RFC 3711 section 3.3.1 (roll-over counter)
 */
#ifndef AUDIENCE_AUDIENCE_H
#define AUDIENCE_AUDIENCE_H

#include "audience/program.h"
#include "audience/srtp_batch.h"
#include "base/address.h"
#include "rostrum/error.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AUDIENCE_DATAGRAM_MAX = 1472,
    AUDIENCE_BATCH = 64, /* datagrams that one fill makes at most */
    AUDIENCE_HEARING_US = 10 * 1000 * 1000,
    AUDIENCE_LOSING_PERMILLE = 50,
    /* A packet older than its own duration and this is dropped, not sent late: the next one has been
     * due for a tick. */
    AUDIENCE_LATE_US = 20 * 1000,
    AUDIENCE_SR_EVERY_US = 5 * 1000 * 1000,
};

#define AUDIENCE_CNAME "rostrum" /* in our sender reports; the SDP may name it too */

struct audience; /* opaque */

/* Datagrams ready to be sent with sendmmsg(); lent until the next call into the audience. */
struct datagram {
    const uint8_t *data;
    uint32_t bytes;
    struct sockaddr_in6 to;
    uint8_t local; /* the seat's */
};

struct audience_params {
    const struct srtp_engine *engine; /* borrowed */
    void *batch;                      /* borrowed from the worker: its engine scratch */
    uint32_t seats_max;               /* limit on this worker, 1..65536 */
};

struct seat_params {
    uint64_t peer;
    struct address address;
    uint8_t local; /* which of our own addresses its datagrams leave from: the worker's number */
    const struct srtp_keys *keys; /* copied */
    uint32_t ssrc;
    uint8_t payload_type; /* Opus */
    uint8_t red_type;     /* nonzero: a relay's seat, its packets are RED (audience/redundancy.h) */
};

struct audience_counts {
    uint32_t connected;
    uint32_t relays;         /* of the connected */
    uint32_t relays_hearing; /* of the hearing */
    uint32_t hearing; /* reports of the last AUDIENCE_HEARING_US whose highest sequence number moved
                         on */
    uint32_t loss_permille; /* mean of the fractions lost in those reports */
    uint32_t losing;        /* of the hearing: AUDIENCE_LOSING_PERMILLE or more */
    uint64_t packets_sent;
    uint64_t packets_late;   /* due and dropped, because their time was over */
    uint64_t packets_failed; /* due and not encrypted */
    uint64_t retransmitted, nack_refused, rtcp_bad;
};

/* Allocates; release with audience_destroy(). ERR_NOMEM, ERR_INVAL. */
MUST_CHECK int audience_create(struct audience **out, const struct audience_params *params);
void audience_destroy(struct audience *audience); /* NULL is fine; wipes keys */

/* A listener whose handshake is done. The seat number stays until audience_remove_seat(). ERR_FULL,
 * ERR_NOMEM, ERR_CRYPTO, ERR_INVAL (profile). */
MUST_CHECK int audience_add_seat(struct audience *audience, const struct seat_params *params,
                                 uint64_t now_us, uint32_t *seat);
void audience_move_seat(struct audience *audience, uint32_t seat, const struct address *address,
                        uint8_t local);
void audience_remove_seat(struct audience *audience, uint32_t seat);

/* The next packet of the program: kept for retransmission, and a new pass begins (an unfinished one
 * is cut off and its rest counted as late). ERR_INVAL as program_push(). */
MUST_CHECK int audience_push(struct audience *audience, const struct program_packet *packet,
                             uint64_t now_us);
/* Makes up to `max` (at most AUDIENCE_BATCH) datagrams of the running pass, then of pending
 * retransmissions and sender reports. Returns how many; 0: nothing is due. */
unsigned audience_fill(struct audience *audience, struct datagram *out, unsigned max,
                       uint64_t now_us);
/* Datagrams of the running pass and retransmissions that wait to be made; sender reports not
 * counted. */
uint32_t audience_due(const struct audience *audience);

enum audience_heard {
    AUDIENCE_NOTHING, /* it is not of that seat's peer, or came before */
    AUDIENCE_REPORT,
    AUDIENCE_BYE, /* RFC 3550 section 6.6 */
};
/* An SRTCP datagram of that seat, decrypted in place. A replayed one is counted as bad. */
enum audience_heard audience_receive(struct audience *audience, uint32_t seat, uint8_t *packet,
                                     size_t bytes, uint64_t now_us);

void audience_counts(const struct audience *audience, uint64_t now_us, struct audience_counts *out);

#endif
