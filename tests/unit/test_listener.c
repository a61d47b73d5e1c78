#include "rehearse/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "listener_house.h"

enum { S = 1000 * 1000 };

static struct house house;

static int setup(void **state)
{
    (void)state;
    house_init(&house);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    house_clear(&house);
    delay_destroy(house.shared.delay);
    return 0;
}

static bool hears(void)
{
    return house_now_us(&house) < listener_hears_until_us(house.listener);
}

static void test_it_joins_and_hears(void **state)
{
    (void)state;
    house_connect(&house);
    assert_false(listener_has_sound(house.listener));
    assert_false(hears());
    house_hear(&house, 20);
    assert_true(listener_has_sound(house.listener));
    assert_true(hears());
    assert_int_equal(house.tally.lost, 0);
    assert_int_equal(house.tally.first_sound.count, 1);
    assert_int_equal(house.tally.per_second[0].hearing, 1);
    assert_int_equal(house.tally.per_second[0].joins, 1);
    assert_true(house.tally.checks_sent >= 2); /* the second one nominates */
    house.ahead_us += 2 * S;
    assert_false(hears());
}

static void test_its_reports_tell_what_it_hears(void **state)
{
    (void)state;
    house_connect(&house);
    house_hear(&house, 50);
    house.seq += 10; /* ten are lost */
    house_hear(&house, 40);
    house_pass(&house, 3 * S);
    house_until(&house, house.report_count == 1);
    assert_int_equal(house.sdes_count, 1);
    assert_int_equal(house.block.ssrc, HOUSE_SSRC);
    assert_int_equal(house.block.highest_ext_seq, 199);
    assert_int_equal(house.block.lost_packets, 10);
    assert_int_equal(house.block.fraction_lost_q8, 25);
    assert_int_equal(house.tally.lost, 10);
    assert_int_equal(house.tally.reports_sent, 1);
    assert_int_equal(house.nack_count, 0); /* browsers do not ask for Opus again */
    house_hear(&house, 1);
    house_pass(&house, 8 * S);
    house_until(&house, house.report_count == 2);
    assert_int_equal(house.block.highest_ext_seq, 200);
}

static void test_a_lossy_one_gets_by_nack_what_it_dropped(void **state)
{
    (void)state;
    house.order.is_lossy = true;
    house_connect(&house);
    while (house.tally.dropped < 20 || house.tally.repaired < 20) {
        house_play(&house, false);
        house_turn(&house);
    }
    assert_int_equal(house.tally.lost, 0); /* of what was sent all came to the socket */
    assert_int_equal(house.tally.duplicates, 0);
    assert_true(house.tally.nacks_sent > 0);
    assert_true(house.nack_count > 0);
    assert_true(house.tally.repaired <= house.tally.dropped);
}

static void test_a_lossy_one_reports_its_losses(void **state)
{
    (void)state;
    house.order.is_lossy = true;
    house.answers_nacks = false;
    house_connect(&house);
    house_hear(&house, 200);
    house_pass(&house, 3 * S);
    house_until(&house, house.report_count == 1);
    assert_in_range(house.block.lost_packets, 50, 150);
    assert_int_equal(house.tally.lost, 0);
    assert_int_equal(house.tally.repaired, 0);
}

static void test_two_lossy_ones_lose_different_packets(void **state)
{
    (void)state;
    uint64_t dropped[2];
    for (uint32_t i = 0; i < 2; i++) {
        if (i > 0) {
            house_clear(&house);
            house_init(&house);
        }
        house.order.is_lossy = true;
        house.order.number = i;
        house.answers_nacks = false;
        house_connect(&house);
        dropped[i] = 0;
        for (unsigned bit = 0; bit < 60; bit++) {
            uint64_t before = house.tally.dropped;
            house_hear(&house, 1);
            dropped[i] |= (uint64_t)(house.tally.dropped > before) << bit;
        }
    }
    assert_true(dropped[0] != dropped[1]);
}

static void test_a_verifying_one_checks_every_tag(void **state)
{
    (void)state;
    house.order.is_verifying = true;
    house_connect(&house);
    house_hear(&house, 10);
    house_play(&house, true);
    house_until(&house, house.tally.damaged == 1);
    assert_int_equal(house.tally.packets, 10);
    house_hear(&house, 1);
    assert_int_equal(house.tally.verified, 11);
    assert_int_equal(house.tally.lost, 1); /* what was damaged did not come */
}

static void go_deaf(void)
{
    house.order.is_unread = true;
    house_connect(&house);
    house_hear(&house, 10);
    house_pass(&house, LISTENER_DEAF_AFTER_US);
    house_until(&house, listener_is_deaf(house.listener));
}

