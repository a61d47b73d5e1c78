#include "simulate/people.h"

#include "simulate/upstreams.h"

static const double SHARE_OF_WAIT = 0.6, AGAIN_JITTER = 0.2; /* as admission/line.c */

enum {
    PAGE_TRIPS = 4,  /* TCP, TLS, page, WebSocket */
    HOP_TRIPS = 3,   /* TCP, TLS, WebSocket */
    CHECK_TRIPS = 2, /* TCP, TLS resumed */
    JOIN_TRIPS = 3,  /* ICE check, two for DTLS */
    POLL_MS = 100,
    AGAIN_MIN_MS = 1000,
    AGAIN_MAX_MS = 50 * 1000,
    RETRY_MS = 1000,
    RETRY_JITTER_MS = 4000,
    FAILED_JITTER_MS = 500,
};

static uint64_t trip_ms(const struct world *world, const struct person *person, unsigned trips)
{
    uint32_t way_ms = world_way_ms(world, person->region, world->nodes[person->node].region);
    return (uint64_t)trips * 2 * (way_ms + LAST_MILE_MS);
}

static void set_state(struct world *world, struct person *person, enum person_state state)
{
    world->account->people[person->state]--;
    world->account->people[state]++;
    person->state = (uint8_t)state;
}

static void next(struct world *world, struct person *person, enum person_state state,
                 uint64_t in_ms)
{
    set_state(world, person, state);
    world_later(world, world_person_item(world, person), in_ms);
}

/* One of the nodes that the event's name leads to: of the own region, or anywhere. */
static uint32_t pick_door(struct world *world, uint32_t region)
{
    uint32_t first = world->region_first[region];
    uint32_t count = world->region_first[region + 1] - first;
    uint32_t doors = (count * world->options->doors_percent + 99) / 100;
    return first + dice_below(&world->dice, doors);
}

/* Where a door of the own region did not answer, the next one is in another. */
static void ask_at_door(struct world *world, struct person *person, uint64_t in_ms)
{
    uint32_t region = person->region, regions = world->options->regions;
    if (person->is_failed && regions > 1)
        region = (region + 1 + dice_below(&world->dice, regions - 1)) % regions;
    person->node = pick_door(world, region);
    person->hops = 0;
    next(world, person, PERSON_ASKING, in_ms + trip_ms(world, person, PAGE_TRIPS));
}

/* No answer. Who has the page has its patience, who has not, the browser's. */
static void find_nobody(struct world *world, struct person *person)
{
    uint32_t in_ms = person->is_answered ? CLIENT_PATIENCE_MS : CONNECT_FAILS_MS;
    person->is_failed = true;
    ask_at_door(world, person, in_ms + dice_below(&world->dice, FAILED_JITTER_MS));
}

static void note_answer(struct world *world, struct person *person)
{
    if (person->is_answered)
        return;
    person->is_answered = true;
    spans_add(&world->account->answers, world->now_ms - person->came_ms, 1);
}

/* ---- asking ---- */

static void arrive(struct world *world, struct person *person)
{
    struct sim_node *node = &world->nodes[person->node];
    uint64_t now_us = (uint64_t)world->now_ms * 1000;
    if (!node->is_up) {
        find_nobody(world, person);
        return;
    }
    if (node->control_free_us < now_us)
        node->control_free_us = now_us;
    uint64_t wait_ms = (node->control_free_us - now_us) / 1000;
    if (wait_ms > CONTROL_QUEUE_MAX_MS) {
        world->account->shed++;
        ask_at_door(world, person, RETRY_MS + dice_below(&world->dice, RETRY_JITTER_MS));
        return;
    }
    node->control_free_us += (uint64_t)world->costs->answer_us;
    node->answers++;
    spans_add(&world->account->control_waits, (uint32_t)wait_ms, 1);
    next(world, person, PERSON_ANSWERED, wait_ms + 1);
}

static bool can_keep(struct world *world, const struct person *person)
{
    struct sim_node *node = &world->nodes[person->node];
    if (person->is_returning && person->node == world->origin &&
        node->returns >= RETURNS_AT_ORIGIN_PER_S)
        return false;
    return admission_free(node->admission) > 0 &&
           admission_may_join(node->admission, (uint64_t)world->now_ms * 1000) > 0;
}

static void sit(struct world *world, struct person *person)
{
    struct sim_node *node = &world->nodes[person->node];
    uint64_t now_us = (uint64_t)world->now_ms * 1000;
    double free_cores = node->cores * (1 - world_media_load(world, node));
    uint64_t work_us = (uint64_t)(world->costs->join_us / free_cores);
    admission_hold(node->admission);
    admission_begin_join(node->admission);
    node->returns += person->is_returning;
    if (person->is_returning && person->node == world->origin)
        world->account->returned_to_origin++;
    if (node->work_free_us < now_us)
        node->work_free_us = now_us;
    node->work_free_us += work_us;
    node->work_us += work_us;
    node->joins++;
    if (person->is_from_line)
        moves_seated(&node->moves, now_us);
    person->is_from_line = false;
    person->epoch = node->epoch;
    note_answer(world, person);
    upstream_want(world, person->node);
    next(world, person, PERSON_JOINING,
         (node->work_free_us - now_us) / 1000 + trip_ms(world, person, JOIN_TRIPS) +
             (uint64_t)world->costs->first_sound_ms);
}

/* When to come again, as the server's line says it: a part of the wait, by how fast the line moves, or by how
 * fast people may come in while there are seats. */
