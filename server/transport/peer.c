#include "rostrum/peer.h"

#include "rostrum/rtp.h"
#include "rostrum/stun.h"
#include "transport/dtls.h"
#include "transport/half_open.h"
#include "transport/peer_internal.h"

#include <openssl/crypto.h>
#include <stdlib.h>

enum {
    GRACE_US = 2 * 1000 * 1000, /* for a last flight that was lost on its way */
    /* The same for a remote that sends no SRTP or SRTCP: a browser's first report may take five
     * seconds, and its repeats of a flight have all come by then (after 1, 3 and 7 s); RFC 6347
     * section 4.2.4 would have us wait four minutes. A client keeps all of OpenSSL that long. */
    UNPROVEN_US = 10 * 1000 * 1000,
    REFUSED_RETRY_US = 100 * 1000, /* our own ClientHello waits for its turn */
};

static void set_state(struct peer *peer, enum peer_state state)
{
    if (peer->group && peer->state == PEER_HANDSHAKING) {
        peer->group->handshakes--;
        if (peer->group->half_open)
            half_open_leave(peer->group->half_open, &peer->handshakes_with);
    }
    if (peer->group && state == PEER_HANDSHAKING)
        peer->group->handshakes++;
    peer->state = state;
}

static void drop(struct peer *peer)
{
    if (peer->group)
        peer->group->dropped++;
}

static void free_dtls(struct peer *peer)
{
    dtls_destroy(peer->dtls);
    peer->dtls = NULL;
    peer->dtls_free_us = UINT64_MAX;
    free(peer->fingerprint);
    peer->fingerprint = NULL;
}

static void end(struct peer *peer, enum peer_end cause)
{
    if (peer->state == PEER_ENDED)
        return;
    if (peer->dtls)
        dtls_close(peer->dtls);
    set_state(peer, PEER_ENDED);
    free_dtls(peer);
    peer->events->on_ended(peer->owner, cause);
}

int peer_init(struct peer *peer, const struct peer_params *params,
              const struct dtls_identity *identity, const struct peer_events *events, void *owner,
              uint64_t now_us)
{
    *peer = (struct peer){.state = PEER_WAITING};
    int err = ice_init(&peer->ice, params, now_us);
    peer->fingerprint = malloc(sizeof(*peer->fingerprint));
    if (!err && !peer->fingerprint)
        err = ERR_NOMEM;
    if (err) {
        ice_clear(&peer->ice);
        free(peer->fingerprint);
        return err;
    }
    peer->identity = identity;
    peer->events = events;
    peer->owner = owner;
    peer->group = params->group;
    peer->join_by_us = now_us + PEER_JOIN_TIMEOUT_US;
    peer->dtls_free_us = UINT64_MAX;
    peer->hello_due_us = UINT64_MAX;
    peer->dtls_role = params->dtls;
    *peer->fingerprint = params->fingerprint;
    return 0;
}

int peer_create(struct peer **out, const struct peer_params *params,
                const struct dtls_identity *identity, const struct peer_events *events, void *owner,
                uint64_t now_us)
{
    struct peer *peer = malloc(sizeof(*peer));
    if (!peer)
        return ERR_NOMEM;
    int err = peer_init(peer, params, identity, events, owner, now_us);
    if (err) {
        free(peer);
        return err;
    }
    *out = peer;
    return 0;
}

void peer_clear(struct peer *peer)
{
    if (peer->dtls && peer->state == PEER_CONNECTED)
        dtls_close(peer->dtls);
    set_state(peer, PEER_ENDED);
    free_dtls(peer);
    ice_clear(&peer->ice);
}

void peer_destroy(struct peer *peer)
{
    if (!peer)
        return;
    peer_clear(peer);
    free(peer);
}

static void send_dtls(void *ctx, const uint8_t *data, size_t bytes)
{
    struct peer *peer = ctx;
    const struct peer_path *to = ice_selected(&peer->ice);
    if (to)
        peer->events->on_send(peer->owner, to, data, bytes);
}

/* Before anything is made for it. */
static bool has_turn(struct peer *peer, const struct address *remote)
{
    struct peer_group *group = peer->group;
    if (!group)
        return true;
    if (group->handshakes >= group->handshakes_max ||
        (group->half_open && !half_open_enter(group->half_open, remote))) {
        group->refused++;
        return false;
    }
    peer->handshakes_with = *remote;
    return true;
}