static void test_an_unread_one_goes_on_checking_and_reporting(void **state)
{
    (void)state;
    go_deaf();
    house_until(&house, house.report_count == 1);
    unsigned checks = house.stun_count;
    for (unsigned i = 0; i < 60; i++) { /* longer than consent lasts */
        house_play(&house, false);
        house_pass(&house, S);
    }
    assert_null(listener_end_reason(house.listener));
    assert_true(hears());
    assert_true(peer_is_connected(house.peer));
    assert_in_range(house.stun_count - checks, 15, 35);
    assert_in_range(house.report_count, 8, 25);
    assert_int_equal(house.block.highest_ext_seq, 109); /* what it last knew */
    assert_int_equal(house.tally.packets, 10);
    assert_int_equal(house.tally.longest_gap.count, 1);
    assert_int_equal(house.tally.gaps, 0); /* that nobody reads is nobody's silence */
    for (unsigned i = 5; i < 60; i++)
        assert_int_equal(house.tally.per_second[i].hearing, 1);
}

static void test_an_unread_one_notices_that_nothing_comes_any_more(void **state)
{
    (void)state;
    go_deaf();
    house.answers_checks = false;
    for (unsigned i = 0; i < 25; i++)
        house_pass(&house, S);
    assert_null(listener_end_reason(house.listener));
    assert_false(hears());
    for (unsigned i = 0; i < 10; i++)
        house_pass(&house, S);
    assert_string_equal(listener_end_reason(house.listener), "consent lost");
}

static void test_an_unread_one_is_silent_while_others_hear(void **state)
{
    (void)state;
    house.shared.others_hear = true;
    go_deaf();
    house.answers_checks = false;
    for (unsigned i = 0; i < 15; i++)
        house_pass(&house, S);
    assert_string_equal(listener_end_reason(house.listener), "silence");
}

static void test_silence_ends_it_while_others_hear(void **state)
{
    (void)state;
    house_connect(&house);
    house_hear(&house, 10);
    house_pass(&house, LISTENER_SILENT_US);
    house_pass(&house, 2 * S);
    assert_null(listener_end_reason(house.listener));
    house.shared.others_hear = true;
    house_pass(&house, 2 * S);
    assert_string_equal(listener_end_reason(house.listener), "silence");
    assert_false(hears());
}

static void test_at_another_node_it_is_not_so_patient(void **state)
{
    (void)state;
    house.order.is_away = true;
    house_connect(&house);
    house_hear(&house, 10);
    house_pass(&house, S);
    assert_null(listener_end_reason(house.listener));
    house.shared.room_is_live = false;
    house_pass(&house, S);
    assert_null(listener_end_reason(house.listener));
    house.shared.room_is_live = true;
    house_pass(&house, S);
    assert_string_equal(listener_end_reason(house.listener), "silence");
}

static void test_no_sound_in_time_ends_it_in_a_live_room(void **state)
{
    (void)state;
    house.shared.room_is_live = false;
    house_connect(&house);
    house_pass(&house, LISTENER_SOUND_BY_US);
    assert_null(listener_end_reason(house.listener));
    house.shared.room_is_live = true;
    house_pass(&house, LISTENER_SOUND_BY_US);
    assert_string_equal(listener_end_reason(house.listener), "no sound");
}

static void test_a_server_that_answers_no_check_is_named_so(void **state)
{
    (void)state;
    house.answers_checks = false;
    house_create_listener(&house);
    house_turn(&house);
    house_pass(&house, LISTENER_SOUND_BY_US);
    assert_string_equal(listener_end_reason(house.listener), "no answer to checks");
    assert_true(house.stun_count > 0);
}

static void test_a_server_with_another_certificate_is_not_listened_to(void **state)
{
    (void)state;
    house.order.peer.fingerprint.bytes[0] ^= 1;
    house_create_listener(&house);
    house_until(&house, listener_end_reason(house.listener) != NULL);
    assert_string_equal(listener_end_reason(house.listener), "wrong certificate");
}

static void test_the_servers_good_bye_ends_it(void **state)
{
    (void)state;
    house_connect(&house);
    house_hear(&house, 1);
    peer_destroy(house.peer); /* close_notify */
    house.peer = NULL;
    while (listener_end_reason(house.listener) == NULL)
        (void)house_listen(&house);
    assert_string_equal(listener_end_reason(house.listener), "closed by the server");
}

static void test_of_several_candidates_those_are_tried_that_can_be_reached(void **state)
{
    (void)state;
    struct peer_params *params = &house.order.peer;
    assert_int_equal(address_parse(&params->candidates[0], "[2001:db8::1]:5004"), 0);
    assert_int_equal(address_parse(&params->candidates[1], "127.0.0.1:9"), 0);
    params->candidates[2] = house.address;
    params->candidate_count = 3;
    house_connect(&house);
    house_hear(&house, 5);
    assert_true(listener_is_bound(house.listener));
}

static void test_without_a_way_to_the_server_it_says_so(void **state)
{
    (void)state;
    const char *reason;
    house.order.has_source = true;
    assert_int_equal(address_parse(&house.order.source, "127.0.0.1"), 0);
    /* broadcast: connect(2) refuses it to who has not asked for it */
    assert_int_equal(address_parse(&house.order.peer.candidates[0], "255.255.255.255:5004"), 0);
    assert_int_equal(listener_create(&house.listener, &house.shared, &house.order,
                                     house_now_us(&house), &reason),
                     ERR_IO);
    assert_string_equal(reason, "no way to the server's media address");
    assert_int_equal(address_parse(&house.order.source, "192.0.2.1"), 0);
    assert_int_equal(listener_create(&house.listener, &house.shared, &house.order,
                                     house_now_us(&house), &reason),
                     ERR_IO);
    assert_string_equal(reason, "no such source address here");
}

