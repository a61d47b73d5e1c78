/* The way in: what the room knows for its door, and what the door says to listeners. */
#include "room/cluster_internal.h"

#include "admission/door.h"
#include "base/clock.h"
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

enum {
    RETRY_OVERLOAD_MS = 3000,
    RETRY_CLOSING_MS = 3000,
    RETRY_FULL_MS = 10000,
    RETRY_NOT_OPEN_MS = 5000,
    /* The doors open by themselves so long before the announced start that all who wait by then get
     * in, and not before somebody can wait at all... */
    OPENS_BEFORE_MS = 60 * 1000,
    OPENS_SPARE_MS = 15 * 1000,
    /* ...unless the event is long past: then somebody has forgotten it. */
    OPENS_LATE_MS = 60 * 60 * 1000,
};

/* ---- hosts ---- */

static int check_stage(const struct room *room, struct refusal *refusal)
{
    if (room->rooms->closing)
        return refuse(refusal, REFUSAL_CLOSING, RETRY_CLOSING_MS, "The server is restarting.");
    switch (room->record.state) {
    case ROOM_SCHEDULED:
        return refuse(refusal, REFUSAL_NOT_OPEN, RETRY_NOT_OPEN_MS,
                      "The doors of this room are not open yet.");
    case ROOM_DOORS_OPEN:
    case ROOM_LIVE:
        break;
    case ROOM_ENDED:
    case ROOM_PUBLISHED:
    case ROOM_WITHDRAWN:
    case ROOM_CANCELLED:
        return refuse(refusal, REFUSAL_OVER, 0, "This event is over.");
    }
    if (!room->media_open)
        return refuse(refusal, REFUSAL_OVERLOAD, RETRY_OVERLOAD_MS,
                      "The room is being prepared. Try again in a moment.");
    return 0;
}

static int check_host(const struct room *room, uint32_t host, struct refusal *refusal)
{
    const struct roster_entry *entry = room_host(room, host);
    if (entry == NULL || entry->revoked)
        return refuse(refusal, REFUSAL_OVER, 0, "This invitation has been revoked.");
    if (!entry->agreed)
        return refuse(refusal, REFUSAL_CONSENT_FIRST, 0,
                      "You have not yet agreed to be recorded; without it no sound is accepted.");
    return 0;
}

int room_admit_host(const struct room *room, uint32_t host, struct refusal *refusal)
{
    int err = check_stage(room, refusal);
    if (err == 0)
        err = check_host(room, host, refusal);
    if (err != 0)
        return err;
    unsigned on_stage = 0;
    for (unsigned i = 0; i < room->host_count; i++)
        on_stage += room->hosts[i].on_stage != NULL && i + 1 != host;
    return on_stage < STAGE_HOSTS_MAX
               ? 0
               : refuse(refusal, REFUSAL_TOO_MANY_HOSTS, RETRY_FULL_MS,
                        "There are 16 hosts on the stage already, the most a room can have.");
}

/* ---- the doors ---- */

int64_t room_doors_ms(const struct room *room)
{
    if (room->record.state != ROOM_SCHEDULED || room->record.start_ms == 0)
        return 0;
    uint32_t joins_per_s = admission_joins_per_s(room->rooms->deps.admission);
    uint32_t waiting = room->door != NULL ? door_in_line(room->door) : 0;
    int64_t needed_ms = OPENS_SPARE_MS;
    if (joins_per_s > 0)
        needed_ms += (int64_t)waiting * 1000 / joins_per_s;
    return room->record.start_ms - (needed_ms > OPENS_BEFORE_MS ? needed_ms : OPENS_BEFORE_MS);
}

bool room_doors_are_due(const struct room *room, int64_t wall_ms)
{
    int64_t doors_ms = room_doors_ms(room);
    return doors_ms > 0 && wall_ms >= doors_ms && wall_ms < room->record.start_ms + OPENS_LATE_MS;
}

static bool is_open(const struct room *room)
{
    return room->record.state == ROOM_DOORS_OPEN || room->record.state == ROOM_LIVE;
}

static uint32_t cap_of(const struct room *room)
{
    uint32_t cap = room->record.seats != 0 ? room->record.seats : DOOR_NO_CAP;
    uint32_t small = room->record.small_audience_seats;
    bool is_small = small > 0 && room_mode(room) >= MODE_SMALL_AUDIENCE;
    return is_small && small < cap ? small : cap;
}