static bool start_dtls(struct peer *peer, const struct address *remote)
{
    if (!has_turn(peer, remote))
        return false;
    if (dtls_create(&peer->dtls, peer->identity, peer->dtls_role, peer->fingerprint, send_dtls,
                    peer) != 0) {
        if (peer->group && peer->group->half_open)
            half_open_leave(peer->group->half_open, remote);
        return false; /* no memory now: the remote tries again */
    }
    peer->hello_due_us = UINT64_MAX; /* whoever began: our hello goes out with the first flight */
    set_state(peer, PEER_HANDSHAKING);
    return true;
}

static void finish_handshake(struct peer *peer, uint64_t now_us)
{
    struct srtp_keys keys;
    if (dtls_export(peer->dtls, &keys) != 0) {
        end(peer, PEER_END_HANDSHAKE);
        return;
    }
    dtls_shed(peer->dtls);
    set_state(peer, PEER_CONNECTED);
    peer->dtls_free_us = now_us + UNPROVEN_US;
    peer->events->on_keys(peer->owner, &keys);
    OPENSSL_cleanse(&keys, sizeof(keys));
}

static void follow_dtls(struct peer *peer, enum dtls_state state, uint64_t now_us)
{
    switch (state) {
    case DTLS_HANDSHAKING:
        return;
    case DTLS_DONE:
        if (peer->state == PEER_HANDSHAKING)
            finish_handshake(peer, now_us);
        return;
    case DTLS_CLOSED:
        end(peer, PEER_END_CLOSED);
        return;
    case DTLS_FAILED:
        end(peer, PEER_END_HANDSHAKE);
        return;
    case DTLS_STRANGER:
        end(peer, PEER_END_FINGERPRINT);
        return;
    }
}

static void say_hello(struct peer *peer, uint64_t now_us)
{
    peer->hello_due_us = UINT64_MAX;
    if (peer->state != PEER_WAITING || peer->dtls_role != DTLS_CLIENT || !ice_selected(&peer->ice))
        return;
    if (start_dtls(peer, &ice_selected(&peer->ice)->remote))
        follow_dtls(peer, dtls_begin(peer->dtls, now_us), now_us);
    else
        peer->hello_due_us = now_us + REFUSED_RETRY_US;
}

static void run_checks(struct peer *peer, uint64_t now_us)
{
    uint8_t bytes[STUN_MESSAGE_MAX];
    struct writer out = writer_of(bytes, sizeof(bytes));
    struct peer_path to = {.local = 0}; /* who asks may let the system choose */
    while (ice_next_check(&peer->ice, now_us, &to.remote, &out)) {
        peer->events->on_send(peer->owner, &to, bytes, out.at);
        out = writer_of(bytes, sizeof(bytes));
    }
}

static void receive_stun(struct peer *peer, const struct peer_path *from, struct slice datagram,
                         uint64_t now_us)
{
    uint8_t bytes[STUN_MESSAGE_MAX];
    struct writer reply = writer_of(bytes, sizeof(bytes));
    unsigned found = ice_receive(&peer->ice, from, datagram, now_us, &reply);
    if (found == ICE_DROPPED) {
        drop(peer);
        return;
    }
    if (reply.at > 0)
        peer->events->on_send(peer->owner, from, bytes, reply.at);
    if (found & ICE_SELECTED)
        peer->events->on_path(peer->owner, ice_selected(&peer->ice));
    run_checks(peer, now_us);
    say_hello(peer, now_us);
}

/* Only from an address that passed a check: before that, a datagram of a stranger could spoil the
 * handshake or make us keep state for it. */
static void receive_dtls(struct peer *peer, const struct peer_path *from, struct slice datagram,
                         uint64_t now_us)
{
    if (!ice_has_path(&peer->ice, &from->remote)) {
        drop(peer);
        return;
    }
    if (!peer->dtls && peer->state != PEER_WAITING) {
        drop(peer); /* whoever it is from: without keys nobody can tell */
        return;
    }
    if (!peer->dtls && !start_dtls(peer, &from->remote))
        return;
    follow_dtls(peer, dtls_receive(peer->dtls, datagram, now_us), now_us);
}

