/* The way of one listener through the line and from one node to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "visit_house.h"

static struct line_word place_word(uint32_t place, uint32_t again_ms)
{
    return (struct line_word){
        .answer = LINE_PLACE,
        .again_ms = again_ms,
        .place = {.ticket = TICKET, .place = place, .in_line = 9, .has_wait = true, .to_s = 4}};
}

static void be_placed(uint64_t now_us)
{
    struct line_word word = place_word(3, 1500);
    come(now_us);
    visit_on_line(&visit, &word, now_us + 20 * MS);
    has_session = false;
    assert_int_equal(visit.state, VISIT_WAITING);
}

static void be_seated_by_the_line(uint64_t now_us)
{
    struct line_word word = {.answer = LINE_SEAT, .hold_ms = 10000, .place = {.ticket = TICKET}};
    come(now_us);
    visit_on_line(&visit, &word, now_us + 20 * MS);
    has_session = false;
    assert_int_equal(visit.state, VISIT_WAITING);
}

static void be_sent(const char *url, uint64_t now_us)
{
    struct line_node node = {.ticket = TICKET, .region = "eu"};
    (void)snprintf(node.url, sizeof(node.url), "%s", url);
    visit_on_elsewhere(&visit, &node, now_us);
    has_session = false;
    assert_int_equal(visit.state, VISIT_WAITING);
}

static void hear_elsewhere(uint64_t now_us)
{
    come(now_us);
    be_sent("http://a", now_us + 10 * MS);
    hear(visit.timer.due_us);
}

static void test_sent_elsewhere_it_asks_there_at_once(void **state)
{
    (void)state;
    come(10 * S);
    assert_int_equal(visit.node, NODES_HOME);
    be_sent("http://a", 10 * S + 10 * MS);
    assert_int_equal(visit.timer.due_us, 10 * S + 10 * MS);
    hear(visit.timer.due_us);
    assert_int_equal(visit.node, 1);
    assert_string_equal(visit.ticket, TICKET);
    assert_string_equal(visit.region, "eu");
    assert_true(is_away);
    assert_int_equal(door.tally.attempts, 1);
    assert_int_equal(door.tally.refused, 0);
    assert_int_equal(door.tally.hops, 1);
    assert_int_equal(door.tally.asks[0].asked, 2);
    assert_int_equal(door.tally.nodes.used, 1);
    assert_string_equal(door.tally.nodes.list[0].url, "http://a");
    assert_int_equal(door.tally.nodes.list[0].heard, 1);
}

static void test_its_old_socket_is_waited_for(void **state)
{
    (void)state;
    int socket; /* never looked into */
    come(10 * S);
    visit.is_socket = true;
    visit.wsi = (struct lws *)&socket;
    be_sent("http://a", 10 * S);
    assert_int_equal(cut, 1);
    assert_true(visit.timer.due_us > 10 * S);
    visit.wsi = NULL;
    end_signalling(10 * S + MS);
    assert_int_equal(visit.timer.due_us, 10 * S + MS);
    come(10 * S + MS);
    assert_int_equal(visit.node, 1);
}

static void test_after_three_hops_it_rests_and_begins_at_home(void **state)
{
    (void)state;
    uint64_t now_us = 10 * S;
    for (unsigned i = 0; i < 4; i++) {
        come(now_us);
        be_sent(i % 2 == 0 ? "http://a" : "http://b", now_us);
        now_us = visit.timer.due_us;
        assert_true(i == 3 ? now_us >= 11 * S && now_us <= 12500 * MS : now_us == 10 * S);
    }
    assert_int_equal(door.tally.hops, 3);
    assert_reason("elsewhere", 1);
    hear(now_us);
    assert_int_equal(visit.node, NODES_HOME);
    assert_string_equal(visit.region, "");
    assert_string_equal(visit.ticket, TICKET);
    assert_int_equal(visit.hops, 0);
    assert_false(is_away);
    assert_int_equal(door.tally.attempts, 2);
}

static void test_an_address_that_is_not_followed_is_a_refusal(void **state)
{
    (void)state;
    come(10 * S);
    be_sent("http://bad", 10 * S);
    assert_reason("elsewhere, not followed", 1);
    assert_true(visit.timer.due_us >= 11 * S);
    hear(visit.timer.due_us);
    assert_int_equal(visit.node, NODES_HOME);
}

