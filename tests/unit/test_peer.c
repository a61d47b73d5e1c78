#include "rostrum/peer.h"

#include "rostrum/stun.h"
#include "transport/dtls.h"
#include "transport/half_open.h"
#include "transport/peer_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "peer_link.h"

static struct link link_under_test;

static struct link *open_link(void)
{
    link_init(&link_under_test);
    return &link_under_test;
}

static void connect_roles(struct link *link, enum dtls_role server_role)
{
    struct peer_params server, client;
    link_params(link, server_role, &server, &client);
    link_create(link, &server, &client);
    link_run_handshake(link);
}

static void assert_keys_agree(const struct link *link)
{
    const struct srtp_keys *a = &link->server.keys, *b = &link->client.keys;
    assert_int_equal(link->server.keys_count, 1);
    assert_int_equal(link->client.keys_count, 1);
    assert_int_equal(a->profile, b->profile);
    assert_memory_equal(&a->send, &b->receive, sizeof(a->send));
    assert_memory_equal(&a->receive, &b->send, sizeof(a->send));
    assert_memory_not_equal(&a->send, &a->receive, sizeof(a->send));
    assert_true(peer_is_connected(link->server.peer));
    assert_true(peer_is_connected(link->client.peer));
}

static void test_both_dtls_roles_agree_on_keys(void **state)
{
    (void)state;
    const enum dtls_role roles[] = {DTLS_SERVER, DTLS_CLIENT};
    for (size_t i = 0; i < 2; i++) {
        struct link *link = open_link();
        connect_roles(link, roles[i]);
        assert_keys_agree(link);
        assert_int_equal(link->server.keys.profile, SRTP_AEAD_AES_128_GCM);
        assert_true(address_equal(&link->server.path, &link->client.address));
        assert_true(address_equal(&link->client.path, &link->server.address));
        assert_true(peer_rtt_us(link->client.peer) > 0);
        link_clear(link);
    }
}

static void test_a_client_without_gcm_gets_the_other_profile(void **state)
{
    (void)state;
    struct link *link = open_link();
    assert_int_equal(dtls_identity_restrict(link->client_identity, "SRTP_AES128_CM_SHA1_80"), 0);
    connect_roles(link, DTLS_SERVER);
    assert_keys_agree(link);
    assert_int_equal(link->server.keys.profile, SRTP_AES128_CM_SHA1_80);
    link_clear(link);
}

static void test_the_server_prefers_gcm_whatever_the_order(void **state)
{
    (void)state;
    struct link *link = open_link();
    assert_int_equal(dtls_identity_restrict(link->client_identity,
                                            "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM"),
                     0);
    connect_roles(link, DTLS_SERVER);
    assert_keys_agree(link);
    assert_int_equal(link->server.keys.profile, SRTP_AEAD_AES_128_GCM);
    link_clear(link);
}

static void test_no_common_profile_ends_the_handshake(void **state)
{
    (void)state;
    struct link *link = open_link();
    assert_int_equal(dtls_identity_restrict(link->client_identity, "SRTP_AES128_CM_SHA1_32"), 0);
    connect_roles(link, DTLS_SERVER);
    assert_int_equal(link->server.keys_count + link->client.keys_count, 0);
    assert_int_equal(link->server.cause, PEER_END_HANDSHAKE);
    link_clear(link);
}

static void test_thirty_percent_loss_delays_but_does_not_prevent(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        struct link *link = open_link();
        link->seed = seed * 7919;
        link->loss_percent = 30;
        connect_roles(link, seed % 2 ? DTLS_SERVER : DTLS_CLIENT);
        assert_keys_agree(link);
        link_clear(link);
    }
}

static void test_another_certificate_gets_no_keys(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct link *link = open_link();
        struct peer_params server, client;
        link_params(link, DTLS_SERVER, &server, &client);
        (side ? &server : &client)->fingerprint.bytes[31] ^= 1;
        link_create(link, &server, &client);
        link_run_handshake(link);
        struct end *judge = side ? &link->server : &link->client;
        assert_int_equal(judge->cause, PEER_END_FINGERPRINT);
        assert_int_equal(judge->keys_count, 0);
        link_run_until(link, link->now_us + PEER_JOIN_TIMEOUT_US);
        assert_int_equal(link->server.keys_count + link->client.keys_count, 0);
        link_clear(link);
    }
}

static void test_longer_fingerprint_digests_are_compared_too(void **state)
{
    (void)state;
    struct link *link = open_link();
    struct peer_params server, client;
    link_params(link, DTLS_SERVER, &server, &client);
    server.fingerprint.digest = DIGEST_SHA512; /* and the bytes are those of another digest */
    link_create(link, &server, &client);
    link_run_handshake(link);
    assert_int_equal(link->server.cause, PEER_END_FINGERPRINT);
    link_clear(link);
}

