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
    uint64_t id;
    enum seat_kind kind;
    uint32_t ssrc, server_ssrc;
    struct peer *peer;
    struct srtp_link *link; /* NULL until the keys are there */
    struct address to;
    enum peer_end cause;
    unsigned connected_events, ended_events;
    enum peer_end told_cause;
    /* what came in */
    unsigned rtp_count;
    uint16_t first_seq, last_seq;
    uint32_t last_timestamp;
    bool is_in_order;
    uint8_t last_payload[PAYLOAD_BYTES];
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

static struct bench *open_bench(unsigned workers)
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

static void close_client(struct client *client)
{
    peer_destroy(client->peer);
    srtp_link_destroy(client->link);
    (void)close(client->fd);
}

static void close_bench(struct bench *bench)
{
    transport_stop(bench->transport);
    transport_destroy(bench->transport);
    for (unsigned i = 0; i < bench->client_count; i++)
        close_client(&bench->clients[i]);
    dtls_identity_destroy(bench->server_identity);
    dtls_identity_destroy(bench->client_identity);
}

static void client_send(struct client *client, const struct address *to, const uint8_t *data,
                        size_t bytes)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(to->port)};
    memcpy(&target.sin_addr, to->ip + 12, 4);
    assert_int_equal(
        sendto(client->fd, data, bytes, 0, (const struct sockaddr *)&target, sizeof(target)),
        bytes);
}

static void on_send(void *owner, const struct peer_path *to, const uint8_t *data, size_t bytes)
{
    client_send(owner, &to->remote, data, bytes);
}

static void on_keys(void *owner, const struct srtp_keys *keys)
{
    struct client *client = owner;
    assert_int_equal(srtp_link_create(&client->link, keys), 0);
}

static void on_path(void *owner, const struct peer_path *to)
{
    ((struct client *)owner)->to = to->remote;
}

static void on_ended(void *owner, enum peer_end cause)
{
    ((struct client *)owner)->cause = cause;
}

static const struct peer_events client_events = {
    .on_send = on_send, .on_keys = on_keys, .on_path = on_path, .on_ended = on_ended};

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
    return fd;
}

static void server_address(struct bench *bench, struct address *out)
{
    assert_int_equal(address_parse(out, "127.0.0.1"), 0);
    out->port = transport_port(bench->transport);
}

