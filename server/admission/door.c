#include "admission/door.h"

#include "admission/guests.h"
#include "base/bucket.h"
#include "base/random.h"
#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SWEEPS_PER_TICK = 12, /* 100,000 who vanished together are gone within a quarter of a minute */
    FAR_FROM_OPENING_US = 90 * 1000 * 1000,
    FAR_AGAIN_MS = 30000, /* and as much again, at random */
    FULL_AGAIN_MS = 15000,
    /* A join slot is a guess: what the node lets in a second may be a little less or more by then. */
    SLOT_FROM_PERCENT = 80,
    SLOT_TO_PERCENT = 130,
    SLOT_TO_S = 5,
    /* Together at most fifty in any second: a relay that is lost does not overrun the origin. */
    FROM_LOST_PER_S = 40,
    FROM_LOST_BURST = 10,
};

struct door {
    struct door_params params;
    struct line *line;
    struct guests guests;
    uint32_t taken;
    uint64_t turned_away;
    uint64_t returned_us;
    struct bucket from_lost; /* seats for who sat on a node that was lost */
};

/* Who asks: what the ticket says, and what is known of that number. */
struct asker {
    uint64_t number;
    enum line_class class;
    struct guest *guest; /* NULL: holds nothing, and did not leave just now */
    struct ticket ticket;
    bool has_ticket;
    uint64_t prefix;   /* 0: not counted, for as many were seated before */
    bool is_from_lost; /* sat on another node, which was lost */
};

int door_create(struct door **out, const struct door_params *params)
{
    struct door *door = calloc(1, sizeof(*door));
    if (door == NULL)
        return ERR_NOMEM;
    door->params = *params;
    struct line_params line = {
        .places_max = LINE_PLACES_MAX,
        .per_prefix = params->places_per_prefix != 0 ? params->places_per_prefix : LINE_PER_PREFIX,
        .random_u32 = random_u32};
    int err = guests_init(&door->guests, (uint64_t)random_u32() << 32 | random_u32());
    if (err == 0)
        err = line_create(&door->line, &line);
    if (err != 0) {
        door_destroy(door);
        return err;
    }
    *out = door;
    return 0;
}

void door_destroy(struct door *door)
{
    if (door == NULL)
        return;
    for (; door->taken > 0; door->taken--) /* those held: nobody sits any more */
        admission_return_seat(door->params.admission, false);
    guests_clear(&door->guests);
    line_destroy(door->line);
    free(door);
}

/* ---- who asks ---- */

static bool read_ticket(const struct door *door, struct slice text, int64_t wall_ms,
                        struct ticket *out)
{
    return ticket_read(admission_key(door->params.admission), text, (uint64_t)wall_ms / 1000,
                       out) == 0 &&
           (out->room == door->params.room || out->kind == TICKET_ASKED);
}

static void become_new(struct door *door, struct asker *asker, int64_t wall_ms)
{
    *asker = (struct asker){
        .number = admission_new_number(door->params.admission, wall_ms),
        .class = LINE_CLASS_ANONYMOUS,
        .prefix = asker->prefix,
    };
}

/* What was issued before this process is of those whose seats ended with the former one. */
static bool left_by_restart(const struct door *door, const struct ticket *ticket, uint64_t now_us)
{
    return now_us < door->params.started_us + GUEST_RETURN_US &&
           (int64_t)ticket->issued_s * 1000 < door->params.started_wall_ms;
}

/* To this relay, a moment ago. */
static bool was_sent_here(const struct door_rules *rules, const struct ticket *ticket,
                          int64_t wall_ms)
{
    return rules->has_no_line && wall_ms / 1000 <= (int64_t)ticket->issued_s + DOOR_FRESH_S;
}

static bool comes_from_lost(const struct door *door, const struct door_rules *rules,
                            const struct asker *asker, uint64_t now_us)
{
    return rules->lost_elsewhere > 0 && asker->guest == NULL && asker->ticket.kind == TICKET_SEAT &&
           !left_by_restart(door, &asker->ticket, now_us);
}

