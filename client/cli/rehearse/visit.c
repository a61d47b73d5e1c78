#include "rehearse/visit.h"

#include "base/random.h"
#include "nodes.h"
#include "rehearse/door_internal.h"
#include "rehearse/visit_move.h"
#include "rehearse/visit_notes.h"

/* ---- states ---- */

static unsigned counter_of(const struct visit *visit)
{
    bool is_there = visit->state != VISIT_LEAVING && visit->state != VISIT_GONE;
    if (is_there && visit_hears_former(visit))
        return DOOR_HEARING;
    switch (visit->state) {
    case VISIT_WAITING:
        if (!visit->has_come)
            return DOOR_WAITING;
        return visit->in_line ? DOOR_LINED : DOOR_JOINING;
    case VISIT_ASKING:
        return visit->in_line ? DOOR_LINED : DOOR_JOINING;
    case VISIT_ANSWERED:
        return DOOR_ANSWERED;
    case VISIT_HEARING:
        return DOOR_HEARING;
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

/* Who comes next by this number is somebody else. */
static void forget(struct visit *visit)
{
    visit->ticket[0] = '\0';
    visit->in_line = visit->has_come = false;
    visit->asks_line = plan_listener(visit->door->params.crowd->plan, visit->number).asks_line;
    visit_note_missing(visit, 0);
    visit->since_us = visit->since_answer_us = 0;
    visit->failures = 0;
}

/* When who has gone comes again; VISIT_NEVER. */
static uint64_t next_turn_us(struct visit *visit, uint64_t now_us)
{
    if (visit->period_us == 0)
        return VISIT_NEVER;
    visit->next_us += visit->period_us;
    if (visit->next_us < now_us)
        visit->next_us = now_us;
    return visit->next_us;
}

static void note_left(struct visit *visit, uint64_t now_us)
{
    if (visit->state != VISIT_LEAVING || visit->ear_has_it || !way_is_done(visit) ||
        visit_is_leaving_former(visit))
        return;
    uint64_t then_us = visit->then_us;
    if (then_us == VISIT_NEVER) {
        forget(visit);
        then_us = next_turn_us(visit, now_us);
    }
    set_state(visit, then_us == VISIT_NEVER ? VISIT_GONE : VISIT_WAITING, then_us);
}

/* The attempt, if one is under way, ends so. */
static void end_attempt(struct visit *visit, uint64_t *counter, const char *word)
{
    struct door *door = visit->door;
    if ((visit->state != VISIT_ASKING && visit->state != VISIT_ANSWERED) || !visit->is_attempt)
        return;
    visit->is_attempt = false;
    ++*counter;
    tally_reason(&door->tally.reasons, word, 1);
    door_publish(door);
}

/* Its attempt, if there was one, has been counted. */
static void leave(struct visit *visit, uint64_t now_us, uint64_t then_us)
{
    struct ear_order order = {
        .kind = EAR_CLOSE, .number = visit->number, .attempt = visit->attempt, .at_us = now_us};
    visit->then_us = then_us;
    visit->is_attempt = false;
    if (then_us == VISIT_NEVER) {
        visit_leave_former(visit, now_us);
        visit_stand_end(visit, STAND_AWAY, now_us);
    }
    set_state(visit, VISIT_LEAVING, now_us + VISIT_LEAVE_BY_US);
    if (visit->ear_has_it)
        door_order(visit->door, &order);
    way_leave(visit);
    note_left(visit, now_us);
}

/* ---- coming again ---- */

static uint64_t wished_moment(uint64_t retry_after_us, uint64_t now_us)
{
    return retry_after_us == VISIT_NEVER ? VISIT_NEVER : now_us + visit_wished_us(retry_after_us);
}

static void give_up_or_again(struct visit *visit, bool is_ours, uint64_t now_us)
{
    bool is_hopeless = !visit->door->params.crowd->is_stubborn &&
                       visit->failures + 1 >= VISIT_FAILURES_MAX && !visit_hears_former(visit);
    if (visit->node != NODES_HOME)
        way_drop(visit);
    if (is_ours || is_hopeless)
        leave(visit, now_us, VISIT_NEVER);
    else
        leave(visit, now_us, now_us + visit_backoff_us(visit));
}

static void note_lost(struct visit *visit, enum stand_end end, uint64_t now_us)
{
    visit_stand_end(visit, end, now_us);
    visit_note_missing(visit, now_us);
}

/* The connection that had sound is lost. */
static void come_again(struct visit *visit, const char *word, uint64_t now_us)
{
    visit_note_loss(visit, word);
    note_lost(visit, STAND_LOST, now_us);
    if (visit->node != NODES_HOME)
        way_drop(visit);
    leave(visit, now_us, now_us + visit_backoff_us(visit));
}

/* Begins anew at home, and hears here meanwhile. */
static void move_on(struct visit *visit, uint64_t now_us)
{
    if (!visit_set_aside(visit)) {
        visit->moving_us = now_us + VISIT_CLOSING_US;
        set_state(visit, VISIT_HEARING, visit->moving_us);
        return;
    }
    visit->moving_us = 0;
    set_state(visit, VISIT_WAITING, now_us);
}

/* What it still heard is no more: a loss as any other, but it is on its way already. */
static void lose_former(struct visit *visit, const char *word, uint64_t now_us)
{
    bool was_heard = visit_hears_former(visit);
    visit_drop_former(visit);
    if (was_heard) {
        visit_note_loss(visit, word);
        note_lost(visit, STAND_LOST, now_us);
    }
    if (visit->state == VISIT_LEAVING)
        note_left(visit, now_us);
    else
        set_state(visit, visit->state, visit->due_us);
}

void visit_on_former_end(struct visit *visit, uint64_t now_us)
{
    note_left(visit, now_us);
}

/* A check-in is none: the attempt that led into the line was counted, and the next one begins with a
 * seat. */
static void begin_attempt(struct visit *visit, uint64_t now_us)
{
    if (visit->is_attempt || visit->in_line)
        return;
    visit->is_attempt = true;
    visit->attempt_us = now_us;
    visit->door->tally.attempts++;
}

static void turn_home(struct visit *visit)
{
    visit->node = NODES_HOME;
    visit->hops = 0;
    visit->region[0] = '\0';
}

/* A socket stays with its node while one waits there; who comes again after a loss has none. */
static void begin_asking(struct visit *visit, uint64_t now_us)
{
    bool is_usable = visit->is_socket && !visit->asks_line && !visit->is_sent;
    if (visit->wsi != NULL && !is_usable) {
        way_cut(visit);
        set_state(visit, VISIT_WAITING, now_us + VISIT_CLOSING_US);
        return;
    }
    if (!visit->is_sent && visit->wsi == NULL)
        turn_home(visit);
    visit->is_sent = false;
    visit->moving_us = 0;
    begin_attempt(visit, now_us);
    visit->attempt++;
    visit->status = 0;
    visit->retry_after_us = VISIT_NEVER;
    random_ice_chars(visit->ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(visit->pwd, PEER_OWN_PWD_CHARS);
    visit_note_asked(visit, now_us);
    bool is_away = visit->node != NODES_HOME && !visit->asks_line;
    set_state(visit, VISIT_ASKING,
              now_us + (is_away ? VISIT_AWAY_ANSWER_BY_US : VISIT_ANSWER_BY_US));
    door_publish(visit->door);
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
        if (visit_hears_former(visit))
            visit_note_withdrawn(visit);
        visit_leave_former(visit, now_us);
        end_attempt(visit, &visit->door->tally.failed, "left before sound came");
        visit_stand_end(visit, STAND_LEFT, now_us);
        visit->has_come = false;
        visit->failures = 0;
        visit->gives_up = visit->in_line;
        leave(visit, now_us, visit->return_us);
        return;
    }
    if (now_us < visit->due_us) {
        set_state(visit, visit->state, visit->due_us);
        return;
    }
    switch (visit->state) {
    case VISIT_WAITING:
        begin_asking(visit, now_us);
        return;
    case VISIT_ASKING:
        visit_on_failure(visit, "no answer in time", false, now_us);
        return;
    case VISIT_LEAVING:
        set_state(visit, VISIT_LEAVING, now_us + VISIT_LEAVE_BY_US);
        way_cut(visit);
        way_cut_former(visit);
        note_left(visit, now_us);
        return;
    case VISIT_HEARING:
        if (visit->moving_us != 0) {
            move_on(visit, now_us);
            return;
        }
        set_state(visit, VISIT_HEARING, VISIT_NEVER);
        return;
    case VISIT_ANSWERED: /* the ear watches over it */
    case VISIT_GONE:
        set_state(visit, visit->state, VISIT_NEVER);
        return;
    }
}

void visit_dismiss(struct visit *visit, uint64_t now_us, uint64_t leave_us)
{
    visit->leave_us = visit->return_us = VISIT_NEVER;
    visit->period_us = 0;
    if (visit->state == VISIT_LEAVING)
        visit->then_us = VISIT_NEVER;
    else if (visit->state != VISIT_GONE)
        visit->leave_us = visit->state == VISIT_WAITING && !visit->in_line ? now_us : leave_us;
    set_state(visit, visit->state, visit->due_us);
}

void visit_clear(struct visit *visit)
{
    way_drop_incoming(visit);
    free(visit->location);
    visit->location = NULL;
}

/* ---- waves ---- */

static void come(struct visit *visit, const struct wave *wave, uint64_t turn_us)
{
    bool is_away =
        visit->state == VISIT_GONE || (visit->state == VISIT_WAITING && !visit->has_come);
    if (!is_away)
        return;
    visit->stay_us = wave->stay_us;
    visit->period_us = wave->period_us;
    visit->next_us = turn_us;
    visit->leave_us = VISIT_NEVER;
    set_state(visit, VISIT_WAITING, turn_us);
}

/* Who was to leave soon anyway leaves now, or then, whichever is first. */
static void leave_by_wave(struct visit *visit, uint64_t leave_us)
{
    visit->period_us = 0;
    if (visit->state == VISIT_WAITING && !visit->has_come)
        set_state(visit, VISIT_WAITING, VISIT_NEVER);
    else if (visit->state == VISIT_LEAVING)
        visit->then_us = VISIT_NEVER;
    else if (leave_us < visit->leave_us)
        visit->leave_us = leave_us;
    set_state(visit, visit->state, visit->due_us);
}

/* As if its network had gone: the server is not told. */
static void cut(struct visit *visit, uint64_t now_us)
{
    struct ear_order order = {
        .kind = EAR_CUT, .number = visit->number, .attempt = visit->attempt, .at_us = now_us};
    if (visit->state != VISIT_HEARING || !visit->ear_has_it)
        return;
    note_lost(visit, STAND_CUT, now_us);
    visit->then_us = now_us + visit_backoff_us(visit);
    set_state(visit, VISIT_LEAVING, now_us + VISIT_LEAVE_BY_US);
    door_order(visit->door, &order);
    way_cut(visit);
    note_left(visit, now_us);
}

void visit_wave(struct visit *visit, const struct wave *wave, uint64_t after_us, uint64_t now_us)
{
    switch (wave->kind) {
    case WAVE_COME:
        come(visit, wave, now_us + after_us);
        return;
    case WAVE_LEAVE:
        leave_by_wave(visit, now_us + after_us);
        return;
    case WAVE_CUT:
        cut(visit, now_us);
        return;
    case WAVE_STAY:
        visit->period_us = visit->stay_us = 0;
        visit->leave_us = VISIT_NEVER;
        set_state(visit, visit->state, visit->due_us);
        return;
    }
}

/* ---- from the ear ---- */

static void note_sound(struct visit *visit, uint64_t now_us)
{
    visit->door->tally.joined++;
    tally_node(&visit->door->tally.nodes, door_node_url(visit->door, visit->node), 1);
    visit->door->tally.moved += visit_hears_former(visit);
    visit_leave_former(visit, now_us);
    visit->is_attempt = false;
    visit->failures = 0;
    visit_note_missing(visit, 0);
    visit_stand_sound(visit, now_us);
    if (visit->stay_us > 0 && visit->leave_us > now_us + visit->stay_us)
        visit->leave_us = now_us + visit->stay_us;
    set_state(visit, VISIT_HEARING, visit->moving_us != 0 ? visit->moving_us : VISIT_NEVER);
    door_publish(visit->door);
}

void visit_on_ear(struct visit *visit, const struct ear_event *event, uint64_t now_us)
{
    if (event->kind == EAR_ENDED && visit_is_former(visit, event->attempt)) {
        lose_former(visit, event->reason, now_us);
        return;
    }
    if (event->attempt != visit->attempt)
        return;
    switch (event->kind) {
    case EAR_SOUND:
        if (visit->state != VISIT_ANSWERED)
            return;
        note_sound(visit, now_us);
        return;
    case EAR_ENDED:
        visit->ear_has_it = false;
        if (visit->state == VISIT_LEAVING)
            note_left(visit, now_us);
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
    if (visit->state != VISIT_ASKING)
        return;
    visit_note_answered(visit, now_us);
    visit_stand_seated(visit, now_us);
    visit->hops = 0;
    histogram_add(&visit->door->tally.signalling, now_us - visit->attempt_us);
    struct listener_order *order = visit_order(visit, sdp);
    if (order == NULL) {
        end_attempt(visit, &visit->door->tally.failed, "nonsense in the answer");
        give_up_or_again(visit, false, now_us);
        return;
    }
    visit->ear_has_it = true;
    set_state(visit, VISIT_ANSWERED, VISIT_NEVER);
    door_order(visit->door, &(struct ear_order){.kind = EAR_CONNECT,
                                                .number = visit->number,
                                                .attempt = visit->attempt,
                                                .connect = order});
}

/* Its socket, if it has one, was of the node before. */
static void go(struct visit *visit, unsigned node, const char *region, uint64_t now_us)
{
    visit->door->tally.hops++;
    visit->hops++;
    visit->node = node;
    visit->is_sent = true;
    visit->asks_line = visit->in_line = false;
    if (region[0] != '\0')
        memcpy(visit->region, region, sizeof(visit->region));
    way_cut(visit);
    set_state(visit, VISIT_WAITING, visit->wsi == NULL ? now_us : now_us + VISIT_CLOSING_US);
}

/* Nothing is wrong with its ticket: it begins at home, by and by. */
static void rest(struct visit *visit, const char *word, uint64_t now_us)
{
    end_attempt(visit, &visit->door->tally.refused, word);
    way_cut(visit);
    turn_home(visit);
    set_state(visit, VISIT_WAITING,
              now_us + NODES_REST_MS * 1000 + visit_random_us(NODES_REST_SPREAD_MS * 1000));
}

void visit_on_elsewhere(struct visit *visit, const struct line_node *node, uint64_t now_us)
{
    unsigned at;
    if (visit->state != VISIT_ASKING)
        return;
    visit_note_answered(visit, now_us);
    if (node->ticket[0] != '\0')
        memcpy(visit->ticket, node->ticket, sizeof(visit->ticket));
    if (visit->hops == NODES_HOPS_MAX)
        rest(visit, "elsewhere", now_us);
    else if (door_find_node(visit->door, &at, node->url) != 0)
        rest(visit, "elsewhere, not followed", now_us);
    else
        go(visit, at, node->region, now_us);
}

static void take_place(struct visit *visit, const struct line_word *word, uint64_t now_us)
{
    end_attempt(visit, &visit->door->tally.refused, "line");
    visit_stand_placed(visit, &word->place, now_us);
    memcpy(visit->ticket, word->place.ticket, sizeof(visit->ticket));
    visit->in_line = visit->asks_line = true;
    visit->failures = 0;
    set_state(visit, VISIT_WAITING, now_us + (uint64_t)word->again_ms * 1000);
}

/* It is held for a while: the way is asked at once, with the ticket. */
static void take_seat(struct visit *visit, const struct line_word *word, uint64_t now_us)
{
    visit_stand_seated(visit, now_us);
    memcpy(visit->ticket, word->place.ticket, sizeof(visit->ticket));
    visit->in_line = visit->asks_line = false;
    set_state(visit, VISIT_WAITING, now_us);
}

void visit_on_line(struct visit *visit, const struct line_word *word, uint64_t now_us)
{
    uint64_t again_us = (uint64_t)word->again_ms * 1000;
    if (visit->state != VISIT_ASKING)
        return;
    switch (word->answer) {
    case LINE_PLACE:
        visit_note_answered(visit, now_us);
        take_place(visit, word, now_us);
        return;
    case LINE_SEAT:
        visit_note_answered(visit, now_us);
        take_seat(visit, word, now_us);
        return;
    case LINE_ELSEWHERE:
        visit_on_elsewhere(visit, &word->node, now_us);
        return;
    case LINE_NO:
        if (word->place.ticket[0] != '\0') /* it keeps their turn */
            memcpy(visit->ticket, word->place.ticket, sizeof(visit->ticket));
        visit_on_refusal(visit, word->word,
                         word->again_ms == LINE_AGAIN_NEVER ? VISIT_NEVER : again_us, now_us);
        return;
    }
}

void visit_on_refusal(struct visit *visit, const char *word, uint64_t retry_after_us,
                      uint64_t now_us)
{
    if (visit->state != VISIT_ASKING)
        return;
    visit_note_answered(visit, now_us);
    end_attempt(visit, &visit->door->tally.refused, word);
    if (retry_after_us == VISIT_NEVER)
        leave(visit, now_us, VISIT_NEVER);
    else /* a WebSocket stays open meanwhile */
        set_state(visit, VISIT_WAITING, now_us + visit_wished_us(retry_after_us));
}

void visit_on_bye(struct visit *visit, const char *word, uint64_t retry_after_us, uint64_t now_us)
{
    if (visit->state == VISIT_HEARING) {
        visit_note_loss(visit, word);
        note_lost(visit, STAND_LOST, now_us);
    } else if (visit->state == VISIT_ASKING || visit->state == VISIT_ANSWERED) {
        if (visit->state == VISIT_ASKING)
            visit_note_answered(visit, now_us);
        end_attempt(visit, &visit->door->tally.refused, word);
    } else {
        return;
    }
    bool is_away = visit->node != NODES_HOME && retry_after_us != VISIT_NEVER;
    leave(visit, now_us,
          is_away ? now_us + visit_backoff_us(visit) : wished_moment(retry_after_us, now_us));
}

void visit_on_moving(struct visit *visit, uint64_t after_us, uint64_t now_us)
{
    if (visit->state != VISIT_ANSWERED && visit->state != VISIT_HEARING)
        return;
    visit->moving_us = after_us == VISIT_NEVER ? now_us : now_us + after_us;
    if (visit->state == VISIT_HEARING)
        set_state(visit, VISIT_HEARING, visit->moving_us);
}

void visit_on_failure(struct visit *visit, const char *word, bool is_ours, uint64_t now_us)
{
    if (visit->state != VISIT_ASKING && visit->state != VISIT_ANSWERED)
        return;
    if (visit->state == VISIT_ASKING && !is_ours)
        visit_note_unanswered(visit);
    end_attempt(visit, &visit->door->tally.failed, word);
    give_up_or_again(visit, is_ours, now_us);
}

void visit_on_end(struct visit *visit, uint64_t now_us)
{
    way_drop_incoming(visit);
    switch (visit->state) {
    case VISIT_LEAVING:
        if (visit->location != NULL || visit->gives_up)
            way_leave(visit);
        note_left(visit, now_us);
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
        if (visit->is_sent && now_us < visit->due_us)
            set_state(visit, VISIT_WAITING, now_us);
        return;
    case VISIT_GONE:
        return;
    }
}
