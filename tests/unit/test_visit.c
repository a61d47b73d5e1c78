/* The way of one listener through the plan; the door and both ways are stood in for. */
#include "rehearse/visit.h"

#include "rehearse/door_internal.h"
#include "rostrum/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MS = 1000, S = 1000 * MS };

static struct door door;
static struct crowd_params crowd;
static struct plan plan;
static struct visit visit;
static struct ear_order orders[8]; /* to its ear; `connect` freed */
static unsigned order_count, asked, left, cut, dropped, former_left, former_cut;
#define NODE_SOCKET ((struct lws *)&visit) /* any address */
static bool is_away;                       /* as the newest order says */
static bool has_session;                   /* there is something to leave */
static char answer[2048];

/* ---- who stands in ---- */

void door_set_clock(struct door *of)
{
    (void)of;
}

void door_count(struct door *of, unsigned from, unsigned to)
{
    atomic_fetch_sub(&of->counters[from], 1);
    atomic_fetch_add(&of->counters[to], 1);
}

void door_publish(struct door *of)
{
    (void)of;
}

void door_order(struct door *of, const struct ear_order *order)
{
    (void)of;
    assert_true(order_count < sizeof(orders) / sizeof(orders[0]));
    orders[order_count++] = *order;
    if (order->connect != NULL)
        is_away = order->connect->is_away;
    free(order->connect);
}

const struct address *door_source(const struct door *of, uint32_t number)
{
    (void)of;
    (void)number;
    return NULL;
}

void way_ask(struct visit *of)
{
    (void)of;
    asked++;
    has_session = true;
}

void way_leave(struct visit *of)
{
    (void)of;
    left++;
}

void way_cut(struct visit *of)
{
    (void)of;
    cut++;
    has_session = false;
}

void way_drop(struct visit *of)
{
    (void)of;
    dropped++;
    has_session = false;
}

void way_leave_former(struct visit *of)
{
    (void)of;
    former_left++;
}

void way_cut_former(struct visit *of)
{
    (void)of;
    former_cut++;
}

bool way_is_done(const struct visit *of)
{
    (void)of;
    return !has_session;
}

void way_drop_incoming(struct visit *of)
{
    (void)of;
}

int door_find_node(struct door *of, unsigned *out, const char *url)
{
    (void)of;
    if (strcmp(url, "http://bad") == 0)
        return ERR_INVAL;
    *out = strcmp(url, "http://a") == 0 ? 1 : 2;
    return 0;
}

const char *door_node_url(const struct door *of, unsigned node)
{
    static const char *const urls[] = {"http://home", "http://a", "http://b"};
    (void)of;
    return urls[node];
}

/* ---- tools ---- */

static int setup(void **state)
{
    (void)state;
    char problem[PLAN_PROBLEM_MAX];
    struct plan_params params = {.listeners = 1, .hold_us = 60 * S};
    assert_int_equal(plan_make(&plan, &params, problem), 0);
    crowd = (struct crowd_params){.plan = &plan};
    memset(&door, 0, sizeof(door));
    door.params.crowd = &crowd;
    atomic_store(&door.counters[DOOR_WAITING], 1);
    visit = (struct visit){.door = &door,
                           .counter = DOOR_WAITING,
                           .way = WAY_WEBSOCKET,
                           .due_us = 10 * S,
                           .leave_us = VISIT_NEVER,
                           .return_us = VISIT_NEVER,
                           .then_us = VISIT_NEVER,
                           .stand = STANDS_NONE,
                           .retry_after_us = VISIT_NEVER};
    assert_int_equal(timers_add(&door.timers, &visit.timer, &visit, visit.due_us), 0);
    order_count = asked = left = cut = dropped = former_left = former_cut = 0;
    has_session = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    visit_clear(&visit);
    timers_clear(&door.timers);
    stands_clear(&door.stands);
    return 0;
}

static void write_answer(void)
{
    struct address candidate;
    assert_int_equal(address_parse(&candidate, "127.0.0.1:5004"), 0);
    struct sdp_local local = {.direction = SDP_SENDONLY,
                              .setup = SDP_PASSIVE,
                              .ice_lite = true,
                              .ufrag = "serverfr",
                              .pwd = "abcdefghijklmnopqrstuvwx",
                              .fingerprint = {.hash = SDP_SHA256, .bytes = 32},
                              .candidates = &candidate,
                              .candidate_count = 1,
                              .cname = "server",
                              .ssrc = 7,
                              .stream_id = "s",
                              .track_id = "t"};
    struct writer out = writer_of(answer, sizeof(answer));
    assert_int_equal(sdp_write_offer(&local, &out), 0);
}

static void come(uint64_t now_us)
{
    visit_tick(&visit, now_us);
    assert_int_equal(visit.state, VISIT_ASKING);
}

static void be_answered(uint64_t now_us)
{
    write_answer();
    visit_on_answer(&visit, slice_text(answer), now_us);
    assert_int_equal(visit.state, VISIT_ANSWERED);
}

static void ear_tells(enum ear_event_kind kind, int err, const char *reason, uint64_t now_us)
{
    struct ear_event event = {
        .kind = kind, .number = 0, .attempt = visit.attempt, .err = err, .reason = reason};
    visit_on_ear(&visit, &event, now_us);
}

static void former_ends(uint32_t attempt, const char *reason, uint64_t now_us)
{
    struct ear_event event = {.kind = EAR_ENDED, .number = 0, .attempt = attempt, .reason = reason};
    visit_on_ear(&visit, &event, now_us);
}

static void hear(uint64_t now_us)
{
    come(now_us);
    be_answered(now_us + 20 * MS);
    ear_tells(EAR_SOUND, 0, NULL, now_us + 100 * MS);
    assert_int_equal(visit.state, VISIT_HEARING);
}

/* Its socket or request ends. */
static void end_signalling(uint64_t now_us)
{
    has_session = false;
    visit_on_end(&visit, now_us);
}

static uint32_t counted(unsigned counter)
{
    return atomic_load(&door.counters[counter]);
}

static void assert_counted(const struct tally_reasons *reasons, const char *name, uint32_t count)
{
    for (unsigned i = 0; i < reasons->used; i++)
        if (strcmp(reasons->list[i].name, name) == 0) {
            assert_int_equal(reasons->list[i].count, count);
            return;
        }
    fail_msg("no such reason: %s", name);
}

static void assert_reason(const char *name, uint32_t count)
{
    assert_counted(&door.tally.reasons, name, count);
}

/* ---- tests ---- */

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

/* ---- the line ---- */

#define TICKET "ticket-of-this-visit-0001"

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
        TEST(test_a_wave_brings_who_waits_for_it),
        TEST(test_who_stays_a_while_leaves_and_comes_as_somebody_new),
        TEST(test_a_cut_one_says_nothing_and_comes_back),
        TEST(test_a_wave_sends_it_away_for_good),
        TEST(test_a_wave_lets_it_stay),
        TEST(test_what_an_older_attempt_tells_is_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
