#include "transport/ice.h"

#include "rostrum/stun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char OWN_PWD[] = "0123456789abcdefghijklmn";

struct bench {
    struct ice ice;
    struct address from;
    uint8_t local; /* the number of our address that it asks */
    uint8_t packet[STUN_MESSAGE_MAX];
    size_t packet_bytes;
    uint8_t reply[STUN_MESSAGE_MAX];
    size_t reply_bytes;
    uint64_t now_us;
};

static void open_lite(struct bench *bench)
{
    *bench = (struct bench){.now_us = 1000};
    struct peer_params params = {.ice = ICE_LITE};
    memcpy(params.local.ufrag, "abcdefgh", 9);
    memcpy(params.local.pwd, OWN_PWD, sizeof(OWN_PWD));
    assert_int_equal(ice_init(&bench->ice, &params, bench->now_us), 0);
    assert_int_equal(address_parse(&bench->from, "198.51.100.7:40000"), 0);
}

static void write_check(struct bench *bench, const char *username, const char *pwd, bool nominate,
                        bool controlling)
{
    struct stun_request request = {.username = slice_text(username),
                                   .priority = 1,
                                   .controlling = controlling,
                                   .tie_breaker = 5,
                                   .use_candidate = nominate};
    struct writer out = writer_of(bench->packet, sizeof(bench->packet));
    assert_int_equal(stun_write_request(&request, slice_text(pwd), &out), 0);
    bench->packet_bytes = out.at;
}

static unsigned receive(struct bench *bench)
{
    struct writer reply = writer_of(bench->reply, sizeof(bench->reply));
    struct peer_path path = {.remote = bench->from, .local = bench->local};
    unsigned found = ice_receive(&bench->ice, &path, slice_of(bench->packet, bench->packet_bytes),
                                 bench->now_us, &reply);
    bench->reply_bytes = reply.at;
    return found;
}

static uint16_t reply_code(const struct bench *bench)
{
    struct slice packet = slice_of(bench->reply, bench->reply_bytes);
    struct stun_msg msg;
    assert_int_equal(stun_parse(&msg, packet), 0);
    assert_int_equal(stun_check_integrity(&msg, packet, slice_text(OWN_PWD)), 0);
    return msg.error_code;
}

static void test_a_valid_check_is_answered_with_its_source(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    write_check(&bench, "abcdefgh:them", OWN_PWD, false, true);
    assert_int_equal(receive(&bench), ICE_ACCEPTED | ICE_SELECTED);
    struct slice packet = slice_of(bench.reply, bench.reply_bytes);
    struct stun_msg msg;
    assert_int_equal(stun_parse(&msg, packet), 0);
    assert_int_equal(msg.class, STUN_SUCCESS);
    assert_int_equal(stun_check_integrity(&msg, packet, slice_text(OWN_PWD)), 0);
    assert_true(msg.has_mapped && address_equal(&msg.mapped, &bench.from));
    assert_true(bench.reply_bytes <= bench.packet_bytes);
    assert_true(ice_has_path(&bench.ice, &bench.from));
    ice_clear(&bench.ice);
}

static void test_a_forged_check_gets_no_byte_back(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    write_check(&bench, "abcdefgh:them", "another password of them", true, true);
    assert_int_equal(receive(&bench), ICE_DROPPED);
    assert_int_equal(bench.reply_bytes, 0);
    write_check(&bench, "abcdefgX:them", OWN_PWD, true, true);
    assert_int_equal(receive(&bench), ICE_DROPPED);
    assert_int_equal(bench.reply_bytes, 0);
    write_check(&bench, "abcdefgh", OWN_PWD, true, true);
    assert_int_equal(receive(&bench), ICE_DROPPED);
    assert_int_equal(bench.reply_bytes, 0);
    assert_null(ice_selected(&bench.ice));
    ice_clear(&bench.ice);
}

