#include "transport_bench.h"

static void test_an_id_names_its_worker(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct own_credentials first, second;
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

/* They ask addresses that the system would not choose by itself: read_client() looks at the
 * source of all that comes back. */
static void test_answers_and_media_leave_from_the_address_that_was_asked(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *host = join_at(bench, SEAT_HOST, "127.0.0.2");
    struct client *handed_over = NULL;
    struct transport_totals before, after;
    WAIT_UNTIL(bench, is_joined(host));
    transport_totals(bench->transport, &before);
    do {
        handed_over = join_at(bench, SEAT_LISTENER, "127.0.0.3");
        WAIT_UNTIL(bench, is_joined(handed_over));
        transport_totals(bench->transport, &after);
    } while (after.handed_over == before.handed_over);
    struct client *plain = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(plain));
    send_frame(bench, MEDIA_PROGRAM, 0, 1);
    for (unsigned i = 1; i < bench->client_count; i++)
        WAIT_UNTIL(bench, bench->clients[i].rtp_count == 1);
    send_frame(bench, MEDIA_HOST, host->id, 2);
    WAIT_UNTIL(bench, host->rtp_count == 1);
    speak(host, 10);
    speak(host, 12);
    WAIT_UNTIL(bench, host->nack_count > 0);
    uint8_t report[256];
    size_t bytes = write_report(handed_over, true, report);
    unsigned media_before = handed_over->media_count;
    client_send(handed_over, &handed_over->to, report, bytes);
    WAIT_UNTIL(bench, handed_over->media_count > media_before);
    transport_totals(bench->transport, &after);
    assert_int_equal(after.send_failures, 0);
    close_bench(bench);
}

/* Checks begin anew, towards client->server. Returns the server's new credentials. */
static struct own_credentials restart(struct client *client)
{
    struct own_credentials local;
    struct transport *transport = client->bench->transport;
    peer_id_renew(client->id, &local);
    memset(&client->remote, 0, sizeof(client->remote));
    random_ice_chars(client->remote.ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(client->remote.pwd, PEER_OWN_PWD_CHARS);
    assert_int_equal(transport_restart_peer(transport, client->id, &local), 0);
    struct ice_credentials servers = credentials_of(&local);
    assert_int_equal(
        peer_restart(client->peer, &client->remote, &servers, &client->server, 1, clock_now_us()),
        0);
    client->rtp_count = 0;
    return local;
}

static void test_a_restart_may_ask_another_of_our_addresses(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *listener = join_at(bench, SEAT_LISTENER, "127.0.0.2");
    WAIT_UNTIL(bench, is_joined(listener));
    listener->former = listener->server;
    listener->server = server_address(bench, "127.0.0.3");
    (void)restart(listener);
    WAIT_UNTIL(bench, (send_frame(bench, MEDIA_PROGRAM, 0, 1), listener->rtp_count > 0));
    close_bench(bench);
}

static void test_strangers_get_no_byte_back(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *listener = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(listener));
    struct client stranger = {.fd = open_socket()};
    struct address to = server_address(bench, "127.0.0.1");
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

static void test_a_peer_restarts_from_another_port(void **state)
{
    (void)state;
    struct bench *bench = open_bench(2);
    struct client *listener = join(bench, SEAT_LISTENER);
    WAIT_UNTIL(bench, is_joined(listener));
    (void)close(listener->fd);
    listener->fd = open_socket();
    struct own_credentials local = restart(listener);
    WAIT_UNTIL(bench, (send_frame(bench, MEDIA_PROGRAM, 0, 1), listener->rtp_count > 0));
    assert_int_equal(listener->connected_events, 1);
    local.ufrag[0] = local.ufrag[0] == 'A' ? 'B' : 'A';
    assert_int_equal(transport_restart_peer(bench->transport, listener->id, &local), ERR_INVAL);
    close_bench(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_names_its_worker),
        cmocka_unit_test(test_what_the_kernel_misroutes_is_handed_over),
        cmocka_unit_test(test_answers_and_media_leave_from_the_address_that_was_asked),
        cmocka_unit_test(test_a_restart_may_ask_another_of_our_addresses),
        cmocka_unit_test(test_strangers_get_no_byte_back),
        cmocka_unit_test(test_a_peer_restarts_from_another_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