static enum line_class class_of(const struct door *door, const struct door_rules *rules,
                                const struct asker *asker, const struct door_ask *ask)
{
    if (asker->guest != NULL &&
        (asker->guest->state == GUEST_SITS || asker->guest->state == GUEST_AWAY))
        return LINE_CLASS_SEATED;
    if (asker->guest != NULL && asker->guest->state == GUEST_LEFT)
        return LINE_CLASS_RETURNING;
    switch (asker->ticket.kind) {
    case TICKET_SEAT:
        return asker->is_from_lost || left_by_restart(door, &asker->ticket, ask->now_us) ||
                       was_sent_here(rules, &asker->ticket, ask->wall_ms)
                   ? LINE_CLASS_RETURNING
                   : LINE_CLASS_ANONYMOUS;
    case TICKET_PASS:
        return LINE_CLASS_INVITED;
    case TICKET_PLACE:
    case TICKET_ASKED:
        break;
    }
    return LINE_CLASS_ANONYMOUS;
}

static void recognise(struct door *door, const struct door_rules *rules, const struct door_ask *ask,
                      struct asker *out)
{
    *out = (struct asker){.prefix = ask->prefix};
    out->has_ticket = read_ticket(door, ask->ticket, ask->wall_ms, &out->ticket);
    if (!out->has_ticket) {
        become_new(door, out, ask->wall_ms);
        return;
    }
    out->number = out->ticket.number;
    out->guest = guests_find(&door->guests, out->number);
    out->is_from_lost = comes_from_lost(door, rules, out, ask->now_us);
    if (out->is_from_lost)
        out->prefix = 0;
    out->class = class_of(door, rules, out, ask);
    /* A pass is for one: who finds it in use asks like anybody else. */
    if (out->ticket.kind == TICKET_PASS && out->class == LINE_CLASS_SEATED)
        become_new(door, out, ask->wall_ms);
}

/* ---- what they get ---- */

static int write_ticket(const struct door *door, uint64_t number, enum ticket_kind kind,
                        int64_t wall_ms, uint32_t valid_s, char out[TICKET_CHARS + 1])
{
    struct ticket ticket = {.kind = kind,
                            .room = door->params.room,
                            .number = number,
                            .issued_s = (uint32_t)(wall_ms / 1000),
                            .expires_s = (uint32_t)(wall_ms / 1000) + valid_s};
    return ticket_write(admission_key(door->params.admission), &ticket, out);
}

