/* listener_house.h - for tests: one listener of a crowd and a server's end for it, on loopback
 * sockets, with a clock that may be put forward. Include after cmocka.h.
 *
 * Owner    one test
 * Thread   the test's
 * Units    microseconds
 * Errors   assertions
 * Spec     none
 */
#ifndef TEST_LISTENER_HOUSE_H
#define TEST_LISTENER_HOUSE_H

#include "base/clock.h"
#include "base/random.h"
#include "rehearse/listener.h"
#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"
#include "rostrum/srtp_link.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOUSE_SSRC = 77, HOUSE_PAYLOAD_BYTES = 80, HOUSE_SAMPLES = 960, HOUSE_KEPT = 512 };

struct kept_packet {
    uint16_t seq;
    size_t bytes;
    uint8_t data[256];
};

struct house {
    struct dtls_identity *server_identity, *identity; /* owned */
    struct listener_shared shared;
    struct listener *listener; /* owned */
    struct listener_order order;
    uint32_t heard_second;
    struct tally tally;
    uint64_t ahead_us; /* of the real clock */

    int fd; /* owned; the server's socket */
    struct address address;
    struct peer *peer;      /* owned; the server's end */
    struct srtp_link *link; /* owned */
    struct address path;    /* the listener's address */
    uint16_t seq;
    bool answers_checks;
    bool answers_nacks;
    struct kept_packet kept[HOUSE_KEPT];
    unsigned stun_count, report_count, nack_count, sdes_count;
    struct rtcp_block block; /* of the last report */
};

static inline uint64_t house_now_us(const struct house *house)
{
    return clock_now_us() + house->ahead_us;
}

static inline void house_send(struct house *house, const struct address *to, const uint8_t *data,
                              size_t bytes)
{
    struct sockaddr_in6 v6 = address_to_sockaddr(to);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6.sin6_port};
    memcpy(&v4.sin_addr, to->ip + 12, 4);
    assert_int_equal(sendto(house->fd, data, bytes, 0, (struct sockaddr *)&v4, sizeof(v4)),
                     (ssize_t)bytes);
}

static inline void house_on_send(void *owner, const struct peer_path *to, const uint8_t *data,
                                 size_t bytes)
{
    house_send(owner, &to->remote, data, bytes);
}

static inline void house_on_keys(void *owner, const struct srtp_keys *keys)
{
    struct house *house = owner;
    assert_int_equal(srtp_link_create(&house->link, keys), 0);
}

static inline void house_on_path(void *owner, const struct peer_path *to)
{
    ((struct house *)owner)->path = to->remote;
}

static inline void house_on_ended(void *owner, enum peer_end cause)
{
    (void)owner;
    (void)cause;
}

