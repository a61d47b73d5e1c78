/* worker_internal.h - the inside of a worker, shared by its files:
 *   worker.c        the loop, orders, timers
 *   worker_net.c    datagrams: whose they are, hand-over, the handshake queue
 *   worker_peer.c   a peer's life: its callbacks, seat, host, news for control
 *   worker_room.c   rooms: program frames, passes, counts
 *
 * Owner    the worker's thread, from worker_start() to worker_stop()
 * Thread   worker; counters are read by any
 * Units    microseconds, monotonic
 * Errors   what cannot be kept is dropped and counted
 * Spec     none
 */
#ifndef TRANSPORT_WORKER_INTERNAL_H
#define TRANSPORT_WORKER_INTERNAL_H

#include "audience/audience.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/thread.h"
#include "rostrum/rtp.h"
#include "transport/half_open.h"
#include "transport/host.h"
#include "transport/pace.h"
#include "transport/peer_internal.h"
#include "transport/routes.h"
#include "transport/timers.h"
#include "transport/udp.h"
#include "transport/worker.h"

#include <poll.h>
#include <stdatomic.h>

enum {
    ROOMS_MAX = 1024,
    SEAT_KINDS = SEAT_HOST + 1,
    HANDSHAKES_MAX = 512,   /* half-open ones; further newcomers wait for their next try. Hosts
                                  count for themselves: no storm of listeners keeps them out */
    HANDSHAKES_PREFIX = 32, /* of them, with one prefix, unless told otherwise */
    HANDSHAKES_NETWORK = HANDSHAKES_MAX / 4, /* of them, with one network at least... */
    HANDSHAKES_PREFIXES = 4,   /* ...and as many as so many of its prefixes may have under way */
    HANDSHAKE_QUEUE = 1024,    /* DTLS datagrams of listeners that wait for a quiet moment */
    HANDSHAKE_QUEUE_PEER = 8,  /* of one of them: a flight that came in pieces */
    HANDSHAKES_PER_TURN = 4,   /* then hosts and the socket have theirs */
    HANDSHAKE_US = 400,        /* what one costs: it must fit into the time before the next burst */
    HANDSHAKE_WAIT_US = 20000, /* when none could be served for that long, one is all the same */
    COUNTS_EVERY_US = 500 * 1000,
    ROUTE_EVERY_US = 10 * 1000 * 1000,
    /* With more peers than this, the socket is looked at every five milliseconds instead of at
     * each datagram: of ten thousand that send a report or a check now and then, each would cost a
     * wake-up of its own. Hosts have their own sockets and do not wait. */
    CROWD_PEERS = 500,
    CROWD_WAIT_US = 5000,
    DIRECT_MAX = 64, /* hosts with a socket of their own; the others share the listeners' */
};

/* What a worker waits for. */
enum { POLL_BELL, POLL_SOCKET, POLL_DIRECT, POLLS_MAX = POLL_DIRECT + DIRECT_MAX };

struct worker_counters {
    _Atomic uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out;
    _Atomic uint64_t dropped_unauthenticated, dropped_malformed, dropped_replayed, dropped_full;
    _Atomic uint64_t handed_over, send_failures;
    _Atomic uint64_t program_sent, program_late, program_failed;
    _Atomic uint64_t retransmitted, nack_refused, rtcp_bad;
    _Atomic uint64_t handshakes_refused, handshakes_repeated;
    _Atomic uint64_t gone;
};

/* Only this worker writes its counters, so no read-modify-write is needed. */
static inline void worker_count(_Atomic uint64_t *counter, uint64_t more)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + more, memory_order_relaxed);
}

struct worker_room {
    uint32_t number;
    struct audience *audience; /* owned */
    bool was_counted;          /* the last counts told of somebody */
    bool has_waiting;
    struct audience_counts told; /* as counted so far */
    /* A frame that came while the pass of the one before was still running. */
    struct program_packet waiting;
    uint8_t waiting_payload[MEDIA_PAYLOAD_MAX];
};

struct worker_peer {
    struct timer timer;
    struct worker *worker; /* borrowed */
    struct peer peer;
    struct host *host;             /* owned; hosts with keys */
    struct worker_room *room;      /* borrowed; listeners with a seat */
    struct worker_peer *next_news; /* borrowed */
    uint64_t id;
    uint64_t ufrags[2];      /* after restarts: the one in force and the one before; 0: none */
    struct peer_path path;   /* where media goes */
    uint64_t route_asked_us; /* worker_peer_follow_route() */
    enum seat_kind kind;
    enum peer_end cause;
    uint32_t room_number, host_number, seat, ssrc;
    uint8_t stage, payload_type, red_type;
    uint8_t queued_handshakes;
    bool nack;
    bool is_relay;
    bool has_begun; /* its handshake: the first datagram of it was served */
    bool is_confirmed;
    bool has_news, is_connected_news, is_ended; /* see worker_peer.c */
    bool is_silent;                             /* control itself removed it */
};