void peer_receive(struct peer *peer, const struct peer_path *from, struct slice datagram,
                  uint64_t now_us)
{
    if (peer->state == PEER_ENDED)
        return;
    switch (packet_kind(datagram)) {
    case PACKET_STUN:
        receive_stun(peer, from, datagram, now_us);
        return;
    case PACKET_DTLS:
        receive_dtls(peer, from, datagram, now_us);
        return;
    case PACKET_RTP:
    case PACKET_RTCP:
    case PACKET_OTHER:
        drop(peer);
        return;
    }
}

static uint64_t min_us(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool needs_to_join(const struct peer *peer)
{
    return peer->state != PEER_CONNECTED || !ice_selected(&peer->ice);
}

static uint64_t due_us(const struct peer *peer)
{
    if (peer->state == PEER_ENDED)
        return UINT64_MAX;
    uint64_t due = min_us(ice_due_us(&peer->ice), peer->dtls_free_us);
    due = min_us(due, peer->hello_due_us);
    if (needs_to_join(peer))
        due = min_us(due, peer->join_by_us);
    if (peer->dtls)
        due = min_us(due, dtls_due_us(peer->dtls));
    return due;
}

static void tick_ice(struct peer *peer, uint64_t now_us)
{
    unsigned found = ice_tick(&peer->ice, now_us);
    if (found & ICE_EXPIRED) {
        end(peer, PEER_END_CONSENT);
        return;
    }
    if (found & ICE_SELECTED)
        peer->events->on_path(peer->owner, ice_selected(&peer->ice));
    run_checks(peer, now_us);
}

uint64_t peer_tick(struct peer *peer, uint64_t now_us)
{
    if (peer->state != PEER_ENDED && needs_to_join(peer) && now_us >= peer->join_by_us)
        end(peer, PEER_END_TIMEOUT);
    if (peer->state != PEER_ENDED)
        tick_ice(peer, now_us);
    if (peer->state == PEER_WAITING && now_us >= peer->hello_due_us)
        say_hello(peer, now_us);
    if (peer->dtls)
        follow_dtls(peer, dtls_tick(peer->dtls, now_us), now_us);
    if (peer->dtls && now_us >= peer->dtls_free_us)
        free_dtls(peer);
    return due_us(peer);
}

int peer_restart(struct peer *peer, const struct ice_credentials *local,
                 const struct ice_credentials *remote, const struct address *candidates,
                 unsigned candidate_count, uint64_t now_us)
{
    if (peer->state == PEER_ENDED)
        return ERR_BADSTATE;
    if (candidate_count > PEER_CANDIDATES_MAX)
        return ERR_INVAL;
    struct peer_params params = {.ice = peer->ice.checker ? ICE_CONTROLLING : ICE_LITE,
                                 .local = *local,
                                 .candidate_count = candidate_count};
    if (remote)
        params.remote = *remote;
    for (unsigned i = 0; i < candidate_count; i++)
        params.candidates[i] = candidates[i];
    int err = ice_restart(&peer->ice, &params, now_us);
    OPENSSL_cleanse(&params, sizeof(params));
    if (err)
        return err;
    if (peer->state == PEER_CONNECTED)
        peer->join_by_us = now_us + PEER_JOIN_TIMEOUT_US;
    run_checks(peer, now_us);
    return 0;
}

void peer_confirm_keys(struct peer *peer, uint64_t now_us)
{
    if (peer->state != PEER_CONNECTED || peer->confirmed)
        return;
    peer->confirmed = true;
    if (peer->dtls)
        peer->dtls_free_us = min_us(peer->dtls_free_us, now_us + GRACE_US);
}

bool peer_is_connected(const struct peer *peer)
{
    return peer->state == PEER_CONNECTED;
}

bool peer_has_path(const struct peer *peer, const struct address *from)
{
    return ice_has_path(&peer->ice, from);
}

bool peer_holds_path(const struct peer *peer, const struct address *from, uint64_t now_us)
{
    return peer->state == PEER_CONNECTED && ice_is_fresh(&peer->ice, from, now_us);
}

unsigned peer_paths(const struct peer *peer, struct address out[PEER_PATHS_MAX])
{
    for (unsigned i = 0; i < peer->ice.path_count; i++)
        out[i] = ice_path_at(&peer->ice, i)->ends.remote;
    return peer->ice.path_count;
}

uint64_t peer_rtt_us(const struct peer *peer)
{
    return ice_rtt_us(&peer->ice);
}
