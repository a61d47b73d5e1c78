/* transport.h - the workers: one UDP port, one socket and one thread each, and all peers behind
 * them.
 *
 * Control orders peers by ring and hears of them by events; stages take and give media by rings. A
 * peer's id is its first ICE user fragment (eight characters read as a number), whose first
 * character names the worker that owns it: so any worker can tell at once whose a STUN check is.
 *
 * Owner    main; created before the stages, stopped after them
 * Thread   transport_create/start/stop and orders: control; transport_stage_*: the stage thread of
 *          that number
 * Units    as named
 * Errors   orders: ERR_FULL when the worker's ring is full (refuse the join, say so)
 * Spec     RFC 8445, RFC 7983 (demultiplexing), RFC 5761 (rtcp-mux)
 */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include "rostrum/error.h"
#include "rostrum/peer.h"
#include "transport/media.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRANSPORT_WORKERS_MAX = 64,
    TRANSPORT_STAGES_MAX = 17, /* one of them for what comes from other nodes */
};

struct transport; /* opaque */

struct transport_config {
    unsigned workers; /* 1..TRANSPORT_WORKERS_MAX */
    unsigned stages;  /* 1..TRANSPORT_STAGES_MAX stage threads will be attached */
    uint16_t port;    /* 0: any free one, see transport_port() */
    /* Listeners' handshakes that one address may have under way at each worker; 0: 32. */
    unsigned handshakes_per_prefix;
    const char *srtp_engine; /* "auto" or the name of an engine (audience/srtp_batch.h) */
    const struct dtls_identity *identity; /* borrowed */
};

/* Binds the sockets ([::]:port, dual stack; 0.0.0.0 where IPv6 is missing) and makes all rings.
 * Allocates; release with transport_destroy(). ERR_EXIST: the port is taken. ERR_IO, ERR_NOMEM,
 * ERR_INVAL. */
MUST_CHECK int transport_create(struct transport **out, const struct transport_config *config);
void transport_destroy(struct transport *transport);
uint16_t transport_port(const struct transport *transport);
MUST_CHECK int transport_start(struct transport *transport);
void transport_stop(struct transport *transport); /* close_notify to all peers, joins the threads */

/* ---- orders (control thread) ---- */

enum seat_kind { SEAT_LISTENER, SEAT_HOST };

/* A peer's ICE credentials on our side. Small, as very many travel on the rings at once. */
struct own_credentials {
    char ufrag[PEER_OWN_UFRAG_CHARS + 1];
    char pwd[PEER_OWN_PWD_CHARS + 1];
};

struct peer_order {
    uint64_t id; /* peer_id_new() */
    enum seat_kind kind;
    uint32_t room;
    uint32_t host;  /* SEAT_HOST: the host's number; else 0 */
    unsigned stage; /* SEAT_HOST: which stage thread serves the room */
    enum dtls_role dtls;
    struct own_credentials local; /* ufrag = the id's characters. A lite agent never checks, so it
                                     needs none of the remote's */
    struct fingerprint fingerprint;
    uint32_t ssrc;        /* ours, towards the peer */
    uint8_t payload_type; /* Opus, both ways */
    uint8_t red_type;     /* RED from a host, or to a relay; 0 = not negotiated */
    bool is_relay;        /* SEAT_LISTENER: another node, which gets RED of red_type */
    bool nack;            /* negotiated: we may ask for retransmission */
};

/* A fresh id on the worker with the fewest peers, and its characters as the local user fragment. */
uint64_t peer_id_new(struct transport *transport, struct own_credentials *local);
unsigned peer_id_worker(uint64_t id);
/* Fresh credentials for transport_restart_peer(): the user fragment names the same worker. */
void peer_id_renew(uint64_t id, struct own_credentials *local);

/* The room's program will be fanned out by every worker from now on. */
MUST_CHECK int transport_open_room(struct transport *transport, uint32_t room);
void transport_close_room(struct transport *transport,
                          uint32_t room); /* ends its listeners' peers */
MUST_CHECK int transport_add_peer(struct transport *transport, const struct peer_order *order);
void transport_remove_peer(struct transport *transport,
                           uint64_t id); /* close_notify; no event follows */
/* `local` from peer_id_renew(). ERR_FULL, ERR_INVAL (another worker's user fragment). */
MUST_CHECK int transport_restart_peer(struct transport *transport, uint64_t id,
                                      const struct own_credentials *local);

/* ---- events (control thread) ---- */

enum transport_event_kind {
    TRANSPORT_PEER_CONNECTED,
    TRANSPORT_PEER_ENDED,  /* the peer is gone */
    TRANSPORT_ROOM_COUNTS, /* twice a second for each room and worker with seats, and once when they
                              fall to none */
};

struct transport_event {
    enum transport_event_kind kind;
    uint64_t peer;
    enum peer_end cause;
    uint32_t room;
    unsigned worker;
    uint32_t connected;      /* seats whose handshake is done */
    uint32_t hearing;        /* proven by receiver reports of the last 10 s */
    uint32_t loss_permille;  /* mean of the fractions lost in those reports */
    uint32_t losing;         /* seats that lose much: AUDIENCE_LOSING_PERMILLE */
    uint32_t relays;         /* of the connected; they are no listeners */
    uint32_t relays_hearing; /* of the hearing */
};

/* Readable when events wait. Lends; poll it on the control loop. */
int transport_events_fd(const struct transport *transport);
void transport_drain(struct transport *transport,
                     void (*on_event)(void *ctx, const struct transport_event *event), void *ctx);

/* ---- media (stage threads) ---- */

/* The bell that rings when host packets wait for this stage. Lends. */
int transport_stage_fd(const struct transport *transport, unsigned stage);
void transport_stage_hush(struct transport *transport, unsigned stage);
/* Lends the next host packet of any worker until transport_stage_release(); NULL when there is
 * none. */
const struct host_packet *transport_stage_peek(struct transport *transport, unsigned stage);
void transport_stage_release(struct transport *transport, unsigned stage);
/* Copies the frame to the workers it concerns (all for MEDIA_PROGRAM) and counts what a full ring
 * refused; transport_stage_flush() rings their bells, once per tick. */
void transport_stage_send(struct transport *transport, unsigned stage,
                          const struct media_frame *frame);
void transport_stage_flush(struct transport *transport, unsigned stage);

/* Counters for tests and telemetry; approximate while running (any thread). */
struct transport_totals {
    uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out;
    uint64_t dropped_unauthenticated, dropped_malformed, dropped_replayed, dropped_full;
    uint64_t handed_over, send_failures;
    /* Program packets: given to the system, which refused send_failures of them; due and dropped
     * because their time was over; not encrypted. */
    uint64_t program_sent, program_late, program_failed;
    uint64_t retransmitted, nack_refused; /* what listeners asked for again */
    uint64_t rtcp_bad;                    /* forged, replayed or malformed reports of listeners */
    uint64_t handshakes_refused;          /* had to wait for a later try */
    uint64_t handshakes_repeated;         /* datagrams of one whose earlier ones still wait */
};
void transport_totals(const struct transport *transport, struct transport_totals *out);

#endif
