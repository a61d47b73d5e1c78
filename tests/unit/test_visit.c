/* The way of one listener through the plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "visit_house.h"

static void test_it_comes_in_its_turn_and_hears(void **state)
{
    (void)state;
    visit_tick(&visit, 9 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_int_equal(counted(DOOR_WAITING), 1);
    come(10 * S);
    assert_int_equal(asked, 1);
    assert_int_equal(counted(DOOR_JOINING), 1);
    be_answered(10 * S + 30 * MS);
    assert_int_equal(order_count, 1);
    assert_int_equal(orders[0].kind, EAR_CONNECT);
    assert_int_equal(door.tally.signalling.max_us, 30 * MS);
    ear_tells(EAR_SOUND, 0, NULL, 10 * S + 90 * MS);
    assert_int_equal(visit.state, VISIT_HEARING);
    assert_int_equal(door.tally.attempts, 1);
    assert_int_equal(door.tally.joined, 1);
    assert_int_equal(counted(DOOR_JOINING), 0);
    assert_int_equal(counted(DOOR_WAITING), 0);
    assert_int_equal(visit.timer.due_us, VISIT_NEVER);
}

static void test_refused_with_a_time_it_comes_again_then(void **state)
{
    (void)state;
    come(10 * S);
    visit_on_refusal(&visit, "full", 5 * S, 11 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_int_equal(left, 0); /* the socket stays open */
    assert_in_range(visit.timer.due_us, 16 * S, 16 * S + 1100 * MS);
    assert_int_equal(counted(DOOR_JOINING), 1);
    come(visit.timer.due_us);
    assert_int_equal(door.tally.attempts, 2);
    assert_int_equal(door.tally.refused, 1);
    assert_int_equal(door.tally.failed, 0);
    assert_reason("full", 1);
}