static void test_it_comes_from_its_source_address(void **state)
{
    (void)state;
    house.order.has_source = true;
    assert_int_equal(address_parse(&house.order.source, "127.0.3.9"), 0);
    house_connect(&house);
    house_hear(&house, 1);
    house.path.port = 0;
    assert_true(address_equal(&house.path, &house.order.source));
}

static void test_from_loopback_it_reaches_media_that_is_elsewhere(void **state)
{
    (void)state;
    house.order.has_source = true;
    assert_int_equal(address_parse(&house.order.source, "127.0.3.9"), 0);
    assert_int_equal(address_parse(&house.order.peer.candidates[0], "[::1]:5004"), 0);
    house_create_listener(&house);
    assert_true(listener_is_bound(house.listener));
    house_turn(&house);
    assert_true(house.tally.checks_sent > 0);
}

static void test_the_end_of_descriptors_is_our_own_limit(void **state)
{
    (void)state;
    struct rlimit limit, tight;
    const char *reason;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    tight = (struct rlimit){.rlim_cur = 1, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    int err = listener_create(&house.listener, &house.shared, &house.order, house_now_us(&house),
                              &reason);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(err, ERR_FULL);
    assert_string_equal(reason, "no descriptors left here");
}

static void run_delayed(void)
{
    struct delayed delayed;
    while (delay_peek(house.shared.delay, house_now_us(&house), &delayed)) {
        assert_int_equal(delayed.attempt, house.order.attempt);
        listener_delayed(house.listener, &delayed, house_now_us(&house));
        delay_drop(house.shared.delay);
    }
}

static void test_a_slow_one_gets_and_sends_everything_late(void **state)
{
    (void)state;
    house.order.is_slow = true;
    house.shared.slow_us = S;
    assert_int_equal(delay_create(&house.shared.delay, S, 0), 0);
    house_create_listener(&house);
    house_turn(&house);
    assert_int_equal(house.stun_count, 0); /* the first check is on its way */
    unsigned seconds = 0;
    for (; !listener_is_connected(house.listener) || house.link == NULL; seconds++) {
        house_pass(&house, S);
        run_delayed();
        house_turn(&house);
    }
    assert_in_range(seconds, 6, 12); /* check and two round trips of DTLS */
    house_play(&house, false);
    house_until(&house, poll(&(struct pollfd){.fd = listener_fd(house.listener), .events = POLLIN},
                             1, 0) == 0);
    assert_int_equal(house.tally.packets, 0);
    house_pass(&house, S);
    run_delayed();
    assert_int_equal(house.tally.packets, 1);
    assert_true(listener_has_sound(house.listener));
}

static void test_garbage_does_no_harm(void **state)
{
    (void)state;
    uint8_t bytes[64];
    house_connect(&house);
    house_hear(&house, 5);
    for (unsigned i = 0; i < 256; i++) {
        memset(bytes, (int)i, sizeof(bytes));
        uint64_t now_us = house_now_us(&house);
        listener_receive(house.listener, NULL, bytes, i % sizeof(bytes), now_us, now_us);
    }
    house_hear(&house, 5);
    assert_null(listener_end_reason(house.listener));
    assert_true(house.tally.damaged > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_it_joins_and_hears),
        TEST(test_its_reports_tell_what_it_hears),
        TEST(test_a_lossy_one_gets_by_nack_what_it_dropped),
        TEST(test_a_lossy_one_reports_its_losses),
        TEST(test_two_lossy_ones_lose_different_packets),
        TEST(test_a_verifying_one_checks_every_tag),
        TEST(test_an_unread_one_goes_on_checking_and_reporting),
        TEST(test_an_unread_one_notices_that_nothing_comes_any_more),
        TEST(test_an_unread_one_is_silent_while_others_hear),
        TEST(test_silence_ends_it_while_others_hear),
        TEST(test_at_another_node_it_is_not_so_patient),
        TEST(test_no_sound_in_time_ends_it_in_a_live_room),
        TEST(test_a_server_that_answers_no_check_is_named_so),
        TEST(test_a_server_with_another_certificate_is_not_listened_to),
        TEST(test_the_servers_good_bye_ends_it),
        TEST(test_of_several_candidates_those_are_tried_that_can_be_reached),
        TEST(test_without_a_way_to_the_server_it_says_so),
        TEST(test_it_comes_from_its_source_address),
        TEST(test_from_loopback_it_reaches_media_that_is_elsewhere),
        TEST(test_the_end_of_descriptors_is_our_own_limit),
        TEST(test_a_slow_one_gets_and_sends_everything_late),
        TEST(test_garbage_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