static inline void house_credentials(struct ice_credentials *out)
{
    random_ice_chars(out->ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(out->pwd, PEER_OWN_PWD_CHARS);
}

static inline void house_open_server(struct house *house)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(at);
    char text[ADDRESS_TEXT_MAX];
    house->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(house->fd >= 0);
    assert_int_equal(bind(house->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(house->fd, (struct sockaddr *)&at, &bytes), 0);
    (void)snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(address_parse(&house->address, text), 0);
}

/* Everything but the listener itself; the test may still change the order. */
static inline void house_init(struct house *house)
{
    static const struct peer_events events = {house_on_send, house_on_keys, house_on_path,
                                              house_on_ended};
    *house = (struct house){.answers_checks = true, .answers_nacks = true, .seq = 100};
    assert_int_equal(srtp_link_startup(), 0);
    assert_int_equal(dtls_identity_create(&house->server_identity, NULL), 0);
    assert_int_equal(dtls_identity_create(&house->identity, NULL), 0);
    house_open_server(house);
    struct peer_params server = {.ice = ICE_LITE, .dtls = DTLS_SERVER};
    struct peer_params *client = &house->order.peer;
    *client = (struct peer_params){.ice = ICE_CONTROLLING, .dtls = DTLS_CLIENT};
    house_credentials(&server.local);
    house_credentials(&client->local);
    server.remote = client->local;
    client->remote = server.local;
    server.fingerprint = *dtls_identity_fingerprint(house->identity);
    client->fingerprint = *dtls_identity_fingerprint(house->server_identity);
    client->candidates[0] = house->address;
    client->candidate_count = 1;
    house->order.attempt = 1;
    house->order.heard_second = &house->heard_second;
    house->order.attempt_us = house_now_us(house);
    assert_int_equal(peer_create(&house->peer, &server, house->server_identity, &events, house,
                                 house_now_us(house)),
                     0);
    house->shared = (struct listener_shared){.identity = house->identity,
                                             .engine = srtp_engine_find("auto"),
                                             .tally = &house->tally,
                                             .start_us = house_now_us(house),
                                             .loss_percent = 50,
                                             .room_is_live = true};
    assert_int_equal(house->shared.engine->batch_create(&house->shared.batch), 0);
    house->tally.per_second = calloc(TALLY_SECONDS_MAX, sizeof(struct tally_second));
    assert_non_null(house->tally.per_second);
}

static inline void house_clear(struct house *house)
{
    listener_destroy(house->listener, house_now_us(house));
    house->shared.engine->batch_destroy(house->shared.batch);
    peer_destroy(house->peer);
    srtp_link_destroy(house->link);
    dtls_identity_destroy(house->identity);
    dtls_identity_destroy(house->server_identity);
    free(house->tally.per_second);
    (void)close(house->fd);
}

static inline void house_create_listener(struct house *house)
{
    const char *reason;
    assert_int_equal(listener_create(&house->listener, &house->shared, &house->order,
                                     house_now_us(house), &reason),
                     0);
}

/* ---- the server's end ---- */

static inline void house_resend(struct house *house, const struct rtcp_packet *nack)
{
    house->nack_count++;
    for (unsigned i = 0; house->answers_nacks && i < nack->nack.seq_count; i++) {
        const struct kept_packet *kept = &house->kept[nack->nack.seqs[i] % HOUSE_KEPT];
        assert_int_equal(kept->seq, nack->nack.seqs[i]);
        house_send(house, &house->path, kept->data, kept->bytes);
    }
}

static inline void house_take_rtcp(struct house *house, uint8_t *data, size_t bytes)
{
    struct rtcp_packet packet;
    assert_int_equal(srtp_link_unprotect_rtcp(house->link, data, &bytes), 0);
    assert_int_equal(rtcp_check(slice_of(data, bytes)), 0);
    struct cursor c = cursor_of(slice_of(data, bytes));
    while (rtcp_next(&c, &packet) == 0) {
        if (packet.kind == RTCP_RR && packet.report.block_count == 1) {
            house->report_count++;
            house->block = packet.report.blocks[0];
        } else if (packet.kind == RTCP_SDES) {
            house->sdes_count++;
        } else if (packet.kind == RTCP_NACK) {
            house_resend(house, &packet);
        }
    }
}

/* One datagram; 0: there is none. */
static inline size_t house_receive(int fd, uint8_t data[PEER_DATAGRAM_MAX], struct address *from)
{
    struct sockaddr_in v4 = {0};
    socklen_t v4_bytes = sizeof(v4);
    ssize_t bytes = recvfrom(fd, data, PEER_DATAGRAM_MAX, 0, (struct sockaddr *)&v4, &v4_bytes);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xFF;
    memcpy(&v6.sin6_addr.s6_addr[12], &v4.sin_addr, 4);
    *from = address_from_sockaddr(&v6);
    return bytes > 0 ? (size_t)bytes : 0;
}

static inline void house_serve(struct house *house)
{
    uint8_t data[PEER_DATAGRAM_MAX];
    struct peer_path path = {.local = 0};
    size_t bytes;
    while ((bytes = house_receive(house->fd, data, &path.remote)) > 0) {
        enum packet_kind kind = packet_kind(slice_of(data, bytes));
        if (kind == PACKET_STUN)
            house->stun_count++;
        if (kind == PACKET_RTCP)
            house_take_rtcp(house, data, bytes);
        else if (house->answers_checks || kind != PACKET_STUN)
            peer_receive(house->peer, &path, slice_of(data, bytes), house_now_us(house));
    }
    (void)peer_tick(house->peer, house_now_us(house));
}

/* One RTP packet of the program. damage: a bit of it is turned on the way. */
static inline void house_play(struct house *house, bool damage)
{
    struct kept_packet *kept = &house->kept[house->seq % HOUSE_KEPT];
    struct rtp_packet header = {.payload_type = 111,
                                .seq = house->seq,
                                .ssrc = HOUSE_SSRC,
                                .timestamp = (uint32_t)house->seq * HOUSE_SAMPLES};
    struct writer out = writer_of(kept->data, sizeof(kept->data) - SRTP_TRAILER_MAX);
    assert_int_equal(rtp_write_header(&header, &out), 0);
    writer_zeros(&out, HOUSE_PAYLOAD_BYTES);
    kept->bytes = out.at;
    kept->seq = house->seq++;
    assert_int_equal(srtp_link_protect(house->link, kept->data, &kept->bytes), 0);
    if (damage)
        kept->data[kept->bytes - 1] ^= 1;
    house_send(house, &house->path, kept->data, kept->bytes);
}

/* ---- both ---- */

/* What waits in the listener's socket. Returns how many. */
static inline unsigned house_listen(struct house *house)
{
    uint8_t data[PEER_DATAGRAM_MAX];
    struct address from;
    unsigned count = 0;
    size_t bytes;
    while ((bytes = house_receive(listener_fd(house->listener), data, &from)) > 0) {
        uint64_t now_us = house_now_us(house);
        bool is_bound = listener_is_bound(house->listener);
        listener_receive(house->listener, is_bound ? NULL : &from, data, bytes, now_us, now_us);
        count++;
    }
    return count;
}

static inline void house_turn(struct house *house)
{
    struct pollfd fds[] = {{.fd = house->fd, .events = POLLIN},
                           {.fd = listener_fd(house->listener), .events = POLLIN}};
    (void)poll(fds, 2, 5);
    house_serve(house);
    if (!listener_is_deaf(house->listener))
        (void)house_listen(house);
    if (house_now_us(house) >= listener_due_us(house->listener))
        listener_tick(house->listener, house_now_us(house));
    house_serve(house);
}

/* Turns until the condition holds; a test that hangs is ended by its runner. */
#define house_until(house, condition)                                                              \
    while (!(condition))                                                                           \
    house_turn(house)

/* Connected on both sides. */
static inline void house_connect(struct house *house)
{
    house_create_listener(house);
    house_until(house, listener_is_connected(house->listener) && house->link != NULL);
}

static inline void house_hear(struct house *house, unsigned packets)
{
    uint64_t wanted = house->tally.packets + packets;
    for (unsigned i = 0; i < packets; i++)
        house_play(house, false);
    house_until(house, house->tally.packets >= wanted);
}

/* Time passes for both, and what is due is done. */
static inline void house_pass(struct house *house, uint64_t us)
{
    house->ahead_us += us;
    house_turn(house);
}

#endif
