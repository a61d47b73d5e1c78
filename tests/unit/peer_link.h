/* peer_link.h - for tests: two peers in one process, with a link between them that may lose, delay
 * and rewrite datagrams. Include after cmocka.h.
 *
 * Owner    one test
 * Thread   the test's
 * Units    microseconds; loss in percent
 * Errors   assertions
 * Spec     none
 */
#ifndef TEST_PEER_LINK_H
#define TEST_PEER_LINK_H

#include "base/clock.h"
#include "base/random.h"
#include "rostrum/peer.h"

#include <poll.h>

enum { LINK_QUEUE_MAX = 256 };

struct end {
    struct peer *peer; /* owned */
    struct end *other;
    struct link *link;
    struct address address; /* its own */
    uint8_t local;          /* the number that it has for it */
    struct address path;    /* where it sends to; port 0: none yet */
    struct srtp_keys keys;
    unsigned keys_count;
    enum peer_end cause; /* PEER_END_NONE while alive */
    unsigned sent;
    uint64_t due_us;
};

struct datagram_in_flight {
    struct end *to;
    struct address from, target;
    size_t bytes;
    uint8_t data[PEER_DATAGRAM_MAX];
};

struct link {
    struct dtls_identity *server_identity, *client_identity; /* owned */
    struct end server, client;
    struct datagram_in_flight queue[LINK_QUEUE_MAX];
    unsigned head, count;
    unsigned loss_percent;
    uint32_t seed;
    uint64_t now_us;
    /* May send something else instead; true: the datagram is dealt with. */
    bool (*filter)(struct link *link, struct end *from, const uint8_t *data, size_t bytes);
};

static inline void link_push(struct end *from, const struct address *to, const uint8_t *data,
                             size_t bytes)
{
    struct link *link = from->link;
    assert_true(bytes <= PEER_DATAGRAM_MAX);
    assert_true(link->count < LINK_QUEUE_MAX);
    struct datagram_in_flight *slot = &link->queue[(link->head + link->count) % LINK_QUEUE_MAX];
    *slot = (struct datagram_in_flight){
        .to = from->other, .from = from->address, .target = *to, .bytes = bytes};
    memcpy(slot->data, data, bytes);
    link->count++;
}

static inline void end_on_send(void *owner, const struct peer_path *to, const uint8_t *data,
                               size_t bytes)
{
    struct end *end = owner;
    struct link *link = end->link;
    end->sent++;
    assert_int_equal(to->local, end->local);
    link->seed = link->seed * 1103515245u + 12345u;
    if ((link->seed >> 16) % 100 < link->loss_percent)
        return;
    if (link->filter && link->filter(link, end, data, bytes))
        return;
    link_push(end, &to->remote, data, bytes);
}

static inline void end_on_keys(void *owner, const struct srtp_keys *keys)
{
    struct end *end = owner;
    end->keys = *keys;
    end->keys_count++;
    assert_int_not_equal(end->path.port, 0);
}

static inline void end_on_path(void *owner, const struct peer_path *to)
{
    ((struct end *)owner)->path = to->remote;
}

static inline void end_on_ended(void *owner, enum peer_end cause)
{
    struct end *end = owner;
    assert_int_equal(end->cause, PEER_END_NONE);
    end->cause = cause;
}

static const struct peer_events end_events = {.on_send = end_on_send,
                                              .on_keys = end_on_keys,
                                              .on_path = end_on_path,
                                              .on_ended = end_on_ended};