static struct client *join(struct bench *bench, enum seat_kind kind)
{
    assert_true(bench->client_count < CLIENTS_MAX);
    struct client *client = &bench->clients[bench->client_count++];
    *client = (struct client){.bench = bench,
                              .fd = open_socket(),
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
    random_ice_chars(order.remote.ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(order.remote.pwd, PEER_OWN_PWD_CHARS);
    struct peer_params params = {.ice = ICE_CONTROLLING,
                                 .dtls = DTLS_CLIENT,
                                 .local = order.remote,
                                 .remote = order.local,
                                 .fingerprint = *dtls_identity_fingerprint(bench->server_identity),
                                 .candidate_count = 1};
    server_address(bench, &params.candidates[0]);
    assert_int_equal(transport_add_peer(bench->transport, &order), 0);
    assert_int_equal(peer_create(&client->peer, &params, bench->client_identity, &client_events,
                                 client, clock_now_us()),
                     0);
    return client;
}

/* ---- the loop ---- */

static void note_rtp(struct client *client, uint8_t *data, size_t bytes)
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
}

static void note_rtcp(struct client *client, uint8_t *data, size_t bytes)
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

static void read_client(struct client *client)
{
    uint8_t data[2048];
    struct sockaddr_in from;
    socklen_t from_bytes = sizeof(from);
    ssize_t got;
    while ((got = recvfrom(client->fd, data, sizeof(data), 0, (struct sockaddr *)&from,
                           &from_bytes)) > 0) {
        struct slice packet = slice_of(data, (size_t)got);
        struct address address;
        server_address(client->bench, &address);
        assert_int_equal(ntohs(from.sin_port), address.port);
        switch (packet_kind(packet)) {
        case PACKET_STUN:
        case PACKET_DTLS:
            peer_receive(client->peer, &(struct peer_path){.remote = address}, packet,
                         clock_now_us());
            break;
        case PACKET_RTP:
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

static void on_event(void *ctx, const struct transport_event *event)
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

static void read_stage(struct bench *bench, unsigned stage)
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

static void pump(struct bench *bench)
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

static bool is_joined(const struct client *client)
{
    return client->link && client->connected_events == 1;
}

static void send_frame(struct bench *bench, enum media_kind kind, uint64_t peer, uint8_t fill)
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

/* ---- the tests ---- */

static void test_a_taken_port_is_noticed(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct transport *second = NULL;
    struct transport_config config = {.workers = 2,
                                      .stages = 1,
                                      .port = transport_port(bench->transport),
                                      .srtp_engine = "auto",
                                      .identity = bench->server_identity};
    assert_int_not_equal(config.port, 0);
    assert_int_equal(transport_create(&second, &config), ERR_EXIST);
    assert_null(second);
    config.workers = 0;
    assert_int_equal(transport_create(&second, &config), ERR_INVAL);
    config.workers = 1;
    config.srtp_engine = "none such";
    assert_int_equal(transport_create(&second, &config), ERR_INVAL);
    close_bench(bench);
}

static void test_an_id_names_its_worker(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct ice_credentials first, second;
    unsigned seen = 0;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t id = peer_id_new(bench->transport, &first);
        assert_true(peer_id_worker(id) < 2);
        seen |= 1u << peer_id_worker(id);
        peer_id_renew(id, &second);
        assert_int_equal(first.ufrag[0], second.ufrag[0]);
        assert_string_not_equal(first.ufrag, second.ufrag);
        assert_int_equal(strlen(second.ufrag), PEER_OWN_UFRAG_CHARS);
        assert_int_equal(strlen(second.pwd), PEER_OWN_PWD_CHARS);
    }
    assert_int_equal(seen, 3);
    assert_int_equal(peer_id_worker(0), TRANSPORT_WORKERS_MAX);
    close_bench(bench);
}

static void test_a_listener_hears_the_program_in_order(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *early = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(early));
    for (unsigned i = 1; i <= 10; i++) {
        send_frame(bench, MEDIA_PROGRAM, 0, (uint8_t)i);
        WAIT_UNTIL(bench, early->rtp_count == i);
        assert_int_equal(early->last_payload[0], i);
    }
    struct client *late = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(late));
    send_frame(bench, MEDIA_PROGRAM, 0, 99);
    WAIT_UNTIL(bench, early->rtp_count == 11 && late->rtp_count == 1);
    assert_true(early->is_in_order);
    assert_int_equal((uint16_t)(early->last_seq - early->first_seq), 10);
    assert_int_equal(late->last_payload[PAYLOAD_BYTES - 1], 99);
    assert_true(late->first_seq < 0x8000);
    assert_int_equal(late->last_timestamp, early->last_timestamp);
    close_bench(bench);
}

static size_t write_report(struct client *client, bool with_nack, uint8_t out[256])
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

static void test_reports_make_a_listener_hear_and_bring_packets_again(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *listener = join(bench, SEAT_LISTENER);
    uint8_t report[256];
    WAIT_UNTIL(bench, is_joined(listener));
    struct transport_totals before, after;
    transport_totals(bench->transport, &before);
    for (unsigned i = 1; i <= 3; i++) {
        send_frame(bench, MEDIA_PROGRAM, 0, 1);
        WAIT_UNTIL(bench, listener->rtp_count >= i);
        size_t bytes = write_report(listener, i == 3, report);
        client_send(listener, &listener->to, report, bytes);
    }
    WAIT_UNTIL(bench, bench->counts.connected == 1 && bench->counts.hearing == 1);
    assert_int_equal(bench->counts.room, ROOM);
    WAIT_UNTIL(bench, (transport_totals(bench->transport, &after),
                       after.retransmitted == before.retransmitted + 1));
    close_bench(bench);
}

static void speak(struct client *client, uint16_t seq)
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

static void test_a_host_is_heard_and_asked_for_what_is_missing(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *host = join(bench, SEAT_HOST);
    WAIT_UNTIL(bench, is_joined(host));
    speak(host, 10);
    speak(host, 11);
    WAIT_UNTIL(bench, bench->stage_packets == 2);
    assert_int_equal(bench->stage_last_seq, 11);
    assert_int_equal(bench->stage_last_host, 3);
    speak(host, 13);
    WAIT_UNTIL(bench, host->nack_count > 0);
    assert_int_equal(host->nacked_seq, 12);
    speak(host, 12);
    WAIT_UNTIL(bench, bench->stage_packets == 4);
    assert_int_equal(bench->stage_last_seq, 12);
    close_bench(bench);
}

static void test_a_host_gets_its_own_feed(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *host = join(bench, SEAT_HOST);
    struct client *listener = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(host) && is_joined(listener));
    for (unsigned i = 1; i <= 5; i++) {
        send_frame(bench, MEDIA_HOST, host->id, (uint8_t)i);
        WAIT_UNTIL(bench, host->rtp_count == i);
    }
    assert_true(host->is_in_order);
    assert_int_equal(host->last_payload[0], 5);
    assert_int_equal(listener->rtp_count, 0);
    close_bench(bench);
}

