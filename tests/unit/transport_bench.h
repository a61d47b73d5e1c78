/* transport_bench.h - for tests: a running transport, and clients that stand in for browsers.
 *
 * Owner    one test at a time
 * Thread   the test's, which is control and all stages
 * Units    as in transport.h
 * Errors   assertions
 * Spec     none
 */
#ifndef TEST_TRANSPORT_BENCH_H
#define TEST_TRANSPORT_BENCH_H

#include "transport/transport.h"

#include "base/clock.h"
#include "base/random.h"
#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"
#include "rostrum/srtp_link.h"
#include "rostrum/stun.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    ROOM = 7,
    OPUS = 111,
    CLIENTS_MAX = 40,
    PATIENCE_US = 20 * 1000 * 1000, /* for a slow machine; a test that passes needs far less */
    PAYLOAD_BYTES = 120,
};

struct bench;

/* What a browser would be: a socket, a peer, keys. */
struct client {
    struct bench *bench;
    int fd;
    struct address server; /* the one of its addresses that the client asks */
    struct address former; /* asked before; what still comes from there does not count */
    uint64_t id;
    enum seat_kind kind;
    struct ice_credentials remote; /* of the last restart */
    uint32_t ssrc, server_ssrc;
    struct peer *peer;
    struct srtp_link *link; /* NULL until the keys are there */
    struct address to;
    enum peer_end cause;
    unsigned connected_events, ended_events;
    enum peer_end told_cause;
    /* what came in */
    unsigned media_count; /* with repeated ones */
    unsigned rtp_count;
    uint16_t first_seq, last_seq;
    uint32_t last_timestamp;
    bool is_in_order;
    uint8_t last_payload[PAYLOAD_BYTES];
    void (*on_rtp)(const struct client *client, const struct rtp_packet *rtp); /* NULL: none */
    unsigned nack_count;
    uint16_t nacked_seq;
};

struct bench {
    struct dtls_identity *server_identity, *client_identity;
    struct transport *transport;
    struct client clients[CLIENTS_MAX];
    unsigned client_count;
    struct transport_event counts; /* the last one with somebody connected */
    unsigned stage_packets;
    uint16_t stage_last_seq;
    uint32_t stage_last_host;
    uint64_t next_index;
};

static struct bench bench_under_test;

static inline struct bench *open_bench(unsigned workers)
{
    struct bench *bench = &bench_under_test;
    memset(bench, 0, sizeof(*bench));
    assert_int_equal(dtls_identity_create(&bench->server_identity, NULL), 0);
    assert_int_equal(dtls_identity_create(&bench->client_identity, NULL), 0);
    struct transport_config config = {
        .workers = workers, .stages = 2, .srtp_engine = "auto", .identity = bench->server_identity};
    assert_int_equal(transport_create(&bench->transport, &config), 0);
    assert_int_equal(transport_start(bench->transport), 0);
    assert_int_equal(transport_open_room(bench->transport, ROOM), 0);
    return bench;
}

static inline void close_client(struct client *client)
{
    peer_destroy(client->peer);
    srtp_link_destroy(client->link);
    (void)close(client->fd);
}

static inline void close_bench(struct bench *bench)
{
    transport_stop(bench->transport);
    transport_destroy(bench->transport);
    for (unsigned i = 0; i < bench->client_count; i++)
        close_client(&bench->clients[i]);
    dtls_identity_destroy(bench->server_identity);
    dtls_identity_destroy(bench->client_identity);
}

static inline void client_send(struct client *client, const struct address *to, const uint8_t *data,
                               size_t bytes)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(to->port)};
    memcpy(&target.sin_addr, to->ip + 12, 4);
    assert_int_equal(
        sendto(client->fd, data, bytes, 0, (const struct sockaddr *)&target, sizeof(target)),
        bytes);
}

static inline void on_send(void *owner, const struct peer_path *to, const uint8_t *data,
                           size_t bytes)
{
    client_send(owner, &to->remote, data, bytes);
}

static inline void on_keys(void *owner, const struct srtp_keys *keys)
{
    struct client *client = owner;
    assert_int_equal(srtp_link_create(&client->link, keys), 0);
}

static inline void on_path(void *owner, const struct peer_path *to)
{
    ((struct client *)owner)->to = to->remote;
}

static inline void on_ended(void *owner, enum peer_end cause)
{
    ((struct client *)owner)->cause = cause;
}

static const struct peer_events client_events = {
    .on_send = on_send, .on_keys = on_keys, .on_path = on_path, .on_ended = on_ended};

static inline int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
    return fd;
}

static inline struct address server_address(struct bench *bench, const char *ip)
{
    struct address address;
    assert_int_equal(address_parse(&address, ip), 0);
    address.port = transport_port(bench->transport);
    return address;
}