struct queued_handshake {
    uint64_t peer;
    struct peer_path from;
    uint64_t arrival_us;
    size_t bytes;
    uint8_t data[UDP_DATAGRAM_MAX_BYTES];
};

struct worker {
    struct worker_params params;
    struct worker_links links;
    struct thread thread;
    bool has_thread;
    _Atomic bool is_stopping;
    struct udp udp;
    struct udp_inbox *inbox;                /* owned */
    struct pollfd polls[POLLS_MAX];         /* owned from POLL_DIRECT on */
    struct worker_peer *direct[DIRECT_MAX]; /* borrowed: whose socket polls[POLL_DIRECT + i] is */
    unsigned direct_count;
    void *batch; /* owned: the engine's scratch */
    struct peer_group groups[SEAT_KINDS];
    struct half_open half_open; /* of listeners */
    uint64_t dropped_by_peers;  /* part of the groups' dropped that is counted already ... */
    uint64_t refused_by_peers;  /* ... and of their refused */
    struct pool peer_pool;      /* of struct worker_peer */
    struct map peers;           /* by user fragment: struct worker_peer, owned through `timers` */
    struct timers timers;       /* holds every peer once */
    struct routes routes;
    size_t peer_count;
    struct worker_room *rooms[ROOMS_MAX]; /* owned */
    unsigned room_count;
    struct pace pace;
    uint64_t counts_us;             /* when the next counts are due */
    struct worker_peer *news;       /* list of those with news; oldest last */
    struct queued_handshake *queue; /* owned: HANDSHAKE_QUEUE of them */
    unsigned queue_head, queue_count;
    uint64_t handshaken_us; /* when the last of them was served */
    uint64_t now_us;        /* of this turn */
    bool has_events;        /* control's bell must ring at the end of the turn */
    bool stage_rings[TRANSPORT_STAGES_MAX];
    bool worker_rings[TRANSPORT_WORKERS_MAX];
    struct worker_counters counters;
};

/* worker_net.c */
MUST_CHECK bool worker_receive(struct worker *worker); /* true: there may be more */
void worker_take_hands(struct worker *worker);
/* A host's own socket, for the path that it has now: open_ replaces a former one and may fail
 * quietly, close_ is fine without one. */
void worker_direct_open(struct worker_peer *wp);
void worker_direct_close(struct worker_peer *wp);
void worker_receive_direct(struct worker *worker); /* from those that were found ready */
/* A few, if there is time for them before the next burst; true: there is for more. */
MUST_CHECK bool worker_run_handshakes(struct worker *worker);
void worker_send(struct worker *worker, const struct peer_path *to, const uint8_t *data,
                 size_t bytes);

/* worker_peer.c */
void worker_peer_add(struct worker *worker, const struct peer_order *order);
void worker_peer_restart(struct worker *worker, const struct restart_order *order);
/* Ends it from our side; it is freed when the news are told. */
void worker_peer_end(struct worker_peer *wp, enum peer_end cause, bool is_silent);
void worker_peer_free(struct worker_peer *wp);
/* Runs its clock, and sets its timer anew. */
void worker_peer_tick(struct worker_peer *wp);
/* Tells a listener's seat where its path leads and whether the system would send from the right
 * address by itself, which changes with the routes: at a check, every ROUTE_EVERY_US. */
void worker_peer_follow_route(struct worker_peer *wp);
/* RTP or RTCP, by its address. */
void worker_peer_media(struct worker_peer *wp, enum packet_kind kind, uint8_t *data, size_t bytes);
void worker_tell_news(struct worker *worker);

/* worker_room.c */
void worker_room_open(struct worker *worker, uint32_t number);
void worker_room_close(struct worker *worker, uint32_t number);
struct worker_room *worker_room_find(const struct worker *worker, uint32_t number);
void worker_room_free(struct worker_room *room);
void worker_room_frame(struct worker *worker, const struct media_frame *frame);
/* A burst, if one is due: of the rooms' passes, then of what else they have to send. */
void worker_run_passes(struct worker *worker);
void worker_tell_counts(struct worker *worker);

#endif