static void test_dtls_from_an_unchecked_address_is_ignored(void **state)
{
    (void)state;
    struct link *link = open_link();
    struct peer_group group = {.handshakes_max = 8};
    struct peer_params server, client;
    link_params(link, DTLS_SERVER, &server, &client);
    server.group = &group;
    link_create(link, &server, &client);
    static const uint8_t hello[60] = {22, 0xFE, 0xFD};
    struct address stranger = link->client.address;
    stranger.port++;
    end_receive(&link->server, &stranger, slice_of(hello, sizeof(hello)));
    end_receive(&link->server, &link->client.address, slice_of(hello, sizeof(hello)));
    assert_int_equal(link->server.sent, 0);
    assert_int_equal(group.dropped, 2);
    assert_int_equal(group.handshakes, 0);
    /* Alerts and garbage from elsewhere change nothing, before or after. */
    static const uint8_t alert[] = {21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
    link_run_handshake(link);
    assert_keys_agree(link);
    end_receive(&link->server, &stranger, slice_of(alert, sizeof(alert)));
    assert_int_equal(link->server.cause, PEER_END_NONE);
    assert_int_equal(group.dropped, 3);
    link_clear(link);
}

static void test_beyond_the_bound_a_handshake_waits_for_its_turn(void **state)
{
    (void)state;
    struct link *link = open_link();
    struct peer_group group = {.handshakes_max = 0};
    struct peer_params server, client;
    link_params(link, DTLS_SERVER, &server, &client);
    server.group = &group;
    link_create(link, &server, &client);
    link_tick(link);
    link_deliver(link);
    assert_int_equal(group.handshakes, 0);
    assert_int_not_equal(group.refused, 0);
    group.handshakes_max = 1;
    link_run_handshake(link);
    assert_keys_agree(link);
    assert_int_equal(group.handshakes, 0);
    link_clear(link);
}

static void test_beyond_the_share_of_its_address_a_handshake_makes_no_state(void **state)
{
    (void)state;
    struct link *link = open_link();
    struct half_open half_open;
    half_open_init(&half_open, 2, 3);
    struct peer_group group = {.handshakes_max = 100, .half_open = &half_open};
    struct peer_params server, client;
    link_params(link, DTLS_SERVER, &server, &client);
    server.group = &group;
    link_create(link, &server, &client);
    for (unsigned i = 0; i < 2; i++)
        assert_true(half_open_enter(&half_open, &link->client.address));
    link_tick(link);
    link_deliver(link);
    assert_null(link->server.peer->dtls);
    assert_int_equal(group.handshakes, 0);
    assert_int_not_equal(group.refused, 0);
    half_open_leave(&half_open, &link->client.address);
    link_run_handshake(link);
    assert_keys_agree(link);
    half_open_leave(&half_open, &link->client.address);
    assert_int_equal(half_open.counts.count, 0); /* its own is over, and counted no more */
    link_clear(link);
    half_open_clear(&half_open);
}

/* A datagram of the remote's may start the handshake while our own hello still waits for its turn.
 * What was due for that hello must not stay due for ever, or its owner would spin. */
static void test_a_handshake_begun_by_the_remote_cancels_the_waiting_hello(void **state)
{
    (void)state;
    static const uint8_t record[60] = {22, 0xFE, 0xFD};
    struct link *link = open_link();
    struct peer_group group = {.handshakes_max = 0};
    struct peer_params server, client;
    link_params(link, DTLS_CLIENT, &server, &client);
    server.group = &group;
    link_create(link, &server, &client);
    link_tick(link);
    link_deliver(link);
    assert_int_not_equal(group.refused, 0);
    group.handshakes_max = 1;
    end_receive(&link->server, &link->client.address, slice_of(record, sizeof(record)));
    assert_int_equal(group.handshakes, 1);
    link->now_us += 1000000;
    (void)link_tick(link);
    assert_true(link->server.due_us > link->now_us);
    link_run_handshake(link);
    assert_keys_agree(link);
    link_clear(link);
}

/* ---- ClientHello in pieces ---- */

enum { RECORD_BYTES = 13, MESSAGE_BYTES = 12, HELLO = 1, HANDSHAKE = 22 };

static unsigned hello_count;
static uint16_t record_seq;

/* Sends bytes at..at + part of the message's body as one fragment in a record of its own. */
static void send_fragment(struct end *from, const uint8_t *record, size_t body, size_t at,
                          size_t part)
{
    uint8_t out[PEER_DATAGRAM_MAX];
    assert_true(at + part <= body);
    memcpy(out, record, RECORD_BYTES + MESSAGE_BYTES);
    struct writer w = writer_of(out, sizeof(out));
    w.at = RECORD_BYTES + MESSAGE_BYTES;
    writer_bytes(&w, slice_of(record + RECORD_BYTES + MESSAGE_BYTES + at, part));
    writer_patch_u16(&w, 9, record_seq++); /* low half of the 48-bit record number */
    writer_patch_u16(&w, 11, (uint16_t)(MESSAGE_BYTES + part));
    out[RECORD_BYTES + 6] = 0; /* fragment offset and length, 24 bits each */
    writer_patch_u16(&w, RECORD_BYTES + 7, (uint16_t)at);
    out[RECORD_BYTES + 9] = 0;
    writer_patch_u16(&w, RECORD_BYTES + 10, (uint16_t)part);
    link_push(from, &from->path, out, w.at);
}

/* The first hello goes out in three pieces of which the middle one is lost; the second try is cut
 * elsewhere, and comes in the wrong order. */
static bool cut_hello(struct link *link, struct end *from, const uint8_t *data, size_t bytes)
{
    if (from != &link->client || bytes < RECORD_BYTES + MESSAGE_BYTES || data[0] != HANDSHAKE ||
        data[RECORD_BYTES] != HELLO)
        return false;
    size_t body = bytes - RECORD_BYTES - MESSAGE_BYTES;
    hello_count++;
    if (hello_count == 1) {
        send_fragment(from, data, body, 0, 40);
        send_fragment(from, data, body, 90, body - 90);
        return true;
    }
    send_fragment(from, data, body, 60, body - 60);
    send_fragment(from, data, body, 0, 60);
    return true;
}

static void test_a_fragmented_and_recut_hello_is_put_together(void **state)
{
    (void)state;
    struct link *link = open_link();
    hello_count = 0;
    record_seq = 40; /* near the client's own: the replay window holds 64 */
    link->filter = cut_hello;
    connect_roles(link, DTLS_SERVER);
    assert_keys_agree(link);
    assert_int_equal(hello_count, 2);
    link_clear(link);
}

/* ---- life after the handshake ---- */

/* What the server answers a client that seems to miss its last flight. */
static unsigned repeat_after(bool confirm, uint64_t wait_us)
{
    struct link *link = open_link();
    connect_roles(link, DTLS_SERVER);
    if (confirm)
        peer_confirm_keys(link->server.peer, link->now_us);
    link_run_until(link, link->now_us + wait_us);
    const uint8_t flight[] = {HANDSHAKE, 0xfe, 0xfd, 0, 1};
    unsigned before = link->server.sent;
    end_receive(&link->server, &link->client.address, slice_of(flight, sizeof(flight)));
    unsigned sent = link->server.sent - before;
    assert_int_equal(link->server.cause, PEER_END_NONE);
    link_clear(link);
    return sent;
}

static void test_the_last_flight_is_kept_until_the_keys_are_proved(void **state)
{
    (void)state;
    assert_int_equal(repeat_after(true, 1 * 1000 * 1000), 1);
    assert_int_equal(repeat_after(true, 3 * 1000 * 1000), 0);
    assert_int_equal(repeat_after(false, 9 * 1000 * 1000), 1);
    assert_int_equal(repeat_after(false, 11 * 1000 * 1000), 0);
}

/* The server cannot read it any more, and has other ways to notice. */
static void test_close_notify_of_a_client_does_no_harm(void **state)
{
    (void)state;
    struct link *link = open_link();
    connect_roles(link, DTLS_SERVER);
    unsigned before = link->server.sent;
    peer_destroy(link->client.peer);
    link->client.peer = NULL;
    assert_int_equal(link->count, 1);
    link_deliver(link);
    assert_int_equal(link->server.cause, PEER_END_NONE);
    assert_int_equal(link->server.sent, before);
    link_clear(link);
}

static void test_close_notify_ends_the_other_side(void **state)
{
    (void)state;
    struct link *link = open_link();
    connect_roles(link, DTLS_SERVER);
    peer_destroy(link->server.peer);
    link->server.peer = NULL;
    assert_int_equal(link->count, 1);
    end_receive(&link->client, &link->server.address,
                slice_of(link->queue[link->head].data, link->queue[link->head].bytes));
    assert_int_equal(link->client.cause, PEER_END_CLOSED);
    link_clear(link);
}

static void test_consent_is_kept_by_checks_and_lost_without(void **state)
{
    (void)state;
    struct link *link = open_link();
    connect_roles(link, DTLS_SERVER);
    peer_confirm_keys(link->server.peer, link->now_us);
    peer_confirm_keys(link->client.peer, link->now_us);
    link_run_until(link, link->now_us + 5ull * PEER_CONSENT_US);
    assert_false(link_has_ended(link));
    link->loss_percent = 100;
    uint64_t cut_us = link->now_us;
    link_run_until(link, cut_us + PEER_CONSENT_US - 4000000);
    assert_false(link_has_ended(link));
    link_run_until(link, cut_us + PEER_CONSENT_US);
    assert_int_equal(link->server.cause, PEER_END_CONSENT);
    assert_int_equal(link->client.cause, PEER_END_CONSENT);
    link_clear(link);
}

static void test_who_never_joins_times_out(void **state)
{
    (void)state;
    struct link *link = open_link();
    struct peer_params server, client;
    link_params(link, DTLS_SERVER, &server, &client);
    link->loss_percent = 100;
    link_create(link, &server, &client);
    link_run_until(link, link->now_us + PEER_JOIN_TIMEOUT_US);
    link_tick(link);
    assert_int_equal(link->server.cause, PEER_END_TIMEOUT);
    assert_int_equal(link->client.cause, PEER_END_TIMEOUT);
    assert_int_equal(link->server.due_us, UINT64_MAX);
    link_clear(link);
}

static void test_a_restart_moves_the_path_and_keeps_the_keys(void **state)
{
    (void)state;
    struct link *link = open_link();
    connect_roles(link, DTLS_SERVER);
    peer_confirm_keys(link->server.peer, link->now_us);
    link_run_until(link, link->now_us + 3000000);
    struct ice_credentials server, client;
    link_credentials(&server);
    link_credentials(&client);
    assert_int_equal(peer_restart(link->server.peer, &server, &client, NULL, 0, link->now_us), 0);
    /* The former credentials still serve. */
    unsigned sent = link->server.sent;
    link_run_until(link, link->now_us + 4000000);
    assert_true(link->server.sent > sent);
    /* The client comes back from another network with the new ones. */
    assert_int_equal(address_parse(&link->client.address, "203.0.113.9:999"), 0);
    assert_int_equal(
        peer_restart(link->client.peer, &client, &server, &link->server.address, 1, link->now_us),
        0);
    link_run_until(link, link->now_us + 1000000);
    assert_true(address_equal(&link->server.path, &link->client.address));
    assert_int_equal(link->server.keys_count, 1);
    assert_false(link_has_ended(link));
    link_run_until(link, link->now_us + 2ull * PEER_CONSENT_US);
    assert_false(link_has_ended(link));
    link_clear(link);
}

static void test_credentials_of_a_wrong_length_are_refused(void **state)
{
    (void)state;
    struct link *link = open_link();
    struct peer_params server, client;
    struct peer *peer = NULL;
    link_params(link, DTLS_SERVER, &server, &client);
    memcpy(server.local.ufrag, "ninechars", 10);
    assert_int_equal(peer_create(&peer, &server, link->server_identity, &end_events, NULL, 0),
                     ERR_INVAL);
    client.candidate_count = PEER_CANDIDATES_MAX + 1;
    assert_int_equal(peer_create(&peer, &client, link->server_identity, &end_events, NULL, 0),
                     ERR_INVAL);
    assert_null(peer);
    peer_destroy(NULL);
    link_clear(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_dtls_roles_agree_on_keys),
        cmocka_unit_test(test_a_client_without_gcm_gets_the_other_profile),
        cmocka_unit_test(test_the_server_prefers_gcm_whatever_the_order),
        cmocka_unit_test(test_no_common_profile_ends_the_handshake),
        cmocka_unit_test(test_thirty_percent_loss_delays_but_does_not_prevent),
        cmocka_unit_test(test_another_certificate_gets_no_keys),
        cmocka_unit_test(test_longer_fingerprint_digests_are_compared_too),
        cmocka_unit_test(test_dtls_from_an_unchecked_address_is_ignored),
        cmocka_unit_test(test_beyond_the_bound_a_handshake_waits_for_its_turn),
        cmocka_unit_test(test_beyond_the_share_of_its_address_a_handshake_makes_no_state),
        cmocka_unit_test(test_a_handshake_begun_by_the_remote_cancels_the_waiting_hello),
        cmocka_unit_test(test_a_fragmented_and_recut_hello_is_put_together),
        cmocka_unit_test(test_the_last_flight_is_kept_until_the_keys_are_proved),
        cmocka_unit_test(test_close_notify_of_a_client_does_no_harm),
        cmocka_unit_test(test_close_notify_ends_the_other_side),
        cmocka_unit_test(test_consent_is_kept_by_checks_and_lost_without),
        cmocka_unit_test(test_who_never_joins_times_out),
        cmocka_unit_test(test_a_restart_moves_the_path_and_keeps_the_keys),
        cmocka_unit_test(test_credentials_of_a_wrong_length_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
