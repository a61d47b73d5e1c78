#include "transport/dtls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BOX_MAX = 32, DATAGRAM_MAX = 1500 };

/* What one side sent and the other has not read yet. */
struct box {
    unsigned count;
    size_t bytes[BOX_MAX];
    uint8_t data[BOX_MAX][DATAGRAM_MAX];
};

static void post(void *ctx, const uint8_t *data, size_t bytes)
{
    struct box *box = ctx;
    assert_true(box->count < BOX_MAX && bytes <= DATAGRAM_MAX);
    memcpy(box->data[box->count], data, bytes);
    box->bytes[box->count++] = bytes;
}

static void read_box(struct box *box, struct dtls *reader)
{
    for (unsigned i = 0; i < box->count; i++)
        (void)dtls_receive(reader, slice_of(box->data[i], box->bytes[i]), 0);
    box->count = 0;
}

static void make_path(char out[64])
{
    (void)snprintf(out, 64, "/tmp/rostrum-test-XXXXXX");
    int fd = mkstemp(out);
    assert_true(fd >= 0);
    (void)close(fd);
    (void)unlink(out);
}

static void test_an_identity_is_kept_in_a_private_file(void **state)
{
    (void)state;
    char path[64];
    make_path(path);
    struct dtls_identity *first, *second, *other;
    assert_int_equal(dtls_identity_create(&first, path), 0);
    assert_int_equal(dtls_identity_create(&second, path), 0);
    assert_int_equal(dtls_identity_create(&other, NULL), 0);
    const struct fingerprint *a = dtls_identity_fingerprint(first);
    assert_int_equal(a->digest, DIGEST_SHA256);
    assert_memory_equal(a->bytes, dtls_identity_fingerprint(second)->bytes, 32);
    assert_memory_not_equal(a->bytes, dtls_identity_fingerprint(other)->bytes, 32);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    dtls_identity_destroy(first);
    dtls_identity_destroy(second);
    dtls_identity_destroy(other);
    dtls_identity_destroy(NULL);
    (void)unlink(path);
}

