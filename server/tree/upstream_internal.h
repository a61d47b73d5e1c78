/* upstream_internal.h - the inside of the upstream, shared by its files:
 *   upstream.c         what control does: making, orders, events
 *   upstream_thread.c  the loop
 *   upstream_room.c    a room: its links, its intake, frames for the workers, news for control
 *   upstream_link.c    one parent: socket, peer, SRTP, reports
 *
 * Control makes rooms and links and gives them away with an order; the thread frees them.
 *
 * Owner    the upstream's thread, but for what is marked as control's
 * Thread   the upstream's, which is a stage's to the transport (THREAD_STAGE)
 * Units    microseconds, monotonic
 * Errors   what the network does to a link ends it, with a cause
 * Spec     none
 */
#ifndef TREE_UPSTREAM_INTERNAL_H
#define TREE_UPSTREAM_INTERNAL_H

#include "base/ring.h"
#include "base/thread.h"
#include "base/wake.h"
#include "rostrum/srtp_link.h"
#include "transport/media.h"
#include "tree/upstream.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    LINK_BATCH = 8, /* datagrams that one call takes */
    POLL_EVENTS = UPSTREAM_ROOMS_MAX * INTAKE_SOURCES + 1,
};

/*     JOINING --on_keys--> CONNECTED --first packet--> HEARD <--> SILENT
 *        +------------------ end_link() --> ENDED <------+----------+      */
enum link_state { LINK_JOINING, LINK_CONNECTED, LINK_HEARD, LINK_SILENT, LINK_ENDED };

struct upstream_link {
    uint32_t parent;
    enum link_state state;
    enum link_state told; /* to control */
    enum peer_end cause;
    unsigned source;               /* at the intake */
    struct upstream_room *room;    /* borrowed */
    struct upstream_link *leaving; /* the next one, once ended; owned by the room */
    int fd;                        /* owned; -1: none */
    bool is_ipv4;                  /* the socket, because there is no IPv6 */
    bool is_bound;                 /* connected to the path */
    struct address path;
    struct peer *peer;      /* owned */
    struct srtp_link *srtp; /* owned; NULL until the keys are there */
    uint32_t ssrc;          /* the parent's */
    uint8_t opus_type, red_type;
    uint64_t join_by_us;
    uint64_t peer_due_us, report_due_us;
    uint64_t heard_us; /* the last packet */
    uint64_t sound_us; /* the first packet, or the first one after silence */
};

struct upstream_room {
    uint32_t number;
    struct upstream *upstream;                   /* borrowed; set by the thread */
    struct intake *intake;                       /* owned */
    struct upstream_link *links[INTAKE_SOURCES]; /* owned; by source, NULL: none */
    unsigned newest;                             /* the link that came last */
    struct upstream_link *leaving;               /* owned; ended, not told yet */
    struct upstream_room *closed;                /* the next one that was closed and not told yet */
    uint64_t counts_us;                          /* when they are due */
    uint64_t asked;
};

enum upstream_order_kind { UPSTREAM_FOLLOW, UPSTREAM_CLOSE };

struct upstream_order {
    enum upstream_order_kind kind;
    uint32_t room;
    struct upstream_room *fresh; /* FOLLOW: goes over to the thread; NULL: the room is open */
    struct upstream_link *link;  /* FOLLOW: goes over to the thread */
};

/* What one call of recvmmsg() fills. */
struct upstream_inbox {
    struct mmsghdr messages[LINK_BATCH];
    struct iovec parts[LINK_BATCH];
    struct sockaddr_storage from[LINK_BATCH];
    uint8_t data[LINK_BATCH][PEER_DATAGRAM_MAX];
};

struct upstream {
    struct upstream_config config;
    struct thread thread;
    bool is_running; /* control's, as the next three */
    uint64_t orders_sent;
    uint32_t open_rooms[UPSTREAM_ROOMS_MAX];
    unsigned open_count;
    struct ring *orders; /* owned; from control */
    struct ring *events; /* owned; to control */
    struct wake own;     /* orders wait, or it shall stop */
    struct wake control; /* events wait */
    _Atomic uint64_t orders_done;
    atomic_bool stops;
    _Atomic uint64_t datagrams_in, bytes_in, frames, forged, dropped;
    /* the thread's own */
    int epoll_fd; /* owned */
    bool has_events;
    unsigned room_count;
    struct upstream_room *rooms[UPSTREAM_ROOMS_MAX]; /* owned */
    uint64_t due_us[UPSTREAM_ROOMS_MAX];             /* when each has something to do */
    struct upstream_room *closed;                    /* owned; list of those to be told */
    struct epoll_event ready[POLL_EVENTS];
    struct upstream_inbox inbox;
    /* a struct media_frame and its payload */
    _Alignas(struct media_frame) uint8_t frame[sizeof(struct media_frame) + INTAKE_PAYLOAD_MAX];
};

/* Only the thread writes them, so no read-modify-write is needed. */
static inline void upstream_count(_Atomic uint64_t *counter, uint64_t more)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + more, memory_order_relaxed);
}

void upstream_run(void *upstream); /* for thread_start() */

/* ---- rooms ---- */

MUST_CHECK int upstream_room_create(struct upstream_room **out, uint32_t number,
                                    uint64_t first_index);
/* Says goodbye to its parents. NULL is fine. */
void upstream_room_destroy(struct upstream_room *room);
/* Takes the link over. */
void upstream_room_follow(struct upstream_room *room, struct upstream_link *link, uint64_t now_us);
/* Ends its links, without a word to control. */
void upstream_room_close(struct upstream_room *room);
/* Does what is due, after its sockets were read; returns when to come again. */
uint64_t upstream_room_step(struct upstream_room *room, uint64_t now_us);
/* False: the ring is full, and something is still to be told. */
bool upstream_room_tell(struct upstream_room *room);
bool upstream_room_tell_counts(struct upstream_room *room, enum upstream_event_kind kind);

/* ---- links ---- */

/* Opens the socket and makes the peer. Control. ERR_INVAL, ERR_NOMEM, ERR_IO. */
MUST_CHECK int upstream_link_create(struct upstream_link **out,
                                    const struct upstream_parent *parent,
                                    const struct dtls_identity *identity, uint64_t now_us);
/* Says goodbye. NULL is fine. */
void upstream_link_destroy(struct upstream_link *link);
/* The same, but what is to be told stays. */
void upstream_link_end(struct upstream_link *link, enum peer_end cause);
/* Reads its socket until it is empty. */
void upstream_link_receive(struct upstream_link *link, uint64_t now_us);
/* Does what is due; returns when to come again. */
uint64_t upstream_link_tick(struct upstream_link *link, uint64_t now_us);
/* Asks for what is missing. */
void upstream_link_ask(struct upstream_link *link, uint64_t now_us);

#endif