uint32_t room_cap(const struct room *room)
{
    uint32_t cap = cap_of(room);
    return cap != DOOR_NO_CAP ? cap : 0;
}

bool room_takes_newcomers(const struct room *room)
{
    return is_open(room) && (room->door == NULL || door_in_line(room->door) == 0);
}

static bool is_for_returning(const struct room *room, uint64_t now_us)
{
    if (room->resumed_us == 0 || now_us >= room->resumed_us + DOOR_RESTART_MAX_US)
        return false;
    return now_us < room->resumed_us + DOOR_RESTART_US ||
           (room->door != NULL && now_us < door_returned_us(room->door) + DOOR_RETURNING_US);
}

static struct door_rules rules_of(const struct room *room, uint64_t now_us)
{
    struct door_rules rules = {
        .cap = cap_of(room),
        .is_open = room->media_open && is_open(room),
        .returning_only = is_for_returning(room, now_us),
    };
    if (room->relay != NULL)
        relay_add_rules(room, &rules);
    else
        origin_add_rules(room, &rules);
    int64_t doors_ms = room_doors_ms(room), wall_ms = clock_wall_ms();
    rules.knows_opening = doors_ms > 0;
    rules.opens_us = now_us;
    if (doors_ms > wall_ms)
        rules.opens_us += (uint64_t)(doors_ms - wall_ms) * 1000;
    return rules;
}

uint32_t room_waits_for_node(const struct room *room)
{
    if (room->door == NULL || !is_open(room))
        return 0;
    uint32_t cap = rules_of(room, clock_now_us()).cap, taken = door_taken(room->door);
    uint32_t waiting = door_in_line(room->door);
    uint32_t left = taken < cap ? cap - taken : 0;
    return waiting < left ? waiting : left;
}

/* Made when the first one asks: most rooms of a node are over, or far away. */
static int make_door(struct room *room)
{
    struct door_params params = {.admission = room->rooms->deps.admission,
                                 .room = room_ticket_number(room),
                                 .started_us = room->rooms->started_us,
                                 .started_wall_ms = room->rooms->started_wall_ms,
                                 .places_per_prefix = room->record.places_per_address};
    return room->door != NULL ? 0 : door_create(&room->door, &params);
}

void room_tick_door(struct room *room, uint64_t now_us)
{
    if (room->door == NULL)
        return;
    struct door_rules rules = rules_of(room, now_us);
    for (uint32_t lapsed = door_tick(room->door, &rules, now_us); lapsed > 0; lapsed--)
        room_count_arrival(room, ARRIVAL_LAPSED, 0);
    struct room_line line;
    room_line(room, &line);
    room->audience_changed |=
        line.in_line != room->told_in_line || line.turned_away != room->told_turned_away;
    room->told_in_line = line.in_line;
    room->told_turned_away = line.turned_away;
}

void room_close_door(struct room *room)
{
    if (room->door == NULL)
        return;
    room->moved_before += door_moved(room->door) + door_in_line(room->door);
    room->turned_away_before += door_turned_away(room->door) + door_in_line(room->door);
    door_destroy(room->door);
    room->door = NULL;
}

/* ---- who asks ---- */

static int check_event(const struct room *room, struct refusal *refusal)
{
    if (room->rooms->closing)
        return refuse(refusal, REFUSAL_CLOSING, RETRY_CLOSING_MS, "The server is restarting.");
    if (room->record.state >= ROOM_ENDED)
        return refuse(refusal, REFUSAL_OVER, 0, "This event is over.");
    return 0;
}

static int refuse_line(const struct room *room, const struct door_reply *reply,
                       struct refusal *refusal)
{
    (void)refuse(
        refusal, REFUSAL_LINE, reply->again_ms,
        room->record.state == ROOM_SCHEDULED
            ? "The doors are not open yet; this is your place in the line."
            : "No seat is free now; this is your place in the line. You need not wait: the "
              "recording will be on this page after the end.");
    struct line_standing *standing = &refusal->standing;
    memcpy(standing->ticket, reply->ticket, sizeof(standing->ticket));
    standing->place = reply->place;
    standing->in_line = reply->in_line;
    standing->knows_wait = reply->knows_wait;
    standing->from_s = reply->from_s;
    standing->to_s = reply->to_s;
    return ERR_BADSTATE;
}

