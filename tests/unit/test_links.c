#include "signalling/links.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "links_house.h"
#include "tls_front.h"

enum { SECOND_US = 1000 * 1000 };

/* ---- links that are as they should be ---- */

static void test_one_call_brings_both_up_and_words_go_both_ways(void **state)
{
    (void)state;
    static uint8_t longest[LINKS_MESSAGE_MAX];
    start_two();
    assert_int_equal(links_say(nodes[0].links, "beta", slice_text("a")), ERR_NOENT);
    links_want(nodes[0].links, "beta", nodes[1].url);
    WAIT_FOR(both_are_up());
    assert_int_equal(nodes[0].ups, 1);
    assert_int_equal(nodes[1].ups, 1);
    say(&nodes[0], "beta", "hello");
    say(&nodes[1], "alpha", "good day");
    WAIT_FOR(nodes[0].words == 1 && nodes[1].words == 1);
    assert_int_equal(nodes[0].word_bytes, strlen("good day"));
    assert_int_equal(nodes[1].word_bytes, strlen("hello"));
    size_t most = LINKS_MESSAGE_MAX - TRUST_SEAL_BYTES;
    for (unsigned i = 0; i < 2; i++) {
        const char *to = i == 0 ? "beta" : "alpha";
        assert_int_equal(links_say(nodes[i].links, to, slice_of(longest, most + 1)), ERR_INVAL);
        assert_int_equal(links_say(nodes[i].links, to, slice_of(longest, most)), 0);
        say(&nodes[i], to, "z");
    }
    WAIT_FOR(nodes[0].words == 3 && nodes[1].words == 3);
    assert_int_equal(nodes[1].first_byte, 'z');
    assert_true(both_are_up());
    assert_int_equal(nodes[0].downs + nodes[1].downs, 0);
}

static void test_a_link_over_which_nothing_is_said_stays(void **state)
{
    (void)state;
    start_two_with_a_link();
    struct link *link = only_link(&nodes[0]);
    WAIT_FOR(link->trust.said[TRUST_CALLER] >= 6 && link->trust.said[TRUST_CALLED] >= 6);
    assert_true(both_are_up());
    assert_int_equal(nodes[0].words + nodes[1].words, 0);
    assert_int_equal(nodes[0].downs + nodes[1].downs, 0);
}

static void test_nodes_that_call_each_other_stay_up_with_one_link(void **state)
{
    (void)state;
    start_two();
    links_want(nodes[0].links, "beta", nodes[1].url);
    links_want(nodes[1].links, "alpha", nodes[0].url);
    WAIT_FOR(both_are_up() && nodes[0].links->proofs == 2 && nodes[1].links->proofs == 2);
    assert_int_equal(nodes[0].ups, 2); /* with each: what was said before may be lost */
    assert_int_equal(nodes[1].ups, 2);
    links_release(nodes[0].links, "beta");
    WAIT_FOR(links_count(nodes[0].links) == 1 && links_count(nodes[1].links) == 1);
    assert_true(both_are_up());
    assert_int_equal(nodes[0].ups, 3); /* and with one of them gone */
    assert_int_equal(nodes[1].ups, 3);
    say(&nodes[0], "beta", "still");
    say(&nodes[1], "alpha", "here");
    WAIT_FOR(nodes[0].words == 1 && nodes[1].words == 1);
    assert_int_equal(nodes[0].downs + nodes[1].downs, 0);
    links_release(nodes[1].links, "alpha");
    WAIT_FOR(nodes[0].downs == 1 && nodes[1].downs == 1);
}

static void test_a_link_is_kept_until_it_was_released_as_often_as_wanted(void **state)
{
    (void)state;
    start_two_with_a_link();
    links_want(nodes[0].links, "beta", nodes[1].url);
    links_release(nodes[0].links, "beta");
    say(&nodes[0], "beta", "one");
    WAIT_FOR(nodes[1].words == 1);
    assert_int_equal(links_count(nodes[0].links), 1);
    links_release(nodes[0].links, "beta");
    links_release(nodes[0].links, "beta");
    WAIT_FOR(links_count(nodes[0].links) == 0 && links_count(nodes[1].links) == 0);
    assert_int_equal(nodes[0].downs, 1);
    assert_int_equal(nodes[1].downs, 1);
    assert_null(nodes[0].links->wanted);
}

static void test_what_was_said_before_a_release_arrives(void **state)
{
    (void)state;
    start_two_with_a_link();
    for (unsigned i = 0; i < 100; i++)
        say(&nodes[0], "beta", "last words");
    links_release(nodes[0].links, "beta");
    assert_int_equal(links_say(nodes[0].links, "beta", slice_text("a")), ERR_NOENT);
    WAIT_FOR(nodes[0].downs == 1 && nodes[1].downs == 1);
    assert_int_equal(nodes[1].words, 100);
}