/* A place says no more than the ticket that it was asked for with, if there was one. */
static int keep_or_write(const struct door *door, const struct door_ask *ask,
                         const struct asker *asker, struct door_reply *reply)
{
    bool is_in_now = asker->ticket.kind == TICKET_ASKED && reply->answer != DOOR_ELSEWHERE;
    if (!asker->has_ticket || is_in_now || ask->ticket.bytes != TICKET_CHARS)
        return write_ticket(door, asker->number, TICKET_PLACE, ask->wall_ms, DOOR_TICKET_S,
                            reply->ticket);
    memcpy(reply->ticket, ask->ticket.data, TICKET_CHARS);
    reply->ticket[TICKET_CHARS] = '\0';
    return 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Under both caps. */
static uint32_t seats_left(const struct door *door, const struct door_rules *rules,
                           enum line_class class)
{
    uint32_t left = admission_free(door->params.admission), cap = rules->cap;
    if (cap == DOOR_NO_CAP)
        return left;
    if (class <= LINE_CLASS_RETURNING)
        cap += rules->lost_elsewhere;
    return door->taken < cap ? least(left, cap - door->taken) : 0;
}

/* Of a prefix as many seats are held as places: nobody hoards them without coming in. */
static bool may_hold(const struct door *door, const struct asker *asker, const struct door_ask *ask)
{
    uint32_t most = door->params.places_per_prefix;
    return ask->wants_seat ||
           guests_held(&door->guests, asker->prefix) < (most != 0 ? most : LINE_PER_PREFIX);
}

static bool is_let_in(const struct door_rules *rules, enum line_class class)
{
    return rules->is_open && (!rules->returning_only || class <= LINE_CLASS_RETURNING);
}

/* Seats that may be given at this moment to somebody like this one. */
static uint32_t free_seats(struct door *door, const struct door_rules *rules,
                           const struct asker *asker, const struct door_ask *ask)
{
    if (!may_hold(door, asker, ask) || !is_let_in(rules, asker->class))
        return 0;
    uint32_t now = admission_may_join(door->params.admission, ask->now_us);
    if (asker->is_from_lost)
        now = least(now,
                    bucket_left(&door->from_lost, FROM_LOST_PER_S, FROM_LOST_BURST, ask->now_us));
    return least(seats_left(door, rules, asker->class), now);
}

static uint32_t free_elsewhere(const struct door_rules *rules, enum line_class class,
                               const struct door_ask *ask)
{
    return ask->may_go && is_let_in(rules, class) ? rules->elsewhere : 0;
}

static bool goes_elsewhere(const struct door_rules *rules, const struct asker *asker, uint32_t here,
                           uint32_t elsewhere)
{
    return elsewhere > 0 && (here == 0 || (rules->prefers_elsewhere && asker->guest == NULL));
}

static void begin_join(struct door *door, struct guest *guest)
{
    if (!guest->is_joining)
        admission_begin_join(door->params.admission);
    guest->is_joining = true;
}

static int take_seat(struct door *door, const struct door_ask *ask, const struct asker *asker,
                     struct door_reply *reply)
{
    enum guest_state state = ask->wants_seat ? GUEST_SITS : GUEST_HOLDS;
    struct guest *guest = asker->guest;
    if (guest != NULL)
        guests_turn(&door->guests, guest, state, ask->now_us);
    else
        guest = guests_add(&door->guests, asker->number, asker->prefix, state, ask->now_us);
    if (guest == NULL)
        return ERR_NOMEM;
    (void)line_leave(door->line, asker->number, LINE_WHY_SEATED);
    admission_hold(door->params.admission);
    if (asker->is_from_lost)
        (void)bucket_take(&door->from_lost, FROM_LOST_PER_S, FROM_LOST_BURST, ask->now_us);
    door->taken++;
    if (asker->class == LINE_CLASS_RETURNING)
        door->returned_us = ask->now_us;
    if (ask->wants_seat)
        begin_join(door, guest);
    reply->answer = ask->wants_seat ? DOOR_SEAT : DOOR_HELD;
    reply->took_seat = true;
    return 0;
}

static int give_seat(struct door *door, const struct door_rules *rules, const struct door_ask *ask,
                     const struct asker *asker, uint32_t here, struct door_reply *reply)
{
    if (!goes_elsewhere(rules, asker, here, free_elsewhere(rules, asker->class, ask)))
        return take_seat(door, ask, asker, reply);
    (void)line_leave(door->line, asker->number, LINE_WHY_SEATED);
    reply->answer = DOOR_ELSEWHERE;
    reply->took_seat = true;
    return 0;
}

/* The seat is theirs already: held for them, or another socket of theirs has it. */
static void keep_seat(struct door *door, const struct door_ask *ask, const struct asker *asker,
                      struct door_reply *reply)
{
    struct guest *guest = asker->guest;
    reply->answer = ask->wants_seat ? DOOR_SEAT : DOOR_HELD;
    if (!ask->wants_seat) {
        if (guest->state == GUEST_AWAY && guests_held(&door->guests, asker->prefix) != UINT32_MAX)
            guests_turn(&door->guests, guest, GUEST_HOLDS, ask->now_us);
        return;
    }
    if (guest->state != GUEST_SITS)
        guests_turn(&door->guests, guest, GUEST_SITS, ask->now_us);
    reply->former = guest->owner;
    guest->owner = NULL;
    begin_join(door, guest);
}

/* Before the doors open: one's own slot after it. */
static void tell_slot(const struct door *door, const struct door_rules *rules, uint64_t now_us,
                      struct door_reply *reply)
{
    uint64_t left_us = rules->opens_us > now_us ? rules->opens_us - now_us : 0;
    uint32_t opens_s = (uint32_t)(left_us / 1000000);
    uint32_t per_s = admission_joins_per_s(door->params.admission);
    reply->knows_wait = rules->knows_opening && per_s > 0;
    if (!reply->knows_wait)
        return;
    uint32_t slot_s = reply->place / per_s;
    reply->from_s = opens_s + slot_s * SLOT_FROM_PERCENT / 100;
    reply->to_s = opens_s + slot_s * SLOT_TO_PERCENT / 100 + SLOT_TO_S;
}

static bool is_far_from_opening(const struct door_rules *rules, uint64_t now_us)
{
    return !rules->is_open &&
           (!rules->knows_opening || rules->opens_us > now_us + FAR_FROM_OPENING_US);
}

static void tell_place(struct door *door, const struct door_rules *rules, uint64_t number,
                       uint64_t now_us, struct door_reply *reply)
{
    reply->answer = DOOR_LINE;
    reply->place = line_rank(door->line, number) + 1;
    reply->in_line = line_count(door->line);
    if (rules->is_open)
        reply->knows_wait = line_wait(door->line, number, now_us, &reply->from_s, &reply->to_s);
    else
        tell_slot(door, rules, now_us, reply);
    reply->again_ms = line_again_ms(door->line, number, now_us);
    if (is_far_from_opening(rules, now_us) && reply->again_ms < FAR_AGAIN_MS)
        reply->again_ms = FAR_AGAIN_MS + random_u32() % FAR_AGAIN_MS;
}

static int stand_in_line(struct door *door, const struct door_rules *rules,
                         const struct door_ask *ask, const struct asker *asker,
                         struct door_reply *reply)
{
    reply->came_into_line = line_rank(door->line, asker->number) == UINT32_MAX;
    int err = line_enter(door->line, asker->class, asker->number, asker->prefix, ask->now_us);
    if (err == ERR_FULL || err == ERR_EXIST) {
        reply->answer = err == ERR_FULL ? DOOR_FULL : DOOR_TOO_MANY_HERE;
        reply->again_ms = FULL_AGAIN_MS + random_u32() % FULL_AGAIN_MS;
        door->turned_away += reply->is_new;
        return 0;
    }
    if (err != 0)
        return err;
    uint32_t here = free_seats(door, rules, asker, ask);
    uint32_t free = here + free_elsewhere(rules, asker->class, ask);
    bool may_sit = reply->came_into_line
                       ? line_may_sit_at_once(door->line, asker->number, free)
                       : line_may_sit(door->line, asker->number, free, ask->now_us);
    if (free > 0 && may_sit)
        return give_seat(door, rules, ask, asker, here, reply);
    tell_place(door, rules, asker->number, ask->now_us, reply);
    return 0;
}

/* Nobody waits, or this one left a moment ago and the seat is free still. */
static bool needs_no_line(const struct door *door, const struct asker *asker)
{
    return line_count(door->line) == 0 ||
           (asker->guest != NULL && asker->guest->state == GUEST_LEFT);
}

static int find_seat(struct door *door, const struct door_rules *rules, const struct door_ask *ask,
                     const struct asker *asker, struct door_reply *reply)
{
    if (needs_no_line(door, asker)) {
        uint32_t here = free_seats(door, rules, asker, ask);
        if (here + free_elsewhere(rules, asker->class, ask) > 0)
            return give_seat(door, rules, ask, asker, here, reply);
    }
    if (!rules->has_no_line)
        return stand_in_line(door, rules, ask, asker, reply);
    reply->answer = DOOR_ELSEWHERE;
    return 0;
}

int door_ask(struct door *door, const struct door_rules *rules, const struct door_ask *ask,
             struct door_reply *reply)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct asker asker;
    recognise(door, rules, ask, &asker);
    *reply = (struct door_reply){.number = asker.number,
                                 .is_new = !asker.has_ticket || asker.ticket.kind == TICKET_ASKED,
                                 .had_ticket = asker.has_ticket};
    int err = 0;
    if (asker.guest != NULL && asker.guest->state != GUEST_LEFT && !rules->is_ending)
        keep_seat(door, ask, &asker, reply);
    else
        err = find_seat(door, rules, ask, &asker, reply);
    if (err != 0 || (reply->answer == DOOR_ELSEWHERE && rules->has_no_line && !asker.has_ticket))
        return err;
    if (reply->answer != DOOR_SEAT && (reply->answer != DOOR_ELSEWHERE || rules->has_no_line))
        return keep_or_write(door, ask, &asker, reply);
    err = write_ticket(door, asker.number, TICKET_SEAT, ask->wall_ms, DOOR_TICKET_S, reply->ticket);
    if (err != 0 && reply->answer == DOOR_SEAT && reply->took_seat)
        door_leave(door, asker.number, ask->now_us);
    else if (err != 0 && reply->answer == DOOR_SEAT)
        err = keep_or_write(door, ask, &asker, reply);
    return err;
}