static inline void link_credentials(struct ice_credentials *out)
{
    memset(out, 0, sizeof(*out));
    random_ice_chars(out->ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(out->pwd, PEER_OWN_PWD_CHARS);
}

/* Identities and addresses; the peers are made by link_connect() or by the test. */
static inline void link_init(struct link *link)
{
    *link = (struct link){.now_us = 1000000, .seed = 7};
    assert_int_equal(dtls_identity_create(&link->server_identity, NULL), 0);
    assert_int_equal(dtls_identity_create(&link->client_identity, NULL), 0);
    link->server.link = link->client.link = link;
    link->server.other = &link->client;
    link->client.other = &link->server;
    link->server.local = 5;
    assert_int_equal(address_parse(&link->server.address, "192.0.2.1:5004"), 0);
    assert_int_equal(address_parse(&link->client.address, "198.51.100.7:40000"), 0);
}

static inline void link_params(const struct link *link, enum dtls_role server_role,
                               struct peer_params *server, struct peer_params *client)
{
    *server = (struct peer_params){.ice = ICE_LITE, .dtls = server_role};
    *client = (struct peer_params){.ice = ICE_CONTROLLING,
                                   .dtls = server_role == DTLS_SERVER ? DTLS_CLIENT : DTLS_SERVER,
                                   .candidate_count = 1};
    client->candidates[0] = link->server.address;
    link_credentials(&server->local);
    link_credentials(&client->local);
    server->remote = client->local;
    client->remote = server->local;
    server->fingerprint = *dtls_identity_fingerprint(link->client_identity);
    client->fingerprint = *dtls_identity_fingerprint(link->server_identity);
}

static inline void link_create(struct link *link, const struct peer_params *server,
                               const struct peer_params *client)
{
    assert_int_equal(peer_create(&link->server.peer, server, link->server_identity, &end_events,
                                 &link->server, link->now_us),
                     0);
    assert_int_equal(peer_create(&link->client.peer, client, link->client_identity, &end_events,
                                 &link->client, link->now_us),
                     0);
}

static inline void link_clear(struct link *link)
{
    link->filter = NULL;
    link->count = 0;
    peer_destroy(link->server.peer);
    peer_destroy(link->client.peer);
    dtls_identity_destroy(link->server_identity);
    dtls_identity_destroy(link->client_identity);
}

static inline void end_receive(struct end *end, const struct address *from, struct slice datagram)
{
    struct peer_path path = {.remote = *from, .local = end->local};
    peer_receive(end->peer, &path, datagram, end->link->now_us);
}

static inline void link_deliver(struct link *link)
{
    while (link->count > 0) {
        struct datagram_in_flight datagram = link->queue[link->head];
        link->head = (link->head + 1) % LINK_QUEUE_MAX;
        link->count--;
        if (address_equal(&datagram.target, &datagram.to->address))
            end_receive(datagram.to, &datagram.from, slice_of(datagram.data, datagram.bytes));
    }
}

static inline uint64_t link_tick(struct link *link)
{
    link->server.due_us = peer_tick(link->server.peer, link->now_us);
    link->client.due_us = peer_tick(link->client.peer, link->now_us);
    return link->server.due_us < link->client.due_us ? link->server.due_us : link->client.due_us;
}

/* Runs both peers until then, in virtual time. */
static inline void link_run_until(struct link *link, uint64_t until_us)
{
    for (;;) {
        uint64_t due_us = link_tick(link);
        if (link->count > 0) {
            link_deliver(link);
            continue;
        }
        if (due_us > until_us) {
            link->now_us = until_us;
            return;
        }
        link->now_us = due_us > link->now_us ? due_us : link->now_us + 1;
    }
}

static inline bool link_is_connected(const struct link *link)
{
    return link->server.keys_count > 0 && link->client.keys_count > 0;
}

static inline bool link_has_ended(const struct link *link)
{
    return link->server.cause != PEER_END_NONE || link->client.cause != PEER_END_NONE;
}

/* Runs both peers until they are connected or one ended. With loss this takes real time: OpenSSL's
 * retransmission timer knows no other. */
static inline void link_run_handshake(struct link *link)
{
    while (!link_is_connected(link) && !link_has_ended(link)) {
        uint64_t due_us = link_tick(link);
        if (link->count > 0) {
            link_deliver(link);
            continue;
        }
        uint64_t began_us = clock_now_us();
        if (due_us > link->now_us)
            (void)poll(NULL, 0, (int)((due_us - link->now_us) / 1000 + 1));
        link->now_us += clock_now_us() - began_us + 1;
    }
}

#endif
