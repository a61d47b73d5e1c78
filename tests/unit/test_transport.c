#include "transport/worker_internal.h" /* HANDSHAKES_MAX */

#include "transport_bench.h"

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

/* Passes one check and begins a handshake that it never goes on with. */
static void begin_handshake_only(struct bench *bench)
{
    static const uint8_t record[60] = {22, 0xFE, 0xFD};
    struct client client = {.fd = open_socket(), .server = server_address(bench, "127.0.0.1")};
    struct peer_order order = {.kind = SEAT_LISTENER, .room = ROOM, .dtls = DTLS_SERVER};
    order.id = peer_id_new(bench->transport, &order.local);
    assert_int_equal(transport_add_peer(bench->transport, &order), 0);
    uint8_t name[2 * PEER_OWN_UFRAG_CHARS + 1];
    struct writer username = writer_of(name, sizeof(name));
    writer_text(&username, order.local.ufrag);
    writer_text(&username, ":");
    writer_text(&username, "theirs12");
    struct stun_request request = {
        .username = writer_slice(&username), .controlling = true, .use_candidate = true};
    uint8_t check[512];
    struct writer w = writer_of(check, sizeof(check));
    assert_int_equal(stun_write_request(&request, slice_text(order.local.pwd), &w), 0);
    struct pollfd answer = {.fd = client.fd, .events = POLLIN};
    do
        client_send(&client, &client.server, check, w.at);
    while (poll(&answer, 1, 1000) == 0);
    client_send(&client, &client.server, record, sizeof(record));
    (void)close(client.fd);
}

static void test_half_open_listeners_do_not_keep_a_host_out(void **state)
{
    (void)state;
    struct bench *bench = open_bench(1);
    for (unsigned i = 0; i < HANDSHAKES_MAX; i++)
        begin_handshake_only(bench);
    struct client *newcomer = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, newcomer->to.port != 0);
    struct client *host = join(bench, SEAT_HOST);
    WAIT_UNTIL(bench, is_joined(host));
    assert_false(is_joined(newcomer));
    close_bench(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_taken_port_is_noticed),
        cmocka_unit_test(test_a_listener_hears_the_program_in_order),
        cmocka_unit_test(test_reports_make_a_listener_hear_and_bring_packets_again),
        cmocka_unit_test(test_a_host_is_heard_and_asked_for_what_is_missing),
        cmocka_unit_test(test_a_host_gets_its_own_feed),
        cmocka_unit_test(test_closing_a_room_ends_its_listeners_only),
        cmocka_unit_test(test_a_removed_peer_is_gone_without_an_event),
        cmocka_unit_test(test_half_built_transports_can_be_destroyed),
        cmocka_unit_test(test_half_open_listeners_do_not_keep_a_host_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
