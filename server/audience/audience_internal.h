/* audience_internal.h - what audience.c (the passes), seats.c (who sits where) and feedback.c
 * (what they report) share.
 *
 * A seat has two halves. The hot one, all that a pass touches, lies packed in the group of its SRTP
 * profile and moves when another seat leaves. The cold one lies in a chunk at the seat's number and
 * never moves, nor do its keys.
 *
 * Owner    the audience
 * Thread   its worker
 * Units    as in audience.h
 * Errors   as in audience.h
 * Spec     as in audience.h
 */
#ifndef AUDIENCE_AUDIENCE_INTERNAL_H
#define AUDIENCE_AUDIENCE_INTERNAL_H

#include "audience/audience.h"
#include "audience/key_pool_internal.h"
#include "audience/redundancy.h"
#include "audience/reports.h"
#include "audience/resend.h"

enum {
    CACHE_LINE_BYTES = 64,
    CHUNK_SEATS = 64,
    SEATS_MAX = 65536,
    BUFFER_BYTES = 1536,     /* AUDIENCE_DATAGRAM_MAX and engines' slack, whole cache lines */
    START_MASK = 0x7FFF,     /* RFC 3711 section 3.3.1: a first sequence number below 2^15 keeps the
                                receiver's guess of the roll-over counter right */
    SR_FIRST_MS = 1000,      /* after the seat was added */
    SR_SCAN_US = 500 * 1000, /* in this time the cursor passes every seat once */
};
#define NOT_STARTED UINT64_MAX /* hot_seat.first_index before the seat's first packet */

/* One cache line: a pass reads all of it and nothing else but the key. */
struct hot_seat {
    const void *key;      /* borrowed from the group's pool: the sending half */
    uint64_t first_index; /* the program's index when it heard the first packet, or NOT_STARTED */
    uint32_t seat;
    uint32_t ssrc;
    uint32_t packets; /* sent, for sender reports (RFC 3550 section 6.4.1); retransmissions aside */
    uint32_t octets;  /* of payload */
    uint32_t sr_due_ms; /* low 32 bits of the monotonic time in ms */
    uint16_t start;     /* index of its first packet */
    uint8_t payload_type;
    uint8_t local; /* as in seat_params */
    uint8_t red_type;
    struct address address;
};
_Static_assert(sizeof(struct hot_seat) == CACHE_LINE_BYTES, "one cache line per seat");

/* The seats of one profile. A pass has served [0, next) and will serve [next, end); seats behind
 * `end` were added after it began. */
struct group {
    enum srtp_profile profile;
    uint32_t count, capacity;
    uint32_t next, end;
    struct hot_seat *hot; /* owned */
    struct key_pool keys;
};
enum { GROUP_GCM, GROUP_CM, GROUPS };

struct cold_seat {
    bool used;
    bool is_relay;
    uint8_t group;
    uint32_t at;           /* where its hot half lies in the group */
    uint32_t generation;   /* counts the owners of this number */
    uint32_t next_free;    /* seat number, when not used */
    struct key_pair *keys; /* borrowed from the group's pool */
    uint32_t rtcp_index;   /* of the last SRTCP packet that we sent; the first one is 1 */
    struct replay_window replay;
    struct resend_budget budget;
    struct seat_reports reports;
};

struct chunk {
    struct cold_seat seats[CHUNK_SEATS];
};

struct audience {
    const struct srtp_engine *engine; /* borrowed */
    void *batch;                      /* borrowed from the worker */
    uint32_t seats_max;

    struct group groups[GROUPS];
    struct pool chunk_pool;
    struct chunk **chunks; /* owned; table of chunk_max, filled from the front */
    uint32_t chunk_count, chunk_max;
    uint32_t first_free; /* seat number or NO_SEAT */

    struct program *program; /* owned */
    bool has_packet;
    struct program_packet packet; /* the newest; lent by the program until the next push */
    struct redundancy redundancy; /* what relays got last */
    struct resend_queue resends;
    uint32_t sr_cursor;     /* counts through the groups, one after the other */
    uint64_t sr_scanned_us; /* the cursor stands where it should be at this time */

    uint64_t packets_sent, packets_late, packets_failed, retransmitted, nack_refused, rtcp_bad;

    struct srtp_job jobs[AUDIENCE_BATCH];
    uint8_t *buffers; /* owned; AUDIENCE_BATCH of BUFFER_BYTES each */
};
#define NO_SEAT UINT32_MAX

/* Allocates the table of chunks; release with seats_clear(), which wipes all keys. ERR_NOMEM. */
MUST_CHECK int seats_init(struct audience *audience);
void seats_clear(struct audience *audience);
/* Lends; NULL: nobody has that number. */
struct cold_seat *seats_cold(const struct audience *audience, uint32_t seat);
struct hot_seat *seats_hot(struct audience *audience, const struct cold_seat *cold);
/* Lends the receiving half of the seat's keys. */
const void *seats_receive_key(const struct audience *audience, uint32_t seat);

#endif