static void test_a_truncated_or_damaged_check_gets_no_byte_back(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    write_check(&bench, "abcdefgh:them", OWN_PWD, true, true);
    size_t whole_bytes = bench.packet_bytes;
    for (size_t bytes = 0; bytes < whole_bytes; bytes++) {
        bench.packet_bytes = bytes;
        assert_int_equal(receive(&bench), ICE_DROPPED);
        assert_int_equal(bench.reply_bytes, 0);
    }
    bench.packet_bytes = whole_bytes;
    for (size_t at = 0; at < whole_bytes; at++) {
        if (at == whole_bytes - 8) /* FINGERPRINT's own type and length: without it, all is good */
            at += 4;
        bench.packet[at] ^= 0x10;
        assert_int_equal(receive(&bench), ICE_DROPPED);
        assert_int_equal(bench.reply_bytes, 0);
        bench.packet[at] ^= 0x10;
    }
    assert_int_equal(receive(&bench), ICE_ACCEPTED | ICE_SELECTED);
    ice_clear(&bench.ice);
}

static void test_a_controlled_remote_is_told_of_the_conflict(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    write_check(&bench, "abcdefgh:them", OWN_PWD, true, false);
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    assert_int_equal(reply_code(&bench), STUN_ROLE_CONFLICT);
    assert_null(ice_selected(&bench.ice));
    ice_clear(&bench.ice);
}

static void test_the_last_nomination_wins(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    struct address first = bench.from;
    write_check(&bench, "abcdefgh:them", OWN_PWD, false, true);
    assert_int_equal(receive(&bench), ICE_ACCEPTED | ICE_SELECTED);
    bench.from.port++;
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    assert_true(address_equal(&ice_selected(&bench.ice)->remote, &first));
    write_check(&bench, "abcdefgh:them", OWN_PWD, true, true);
    assert_int_equal(receive(&bench), ICE_ACCEPTED | ICE_SELECTED);
    assert_true(address_equal(&ice_selected(&bench.ice)->remote, &bench.from));
    bench.from = first;
    assert_int_equal(receive(&bench), ICE_ACCEPTED | ICE_SELECTED);
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    ice_clear(&bench.ice);
}

static void test_paths_differ_by_our_own_address_alone(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    write_check(&bench, "abcdefgh:them", OWN_PWD, false, true);
    bench.local = 1;
    assert_int_equal(receive(&bench), ICE_ACCEPTED | ICE_SELECTED);
    bench.local = 2;
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    assert_int_equal(ice_selected(&bench.ice)->local, 1);
    write_check(&bench, "abcdefgh:them", OWN_PWD, true, true);
    assert_int_equal(receive(&bench), ICE_ACCEPTED | ICE_SELECTED);
    assert_int_equal(ice_selected(&bench.ice)->local, 2);
    assert_true(address_equal(&ice_selected(&bench.ice)->remote, &bench.from));
    assert_int_equal(bench.ice.path_count, 2);
    ice_clear(&bench.ice);
}

static void test_the_ninth_path_drives_out_the_oldest_unused(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    struct address first = bench.from;
    write_check(&bench, "abcdefgh:them", OWN_PWD, false, true);
    for (unsigned i = 0; i <= PEER_PATHS_MAX; i++) {
        bench.from.port = (uint16_t)(first.port + i);
        bench.now_us++;
        assert_true(receive(&bench) & ICE_ACCEPTED);
    }
    struct address second = first;
    second.port++;
    assert_true(ice_has_path(&bench.ice, &first)); /* in use, though the oldest */
    assert_false(ice_has_path(&bench.ice, &second));
    assert_true(ice_has_path(&bench.ice, &bench.from));
    assert_int_equal(bench.ice.path_count, PEER_PATHS_MAX);
    ice_clear(&bench.ice);
}

static void test_without_consent_the_path_moves_to_a_living_one(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    struct address first = bench.from;
    write_check(&bench, "abcdefgh:them", OWN_PWD, true, true);
    assert_true(receive(&bench) & ICE_SELECTED);
    write_check(&bench, "abcdefgh:them", OWN_PWD, false, true);
    bench.from.port++;
    const uint64_t second_check_us = 10 * 1000 * 1000;
    bench.now_us += second_check_us;
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    assert_int_equal(ice_tick(&bench.ice, bench.now_us), 0);
    assert_true(address_equal(&ice_selected(&bench.ice)->remote, &first));
    bench.now_us += PEER_CONSENT_US - second_check_us;
    assert_true(ice_due_us(&bench.ice) <= bench.now_us);
    assert_int_equal(ice_tick(&bench.ice, bench.now_us), ICE_SELECTED);
    assert_true(address_equal(&ice_selected(&bench.ice)->remote, &bench.from));
    assert_int_equal(ice_tick(&bench.ice, bench.now_us + PEER_CONSENT_US), ICE_EXPIRED);
    ice_clear(&bench.ice);
}