static void test_who_loses_another_node_goes_home_with_the_ticket(void **state)
{
    (void)state;
    hear_elsewhere(10 * S);
    ear_tells(EAR_ENDED, 0, "silence", 20 * S);
    assert_int_equal(dropped, 1); /* nor is the end of its socket waited for */
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_true(visit.timer.due_us <= 20500 * MS);
    hear(visit.timer.due_us);
    assert_int_equal(visit.node, NODES_HOME);
    assert_string_equal(visit.ticket, TICKET);
    assert_int_equal(door.tally.nodes.used, 2);
}

static void test_another_nodes_wish_is_not_waited_for(void **state)
{
    (void)state;
    hear_elsewhere(10 * S);
    visit_on_bye(&visit, "closing", 60 * S, 20 * S);
    ear_tells(EAR_ENDED, 0, NULL, 20 * S);
    end_signalling(20 * S);
    assert_true(visit.timer.due_us <= 20500 * MS);
}

/* At another node, and its socket there. */
static uint32_t hear_until_moving(uint64_t now_us)
{
    hear_elsewhere(now_us);
    visit.wsi = NODE_SOCKET;
    visit_on_moving(&visit, 3 * S, now_us + 10 * S);
    assert_int_equal(visit.state, VISIT_HEARING);
    assert_int_equal(visit.timer.due_us, now_us + 13 * S);
    uint32_t attempt = visit.attempt;
    has_session = false; /* what it asks for next is another one */
    visit_tick(&visit, now_us + 13 * S);
    assert_int_equal(visit.timer.due_us, now_us + 13 * S);
    return attempt;
}

static void test_a_node_that_wants_to_be_left_is_heard_until_the_next_one_is(void **state)
{
    (void)state;
    uint32_t former = hear_until_moving(10 * S);
    unsigned before = order_count;
    come(23 * S);
    assert_int_equal(visit.node, NODES_HOME);
    be_answered(23100 * MS);
    assert_int_equal(order_count, before + 1);
    assert_int_equal(counted(DOOR_HEARING), 1);
    assert_int_equal(former_left, 0);
    ear_tells(EAR_SOUND, 0, NULL, 23200 * MS);
    assert_int_equal(visit.state, VISIT_HEARING);
    assert_int_equal(order_count, before + 2);
    assert_int_equal(orders[before + 1].kind, EAR_CLOSE);
    assert_int_equal(orders[before + 1].attempt, former);
    assert_int_equal(orders[before + 1].at_us, 23200 * MS);
    assert_int_equal(former_left, 1);
    assert_int_equal(door.tally.moved, 1);
    assert_int_equal(door.tally.joined, 2);
    assert_int_equal(door.tally.disconnects + door.tally.failed + door.tally.refused, 0);
    former_ends(former, NULL, 23300 * MS);
    assert_int_equal(visit.state, VISIT_HEARING);
    assert_int_equal(door.tally.disconnects, 0);
    assert_int_equal(counted(DOOR_HEARING), 1);
}

static void test_what_it_asks_meanwhile_may_fail_and_nothing_is_lost(void **state)
{
    (void)state;
    uint32_t former = hear_until_moving(10 * S);
    for (unsigned i = 0; i < VISIT_FAILURES_MAX + 2; i++) {
        come(visit.timer.due_us);
        visit_on_failure(&visit, "no connection", false, visit.ask_us);
        end_signalling(visit.ask_us);
        assert_int_equal(visit.state, VISIT_WAITING);
        assert_int_equal(counted(DOOR_HEARING), 1);
    }
    assert_int_equal(door.tally.disconnects, 0);
    assert_int_equal(atomic_load(&door.missing), 0);
    former_ends(former, "silence", visit.ask_us + 1);
    assert_counted(&door.tally.losses, "silence", 1);
    assert_int_equal(atomic_load(&door.missing), 1);
    assert_int_equal(counted(DOOR_HEARING), 0);
    visit.former.wsi = NULL;
    hear(visit.timer.due_us);
    assert_int_equal(atomic_load(&door.missing), 0);
    assert_int_equal(door.tally.disconnects, 1);
    assert_int_equal(door.tally.moved, 0);
}