void door_sit(struct door *door, uint64_t number, void *owner)
{
    struct guest *guest = guests_find(&door->guests, number);
    assert(guest != NULL && guest->state == GUEST_SITS);
    if (guest != NULL)
        guest->owner = owner;
}

void door_joined(struct door *door, uint64_t number)
{
    struct guest *guest = guests_find(&door->guests, number);
    if (guest == NULL || !guest->is_joining)
        return;
    guest->is_joining = false;
    admission_joined(door->params.admission);
}

static void return_seat(struct door *door, bool is_joining)
{
    assert(door->taken > 0);
    door->taken--;
    admission_return_seat(door->params.admission, is_joining);
}

void door_leave(struct door *door, uint64_t number, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct guest *guest = guests_find(&door->guests, number);
    assert(guest != NULL && guest->state == GUEST_SITS);
    if (guest == NULL)
        return;
    return_seat(door, guest->is_joining);
    guests_turn(&door->guests, guest, GUEST_LEFT, now_us);
}

void door_lose(struct door *door, uint64_t number, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct guest *guest = guests_find(&door->guests, number);
    assert(guest != NULL && guest->state == GUEST_SITS);
    if (guest == NULL)
        return;
    if (guest->is_joining)
        door_leave(door, number, now_us);
    else
        guests_turn(&door->guests, guest, GUEST_AWAY, now_us);
}