/* A NAT that forgot its mapping gives the remote another address. Some clients nominate once and
 * never again: then the checks themselves say where it is now. */
static void test_a_path_that_fell_silent_gives_way_to_one_that_is_checked(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    write_check(&bench, "abcdefgh:them", OWN_PWD, true, true);
    assert_int_equal(receive(&bench), ICE_ACCEPTED | ICE_SELECTED);
    write_check(&bench, "abcdefgh:them", OWN_PWD, false, true);
    struct address former = bench.from;
    struct address now = bench.from;
    now.port++;
    bench.now_us += 6 * 1000 * 1000;
    bench.from = now;
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    bench.from = former;
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    for (unsigned i = 1; i <= 3; i++) {
        bench.now_us += 5 * 1000 * 1000;
        bench.from = now;
        assert_int_equal(receive(&bench), i == 3 ? ICE_ACCEPTED | ICE_SELECTED : (int)ICE_ACCEPTED);
    }
    assert_true(address_equal(&ice_selected(&bench.ice)->remote, &now));
}

static void test_former_credentials_serve_until_the_new_ones_are_used(void **state)
{
    (void)state;
    struct bench bench;
    open_lite(&bench);
    struct peer_params params = {.ice = ICE_LITE};
    memcpy(params.local.ufrag, "ABCDEFGH", 9);
    memcpy(params.local.pwd, "zyxwvutsrqponmlkjihgfedc", 25);
    assert_int_equal(ice_restart(&bench.ice, &params, bench.now_us), 0);
    write_check(&bench, "abcdefgh:them", OWN_PWD, true, true);
    assert_true(receive(&bench) & ICE_ACCEPTED);
    write_check(&bench, "ABCDEFGH:them", params.local.pwd, true, true);
    assert_true(receive(&bench) & ICE_ACCEPTED);
    write_check(&bench, "abcdefgh:them", OWN_PWD, true, true);
    assert_int_equal(receive(&bench), ICE_DROPPED);
    params.local.ufrag[8] = 'x';
    params.local.ufrag[9] = '\0';
    assert_int_equal(ice_restart(&bench.ice, &params, bench.now_us), ERR_INVAL);
    write_check(&bench, "ABCDEFGH:them", params.local.pwd, true, true);
    assert_true(receive(&bench) & ICE_ACCEPTED);
    ice_clear(&bench.ice);
}

/* ---- controlling ---- */

static void open_controlling(struct bench *bench, unsigned candidates)
{
    *bench = (struct bench){.now_us = 1000};
    struct peer_params params = {.ice = ICE_CONTROLLING, .candidate_count = candidates};
    memcpy(params.local.ufrag, "abcdefgh", 9);
    memcpy(params.local.pwd, OWN_PWD, sizeof(OWN_PWD));
    memcpy(params.remote.ufrag, "them", 5);
    memcpy(params.remote.pwd, "password of the server", 23);
    assert_int_equal(address_parse(&bench->from, "192.0.2.1:5004"), 0);
    for (unsigned i = 0; i < candidates; i++) {
        params.candidates[i] = bench->from;
        params.candidates[i].port = (uint16_t)(params.candidates[i].port + i);
    }
    assert_int_equal(ice_init(&bench->ice, &params, bench->now_us), 0);
}

static bool next_check(struct bench *bench, struct address *to, struct stun_msg *msg)
{
    struct writer out = writer_of(bench->reply, sizeof(bench->reply));
    if (!ice_next_check(&bench->ice, bench->now_us, to, &out))
        return false;
    struct slice packet = slice_of(bench->reply, out.at);
    assert_int_equal(stun_parse(msg, packet), 0);
    assert_int_equal(stun_check_integrity(msg, packet, slice_text("password of the server")), 0);
    assert_true(slice_is(msg->username, "them:abcdefgh"));
    assert_true(msg->has_controlling);
    return true;
}

static void write_answer(struct bench *bench, const struct stun_msg *msg, const char *pwd)
{
    struct writer out = writer_of(bench->packet, sizeof(bench->packet));
    assert_int_equal(stun_write_success(msg->txid, &bench->from, slice_text(pwd), &out), 0);
    bench->packet_bytes = out.at;
}