static void test_a_link_may_be_released_while_a_word_of_it_is_heard(void **state)
{
    (void)state;
    start_two_with_a_link();
    nodes[0].releases = "beta";
    say(&nodes[1], "alpha", "go");
    say(&nodes[1], "alpha", "go");
    WAIT_FOR(nodes[0].downs == 1 && nodes[1].downs == 1 && links_count(nodes[0].links) == 0);
}

static void test_names_are_looked_up(void **state)
{
    (void)state;
    char url[URL_MAX];
    start_two();
    (void)snprintf(url, sizeof(url), "http://localhost:%u", nodes[1].signalling.port);
    links_want(nodes[0].links, "beta", url);
    WAIT_FOR(both_are_up());
}

/* Calls beta by TLS under this name, trusting only what the file holds. */
static void call_by_tls(struct tls_front *front, const char *trusted, const char *name)
{
    char url[URL_MAX];
    assert_int_equal(setenv("SSL_CERT_FILE", trusted, 1), 0);
    start_two();
    front_serve(front, nodes[1].signalling.port);
    (void)snprintf(url, sizeof(url), "https://%s:%u", name, front->port);
    links_want(nodes[0].links, "beta", url);
}

static void hang_up(struct tls_front *front)
{
    stop(&nodes[0]);
    stop(&nodes[1]);
    front_stop(front);
}

static void test_https_is_spoken_with_whom_the_system_trusts(void **state)
{
    (void)state;
    struct tls_front front;
    front_start(&front);
    call_by_tls(&front, front.certificate, "localhost");
    WAIT_FOR(both_are_up());
    say(&nodes[0], "beta", "hello");
    say(&nodes[1], "alpha", "good day");
    WAIT_FOR(nodes[0].words == 1 && nodes[1].words == 1);
    hang_up(&front);
}

static void test_https_is_not_spoken_with_others(void **state)
{
    (void)state;
    struct tls_front front;
    for (unsigned i = 0; i < 2; i++) {
        front_start(&front);
        call_by_tls(&front, i == 0 ? "/dev/null" : front.certificate,
                    i == 0 ? "localhost" : "127.0.0.1");
        WAIT_FOR(nodes[0].links->wanted->has_failed);
        WAIT_FOR(nodes[0].links->wanted->again_ms == LINKS_AGAIN_MAX_MS);
        assert_int_equal(nodes[1].links->numbers, 0);
        hang_up(&front);
    }
}

/* ---- losses ---- */

static void test_a_node_that_stopped_is_noticed_and_is_back_when_it_goes_on(void **state)
{
    (void)state;
    start_two_with_a_link();
    nodes[1].is_frozen = true;
    uint64_t since_us = clock_now_us();
    WAIT_FOR(nodes[0].downs == 1);
    assert_true(clock_now_us() - since_us >= (LINKS_SILENT_MS - 600) * 1000ull);
    assert_false(links_is_up(nodes[0].links, "beta"));
    nodes[1].is_frozen = false;
    WAIT_FOR(nodes[1].downs == 1 && both_are_up());
    say(&nodes[0], "beta", "again");
    WAIT_FOR(nodes[1].words == 1);
}

static void test_a_caller_that_stopped_is_noticed_too(void **state)
{
    (void)state;
    start_two_with_a_link();
    nodes[0].is_frozen = true;
    WAIT_FOR(nodes[1].downs == 1);
    nodes[0].is_frozen = false;
    WAIT_FOR(nodes[0].downs == 1 && both_are_up());
}

static void test_time_in_which_this_process_did_not_run_does_not_count(void **state)
{
    (void)state;
    start_two_with_a_link();
    struct links *links = nodes[0].links;
    WAIT_FOR(links->ticked_us != 0);
    links->ticked_us -= 10 * SECOND_US;
    only_link(&nodes[0])->heard_us -= 10 * SECOND_US;
    uint64_t said = only_link(&nodes[0])->trust.said[TRUST_CALLED];
    WAIT_FOR(only_link(&nodes[0])->trust.said[TRUST_CALLED] > said + 1);
    assert_int_equal(nodes[0].downs, 0);
}