/* There is no seat here: the origin chose another node, or knows more than its relay. */
static int refuse_elsewhere(const struct room *room, const struct door_reply *reply,
                            const struct elsewhere *target, struct refusal *refusal)
{
    (void)refuse(refusal, REFUSAL_ELSEWHERE, 0, "Another server of this event has a seat for you.");
    refusal->elsewhere = *target;
    memcpy(refusal->elsewhere.ticket, reply->ticket, sizeof(reply->ticket));
    memcpy(refusal->elsewhere.region, room->rooms->deps.config->region,
           sizeof(refusal->elsewhere.region));
    return ERR_BADSTATE;
}

static int explain(const struct room *room, const struct door_reply *reply,
                   const struct elsewhere *target, struct refusal *refusal)
{
    switch (reply->answer) {
    case DOOR_SEAT:
    case DOOR_HELD:
        return 0;
    case DOOR_ELSEWHERE:
        return target->url[0] != '\0' ? refuse_elsewhere(room, reply, target, refusal)
                                      : refuse_internal(refusal, ERR_AGAIN);
    case DOOR_LINE:
        return refuse_line(room, reply, refusal);
    case DOOR_FULL:
        return refuse(refusal, REFUSAL_FULL, reply->again_ms,
                      "Every seat is taken, and the line is full. The recording will be on this "
                      "page after the end.");
    case DOOR_TOO_MANY_HERE:
        return refuse(refusal, REFUSAL_TOO_MANY_HERE, reply->again_ms,
                      "Too many from your network wait in this line already. The recording will be "
                      "on this page after the end.");
    }
    return 0;
}

/* Of a relay only who sits is told in its reports; the origin counts who asked. */
static void count_reply(struct room *room, struct slice ticket, uint64_t network,
                        const struct door_reply *reply)
{
    room_count_arrival(room, reply->is_new ? ARRIVAL_ASK : ARRIVAL_ASK_AGAIN, network);
    if (ticket.bytes > 0)
        room_count_arrival(room, reply->had_ticket ? ARRIVAL_TICKET_VALID : ARRIVAL_TICKET_BAD,
                           network);
    if (reply->took_seat)
        room_count_arrival(room, ARRIVAL_SEATED, network);
    else if (reply->answer == DOOR_LINE && reply->came_into_line)
        room_count_arrival(room, ARRIVAL_LINED, network);
    else if (reply->answer == DOOR_FULL)
        room_count_arrival(room, ARRIVAL_REFUSED_FULL, network);
    else if (reply->answer == DOOR_TOO_MANY_HERE)
        room_count_arrival(room, ARRIVAL_REFUSED_HERE, network);
}

/* While nobody waits the origin spreads who comes over all nodes; in line one goes where the seat is. Asked when
 * there is no seat anywhere, the book of relays learns that more nodes are needed. */
static bool is_sent_on(struct room *room, const struct door_rules *rules,
                       const struct asker_origin *origin, struct elsewhere *target)
{
    uint32_t taken = door_taken(room->door);
    bool can_keep =
        rules->is_open && taken < rules->cap && admission_free(room->rooms->deps.admission) > 0;
    return origin->way != ASKER_STAYS && rules->is_open &&
           (door_in_line(room->door) == 0 || rules->elsewhere == 0) &&
           origin_choose(room, can_keep, false, origin->region, target);
}

static int ask_door(struct room *room, const struct door_ask *ask,
                    const struct asker_origin *origin, struct door_reply *reply,
                    struct elsewhere *target)
{
    int err = make_door(room);
    if (err != 0)
        return err;
    origin_heed_cap(room, ask->now_us);
    struct door_rules rules = rules_of(room, ask->now_us);
    rules.prefers_elsewhere = is_sent_on(room, &rules, origin, target);
    err = door_ask(room->door, &rules, ask, reply);
    if (err != 0)
        return err;
    if (reply->answer == DOOR_ELSEWHERE && room->relay != NULL)
        (void)rooms_locate(room->rooms, room->record.slug, target->url);
    else if (reply->answer == DOOR_ELSEWHERE && target->url[0] == '\0')
        (void)origin_choose(room, false, reply->had_ticket, origin->region, target);
    else if (room->relay == NULL && reply->took_seat)
        origin_seated(room, &rules);
    return 0;
}