static void test_candidates_are_checked_at_a_pace_and_again(void **state)
{
    (void)state;
    struct bench bench;
    struct address to;
    struct stun_msg msg;
    open_controlling(&bench, 3);
    unsigned counts[3] = {0};
    uint64_t end_us = bench.now_us + 1000000;
    unsigned burst_max = 0;
    while (bench.now_us < end_us) {
        unsigned burst = 0;
        while (next_check(&bench, &to, &msg)) {
            assert_false(msg.use_candidate);
            counts[to.port - bench.from.port]++;
            burst++;
        }
        burst_max = burst > burst_max ? burst : burst_max;
        assert_true(ice_due_us(&bench.ice) > bench.now_us);
        bench.now_us = ice_due_us(&bench.ice);
    }
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(counts[i], 4, 6); /* 0, 50, 150, 350, 750 ms */
    assert_true(burst_max <= 2);
    ice_clear(&bench.ice);
}

static void test_the_first_answer_selects_and_is_nominated(void **state)
{
    (void)state;
    struct bench bench;
    struct address to;
    struct stun_msg msg;
    open_controlling(&bench, 2);
    assert_true(next_check(&bench, &to, &msg));
    write_answer(&bench, &msg, "wrong password, too bad");
    bench.now_us += 7000;
    assert_int_equal(receive(&bench), ICE_DROPPED);
    write_answer(&bench, &msg, "password of the server");
    bench.from.port = 9;
    assert_int_equal(receive(&bench), ICE_DROPPED); /* not from where the check went */
    bench.from.port = 5004;
    assert_int_equal(receive(&bench), ICE_ACCEPTED | ICE_SELECTED);
    assert_int_equal(ice_rtt_us(&bench.ice), 7000);
    assert_true(next_check(&bench, &to, &msg));
    assert_true(msg.use_candidate);
    assert_int_equal(to.port, 5004);
    assert_false(next_check(&bench, &to, &msg));
    write_answer(&bench, &msg, "password of the server");
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    /* From now on a keepalive every 2.5 s or so, to this address only. */
    uint64_t due_us = ice_due_us(&bench.ice);
    assert_in_range(due_us - bench.now_us, 2000000, 3000000);
    bench.now_us = due_us;
    assert_true(next_check(&bench, &to, &msg));
    assert_true(msg.use_candidate);
    assert_false(next_check(&bench, &to, &msg));
    ice_clear(&bench.ice);
}

static void test_a_controlling_remote_meets_a_larger_tie_breaker(void **state)
{
    (void)state;
    struct bench bench;
    open_controlling(&bench, 1);
    write_check(&bench, "abcdefgh:them", OWN_PWD, false, true);
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    assert_int_equal(reply_code(&bench), STUN_ROLE_CONFLICT);
    write_check(&bench, "abcdefgh:them", OWN_PWD, false, false);
    assert_int_equal(receive(&bench), ICE_ACCEPTED);
    assert_int_equal(reply_code(&bench), 0);
    assert_null(ice_selected(&bench.ice));
    ice_clear(&bench.ice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_valid_check_is_answered_with_its_source),
        cmocka_unit_test(test_a_forged_check_gets_no_byte_back),
        cmocka_unit_test(test_a_truncated_or_damaged_check_gets_no_byte_back),
        cmocka_unit_test(test_a_controlled_remote_is_told_of_the_conflict),
        cmocka_unit_test(test_the_last_nomination_wins),
        cmocka_unit_test(test_paths_differ_by_our_own_address_alone),
        cmocka_unit_test(test_the_ninth_path_drives_out_the_oldest_unused),
        cmocka_unit_test(test_without_consent_the_path_moves_to_a_living_one),
        cmocka_unit_test(test_a_path_that_fell_silent_gives_way_to_one_that_is_checked),
        cmocka_unit_test(test_former_credentials_serve_until_the_new_ones_are_used),
        cmocka_unit_test(test_candidates_are_checked_at_a_pace_and_again),
        cmocka_unit_test(test_the_first_answer_selects_and_is_nominated),
        cmocka_unit_test(test_a_controlling_remote_meets_a_larger_tie_breaker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