/* The kernel spreads clients over the sockets by their address, not by their user fragment. */
static void test_what_the_kernel_misroutes_is_handed_over(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct transport_totals totals = {0};
    while (totals.handed_over == 0) {
        struct client *client = join(bench, SEAT_LISTENER);
        WAIT_UNTIL(bench, is_joined(client));
        transport_totals(bench->transport, &totals);
    }
    send_frame(bench, MEDIA_PROGRAM, 0, 42);
    for (unsigned i = 0; i < bench->client_count; i++)
        WAIT_UNTIL(bench, bench->clients[i].rtp_count == 1);
    /* Reports of such a listener arrive as well. */
    struct client *last = &bench->clients[bench->client_count - 1];
    uint8_t report[256];
    send_frame(bench, MEDIA_PROGRAM, 0, 43);
    WAIT_UNTIL(bench, last->rtp_count == 2);
    struct transport_totals after;
    transport_totals(bench->transport, &totals);
    size_t bytes = write_report(last, true, report);
    client_send(last, &last->to, report, bytes);
    WAIT_UNTIL(bench, (transport_totals(bench->transport, &after),
                       after.retransmitted > totals.retransmitted));
    assert_true(after.handed_over > totals.handed_over);
    close_bench(bench);
}

static void test_strangers_get_no_byte_back(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *listener = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(listener));
    struct client stranger = {.fd = open_socket()};
    struct address to;
    server_address(bench, &to);
    uint8_t packet[STUN_MESSAGE_MAX];
    struct stun_request request = {.username = slice_text("AAAAAAAA:them"), .controlling = true};
    struct writer w = writer_of(packet, sizeof(packet));
    assert_int_equal(stun_write_request(&request, slice_text("no such password here"), &w), 0);
    struct transport_totals before, after;
    transport_totals(bench->transport, &before);
    client_send(&stranger, &to, packet, w.at);
    client_send(&stranger, &to, packet, w.at / 2);
    static const uint8_t hello[60] = {22, 0xFE, 0xFD};
    static const uint8_t rtp[60] = {0x80, 111};
    static const uint8_t other[3] = {99};
    client_send(&stranger, &to, hello, sizeof(hello));
    client_send(&stranger, &to, rtp, sizeof(rtp));
    client_send(&stranger, &to, other, sizeof(other));
    WAIT_UNTIL(bench, (transport_totals(bench->transport, &after),
                       after.dropped_unauthenticated - before.dropped_unauthenticated >= 3 &&
                           after.dropped_malformed - before.dropped_malformed >= 2));
    uint8_t answer[64];
    assert_int_equal(recv(stranger.fd, answer, sizeof(answer), 0), -1);
    (void)close(stranger.fd);
    assert_int_equal(listener->ended_events, 0);
    close_bench(bench);
}

