#include "rehearse/visit.h"

#include "answer.h"
#include "base/random.h"
#include "rehearse/door_internal.h"

#include <stdlib.h>

enum {
    BACKOFF_FIRST_US = 500 * 1000, /* as client/web/js/backoff.js */
    BACKOFF_LAST_US = 30 * 1000 * 1000,
    BACKOFF_DOUBLINGS = 6,
    WISH_SPREAD_PERCENT = 20,
    WISH_SPREAD_MIN_US = 100 * 1000,
    WISH_SPREAD_MAX_US = 5 * 1000 * 1000,
};

/* ---- states ---- */

static unsigned counter_of(const struct visit *visit)
{
    switch (visit->state) {
    case VISIT_WAITING:
        return visit->has_come ? DOOR_JOINING : DOOR_WAITING;
    case VISIT_ASKING:
    case VISIT_ANSWERED:
        return DOOR_JOINING;
    case VISIT_HEARING:
    case VISIT_LEAVING:
        return DOOR_NOWHERE;
    case VISIT_GONE:
        return DOOR_GONE;
    }
    return DOOR_NOWHERE;
}

static void set_state(struct visit *visit, enum visit_state state, uint64_t due_us)
{
    visit->state = state;
    if (state == VISIT_ASKING)
        visit->has_come = true;
    visit->due_us = due_us;
    bool plan_matters = state != VISIT_LEAVING && state != VISIT_GONE;
    timers_set(&visit->door->timers, &visit->timer,
               plan_matters && visit->leave_us < due_us ? visit->leave_us : due_us);
    door_set_clock(visit->door);
    door_count(visit->door, visit->counter, counter_of(visit));
    visit->counter = counter_of(visit);
}

static void note_left(struct visit *visit)
{
    if (visit->state != VISIT_LEAVING || visit->ear_has_it || !way_is_done(visit))
        return;
    set_state(visit, visit->then_us == VISIT_NEVER ? VISIT_GONE : VISIT_WAITING, visit->then_us);
}

/* The attempt, if one is under way, ends so. */
static void end_attempt(struct visit *visit, uint64_t *counter, const char *word)
{
    struct door *door = visit->door;
    if (visit->state != VISIT_ASKING && visit->state != VISIT_ANSWERED)
        return;
    ++*counter;
    tally_reason(&door->tally.reasons, word, 1);
    door_publish(door);
}

/* Its attempt, if there was one, has been counted. */
static void leave(struct visit *visit, uint64_t now_us, uint64_t then_us)
{
    struct ear_order order = {
        .kind = EAR_CLOSE, .number = visit->number, .attempt = visit->attempt};
    visit->then_us = then_us;
    set_state(visit, VISIT_LEAVING, now_us + VISIT_LEAVE_BY_US);
    if (visit->ear_has_it)
        door_order(visit->door, &order);
    way_leave(visit);
    note_left(visit);
}

/* ---- coming again ---- */

static uint64_t random_below(uint64_t limit)
{
    return limit == 0 ? 0 : (uint64_t)random_u32() * limit >> 32;
}

uint64_t visit_backoff_us(struct visit *visit)
{
    unsigned tries = visit->failures++;
    uint64_t limit_us = (uint64_t)BACKOFF_FIRST_US
                        << (tries < BACKOFF_DOUBLINGS ? tries : BACKOFF_DOUBLINGS);
    return random_below(limit_us < BACKOFF_LAST_US ? limit_us : BACKOFF_LAST_US);
}

static uint64_t wished_us(uint64_t retry_after_us)
{
    uint64_t spread_us = WISH_SPREAD_MIN_US + retry_after_us * WISH_SPREAD_PERCENT / 100;
    return retry_after_us +
           random_below(spread_us < WISH_SPREAD_MAX_US ? spread_us : WISH_SPREAD_MAX_US);
}

