/* worker.h - one worker: a socket, a thread, the peers that it owns and its share of every room's
 * audience.
 *
 * Owner    the transport, which also owns all rings and bells
 * Thread   worker_create/start/stop/destroy: control; worker_add_totals, worker_gone: any
 * Units    as named
 * Errors   as named
 * Spec     RFC 7983 (demultiplexing)
 */
#ifndef TRANSPORT_WORKER_H
#define TRANSPORT_WORKER_H

#include "base/ring.h"
#include "base/wake.h"
#include "transport/transport.h"

/* ---- what travels on the rings ---- */

enum order_kind {
    ORDER_OPEN_ROOM,
    ORDER_CLOSE_ROOM,
    ORDER_ADD_PEER,
    ORDER_REMOVE_PEER,
    ORDER_RESTART_PEER,
};

struct order {
    enum order_kind kind;
    uint32_t room; /* ORDER_OPEN_ROOM, ORDER_CLOSE_ROOM */
    uint64_t peer; /* ORDER_REMOVE_PEER, ORDER_RESTART_PEER */
};

struct add_order {
    struct order head;
    struct peer_order peer;
};

struct restart_order {
    struct order head;
    struct own_credentials local;
};

enum hand_kind {
    HAND_DATAGRAM, /* it is yours, but the kernel gave it to me */
    HAND_ADDRESS,  /* what comes from this address is mine */
};

/* From worker to worker. */
struct hand {
    enum hand_kind kind;
    uint32_t data_bytes;
    struct address from;
    struct address local; /* HAND_DATAGRAM: where it was sent to; each worker has its own numbers */
    uint8_t data[];       /* data_bytes of it; HAND_DATAGRAM only */
};

/* ---- the worker ---- */

/* All are borrowed from the transport; [own number] of the worker arrays is not used. */
struct worker_links {
    struct ring *orders; /* from control */
    struct ring *events; /* to control */
    struct ring *from_stage[TRANSPORT_STAGES_MAX];
    struct ring *to_stage[TRANSPORT_STAGES_MAX];
    struct ring *from_worker[TRANSPORT_WORKERS_MAX];
    struct ring *to_worker[TRANSPORT_WORKERS_MAX];
    struct wake *own;
    struct wake *control;
    struct wake *stages[TRANSPORT_STAGES_MAX];
    struct wake *workers[TRANSPORT_WORKERS_MAX];
};

struct worker_params {
    unsigned number, workers, stages;
    uint16_t port;
    unsigned handshakes_per_prefix;   /* listeners', under way at once */
    const struct srtp_engine *engine; /* borrowed, as the next two */
    const struct dtls_identity *identity;
    const struct worker_links *links;
};

struct worker; /* opaque: fields live in worker_internal.h */

/* Opens the socket. Allocates; release with worker_destroy(). ERR_EXIST, ERR_IO, ERR_NOMEM. */
MUST_CHECK int worker_create(struct worker **out, const struct worker_params *params);
void worker_destroy(struct worker *worker); /* NULL is fine; stopped before */
MUST_CHECK int worker_start(struct worker *worker);
/* Says goodbye to all peers and joins the thread; fine when it never started. */
void worker_stop(struct worker *worker);
/* Adds this worker's counters to `out`. */
void worker_add_totals(const struct worker *worker, struct transport_totals *out);
/* How many of the peers that it was given are gone again. */
uint64_t worker_gone(const struct worker *worker);

#endif