bool door_give_up(struct door *door, struct slice ticket_text, int64_t wall_ms)
{
    struct ticket ticket;
    if (!read_ticket(door, ticket_text, wall_ms, &ticket))
        return false;
    bool was_there = line_leave(door->line, ticket.number, LINE_WHY_GAVE_UP);
    struct guest *guest = guests_find(&door->guests, ticket.number);
    if (guest != NULL && (guest->state == GUEST_HOLDS || guest->state == GUEST_AWAY)) {
        guests_remove(&door->guests, guest);
        return_seat(door, false);
        was_there = true;
    }
    door->turned_away += was_there;
    return was_there;
}

int door_write_pass(struct door *door, int64_t wall_ms, char out[TICKET_CHARS + 1])
{
    uint64_t number = admission_new_number(door->params.admission, wall_ms);
    return write_ticket(door, number, TICKET_PASS, wall_ms, DOOR_PASS_S, out);
}

/* ---- in time ---- */

/* They were told that a seat is held, and did not come. */
static uint32_t end_holds(struct door *door, uint64_t now_us)
{
    uint32_t ended = 0;
    struct guest *guest;
    while ((guest = guests_overdue(&door->guests, GUEST_HOLDS, now_us)) != NULL) {
        guests_remove(&door->guests, guest);
        return_seat(door, false);
        ended++;
    }
    while ((guest = guests_overdue(&door->guests, GUEST_AWAY, now_us)) != NULL) {
        guests_turn(&door->guests, guest, GUEST_LEFT, now_us);
        return_seat(door, false);
    }
    while ((guest = guests_overdue(&door->guests, GUEST_LEFT, now_us)) != NULL)
        guests_remove(&door->guests, guest);
    return ended;
}

static void tell_outlook(struct door *door, const struct door_rules *rules)
{
    struct line_outlook outlook = {.most_per_s = admission_joins_per_s(door->params.admission)};
    if (rules->is_open)
        outlook.free_seats = seats_left(door, rules, LINE_CLASS_ANONYMOUS) + rules->elsewhere;
    else if (rules->knows_opening)
        outlook.opens_us = rules->opens_us;
    line_expect(door->line, &outlook);
}

uint32_t door_tick(struct door *door, const struct door_rules *rules, uint64_t now_us)
{
    uint32_t lapsed = end_holds(door, now_us);
    tell_outlook(door, rules);
    for (unsigned i = 0; i < SWEEPS_PER_TICK; i++)
        lapsed += line_sweep(door->line, now_us);
    door->turned_away += lapsed;
    return lapsed;
}

void door_set_places_per_prefix(struct door *door, uint32_t places)
{
    door->params.places_per_prefix = places;
    line_set_per_prefix(door->line, places != 0 ? places : LINE_PER_PREFIX);
}

uint64_t door_returned_us(const struct door *door)
{
    return door->returned_us;
}

uint32_t door_taken(const struct door *door)
{
    return door->taken;
}

uint32_t door_in_line(const struct door *door)
{
    return line_count(door->line);
}

uint64_t door_moved(const struct door *door)
{
    return line_moved(door->line);
}

uint64_t door_turned_away(const struct door *door)
{
    return door->turned_away;
}