static uint64_t wished_moment(uint64_t retry_after_us, uint64_t now_us)
{
    return retry_after_us == VISIT_NEVER ? VISIT_NEVER : now_us + wished_us(retry_after_us);
}

static void count_loss(struct visit *visit, const char *word)
{
    visit->door->tally.disconnects++;
    tally_reason(&visit->door->tally.losses, word, 1);
}

/* The connection that had sound is lost. */
static void come_again(struct visit *visit, const char *word, uint64_t now_us)
{
    count_loss(visit, word);
    leave(visit, now_us, now_us + visit_backoff_us(visit));
}

static void begin_attempt(struct visit *visit, uint64_t now_us)
{
    struct door *door = visit->door;
    visit->attempt++;
    visit->attempt_us = now_us;
    visit->status = 0;
    visit->retry_after_us = VISIT_NEVER;
    door->tally.attempts++;
    random_ice_chars(visit->ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(visit->pwd, PEER_OWN_PWD_CHARS);
    set_state(visit, VISIT_ASKING, now_us + VISIT_ANSWER_BY_US);
    door_publish(door);
    way_ask(visit);
}

/* ---- time ---- */

static bool is_to_leave(const struct visit *visit, uint64_t now_us)
{
    return now_us >= visit->leave_us && visit->state != VISIT_LEAVING && visit->state != VISIT_GONE;
}

void visit_tick(struct visit *visit, uint64_t now_us)
{
    if (is_to_leave(visit, now_us)) {
        visit->leave_us = VISIT_NEVER;
        end_attempt(visit, &visit->door->tally.failed, "left before sound came");
        visit->has_come = false;
        visit->failures = 0;
        leave(visit, now_us, visit->return_us);
        return;
    }
    if (now_us < visit->due_us) {
        set_state(visit, visit->state, visit->due_us);
        return;
    }
    switch (visit->state) {
    case VISIT_WAITING:
        begin_attempt(visit, now_us);
        return;
    case VISIT_ASKING:
        visit_on_failure(visit, "no answer in time", false, now_us);
        return;
    case VISIT_LEAVING:
        set_state(visit, VISIT_LEAVING, now_us + VISIT_LEAVE_BY_US);
        way_cut(visit);
        note_left(visit);
        return;
    case VISIT_ANSWERED: /* the ear watches over it */
    case VISIT_HEARING:
    case VISIT_GONE:
        set_state(visit, visit->state, VISIT_NEVER);
        return;
    }
}

void visit_dismiss(struct visit *visit, uint64_t now_us, uint64_t leave_us)
{
    visit->leave_us = visit->return_us = VISIT_NEVER;
    if (visit->state == VISIT_LEAVING)
        visit->then_us = VISIT_NEVER;
    else if (visit->state != VISIT_GONE)
        visit->leave_us = visit->state == VISIT_WAITING ? now_us : leave_us;
    set_state(visit, visit->state, visit->due_us);
}

void visit_clear(struct visit *visit)
{
    way_drop_incoming(visit);
    free(visit->location);
    visit->location = NULL;
}

/* ---- from the ear ---- */

void visit_on_ear(struct visit *visit, const struct ear_event *event, uint64_t now_us)
{
    if (event->attempt != visit->attempt)
        return;
    switch (event->kind) {
    case EAR_SOUND:
        if (visit->state != VISIT_ANSWERED)
            return;
        visit->door->tally.joined++;
        visit->failures = 0;
        set_state(visit, VISIT_HEARING, VISIT_NEVER);
        return;
    case EAR_ENDED:
        visit->ear_has_it = false;
        if (visit->state == VISIT_LEAVING)
            note_left(visit);
        else if (visit->state == VISIT_ANSWERED)
            visit_on_failure(visit, event->reason, event->err != 0, now_us);
        else if (visit->state == VISIT_HEARING)
            come_again(visit, event->reason, now_us);
        return;
    }
}

/* ---- from the way ---- */

void visit_on_answer(struct visit *visit, struct slice sdp, uint64_t now_us)
{
    struct plan_listener plan = plan_listener(visit->door->params.crowd->plan, visit->number);
    const struct address *source = door_source(visit->door, visit->number);
    struct sdp_error error = {0};
    uint8_t opus;
    if (visit->state != VISIT_ASKING)
        return;
    histogram_add(&visit->door->tally.signalling, now_us - visit->attempt_us);
    struct listener_order *order = calloc(1, sizeof(*order));
    if (order == NULL) {
        visit_on_failure(visit, "no memory left here", true, now_us);
        return;
    }
    *order = (struct listener_order){.number = visit->number,
                                     .attempt = visit->attempt,
                                     .attempt_us = visit->attempt_us,
                                     .has_source = source != NULL,
                                     .is_lossy = plan.is_lossy,
                                     .is_slow = plan.is_slow,
                                     .is_unread = plan.is_unread,
                                     .is_verifying = plan.is_verifying};
    if (source != NULL)
        order->source = *source;
    memcpy(order->peer.local.ufrag, visit->ufrag, sizeof(visit->ufrag));
    memcpy(order->peer.local.pwd, visit->pwd, sizeof(visit->pwd));
    if (answer_read(&order->peer, &opus, sdp, &error) != 0) {
        free(order);
        visit_on_failure(visit, "nonsense in the answer", false, now_us);
        return;
    }
    visit->ear_has_it = true;
    set_state(visit, VISIT_ANSWERED, VISIT_NEVER);
    door_order(visit->door, &(struct ear_order){.kind = EAR_CONNECT,
                                                .number = visit->number,
                                                .attempt = visit->attempt,
                                                .connect = order});
}

void visit_on_refusal(struct visit *visit, const char *word, uint64_t retry_after_us,
                      uint64_t now_us)
{
    if (visit->state != VISIT_ASKING)
        return;
    end_attempt(visit, &visit->door->tally.refused, word);
    if (retry_after_us == VISIT_NEVER)
        leave(visit, now_us, VISIT_NEVER);
    else /* a WebSocket stays open meanwhile */
        set_state(visit, VISIT_WAITING, now_us + wished_us(retry_after_us));
}

void visit_on_bye(struct visit *visit, const char *word, uint64_t retry_after_us, uint64_t now_us)
{
    if (visit->state == VISIT_HEARING)
        count_loss(visit, word);
    else if (visit->state == VISIT_ASKING || visit->state == VISIT_ANSWERED)
        end_attempt(visit, &visit->door->tally.refused, word);
    else
        return;
    leave(visit, now_us, wished_moment(retry_after_us, now_us));
}

void visit_on_failure(struct visit *visit, const char *word, bool is_ours, uint64_t now_us)
{
    if (visit->state != VISIT_ASKING && visit->state != VISIT_ANSWERED)
        return;
    end_attempt(visit, &visit->door->tally.failed, word);
    if (is_ours || visit->failures + 1 >= VISIT_FAILURES_MAX)
        leave(visit, now_us, VISIT_NEVER);
    else
        leave(visit, now_us, now_us + visit_backoff_us(visit));
}

void visit_on_end(struct visit *visit, uint64_t now_us)
{
    way_drop_incoming(visit);
    switch (visit->state) {
    case VISIT_LEAVING:
        if (visit->location != NULL)
            way_leave(visit);
        note_left(visit);
        return;
    case VISIT_ASKING:
        visit_on_failure(visit, "cut off before the answer", false, now_us);
        return;
    case VISIT_ANSWERED:
        if (visit->way == WAY_WEBSOCKET)
            visit_on_failure(visit, "cut off before sound came", false, now_us);
        return;
    case VISIT_HEARING:
        if (visit->way == WAY_WEBSOCKET)
            come_again(visit, "signalling cut off", now_us);
        return;
    case VISIT_WAITING:
    case VISIT_GONE:
        return;
    }
}
