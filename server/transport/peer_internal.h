/* peer_internal.h - the inside of a peer, for the worker that keeps very many of them within its own
 * objects.
 *
 * Owner    the object that it lies in
 * Thread   the owner's
 * Units    as in peer.h
 * Errors   as in peer.h
 * Spec     as in peer.h
 */
#ifndef TRANSPORT_PEER_INTERNAL_H
#define TRANSPORT_PEER_INTERNAL_H

#include "rostrum/peer.h"
#include "transport/ice.h"

/* peer_receive and peer_tick move it on; only set_state() in peer.c assigns it.
 *
 *     PEER_WAITING --start_dtls--> PEER_HANDSHAKING --finish_handshake--> PEER_CONNECTED
 *        +----------------------- end --> PEER_ENDED <----------------+
 *
 * PEER_WAITING: no DTLS object. PEER_HANDSHAKING: counted in the group. PEER_CONNECTED: keys are out; the DTLS
 * object goes at dtls_free_us. PEER_ENDED: on_ended was called; nothing is sent any more. */
enum peer_state { PEER_WAITING, PEER_HANDSHAKING, PEER_CONNECTED, PEER_ENDED };

struct peer {
    const struct dtls_identity *identity; /* borrowed, as the next three */
    const struct peer_events *events;
    void *owner;
    struct peer_group *group; /* may be NULL */
    struct dtls *dtls;        /* owned; NULL before the handshake and after its grace */
    uint64_t join_by_us;      /* connected by then, or with a path again after a restart */
    uint64_t dtls_free_us;
    uint64_t hello_due_us; /* our ClientHello, when the group had no room for it */
    struct ice ice;
    struct address handshakes_with; /* HANDSHAKING: counted there in the group */
    enum peer_state state;
    enum dtls_role dtls_role;
    bool confirmed;
    struct fingerprint *fingerprint; /* owned; the remote's, until the handshake is over */
};

/* As peer_create(), in memory of the caller's; release with peer_clear(). After an error there is
 * nothing to release. */
MUST_CHECK int peer_init(struct peer *peer, const struct peer_params *params,
                         const struct dtls_identity *identity, const struct peer_events *events,
                         void *owner, uint64_t now_us);
void peer_clear(struct peer *peer); /* as peer_destroy() */

#endif