static void test_a_node_that_went_and_came_back_is_called_again(void **state)
{
    (void)state;
    start_two_with_a_link();
    uint16_t port = nodes[1].signalling.port;
    stop(&nodes[1]);
    WAIT_FOR(nodes[0].downs == 1);
    WAIT_FOR(nodes[0].links->wanted->again_ms == LINKS_AGAIN_MAX_MS);
    start(2, "beta", &right_key);
    assert_int_not_equal(nodes[2].signalling.port, port);
    links_want(nodes[0].links, "beta", nodes[2].url);
    WAIT_FOR(links_is_up(nodes[0].links, "beta"));
    assert_int_equal(nodes[0].links->wanted->again_ms, LINKS_AGAIN_MS);
    assert_int_equal(nodes[0].ups, 2);
}

static void test_who_does_not_read_is_cut(void **state)
{
    (void)state;
    static uint8_t word[32768];
    int err = 0;
    start_two_with_a_link();
    nodes[1].is_frozen = true;
    for (unsigned i = 0; i < 4096 && err == 0; i++) {
        err = links_say(nodes[0].links, "beta", slice_of(word, sizeof(word)));
        if (i % 8 == 0)
            turn();
    }
    assert_int_equal(err, ERR_FULL);
    assert_false(links_is_up(nodes[0].links, "beta"));
    assert_int_equal(nodes[0].downs, 0); /* not from inside of links_say() */
    WAIT_FOR(nodes[0].downs == 1);
    nodes[1].is_frozen = false;
    WAIT_FOR(nodes[1].downs == 1 && both_are_up());
}

/* ---- the end ---- */

static void test_closing_ends_all_links_and_calls_nobody(void **state)
{
    (void)state;
    start_two();
    links_want(nodes[0].links, "beta", nodes[1].url);
    links_want(nodes[1].links, "alpha", nodes[0].url);
    WAIT_FOR(both_are_up() && nodes[0].links->proofs == 2 && nodes[1].links->proofs == 2);
    say(&nodes[1], "alpha", "bye");
    uint32_t called = nodes[1].links->numbers;
    links_close(nodes[1].links);
    WAIT_FOR(nodes[0].downs == 1 && links_count(nodes[1].links) == 0);
    assert_int_equal(nodes[0].words, 1);
    WAIT_FOR(nodes[0].links->wanted->again_ms == LINKS_AGAIN_MAX_MS); /* in vain */
    assert_in_range(nodes[0].ups, 2, 3); /* each link, and the one that was left for a moment */
    assert_int_equal(nodes[1].ups, 2);
    links_close(nodes[0].links);
    WAIT_FOR(links_count(nodes[0].links) == 0);
    uint64_t until_us = clock_now_us() + 3 * LINKS_AGAIN_MS * 1000ull;
    while (clock_now_us() < until_us) {
        turn();
        assert_int_equal(links_count(nodes[0].links), 0);
    }
    assert_int_equal(nodes[1].links->numbers, called);
    assert_int_equal(links_count(nodes[1].links), 0);
}

static void test_links_can_end_at_any_moment(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 20; turns++) {
        start_two();
        links_want(nodes[0].links, "beta", nodes[1].url);
        for (unsigned i = 0; i < turns; i++)
            turn();
        stop(&nodes[turns % 2]);
        turn();
        stop(&nodes[(turns + 1) % 2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_one_call_brings_both_up_and_words_go_both_ways, stop_all),
        cmocka_unit_test_teardown(test_a_link_over_which_nothing_is_said_stays, stop_all),
        cmocka_unit_test_teardown(test_nodes_that_call_each_other_stay_up_with_one_link, stop_all),
        cmocka_unit_test_teardown(test_a_link_is_kept_until_it_was_released_as_often_as_wanted,
                                  stop_all),
        cmocka_unit_test_teardown(test_what_was_said_before_a_release_arrives, stop_all),
        cmocka_unit_test_teardown(test_a_link_may_be_released_while_a_word_of_it_is_heard,
                                  stop_all),
        cmocka_unit_test_teardown(test_names_are_looked_up, stop_all),
        cmocka_unit_test_teardown(test_https_is_spoken_with_whom_the_system_trusts, stop_all),
        cmocka_unit_test_teardown(test_https_is_not_spoken_with_others, stop_all),
        cmocka_unit_test_teardown(test_a_node_that_stopped_is_noticed_and_is_back_when_it_goes_on,
                                  stop_all),
        cmocka_unit_test_teardown(test_a_caller_that_stopped_is_noticed_too, stop_all),
        cmocka_unit_test_teardown(test_time_in_which_this_process_did_not_run_does_not_count,
                                  stop_all),
        cmocka_unit_test_teardown(test_a_node_that_went_and_came_back_is_called_again, stop_all),
        cmocka_unit_test_teardown(test_who_does_not_read_is_cut, stop_all),
        cmocka_unit_test_teardown(test_closing_ends_all_links_and_calls_nobody, stop_all),
        cmocka_unit_test_teardown(test_links_can_end_at_any_moment, stop_all),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
