/* Any datagrams, from a checked address and from a strange one, to a peer of either role. The input
 * is a row of datagrams: one byte of flags (1: from a stranger, 2: some time passes first), two
 * bytes of length, the bytes. The very first byte chooses the roles. */
#include "rostrum/cursor.h"
#include "rostrum/peer.h"
#include "rostrum/stun.h"

#include <stdlib.h>

static void on_send(void *owner, const struct peer_path *to, const uint8_t *data, size_t bytes)
{
    (void)owner;
    if (to->remote.port == 0 || !data || bytes == 0 || bytes > PEER_DATAGRAM_MAX)
        abort();
}

static void on_keys(void *owner, const struct srtp_keys *keys)
{
    (void)owner;
    (void)keys;
    abort(); /* nobody can finish a handshake without the announced certificate */
}

static void on_path(void *owner, const struct peer_path *to)
{
    (void)owner;
    if (to->remote.port != 1000 && to->remote.port != 1001)
        abort(); /* nobody sent from there */
}

static void on_ended(void *owner, enum peer_end cause)
{
    bool *has_ended = owner;
    if (*has_ended || cause == PEER_END_NONE)
        abort();
    *has_ended = true;
}

static const struct peer_events events = {
    .on_send = on_send, .on_keys = on_keys, .on_path = on_path, .on_ended = on_ended};

static const struct peer_params lite = {
    .local = {.ufrag = "abcdefgh", .pwd = "0123456789abcdefghijklmn"},
    .remote = {.ufrag = "them", .pwd = "their password 1234567"},
};

/* Makes the address known, as a browser would. */
static void check(struct peer *peer, const struct peer_path *from)
{
    uint8_t packet[STUN_MESSAGE_MAX];
    struct writer w = writer_of(packet, sizeof(packet));
    struct stun_request request = {.username = slice_text("abcdefgh:them"), .controlling = true};
    if (stun_write_request(&request, slice_text(lite.local.pwd), &w) != 0)
        abort();
    peer_receive(peer, from, writer_slice(&w), 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dtls_identity *identity;
    if (!identity && dtls_identity_create(&identity, NULL) != 0)
        abort();
    struct cursor c = cursor_of(slice_of(data, size));
    uint8_t roles = cursor_u8(&c);
    struct peer_path known = {.remote = {.ip = {[15] = 1}, .port = 1000}};
    struct peer_path stranger = {.remote = {.ip = {[15] = 1}, .port = 1001}};
    struct peer_params params = lite;
    params.ice = roles & 1 ? ICE_CONTROLLING : ICE_LITE;
    params.dtls = roles & 2 ? DTLS_CLIENT : DTLS_SERVER;
    params.candidates[0] = known.remote;
    params.candidate_count = 1;
    bool has_ended = false;
    struct peer *peer;
    if (peer_create(&peer, &params, identity, &events, &has_ended, 0) != 0)
        abort();
    if (params.ice == ICE_LITE)
        check(peer, &known);
    uint64_t now_us = 0;
    while (cursor_left(&c) > 0) {
        uint8_t flags = cursor_u8(&c);
        struct slice datagram = cursor_slice(&c, cursor_u16(&c));
        if (flags & 2)
            now_us += 300000;
        peer_receive(peer, flags & 1 ? &stranger : &known, datagram, now_us);
        (void)peer_tick(peer, now_us);
    }
    peer_destroy(peer);
    return 0;
}