static void test_a_damaged_identity_is_not_replaced(void **state)
{
    (void)state;
    char path[64];
    make_path(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("not a certificate\n", file);
    (void)fclose(file);
    struct dtls_identity *identity = NULL;
    assert_int_equal(dtls_identity_create(&identity, path), ERR_DAMAGED);
    assert_null(identity);
    (void)unlink(path);
    assert_int_equal(dtls_identity_create(&identity, "/nonexistent/identity.pem"), ERR_IO);
}

struct pair {
    struct dtls_identity *identity; /* both sides use the same */
    struct dtls *server, *client;
    struct box to_server, to_client;
};

static void open_pair(struct pair *pair)
{
    memset(pair, 0, sizeof(*pair));
    assert_int_equal(dtls_identity_create(&pair->identity, NULL), 0);
    const struct fingerprint *fingerprint = dtls_identity_fingerprint(pair->identity);
    assert_int_equal(dtls_create(&pair->server, pair->identity, DTLS_SERVER, fingerprint, post,
                                 &pair->to_client),
                     0);
    assert_int_equal(dtls_create(&pair->client, pair->identity, DTLS_CLIENT, fingerprint, post,
                                 &pair->to_server),
                     0);
}

static void close_pair(struct pair *pair)
{
    dtls_destroy(pair->server);
    dtls_destroy(pair->client);
    dtls_identity_destroy(pair->identity);
}

static struct pair pair_under_test;

static void test_flights_stay_in_small_datagrams(void **state)
{
    (void)state;
    struct pair *pair = &pair_under_test;
    open_pair(pair);
    struct srtp_keys keys;
    assert_int_equal(dtls_export(pair->client, &keys), ERR_BADSTATE);
    assert_int_equal(dtls_begin(pair->client, 0), DTLS_HANDSHAKING);
    assert_int_equal(pair->to_server.count, 1);
    assert_true(dtls_due_us(pair->client) <= 200000);
    read_box(&pair->to_server, pair->server);
    assert_true(pair->to_client.count >= 1);
    for (unsigned i = 0; i < pair->to_client.count; i++)
        assert_true(pair->to_client.bytes[i] <= 1200);
    read_box(&pair->to_client, pair->client);
    read_box(&pair->to_server, pair->server);
    read_box(&pair->to_client, pair->client);
    assert_int_equal(dtls_export(pair->client, &keys), 0);
    assert_int_equal(dtls_export(pair->server, &keys), 0);
    assert_int_equal(dtls_due_us(pair->server), UINT64_MAX);
    close_pair(pair);
}

static void test_garbage_does_not_disturb_a_handshake(void **state)
{
    (void)state;
    struct pair *pair = &pair_under_test;
    open_pair(pair);
    uint8_t garbage[100];
    for (unsigned first = 20; first < 64; first++) {
        memset(garbage, (int)first, sizeof(garbage));
        assert_int_equal(dtls_receive(pair->server, slice_of(garbage, first), 0), DTLS_HANDSHAKING);
    }
    (void)dtls_begin(pair->client, 0);
    for (int flight = 0; flight < 3; flight++) {
        for (unsigned first = 20; first < 64; first++) {
            memset(garbage, (int)first, sizeof(garbage));
            (void)dtls_receive(pair->server, slice_of(garbage, sizeof(garbage)), 0);
            (void)dtls_receive(pair->client, slice_of(garbage, sizeof(garbage)), 0);
        }
        read_box(&pair->to_server, pair->server);
        read_box(&pair->to_client, pair->client);
    }
    struct srtp_keys keys;
    assert_int_equal(dtls_export(pair->client, &keys), 0);
    assert_int_equal(dtls_export(pair->server, &keys), 0);
    close_pair(pair);
}

/* The server's last flight is lost; the client repeats its own, and is answered again. */
static void test_a_lost_last_flight_is_repeated_on_demand(void **state)
{
    (void)state;
    struct pair *pair = &pair_under_test;
    open_pair(pair);
    (void)dtls_begin(pair->client, 0);
    read_box(&pair->to_server, pair->server);
    read_box(&pair->to_client, pair->client);
    read_box(&pair->to_server, pair->server);
    struct srtp_keys keys;
    assert_int_equal(dtls_export(pair->server, &keys), 0);
    dtls_shed(pair->server);
    assert_int_equal(dtls_export(pair->server, &keys), ERR_BADSTATE);
    pair->to_client.count = 0;
    while (pair->to_server.count == 0) {
        assert_int_not_equal(dtls_due_us(pair->client), UINT64_MAX);
        (void)usleep((useconds_t)dtls_due_us(pair->client)); /* OpenSSL's own clock */
        (void)dtls_tick(pair->client, UINT64_MAX - 10000000);
        if (pair->to_server.count == 0) /* not yet by that clock: ask again how long */
            (void)dtls_receive(pair->client, slice_of(NULL, 0), 0);
    }
    read_box(&pair->to_server, pair->server);
    read_box(&pair->to_client, pair->client);
    assert_int_equal(dtls_export(pair->client, &keys), 0);
    dtls_close(pair->server);
    read_box(&pair->to_client, pair->client);
    assert_int_equal(dtls_tick(pair->client, 0), DTLS_CLOSED);
    close_pair(pair);
}

/* OpenSSL repeats a flight whose timer is about to run out in the same call that reads the answer. */
static void test_what_is_kept_is_the_last_flight_alone(void **state)
{
    (void)state;
    struct pair *pair = &pair_under_test;
    const uint8_t repeat[] = {22, 0xfe, 0xfd, 0, 1}, data[] = {23, 0xfe, 0xfd, 0, 1};
    struct srtp_keys keys;
    open_pair(pair);
    (void)dtls_begin(pair->client, 0);
    read_box(&pair->to_server, pair->server);
    read_box(&pair->to_client, pair->client);
    (void)usleep((useconds_t)dtls_due_us(pair->server) - 10000); /* OpenSSL's own clock */
    read_box(&pair->to_server, pair->server);
    assert_true(pair->to_client.count > 1);
    assert_int_equal(dtls_export(pair->server, &keys), 0);
    dtls_shed(pair->server);
    pair->to_client.count = 0;
    (void)dtls_receive(pair->server, slice_of(data, sizeof(data)), 1000000);
    assert_int_equal(pair->to_client.count, 0);
    for (uint64_t now_us = 1000000; now_us < 1050000; now_us += 10000) /* a flight in pieces */
        (void)dtls_receive(pair->server, slice_of(repeat, sizeof(repeat)), now_us);
    assert_int_equal(pair->to_client.count, 1);
    assert_true(pair->to_client.bytes[0] < 160);
    (void)dtls_receive(pair->server, slice_of(repeat, sizeof(repeat)), 1050000);
    assert_int_equal(pair->to_client.count, 2);
    close_pair(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_identity_is_kept_in_a_private_file),
        cmocka_unit_test(test_a_damaged_identity_is_not_replaced),
        cmocka_unit_test(test_flights_stay_in_small_datagrams),
        cmocka_unit_test(test_garbage_does_not_disturb_a_handshake),
        cmocka_unit_test(test_a_lost_last_flight_is_repeated_on_demand),
        cmocka_unit_test(test_what_is_kept_is_the_last_flight_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
