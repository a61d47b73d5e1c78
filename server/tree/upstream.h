/* upstream.h - a relay's ears: takes rooms' programs from their parents and hands them to the
 * workers, as a stage hands them what it mixed.
 *
 * One thread serves all rooms. Towards a parent it is an ICE-controlling DTLS client with a socket
 * of its own; what comes is put in order (tree/intake.h), never decoded, and goes on as
 * MEDIA_PROGRAM under a stage number of the transport that nobody else uses.
 *
 * A room has one parent, and two while it changes: the former goes on until the newer one has been
 * heard for UPSTREAM_OVERLAP_US. Index and timestamps go on without a jump.
 *
 *     upstream_credentials() -> the offer -> the parent's answer -> upstream_follow()
 *       CONNECTED -> SOUND <-> SILENT      ENDED: it failed, or gave way to a newer one
 *
 * Owner    main; started after the transport, stopped before it
 * Thread   every function here: control (the thread is inside), but for upstream_totals()
 * Units    as named
 * Errors   as named
 * Spec     RFC 8445, RFC 5764, RFC 3711, RFC 3550 section 6.4.2, RFC 4585 section 6.2.1, RFC 2198
 */
#ifndef TREE_UPSTREAM_H
#define TREE_UPSTREAM_H

#include "rostrum/peer.h"
#include "transport/transport.h"
#include "tree/intake.h"

enum {
    UPSTREAM_ROOMS_MAX = 256,
    UPSTREAM_JOIN_US = 3 * 1000 * 1000, /* from upstream_follow() to connected */
    UPSTREAM_OVERLAP_US = 200 * 1000,
    UPSTREAM_COUNTS_US = 1000 * 1000,
    /* A parent is silent after so much, and three packets' durations: 150 ms when they have 20 ms,
     * 270 ms when they have 60. */
    UPSTREAM_SILENT_US = 90 * 1000,
};

struct upstream; /* opaque */

struct upstream_config {
    struct transport *transport;          /* borrowed */
    unsigned stage;                       /* below the transport's `stages`; of no other thread */
    const struct dtls_identity *identity; /* borrowed; the offer bears its fingerprint */
};

/* Allocates; release with upstream_destroy(). ERR_NOMEM, ERR_IO. */
MUST_CHECK int upstream_create(struct upstream **out, const struct upstream_config *config);
void upstream_destroy(struct upstream *upstream); /* NULL is fine; stops it */
MUST_CHECK int upstream_start(struct upstream *upstream);
void upstream_stop(struct upstream *upstream); /* says goodbye to all parents */

/* ---- orders ---- */

/* What the parent's answer says, and what the offer said. The parent is ice-lite and passive. */
struct upstream_parent {
    uint32_t number;              /* control's own name for it, told in events */
    struct own_credentials local; /* of the offer */
    struct ice_credentials remote;
    struct fingerprint fingerprint;
    struct address candidates[PEER_CANDIDATES_MAX];
    unsigned candidate_count; /* 1 or more */
    uint32_t ssrc;
    uint8_t opus_type, red_type; /* red_type 0: no RED */
};

/* Fresh ones for an offer. */
void upstream_credentials(struct own_credentials *out);
/* The room's program comes from this parent from now on. For a room that is not open yet, its first
 * packet has this index, which must be above all that the transport's room has had (0 for a fresh
 * one); else first_index is not looked at. A parent that was never heard gives way at once, and of
 * two that were, the older. ERR_FULL: too many rooms or orders. ERR_INVAL, ERR_NOMEM, ERR_IO: then
 * everything is as before. */
MUST_CHECK int upstream_follow(struct upstream *upstream, uint32_t room, uint64_t first_index,
                               const struct upstream_parent *parent);
/* No program any more. UPSTREAM_CLOSED is the room's last event; until then it may not be opened
 * again. Not open: nothing happens. */
void upstream_close(struct upstream *upstream, uint32_t room);

/* ---- events ---- */

enum upstream_event_kind {
    UPSTREAM_CONNECTED,
    UPSTREAM_SOUND, /* the first packet, or the first one after silence */
    UPSTREAM_SILENT, /* was heard, and is not now: the parent or the way to it is gone, or the program
                        ended */
    UPSTREAM_ENDED,  /* the last event of this parent */
    UPSTREAM_COUNTS, /* of a room, every UPSTREAM_COUNTS_US */
    UPSTREAM_CLOSED, /* counts as well, for the last time */
};

/* Of states that changed faster than control looked, only the last is told. */
struct upstream_event {
    enum upstream_event_kind kind;
    uint32_t room;
    uint32_t parent;             /* but for COUNTS, CLOSED */
    enum peer_end cause;         /* ENDED; PEER_END_NONE: a newer parent has its place */
    uint64_t rtt_us;             /* SOUND, SILENT: to the parent; 0: unknown */
    uint64_t next_index;         /* COUNTS, CLOSED: of the next packet */
    uint64_t asked;              /* COUNTS, CLOSED: packets asked for again */
    struct intake_counts counts; /* COUNTS, CLOSED */
};

/* Readable when events wait. Lends; poll it on the control loop. */
int upstream_events_fd(const struct upstream *upstream);
void upstream_drain(struct upstream *upstream,
                    void (*on_event)(void *ctx, const struct upstream_event *event), void *ctx);

/* Of all rooms, since the start; approximate while running (any thread). */
struct upstream_totals {
    uint64_t datagrams_in, bytes_in;
    uint64_t frames;  /* handed to the workers */
    uint64_t forged;  /* not authentic */
    uint64_t dropped; /* another SSRC, too long */
};
void upstream_totals(const struct upstream *upstream, struct upstream_totals *out);

#endif