static void test_who_leaves_while_it_moves_leaves_both(void **state)
{
    (void)state;
    visit.leave_us = 24 * S;
    uint32_t former = hear_until_moving(10 * S);
    come(23 * S);
    be_answered(23100 * MS);
    unsigned before = order_count;
    visit_tick(&visit, 24 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    assert_int_equal(order_count, before + 2);
    assert_int_equal(orders[before].attempt, former);
    assert_int_equal(former_left, 1);
    assert_int_equal(door.tally.attempts, 1);
    assert_int_equal(door.tally.failed + door.tally.disconnects, 0);
    ear_tells(EAR_ENDED, 0, NULL, 24 * S);
    end_signalling(24 * S);
    former_ends(former, NULL, 24 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    visit.former.wsi = NULL;
    visit_on_former_end(&visit, 24 * S);
    assert_int_equal(visit.state, VISIT_GONE);
}

static void test_it_moves_again_when_the_seat_before_has_gone(void **state)
{
    (void)state;
    uint32_t former = hear_until_moving(10 * S);
    hear(23 * S);
    former_ends(former, NULL, 24 * S);
    visit_on_moving(&visit, VISIT_NEVER, 25 * S);
    visit_tick(&visit, 25 * S); /* its socket still closes */
    assert_int_equal(visit.state, VISIT_HEARING);
    assert_int_equal(former_cut, 1);
    visit.former.wsi = NULL;
    visit_on_former_end(&visit, 25 * S);
    has_session = false;
    visit_tick(&visit, 26 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    hear(26 * S);
    assert_int_equal(door.tally.moved, 2);
}

static void test_the_line_sends_elsewhere_too(void **state)
{
    (void)state;
    struct line_word word = {.answer = LINE_ELSEWHERE, .node = {.url = "http://b"}};
    be_placed(10 * S);
    come(visit.timer.due_us);
    visit_on_line(&visit, &word, 12 * S);
    has_session = false;
    assert_false(visit.asks_line || visit.in_line);
    hear(12 * S);
    assert_int_equal(visit.node, 2);
    assert_string_equal(visit.ticket, TICKET);
}

static void test_told_a_place_it_checks_in_exactly_then(void **state)
{
    (void)state;
    be_placed(10 * S);
    assert_int_equal(visit.timer.due_us, 10 * S + 1520 * MS);
    assert_true(visit.asks_line && visit.in_line);
    assert_string_equal(visit.ticket, TICKET);
    assert_int_equal(counted(DOOR_LINED), 1);
    assert_reason("line", 1);
    assert_int_equal(door.tally.refused, 1);
    struct line_word word = place_word(2, 700);
    come(visit.timer.due_us);
    visit_on_line(&visit, &word, 12 * S);
    assert_int_equal(visit.timer.due_us, 12 * S + 700 * MS);
    assert_int_equal(door.tally.attempts, 1); /* a check-in is none */
    assert_int_equal(door.tally.refused, 1);
    assert_int_equal(door.tally.asks[0].asked, 2);
    assert_int_equal(door.tally.asks[0].check_ins, 1);
}

static void test_with_a_seat_it_asks_its_way_at_once(void **state)
{
    (void)state;
    be_placed(10 * S);
    be_seated_by_the_line(visit.timer.due_us);
    assert_false(visit.asks_line || visit.in_line);
    uint64_t now_us = visit.timer.due_us;
    hear(now_us);
    assert_int_equal(door.tally.attempts, 2);
    assert_int_equal(door.tally.joined, 1);
    assert_int_equal(door.tally.first_sound.count, 0); /* the ear's */
    assert_int_equal(counted(DOOR_HEARING), 1);
    assert_int_equal(door.stands.count, 1);
    const struct stand *stand = &door.stands.list[0];
    assert_int_equal(stand->ask_us, 10 * S);
    assert_int_equal(stand->answer_us, 10 * S + 20 * MS);
    assert_int_equal(stand->place, 3);
    assert_int_equal(stand->seat_us, now_us);
    assert_int_equal(stand->sound_us, now_us + 100 * MS);
    assert_true(stand->has_wait);
}

static void test_who_asks_the_line_first_makes_one_attempt(void **state)
{
    (void)state;
    visit.asks_line = true;
    be_seated_by_the_line(10 * S);
    hear(visit.timer.due_us);
    assert_int_equal(door.tally.attempts, 1);
    assert_int_equal(door.tally.joined, 1);
    assert_int_equal(door.tally.asks[0].asked, 2);
}

static void test_who_lost_a_seat_comes_back_with_the_ticket(void **state)
{
    (void)state;
    hear(10 * S);
    memcpy(visit.ticket, TICKET, sizeof(TICKET));
    end_signalling(30 * S);
    ear_tells(EAR_ENDED, 0, NULL, 30 * S);
    assert_string_equal(visit.ticket, TICKET);
    hear(visit.timer.due_us);
    assert_int_equal(door.stands.count, 2);
    assert_int_equal(door.stands.list[0].end, STAND_LOST);
    assert_int_equal(door.stands.list[0].end_us, 30 * S);
    assert_int_equal(door.stands.list[1].who, STAND_RETURNING);
    assert_int_equal(door.stands.list[1].lost_us, 30 * S);
}

static void test_a_check_in_that_fails_is_tried_again_in_line(void **state)
{
    (void)state;
    be_placed(10 * S);
    come(visit.timer.due_us);
    has_session = false;
    visit_on_failure(&visit, "no connection", false, 12 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_true(visit.in_line);
    assert_in_range(visit.timer.due_us, 12 * S, 12 * S + 500 * MS);
    assert_int_equal(door.tally.asks[0].unanswered, 1);
    assert_int_equal(door.tally.failed, 0);
}

static void test_who_leaves_the_line_gives_the_place_up(void **state)
{
    (void)state;
    visit.leave_us = 11 * S;
    be_placed(10 * S);
    visit_tick(&visit, 11 * S);
    assert_true(visit.gives_up);
    assert_int_equal(left, 1);
    assert_int_equal(visit.state, VISIT_GONE);
    assert_string_equal(visit.ticket, ""); /* who comes next is somebody else */
    assert_int_equal(door.stands.list[0].end, STAND_LEFT);
}

static void test_an_answer_after_a_second_is_late(void **state)
{
    (void)state;
    struct line_word word = place_word(3, 1500);
    come(10 * S);
    visit_on_line(&visit, &word, 11 * S);
    assert_int_equal(door.tally.asks[0].late, 0);
    come(visit.timer.due_us);
    visit_on_line(&visit, &word, visit.ask_us + 1 * S + 1);
    assert_int_equal(door.tally.asks[0].late, 1);
    assert_int_equal(door.tally.asks[0].answered, 2);
}

static void test_no_seat_any_more_is_the_end(void **state)
{
    (void)state;
    struct line_word word = {.answer = LINE_NO, .again_ms = LINE_AGAIN_NEVER, .word = "over"};
    be_placed(10 * S);
    come(visit.timer.due_us);
    visit_on_line(&visit, &word, 12 * S);
    has_session = false;
    visit_on_end(&visit, 12 * S);
    assert_int_equal(visit.state, VISIT_GONE);
    assert_int_equal(door.stands.list[0].end, STAND_AWAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_sent_elsewhere_it_asks_there_at_once),
        TEST(test_its_old_socket_is_waited_for),
        TEST(test_after_three_hops_it_rests_and_begins_at_home),
        TEST(test_an_address_that_is_not_followed_is_a_refusal),
        TEST(test_who_loses_another_node_goes_home_with_the_ticket),
        TEST(test_another_nodes_wish_is_not_waited_for),
        TEST(test_a_node_that_wants_to_be_left_is_heard_until_the_next_one_is),
        TEST(test_what_it_asks_meanwhile_may_fail_and_nothing_is_lost),
        TEST(test_who_leaves_while_it_moves_leaves_both),
        TEST(test_it_moves_again_when_the_seat_before_has_gone),
        TEST(test_the_line_sends_elsewhere_too),
        TEST(test_told_a_place_it_checks_in_exactly_then),
        TEST(test_with_a_seat_it_asks_its_way_at_once),
        TEST(test_who_asks_the_line_first_makes_one_attempt),
        TEST(test_who_lost_a_seat_comes_back_with_the_ticket),
        TEST(test_a_check_in_that_fails_is_tried_again_in_line),
        TEST(test_who_leaves_the_line_gives_the_place_up),
        TEST(test_an_answer_after_a_second_is_late),
        TEST(test_no_seat_any_more_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
