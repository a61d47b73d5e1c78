/* visit_house.h - for tests: one listener on its way through the plan; the door and both ways are stood in for.
 * Include after cmocka.h, once in a program.
 *
 * Owner    one test
 * Thread   the test's
 * Units    microseconds
 * Errors   assertions
 * Spec     none
 */
#ifndef TEST_VISIT_HOUSE_H
#define TEST_VISIT_HOUSE_H

#include "rehearse/door_internal.h"
#include "rehearse/visit.h"
#include "rostrum/sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICKET "ticket-of-this-visit-0001"

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

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    (void)state;
    visit_clear(&visit);
    timers_clear(&door.timers);
    stands_clear(&door.stands);
    return 0;
}

static inline void write_answer(void)
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

static inline void come(uint64_t now_us)
{
    visit_tick(&visit, now_us);
    assert_int_equal(visit.state, VISIT_ASKING);
}

static inline void be_answered(uint64_t now_us)
{
    write_answer();
    visit_on_answer(&visit, slice_text(answer), now_us);
    assert_int_equal(visit.state, VISIT_ANSWERED);
}

static inline void ear_tells(enum ear_event_kind kind, int err, const char *reason, uint64_t now_us)
{
    struct ear_event event = {
        .kind = kind, .number = 0, .attempt = visit.attempt, .err = err, .reason = reason};
    visit_on_ear(&visit, &event, now_us);
}

static inline void former_ends(uint32_t attempt, const char *reason, uint64_t now_us)
{
    struct ear_event event = {.kind = EAR_ENDED, .number = 0, .attempt = attempt, .reason = reason};
    visit_on_ear(&visit, &event, now_us);
}

static inline void hear(uint64_t now_us)
{
    come(now_us);
    be_answered(now_us + 20 * MS);
    ear_tells(EAR_SOUND, 0, NULL, now_us + 100 * MS);
    assert_int_equal(visit.state, VISIT_HEARING);
}

/* Its socket or request ends. */
static inline void end_signalling(uint64_t now_us)
{
    has_session = false;
    visit_on_end(&visit, now_us);
}

static inline uint32_t counted(unsigned counter)
{
    return atomic_load(&door.counters[counter]);
}

static inline void assert_counted(const struct tally_reasons *reasons, const char *name,
                                  uint32_t count)
{
    for (unsigned i = 0; i < reasons->used; i++)
        if (strcmp(reasons->list[i].name, name) == 0) {
            assert_int_equal(reasons->list[i].count, count);
            return;
        }
    fail_msg("no such reason: %s", name);
}

static inline void assert_reason(const char *name, uint32_t count)
{
    assert_counted(&door.tally.reasons, name, count);
}

#endif