static void test_closing_a_room_ends_its_listeners_only(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *host = join(bench, SEAT_HOST);
    struct client *first = join(bench, SEAT_LISTENER);
    struct client *second = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(host) && is_joined(first) && is_joined(second));
    transport_close_room(bench->transport, ROOM);
    WAIT_UNTIL(bench, first->ended_events == 1 && second->ended_events == 1);
    assert_int_equal(first->told_cause, PEER_END_CLOSED);
    WAIT_UNTIL(bench, first->cause == PEER_END_CLOSED && second->cause == PEER_END_CLOSED);
    speak(host, 1);
    WAIT_UNTIL(bench, bench->stage_packets == 1);
    assert_int_equal(host->ended_events, 0);
    close_bench(bench);
}

static void test_a_removed_peer_is_gone_without_an_event(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *first = join(bench, SEAT_LISTENER);
    struct client *second = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(first) && is_joined(second) && bench->counts.connected > 0);
    transport_remove_peer(bench->transport, first->id);
    transport_remove_peer(bench->transport, first->id);
    WAIT_UNTIL(bench, first->cause == PEER_END_CLOSED);
    transport_remove_peer(bench->transport, second->id);
    WAIT_UNTIL(bench, second->cause == PEER_END_CLOSED);
    assert_int_equal(first->ended_events, 0);
    /* And the counts fall to nobody. */
    WAIT_UNTIL(bench, bench->counts.connected == 0);
    close_bench(bench);
}

static void test_a_peer_restarts_from_another_port(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *listener = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(listener));
    struct ice_credentials local, remote = {0};
    peer_id_renew(listener->id, &local);
    random_ice_chars(remote.ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(remote.pwd, PEER_OWN_PWD_CHARS);
    assert_int_equal(transport_restart_peer(bench->transport, listener->id, &local, &remote), 0);
    (void)close(listener->fd);
    listener->fd = open_socket();
    struct address to;
    server_address(bench, &to);
    assert_int_equal(peer_restart(listener->peer, &remote, &local, &to, 1, clock_now_us()), 0);
    struct transport_totals totals;
    listener->rtp_count = 0;
    WAIT_UNTIL(bench, (send_frame(bench, MEDIA_PROGRAM, 0, 1), listener->rtp_count > 0));
    transport_totals(bench->transport, &totals);
    assert_int_equal(listener->connected_events, 1);
    local.ufrag[0] = local.ufrag[0] == 'A' ? 'B' : 'A';
    assert_int_equal(transport_restart_peer(bench->transport, listener->id, &local, &remote),
                     ERR_INVAL);
    close_bench(bench);
}

static void test_half_built_transports_can_be_destroyed(void **state)
{
    (void)state;
    struct bench *bench = &bench_under_test;
    memset(bench, 0, sizeof(*bench));
    assert_int_equal(dtls_identity_create(&bench->server_identity, NULL), 0);
    struct transport_config config = {
        .workers = 3, .stages = 1, .srtp_engine = "auto", .identity = bench->server_identity};
    assert_int_equal(transport_create(&bench->transport, &config), 0);
    transport_destroy(bench->transport); /* never started */
    transport_destroy(NULL);
    dtls_identity_destroy(bench->server_identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_taken_port_is_noticed),
        cmocka_unit_test(test_an_id_names_its_worker),
        cmocka_unit_test(test_a_listener_hears_the_program_in_order),
        cmocka_unit_test(test_reports_make_a_listener_hear_and_bring_packets_again),
        cmocka_unit_test(test_a_host_is_heard_and_asked_for_what_is_missing),
        cmocka_unit_test(test_a_host_gets_its_own_feed),
        cmocka_unit_test(test_what_the_kernel_misroutes_is_handed_over),
        cmocka_unit_test(test_strangers_get_no_byte_back),
        cmocka_unit_test(test_closing_a_room_ends_its_listeners_only),
        cmocka_unit_test(test_a_removed_peer_is_gone_without_an_event),
        cmocka_unit_test(test_a_peer_restarts_from_another_port),
        cmocka_unit_test(test_half_built_transports_can_be_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