static void test_refused_for_good_it_goes(void **state)
{
    (void)state;
    come(10 * S);
    visit_on_refusal(&visit, "over", VISIT_NEVER, 11 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    assert_int_equal(left, 1);
    end_signalling(11 * S);
    assert_int_equal(visit.state, VISIT_GONE);
    assert_int_equal(counted(DOOR_GONE), 1);
    assert_reason("over", 1);
}

static void test_without_an_answer_in_time_the_attempt_failed(void **state)
{
    (void)state;
    come(10 * S);
    visit_tick(&visit, 10 * S + VISIT_ANSWER_BY_US);
    assert_int_equal(visit.state, VISIT_LEAVING);
    assert_reason("no answer in time", 1);
    end_signalling(21 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_in_range(visit.timer.due_us, 20 * S, 20 * S + 500 * MS);
}

static void test_it_gives_up_after_so_many_failures(void **state)
{
    (void)state;
    uint64_t now_us = 10 * S;
    for (unsigned i = 1; i <= VISIT_FAILURES_MAX; i++) {
        come(now_us);
        has_session = false;
        visit_on_failure(&visit, "no connection", false, now_us);
        if (i == VISIT_FAILURES_MAX)
            break;
        assert_int_equal(visit.state, VISIT_WAITING);
        assert_true(visit.timer.due_us <= now_us + (uint64_t)(500 * MS) * (1u << (i - 1)));
        now_us = visit.timer.due_us;
    }
    assert_int_equal(visit.state, VISIT_GONE);
    assert_int_equal(door.tally.failed, VISIT_FAILURES_MAX);
    assert_reason("no connection", VISIT_FAILURES_MAX);
}

static void test_sound_makes_failures_forgotten(void **state)
{
    (void)state;
    come(10 * S);
    has_session = false;
    visit_on_failure(&visit, "no connection", false, 10 * S);
    hear(visit.timer.due_us);
    assert_int_equal(visit.failures, 0);
}

static void test_a_limit_of_this_machine_is_not_tried_again(void **state)
{
    (void)state;
    come(10 * S);
    be_answered(10 * S);
    ear_tells(EAR_ENDED, ERR_FULL, "no descriptors left here", 10 * S);
    end_signalling(10 * S);
    assert_int_equal(visit.state, VISIT_GONE);
    assert_reason("no descriptors left here", 1);
}

static void test_an_answer_that_is_nonsense_failed(void **state)
{
    (void)state;
    come(10 * S);
    visit_on_answer(&visit, slice_text("v=0\r\nnonsense"), 10 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    assert_int_equal(order_count, 0);
    assert_reason("nonsense in the answer", 1);
}

static void test_the_ears_reason_is_the_attempts(void **state)
{
    (void)state;
    come(10 * S);
    be_answered(10 * S);
    ear_tells(EAR_ENDED, 0, "no sound", 25 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    assert_int_equal(order_count, 1); /* it need not be told to close */
    end_signalling(25 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_reason("no sound", 1);
    assert_int_equal(door.tally.disconnects, 0);
}

static void test_a_lost_connection_comes_again_and_is_no_failure(void **state)
{
    (void)state;
    hear(10 * S);
    ear_tells(EAR_ENDED, 0, "silence", 30 * S);
    end_signalling(30 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_in_range(visit.timer.due_us, 30 * S, 30 * S + 500 * MS);
    assert_int_equal(door.tally.disconnects, 1);
    assert_counted(&door.tally.losses, "silence", 1);
    assert_int_equal(door.tally.failed, 0);
    come(visit.timer.due_us);
    assert_int_equal(door.tally.attempts, 2);
}

static void test_a_lost_socket_ends_the_media_too(void **state)
{
    (void)state;
    hear(10 * S);
    end_signalling(30 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    assert_int_equal(order_count, 2);
    assert_int_equal(orders[1].kind, EAR_CLOSE);
    ear_tells(EAR_ENDED, 0, NULL, 30 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_int_equal(door.tally.disconnects, 1);
    assert_counted(&door.tally.losses, "signalling cut off", 1);
}

static void test_after_a_good_bye_it_comes_when_the_server_wishes(void **state)
{
    (void)state;
    hear(10 * S);
    visit_on_bye(&visit, "restart", 4 * S, 30 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    end_signalling(30 * S);
    ear_tells(EAR_ENDED, 0, NULL, 30 * S);
    assert_in_range(visit.timer.due_us, 34 * S, 34 * S + 900 * MS);
    hear(visit.timer.due_us);
    visit_on_bye(&visit, "ended", VISIT_NEVER, 60 * S);
    end_signalling(60 * S);
    ear_tells(EAR_ENDED, 0, NULL, 60 * S);
    assert_int_equal(visit.state, VISIT_GONE);
    assert_int_equal(door.tally.disconnects, 2);
    assert_counted(&door.tally.losses, "restart", 1);
    assert_counted(&door.tally.losses, "ended", 1);
}

static void test_a_good_bye_before_sound_is_a_refusal(void **state)
{
    (void)state;
    come(10 * S);
    be_answered(10 * S);
    visit_on_bye(&visit, "ended", VISIT_NEVER, 11 * S);
    end_signalling(11 * S);
    ear_tells(EAR_ENDED, 0, NULL, 11 * S);
    assert_int_equal(visit.state, VISIT_GONE);
    assert_int_equal(door.tally.refused, 1);
    assert_int_equal(door.tally.failed, 0);
    assert_reason("ended", 1);
}

static void test_a_closed_request_of_whep_is_no_loss(void **state)
{
    (void)state;
    visit.way = WAY_WHEP;
    come(10 * S);
    be_answered(10 * S);
    end_signalling(10 * S);
    assert_int_equal(visit.state, VISIT_ANSWERED);
    ear_tells(EAR_SOUND, 0, NULL, 10 * S);
    visit_on_end(&visit, 11 * S);
    assert_int_equal(visit.state, VISIT_HEARING);
}

static void test_it_leaves_and_returns_as_planned(void **state)
{
    (void)state;
    visit.leave_us = 20 * S;
    visit.return_us = 25 * S;
    hear(10 * S);
    assert_int_equal(visit.timer.due_us, 20 * S);
    visit_tick(&visit, 20 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    ear_tells(EAR_ENDED, 0, NULL, 20 * S);
    end_signalling(20 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_int_equal(visit.timer.due_us, 25 * S);
    assert_int_equal(counted(DOOR_WAITING), 1);
    assert_int_equal(door.tally.disconnects, 0);
    hear(25 * S);
    assert_int_equal(visit.timer.due_us, VISIT_NEVER);
    assert_int_equal(door.tally.joined, 2);
}

static void test_who_leaves_while_asking_did_not_join(void **state)
{
    (void)state;
    visit.leave_us = 11 * S;
    come(10 * S);
    visit_tick(&visit, 11 * S);
    end_signalling(11 * S);
    assert_int_equal(visit.state, VISIT_GONE);
    assert_reason("left before sound came", 1);
    visit_on_answer(&visit, slice_text(answer), 12 * S);
    assert_int_equal(order_count, 0);
}

static void test_who_does_not_get_away_is_cut(void **state)
{
    (void)state;
    hear(10 * S);
    visit_dismiss(&visit, 20 * S, 20 * S);
    visit_tick(&visit, 20 * S);
    ear_tells(EAR_ENDED, 0, NULL, 20 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    visit_tick(&visit, 20 * S + VISIT_LEAVE_BY_US);
    assert_int_equal(cut, 1);
    assert_int_equal(visit.state, VISIT_GONE);
}

static void test_dismissed_it_never_comes_back(void **state)
{
    (void)state;
    visit.leave_us = 20 * S;
    visit.return_us = 25 * S;
    hear(10 * S);
    visit_tick(&visit, 20 * S);
    visit_dismiss(&visit, 21 * S, 21 * S);
    ear_tells(EAR_ENDED, 0, NULL, 21 * S);
    end_signalling(21 * S);
    assert_int_equal(visit.state, VISIT_GONE);
}

static void test_before_its_turn_it_is_dismissed_at_once(void **state)
{
    (void)state;
    visit_dismiss(&visit, 5 * S, 5 * S);
    assert_int_equal(visit.timer.due_us, 5 * S);
    visit_tick(&visit, 5 * S);
    assert_int_equal(visit.state, VISIT_GONE);
    assert_int_equal(door.tally.attempts, 0);
    assert_int_equal(counted(DOOR_GONE), 1);
}

/* ---- waves ---- */

static void wait_for_a_wave(void)
{
    visit.due_us = VISIT_NEVER;
    timers_set(&door.timers, &visit.timer, VISIT_NEVER);
}

static void test_a_wave_brings_who_waits_for_it(void **state)
{
    (void)state;
    struct wave wave = {.kind = WAVE_COME};
    wait_for_a_wave();
    visit_wave(&visit, &wave, 2 * S, 10 * S);
    assert_int_equal(visit.timer.due_us, 12 * S);
    hear(12 * S);
    visit_wave(&visit, &wave, 0, 20 * S); /* it is there already */
    assert_int_equal(visit.state, VISIT_HEARING);
}

static void test_who_stays_a_while_leaves_and_comes_as_somebody_new(void **state)
{
    (void)state;
    struct wave wave = {.kind = WAVE_COME, .stay_us = 3 * S, .period_us = 1};
    wait_for_a_wave();
    visit_wave(&visit, &wave, 0, 10 * S);
    memcpy(visit.ticket, TICKET, sizeof(TICKET));
    hear(10 * S);
    assert_int_equal(visit.timer.due_us, 13 * S + 100 * MS);
    visit_tick(&visit, 14 * S);
    ear_tells(EAR_ENDED, 0, NULL, 14 * S);
    end_signalling(14 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_int_equal(visit.timer.due_us, 14 * S);
    assert_string_equal(visit.ticket, "");
    hear(14 * S);
    assert_int_equal(door.stands.list[1].who, STAND_NEWCOMER);
}

static void test_a_cut_one_says_nothing_and_comes_back(void **state)
{
    (void)state;
    struct wave wave = {.kind = WAVE_CUT};
    hear(10 * S);
    visit_wave(&visit, &wave, 0, 20 * S);
    assert_int_equal(visit.state, VISIT_LEAVING);
    assert_int_equal(cut, 1);
    assert_int_equal(left, 0);
    assert_int_equal(orders[1].kind, EAR_CUT);
    ear_tells(EAR_ENDED, 0, NULL, 20 * S);
    visit_on_end(&visit, 20 * S);
    assert_int_equal(visit.state, VISIT_WAITING);
    assert_in_range(visit.timer.due_us, 20 * S, 20 * S + 500 * MS);
    assert_int_equal(door.tally.disconnects, 0);
    assert_int_equal(door.stands.list[0].end, STAND_CUT);
    hear(visit.timer.due_us);
    assert_int_equal(door.stands.list[1].lost_us, 20 * S);
}

static void test_a_wave_sends_it_away_for_good(void **state)
{
    (void)state;
    struct wave come_wave = {.kind = WAVE_COME, .stay_us = 30 * S, .period_us = 1};
    struct wave leave_wave = {.kind = WAVE_LEAVE};
    wait_for_a_wave();
    visit_wave(&visit, &come_wave, 0, 10 * S);
    hear(10 * S);
    visit_wave(&visit, &leave_wave, 5 * S, 12 * S);
    assert_int_equal(visit.timer.due_us, 17 * S);
    visit_tick(&visit, 17 * S);
    ear_tells(EAR_ENDED, 0, NULL, 17 * S);
    end_signalling(17 * S);
    assert_int_equal(visit.state, VISIT_GONE);
}

static void test_a_wave_lets_it_stay(void **state)
{
    (void)state;
    struct wave come_wave = {.kind = WAVE_COME, .stay_us = 3 * S, .period_us = 1};
    struct wave stay_wave = {.kind = WAVE_STAY};
    wait_for_a_wave();
    visit_wave(&visit, &come_wave, 0, 10 * S);
    hear(10 * S);
    visit_wave(&visit, &stay_wave, 0, 12 * S);
    assert_int_equal(visit.timer.due_us, VISIT_NEVER);
    assert_int_equal(visit.state, VISIT_HEARING);
}

static void test_what_an_older_attempt_tells_is_not_heard(void **state)
{
    (void)state;
    hear(10 * S);
    struct ear_event event = {.kind = EAR_ENDED, .attempt = visit.attempt - 1};
    visit_on_ear(&visit, &event, 11 * S);
    assert_int_equal(visit.state, VISIT_HEARING);
    assert_true(visit.ear_has_it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_it_comes_in_its_turn_and_hears),
        TEST(test_refused_with_a_time_it_comes_again_then),
        TEST(test_refused_for_good_it_goes),
        TEST(test_without_an_answer_in_time_the_attempt_failed),
        TEST(test_it_gives_up_after_so_many_failures),
        TEST(test_sound_makes_failures_forgotten),
        TEST(test_a_limit_of_this_machine_is_not_tried_again),
        TEST(test_an_answer_that_is_nonsense_failed),
        TEST(test_the_ears_reason_is_the_attempts),
        TEST(test_a_lost_connection_comes_again_and_is_no_failure),
        TEST(test_a_lost_socket_ends_the_media_too),
        TEST(test_after_a_good_bye_it_comes_when_the_server_wishes),
        TEST(test_a_good_bye_before_sound_is_a_refusal),
        TEST(test_a_closed_request_of_whep_is_no_loss),
        TEST(test_it_leaves_and_returns_as_planned),
        TEST(test_who_leaves_while_asking_did_not_join),
        TEST(test_who_does_not_get_away_is_cut),
        TEST(test_dismissed_it_never_comes_back),
        TEST(test_before_its_turn_it_is_dismissed_at_once),
        TEST(test_a_wave_brings_who_waits_for_it),
        TEST(test_who_stays_a_while_leaves_and_comes_as_somebody_new),
        TEST(test_a_cut_one_says_nothing_and_comes_back),
        TEST(test_a_wave_sends_it_away_for_good),
        TEST(test_a_wave_lets_it_stay),
        TEST(test_what_an_older_attempt_tells_is_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
