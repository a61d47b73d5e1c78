/* Datagrams that look as if they came from somebody who is connected: from that very address and port. */
#include "transport_bench.h"

enum { ROUNDS = 50, FRAMES = 20 };

static void attack(struct client *victim, const uint8_t *data, size_t bytes)
{
    client_send(victim, &victim->server, data, bytes);
}

/* A check of somebody's with this password, as if from the victim. */
static void check_from(struct client *victim, const char *ufrag, const char *pwd)
{
    uint8_t name[2 * PEER_OWN_UFRAG_CHARS + 1], check[STUN_MESSAGE_MAX];
    struct writer username = writer_of(name, sizeof(name));
    writer_text(&username, ufrag);
    writer_text(&username, ":theirs12");
    struct stun_request request = {
        .username = writer_slice(&username), .controlling = true, .use_candidate = true};
    struct writer w = writer_of(check, sizeof(check));
    assert_int_equal(stun_write_request(&request, slice_text(pwd), &w), 0);
    attack(victim, check, w.at);
}

static void write_ufrag(uint64_t id, char ufrag[PEER_OWN_UFRAG_CHARS + 1])
{
    for (unsigned i = 0; i < PEER_OWN_UFRAG_CHARS; i++)
        ufrag[i] = (char)(id >> (8 * (PEER_OWN_UFRAG_CHARS - 1 - i)) & 0xFF);
    ufrag[PEER_OWN_UFRAG_CHARS] = '\0';
}

/* Alerts and records without keys: RFC 5246 section 7.2, RFC 6347 section 4.1. */
static void send_bad_dtls(struct client *victim)
{
    static const uint8_t fatal[] = {21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
    static const uint8_t close_notify[] = {21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0};
    static const uint8_t encrypted[40] = {21, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 0, 27};
    uint8_t handshake[200] = {22, 0xFE, 0xFD};
    attack(victim, fatal, sizeof(fatal));
    attack(victim, close_notify, sizeof(close_notify));
    attack(victim, encrypted, sizeof(encrypted));
    attack(victim, handshake, 13);
    random_bytes(handshake + 13, sizeof(handshake) - 13);
    attack(victim, handshake, sizeof(handshake));
}

/* RTP, RTCP and a goodbye that no key protects. */
static void send_bad_media(struct client *victim)
{
    uint8_t rtp[180], rtcp[60];
    uint8_t bye[24] = {0x81, 203, 0, 1}; /* RFC 3550 section 6.6 */
    random_bytes(rtp, sizeof(rtp));
    random_bytes(rtcp, sizeof(rtcp));
    rtp[0] = 0x80;
    rtp[1] = OPUS;
    rtcp[0] = 0x81;
    rtcp[1] = 201;
    bye[6] = (uint8_t)(victim->ssrc >> 8);
    bye[7] = (uint8_t)victim->ssrc;
    attack(victim, rtp, sizeof(rtp));
    attack(victim, rtp, 12);
    attack(victim, rtcp, sizeof(rtcp));
    attack(victim, rtcp, 8);
    attack(victim, bye, sizeof(bye));
}

static void send_everything_bad(struct client *victim)
{
    char ufrag[PEER_OWN_UFRAG_CHARS + 1];
    uint8_t noise[300];
    write_ufrag(victim->id, ufrag);
    check_from(victim, ufrag, "not the password of this peer");
    send_bad_dtls(victim);
    send_bad_media(victim);
    random_bytes(noise, sizeof(noise));
    for (unsigned i = 0; i < 4; i++) {
        noise[0] = (uint8_t)(noise[0] + 61);
        attack(victim, noise, sizeof(noise) - i * 70);
    }
}

/* A packet of the host's own, heard before, once more. */
static void replay(struct client *host, uint16_t seq)
{
    uint8_t packet[256];
    struct rtp_packet rtp = {
        .payload_type = OPUS, .seq = seq, .timestamp = seq * 960u, .ssrc = host->ssrc};
    struct writer w = writer_of(packet, sizeof(packet));
    assert_int_equal(rtp_write_header(&rtp, &w), 0);
    size_t bytes = w.at;
    assert_int_equal(srtp_link_protect(host->link, packet, &bytes), 0);
    attack(host, packet, bytes);
    attack(host, packet, bytes);
}

static void test_bad_packets_of_a_hosts_own_address_change_nothing(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *host = join(bench, SEAT_HOST);
    WAIT_UNTIL(bench, is_joined(host));
    struct transport_totals before, after;
    transport_totals(bench->transport, &before);
    unsigned spoken = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        send_everything_bad(host);
        speak(host, (uint16_t)(100 + round));
        spoken++;
        WAIT_UNTIL(bench, bench->stage_packets == spoken);
        assert_int_equal(bench->stage_last_seq, 100 + round);
    }
    replay(host, 100 + ROUNDS);
    speak(host, 101 + ROUNDS);
    WAIT_UNTIL(bench, bench->stage_packets == spoken + 2); /* once, not twice */
    transport_totals(bench->transport, &after);
    assert_in_range(after.dropped_unauthenticated - before.dropped_unauthenticated, 5 * ROUNDS,
                    20 * ROUNDS);
    assert_int_equal(after.dropped_replayed - before.dropped_replayed, 1);
    assert_int_equal(host->ended_events, 0);
    close_bench(bench);
}

static void test_bad_packets_of_a_listeners_own_address_change_nothing(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *listener = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(listener));
    struct transport_totals before, after;
    transport_totals(bench->transport, &before);
    for (unsigned i = 1; i <= FRAMES; i++) {
        send_everything_bad(listener);
        send_frame(bench, MEDIA_PROGRAM, 0, (uint8_t)i);
        WAIT_UNTIL(bench, listener->rtp_count == i);
    }
    assert_true(listener->is_in_order);
    uint8_t report[256];
    size_t bytes = write_report(listener, false, report);
    client_send(listener, &listener->to, report, bytes);
    WAIT_UNTIL(bench, bench->counts.hearing == 1);
    transport_totals(bench->transport, &after);
    assert_in_range(after.dropped_unauthenticated - before.dropped_unauthenticated, 5 * FRAMES,
                    20 * FRAMES);
    assert_int_equal(listener->ended_events, 0);
    close_bench(bench);
}

/* Somebody with a seat of their own asks as if from a host's address: what the host sends is still the host's. */
static void test_nobody_takes_the_address_of_one_who_is_connected(void **state)
{
    (void)state;
    struct bench *bench = open_bench(1);
    struct client *host = join(bench, SEAT_HOST);
    WAIT_UNTIL(bench, is_joined(host));
    struct peer_order thief = {.kind = SEAT_LISTENER, .room = ROOM, .dtls = DTLS_SERVER};
    thief.id = peer_id_new(bench->transport, &thief.local);
    assert_int_equal(transport_add_peer(bench->transport, &thief), 0);
    for (unsigned i = 1; i <= FRAMES; i++) {
        struct transport_totals before, after;
        transport_totals(bench->transport, &before);
        check_from(host, thief.local.ufrag, thief.local.pwd);
        WAIT_UNTIL(bench, (transport_totals(bench->transport, &after),
                           after.dropped_unauthenticated > before.dropped_unauthenticated));
        speak(host, (uint16_t)(100 + i));
        WAIT_UNTIL(bench, bench->stage_packets == i);
    }
    assert_int_equal(host->ended_events, 0);
    close_bench(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_packets_of_a_hosts_own_address_change_nothing),
        cmocka_unit_test(test_bad_packets_of_a_listeners_own_address_change_nothing),
        cmocka_unit_test(test_nobody_takes_the_address_of_one_who_is_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