static void count_closed(struct room *room, uint64_t network)
{
    room_count_arrival(room, ARRIVAL_ASK, network);
    room_count_arrival(room, ARRIVAL_REFUSED_CLOSED, network);
}

int room_check_network(struct room *room, uint64_t network, struct refusal *refusal)
{
    if (!room_is_banned(room, network))
        return 0;
    count_closed(room, network);
    (void)refuse(refusal, REFUSAL_BANNED, 0,
                 "The hosts of this event have excluded the network that you come from.");
    return ERR_AUTH;
}

int room_ask(struct room *room, struct slice ticket, const struct asker_origin *origin,
             bool wants_seat, struct door_reply *reply, struct refusal *refusal)
{
    struct door_ask ask = {.ticket = ticket,
                           .prefix = origin->prefix,
                           .wants_seat = wants_seat,
                           .may_go = origin->way == ASKER_GOES_WITH_TICKET ||
                                     (origin->way == ASKER_GOES && room_takes_newcomers(room)),
                           .now_us = clock_now_us(),
                           .wall_ms = clock_wall_ms()};
    int err = room_check_network(room, origin->network, refusal);
    if (err != 0) {
        if (room->door != NULL) /* nobody waits behind them */
            (void)door_give_up(room->door, ticket, ask.wall_ms);
        return err;
    }
    err = check_event(room, refusal);
    if (err != 0) {
        count_closed(room, origin->network);
        return err;
    }
    struct elsewhere target = {.url = ""};
    err = ask_door(room, &ask, origin, reply, &target);
    if (err != 0)
        return refuse_internal(refusal, err);
    count_reply(room, ticket, origin->network, reply);
    return explain(room, reply, &target, refusal);
}

int room_check_in(struct room *room, struct slice ticket, const struct asker_origin *origin,
                  char held[TICKET_CHARS + 1], struct refusal *refusal)
{
    struct door_reply reply;
    int err = room_ask(room, ticket, origin, false, &reply, refusal);
    if (err == 0)
        memcpy(held, reply.ticket, sizeof(reply.ticket));
    return err;
}

int rooms_put_off(struct rooms *rooms, char ticket[TICKET_CHARS + 1])
{
    return admission_write_asked(rooms->deps.admission, clock_wall_ms(), ticket);
}

void rooms_count_put_off(struct rooms *rooms, const char *slug, uint64_t network)
{
    struct room *room = slug[0] != '\0' ? rooms_find(rooms, slug) : NULL;
    rooms->put_off++;
    if (room != NULL)
        room_count_arrival(room, ARRIVAL_PUT_OFF, network);
}

void room_give_up(struct room *room, struct slice ticket, const struct asker_origin *origin)
{
    if (room->door != NULL && door_give_up(room->door, ticket, clock_wall_ms()))
        room_count_arrival(room, ARRIVAL_GAVE_UP, origin->network);
}

void room_set_places_per_address(struct room *room, uint32_t places)
{
    room->record.places_per_address = places;
    if (room->door != NULL)
        door_set_places_per_prefix(room->door, places);
    room_save(room, STORE_NORMAL, NULL, NULL);
}

int room_write_pass(struct room *room, char pass[TICKET_CHARS + 1])
{
    int err = make_door(room);
    return err == 0 ? door_write_pass(room->door, clock_wall_ms(), pass) : err;
}

void room_line(const struct room *room, struct room_line *out)
{
    const struct admission *admission = room->rooms->deps.admission;
    struct door_rules rules = rules_of(room, clock_now_us());
    struct branches_counts elsewhere;
    origin_counts(room, &elsewhere);
    *out = (struct room_line){.moved = room->moved_before, .turned_away = room->turned_away_before};
    uint64_t seats = admission_seats(admission) + elsewhere.granted;
    out->seats = seats < cap_of(room) ? (uint32_t)seats : cap_of(room);
    uint32_t taken = 0;
    if (room->door != NULL) {
        taken = door_taken(room->door);
        out->in_line = door_in_line(room->door);
        out->moved += door_moved(room->door);
        out->turned_away += door_turned_away(room->door);
    }
    bool is_free_here =
        admission_free(admission) > 0 && taken < rules.cap && admission_joins_per_s(admission) > 0;
    out->seats_free = is_open(room) && out->in_line == 0 && (is_free_here || rules.elsewhere > 0);
}