/* The server's, as a client is told them. */
static inline struct ice_credentials credentials_of(const struct own_credentials *own)
{
    struct ice_credentials out = {0};
    memcpy(out.ufrag, own->ufrag, sizeof(own->ufrag));
    memcpy(out.pwd, own->pwd, sizeof(own->pwd));
    return out;
}

static inline struct client *join_at(struct bench *bench, enum seat_kind kind, const char *ip)
{
    assert_true(bench->client_count < CLIENTS_MAX);
    struct client *client = &bench->clients[bench->client_count++];
    *client = (struct client){.bench = bench,
                              .fd = open_socket(),
                              .server = server_address(bench, ip),
                              .kind = kind,
                              .ssrc = 1000 + bench->client_count,
                              .server_ssrc = 5000 + bench->client_count,
                              .is_in_order = true};
    struct peer_order order = {.kind = kind,
                               .room = ROOM,
                               .host = kind == SEAT_HOST ? 3 : 0,
                               .stage = kind == SEAT_HOST ? 1 : 0,
                               .dtls = DTLS_SERVER,
                               .fingerprint = *dtls_identity_fingerprint(bench->client_identity),
                               .ssrc = client->server_ssrc,
                               .payload_type = OPUS,
                               .nack = true};
    order.id = client->id = peer_id_new(bench->transport, &order.local);
    struct ice_credentials theirs = {0};
    random_ice_chars(theirs.ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(theirs.pwd, PEER_OWN_PWD_CHARS);
    struct peer_params params = {.ice = ICE_CONTROLLING,
                                 .dtls = DTLS_CLIENT,
                                 .local = theirs,
                                 .remote = credentials_of(&order.local),
                                 .fingerprint = *dtls_identity_fingerprint(bench->server_identity),
                                 .candidate_count = 1};
    params.candidates[0] = client->server;
    assert_int_equal(transport_add_peer(bench->transport, &order), 0);
    assert_int_equal(peer_create(&client->peer, &params, bench->client_identity, &client_events,
                                 client, clock_now_us()),
                     0);
    return client;
}

static inline struct client *join(struct bench *bench, enum seat_kind kind)
{
    return join_at(bench, kind, "127.0.0.1");
}

/* ---- the loop ---- */

static inline void note_rtp(struct client *client, uint8_t *data, size_t bytes)
{
    struct rtp_packet rtp;
    if (!client->link || srtp_link_unprotect(client->link, data, &bytes) != 0)
        return;
    assert_int_equal(rtp_parse(&rtp, slice_of(data, bytes)), 0);
    assert_int_equal(rtp.ssrc, client->server_ssrc);
    assert_int_equal(rtp.payload_type, OPUS);
    assert_int_equal(rtp.payload.bytes, PAYLOAD_BYTES);
    if (client->rtp_count == 0)
        client->first_seq = rtp.seq;
    else if (rtp.seq != (uint16_t)(client->last_seq + 1))
        client->is_in_order = false;
    client->rtp_count++;
    client->last_seq = rtp.seq;
    client->last_timestamp = rtp.timestamp;
    memcpy(client->last_payload, rtp.payload.data, PAYLOAD_BYTES);
    if (client->on_rtp)
        client->on_rtp(client, &rtp);
}

static inline void note_rtcp(struct client *client, uint8_t *data, size_t bytes)
{
    struct rtcp_packet rtcp;
    if (!client->link || srtp_link_unprotect_rtcp(client->link, data, &bytes) != 0)
        return;
    struct cursor c = cursor_of(slice_of(data, bytes));
    while (rtcp_next(&c, &rtcp) == 0)
        if (rtcp.kind == RTCP_NACK && rtcp.nack.seq_count > 0) {
            client->nack_count++;
            client->nacked_seq = rtcp.nack.seqs[0];
        }
}

static inline void read_client(struct client *client)
{
    uint8_t data[2048];
    struct sockaddr_in from;
    socklen_t from_bytes = sizeof(from);
    ssize_t got;
    while ((got = recvfrom(client->fd, data, sizeof(data), 0, (struct sockaddr *)&from,
                           &from_bytes)) > 0) {
        struct slice packet = slice_of(data, (size_t)got);
        struct address source = {.ip = {[10] = 0xFF, [11] = 0xFF}, .port = ntohs(from.sin_port)};
        memcpy(source.ip + 12, &from.sin_addr, 4);
        if (address_equal(&source, &client->former))
            continue;
        assert_true(address_equal(&source, &client->server));
        switch (packet_kind(packet)) {
        case PACKET_STUN:
        case PACKET_DTLS:
            peer_receive(client->peer, &(struct peer_path){.remote = client->server}, packet,
                         clock_now_us());
            break;
        case PACKET_RTP:
            client->media_count++;
            note_rtp(client, data, (size_t)got);
            break;
        case PACKET_RTCP:
            note_rtcp(client, data, (size_t)got);
            break;
        case PACKET_OTHER:
            fail();
        }
    }
}

static inline void on_event(void *ctx, const struct transport_event *event)
{
    struct bench *bench = ctx;
    if (event->kind == TRANSPORT_ROOM_COUNTS) {
        bench->counts = *event;
        return;
    }
    for (unsigned i = 0; i < bench->client_count; i++)
        if (bench->clients[i].id == event->peer) {
            bench->clients[i].connected_events += event->kind == TRANSPORT_PEER_CONNECTED;
            bench->clients[i].ended_events += event->kind == TRANSPORT_PEER_ENDED;
            bench->clients[i].told_cause = event->cause;
        }
}

static inline void read_stage(struct bench *bench, unsigned stage)
{
    const struct host_packet *packet;
    transport_stage_hush(bench->transport, stage);
    while ((packet = transport_stage_peek(bench->transport, stage)) != NULL) {
        struct rtp_packet rtp;
        assert_int_equal(stage, 1);
        assert_int_equal(packet->room, ROOM);
        assert_int_equal(rtp_parse(&rtp, slice_of(packet->rtp, packet->rtp_bytes)), 0);
        bench->stage_packets++;
        bench->stage_last_seq = rtp.seq;
        bench->stage_last_host = packet->host;
        transport_stage_release(bench->transport, stage);
    }
}

static inline void pump(struct bench *bench)
{
    struct pollfd fds[CLIENTS_MAX + 3];
    nfds_t count = 0;
    for (unsigned i = 0; i < bench->client_count; i++)
        fds[count++] = (struct pollfd){.fd = bench->clients[i].fd, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = transport_events_fd(bench->transport), .events = POLLIN};
    for (unsigned stage = 0; stage < 2; stage++)
        fds[count++] =
            (struct pollfd){.fd = transport_stage_fd(bench->transport, stage), .events = POLLIN};
    (void)poll(fds, count, 5);
    for (unsigned i = 0; i < bench->client_count; i++) {
        read_client(&bench->clients[i]);
        (void)peer_tick(bench->clients[i].peer, clock_now_us());
    }
    transport_drain(bench->transport, on_event, bench);
    read_stage(bench, 0);
    read_stage(bench, 1);
}

#define WAIT_UNTIL(bench, condition)                                                               \
    do {                                                                                           \
        uint64_t give_up_us = clock_now_us() + PATIENCE_US;                                        \
        while (!(condition)) {                                                                     \
            pump(bench);                                                                           \
            assert_true(clock_now_us() < give_up_us);                                              \
        }                                                                                          \
    } while (0)

static inline bool is_joined(const struct client *client)
{
    return client->link && client->connected_events == 1;
}

static inline void send_frame(struct bench *bench, enum media_kind kind, uint64_t peer,
                              uint8_t fill)
{
    static union {
        struct media_frame frame;
        uint8_t room[sizeof(struct media_frame) + PAYLOAD_BYTES];
    } made;
    made.frame = (struct media_frame){.kind = kind,
                                      .room = ROOM,
                                      .peer = peer,
                                      .index = bench->next_index,
                                      .made_us = clock_now_us(),
                                      .timestamp = (uint32_t)bench->next_index * 960,
                                      .samples = 960,
                                      .payload_bytes = PAYLOAD_BYTES};
    bench->next_index++;
    memset(made.room + offsetof(struct media_frame, payload), fill, PAYLOAD_BYTES);
    transport_stage_send(bench->transport, 0, &made.frame);
    transport_stage_flush(bench->transport, 0);
}

static inline size_t write_report(struct client *client, bool with_nack, uint8_t out[256])
{
    struct writer w = writer_of(out, 256 - SRTCP_TRAILER_MAX);
    struct rtcp_block block = {.ssrc = client->server_ssrc, .highest_ext_seq = client->last_seq};
    assert_int_equal(rtcp_write_rr(client->ssrc, &block, 1, &w), 0);
    if (with_nack)
        assert_int_equal(
            rtcp_write_nack(client->ssrc, client->server_ssrc, &client->last_seq, 1, &w), 0);
    size_t bytes = w.at;
    assert_int_equal(srtp_link_protect_rtcp(client->link, out, &bytes), 0);
    return bytes;
}

static inline void speak(struct client *client, uint16_t seq)
{
    uint8_t packet[256];
    struct rtp_packet rtp = {
        .payload_type = OPUS, .seq = seq, .timestamp = seq * 960u, .ssrc = client->ssrc};
    struct writer w = writer_of(packet, sizeof(packet));
    assert_int_equal(rtp_write_header(&rtp, &w), 0);
    writer_text(&w, "opus");
    size_t bytes = w.at;
    assert_int_equal(srtp_link_protect(client->link, packet, &bytes), 0);
    client_send(client, &client->to, packet, bytes);
}

#endif