static uint64_t again_ms(struct world *world, const struct sim_node *node, bool has_seats)
{
    uint64_t now_us = (uint64_t)world->now_ms * 1000;
    double per_s =
        has_seats ? admission_joins_per_s(node->admission) : moves_rate(&node->moves, now_us);
    double wait_ms =
        per_s > 0 ? (node->in_line + 1) * 1000.0 * SHARE_OF_WAIT / per_s : AGAIN_MAX_MS;
    double least_ms = node->in_line * 1000.0 / LINE_CHECK_INS_PER_S;
    if (wait_ms > AGAIN_MAX_MS)
        wait_ms = AGAIN_MAX_MS;
    if (wait_ms < AGAIN_MIN_MS)
        wait_ms = AGAIN_MIN_MS;
    double jitter = AGAIN_JITTER * (2.0 * dice_below(&world->dice, 1000) / 1000 - 1);
    double in_ms = wait_ms * (1 + jitter);
    return (uint64_t)(in_ms > least_ms ? in_ms : least_ms);
}

/* has_seats: some node has, as far as this one knows. */
static void stand_in_line(struct world *world, struct person *person, bool has_seats)
{
    struct sim_node *node = &world->nodes[person->node];
    if (node->in_line >= LINE_PLACES_MAX) { /* turned away: no answer in the sense of the promise */
        world->account->turned_away++;
        ask_at_door(world, person, AGAIN_MAX_MS);
        return;
    }
    uint64_t in_ms = again_ms(world, node, has_seats || admission_free(node->admission) > 0);
    node->in_line++;
    person->epoch = node->epoch;
    person->is_from_line = true;
    note_answer(world, person);
    world->account->lined++;
    next(world, person, PERSON_IN_LINE, in_ms);
}

static void answer(struct world *world, struct person *person)
{
    bool is_regional = person->hops == 0 && !person->is_failed;
    uint32_t region = is_regional ? person->region : world->options->regions;
    uint32_t here = person->node;
    bool keeps = can_keep(world, person);
    if (!world->nodes[here].is_up) {
        find_nobody(world, person);
        return;
    }
    if (person->hops > 0 && keeps) { /* it was sent here; nobody knows better than this node */
        sit(world, person);
        return;
    }
    uint32_t node = choose_node(world_spread(world, region, person->is_returning), here, keeps,
                                dice_roll(&world->dice));
    if (node == here) {
        sit(world, person);
    } else if (node == TREE_NONE || person->hops == HOPS_MAX) {
        stand_in_line(world, person, node != TREE_NONE);
    } else {
        world->account->redirects++;
        person->node = node;
        person->hops++;
        next(world, person, PERSON_ASKING, trip_ms(world, person, HOP_TRIPS));
    }
}

static void check_in(struct world *world, struct person *person)
{
    struct sim_node *node = &world->nodes[person->node];
    if (node->epoch == person->epoch)
        node->in_line--;
    person->hops = 0;
    next(world, person, PERSON_ASKING, trip_ms(world, person, CHECK_TRIPS));
}

/* ---- sitting ---- */

static void lose(struct world *world, struct person *person)
{
    uint32_t failure = world->nodes[person->node].killed_by;
    if (person->state == PERSON_HEARING) {
        person->lost_ms = world->now_ms;
        person->lost_by = (uint8_t)world->options->failures[failure].kind;
    }
    person->is_returning = true;
    next(world, person, PERSON_LOST, NOTICE_MS + dice_below(&world->dice, NOTICE_JITTER_MS));
}

static bool has_lost_node(const struct world *world, const struct person *person)
{
    const struct sim_node *node = &world->nodes[person->node];
    return !node->is_up || node->epoch != person->epoch;
}

static void hear(struct world *world, struct person *person)
{
    struct sim_node *node = &world->nodes[person->node];
    if (!node->has_sound) {
        next(world, person, PERSON_WAITING, POLL_MS);
        return;
    }
    node->hearers++;
    set_state(world, person, PERSON_HEARING);
    if (!person->has_heard)
        spans_add(&world->account->first_sounds, world->now_ms - person->came_ms, 1);
    else
        spans_add(&world->account->returns[person->lost_by], world->now_ms - person->lost_ms, 1);
    person->has_heard = true;
    person->is_returning = false;
    person->is_failed = false;
}

static void joined(struct world *world, struct person *person)
{
    if (has_lost_node(world, person)) {
        lose(world, person);
        return;
    }
    if (person->state == PERSON_JOINING)
        admission_joined(world->nodes[person->node].admission);
    hear(world, person);
}

void people_notice_losses(struct world *world)
{
    for (uint32_t i = 0; i < world->options->listeners; i++) {
        struct person *person = &world->people[i];
        if (person->state == PERSON_HEARING && has_lost_node(world, person))
            lose(world, person);
    }
}

void person_step(struct world *world, struct person *person)
{
    switch ((enum person_state)person->state) {
    case PERSON_AWAY:
        person->came_ms = world->now_ms;
        world->account->came++;
        ask_at_door(world, person, 0);
        break;
    case PERSON_ASKING:
        arrive(world, person);
        break;
    case PERSON_ANSWERED:
        answer(world, person);
        break;
    case PERSON_IN_LINE:
        check_in(world, person);
        break;
    case PERSON_JOINING:
    case PERSON_WAITING:
        joined(world, person);
        break;
    case PERSON_LOST:
        ask_at_door(world, person, 0);
        break;
    case PERSON_HEARING:
        break;
    }
}
