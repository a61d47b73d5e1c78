#include "simulate/world.h"

#include "simulate/faults.h"
#include "simulate/people.h"
#include "simulate/upstreams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { EVERYWHERE = 1, KINDS = 2 /* newcomers and those who return */ };

/* ---- making ---- */

/* Regions differ: the first has the most people and nodes, the k-th 12/(k + 1) parts. */
static uint32_t parts_of(uint32_t region)
{
    return 12000 / (region + 2);
}

static uint32_t parts_before(uint32_t region)
{
    uint32_t parts = 0;
    for (uint32_t i = 0; i < region; i++)
        parts += parts_of(i);
    return parts;
}

static void lay_out_regions(struct world *world)
{
    uint32_t regions = world->options->regions, nodes = world->options->nodes;
    uint32_t all = parts_before(regions), spare = nodes - regions;
    for (uint32_t i = 0; i <= regions; i++) /* each has one at least */
        world->region_first[i] = i + (uint32_t)((uint64_t)spare * parts_before(i) / all);
}

static uint32_t region_of_person(struct world *world)
{
    uint32_t part = dice_below(&world->dice, parts_before(world->options->regions)), region = 0;
    while (part >= parts_of(region))
        part -= parts_of(region++);
    return region;
}

/* Seats by cores and by egress, whichever ends first; of both a part is left for joins and relays. */
static uint32_t seats_of(const struct world *world, const struct sim_node *node)
{
    double by_load =
        node->cores * 1e6 * SEATS_LOAD_PERMILLE / 1000 / world->costs->listener_us_per_s;
    double by_egress =
        (double)node->egress_max_bps * SEATS_LOAD_PERMILLE / 1000 / world->costs->listener_bps;
    double seats = by_load < by_egress ? by_load : by_egress;
    return seats < 1 ? 1 : seats > 1e6 ? 1000000 : (uint32_t)seats;
}

static int make_node(struct world *world, uint32_t index, uint32_t region)
{
    static const double sizes[] = {0.5, 1, 1, 2}; /* machines of a cluster are not alike */
    struct sim_node *node = &world->nodes[index];
    struct node_view *view = &world->views[index].view;
    double size = sizes[dice_below(&world->dice, sizeof(sizes) / sizeof(sizes[0]))];
    *node =
        (struct sim_node){.region = region,
                          .is_up = true,
                          .cores = world->options->cores * size,
                          .egress_max_bps = (uint64_t)(world->options->egress_mbit * 1e6 * size),
                          .parent = TREE_NONE,
                          .level = TREE_NONE};
    node->seats = seats_of(world, node);
    world->views[index] = (struct tree_node){.parent = TREE_NONE, .level = TREE_NONE};
    (void)snprintf(view->id, sizeof(view->id), "node-%" PRIu32, index);
    (void)snprintf(view->region, sizeof(view->region), "region-%" PRIu32, region + 1);
    view->egress_max_bps = node->egress_max_bps;
    struct admission_params params = {.seats = node->seats};
    return admission_create(&node->admission, &params);
}

void world_renew_admission(struct world *world, uint32_t index)
{
    struct sim_node *node = &world->nodes[index];
    while (admission_joining(node->admission) > 0)
        admission_return_seat(node->admission, true);
    while (admission_seats_taken(node->admission) > 0)
        admission_return_seat(node->admission, false);
}

static int make_nodes(struct world *world)
{
    int err = 0;
    for (uint32_t region = 0; region < world->options->regions; region++)
        for (uint32_t i = world->region_first[region]; i < world->region_first[region + 1]; i++)
            if (err == 0)
                err = make_node(world, i, region);
    world->origin = 0;
    world->nodes[0].level = 0;
    world->views[0].level = 0;
    world->views[0].is_hearing = true;
    world->tree = (struct tree){.nodes = world->views, .count = world->options->nodes};
    return err;
}

static void make_people(struct world *world)
{
    for (uint32_t i = 0; i < world->options->listeners; i++) {
        struct person *person = &world->people[i];
        *person = (struct person){.region = (uint8_t)region_of_person(world)};
        calendar_add(world->calendar, i,
                     curve_arrival_ms(world->options->curve, dice_roll(&world->dice)));
    }
    world->account->people[PERSON_AWAY] = world->options->listeners;
}

static int allocate(struct world *world)
{
    const struct options *options = world->options;
    size_t nodes = options->nodes, spreads = (size_t)KINDS * (options->regions + EVERYWHERE);
    uint32_t items = options->listeners + options->nodes + 2 * options->failure_count + 1;
    world->people = calloc(options->listeners, sizeof(*world->people));
    world->nodes = calloc(nodes, sizeof(*world->nodes));
    world->views = calloc(nodes, sizeof(*world->views));
    world->spreads = calloc(spreads, sizeof(*world->spreads));
    world->shares = calloc(spreads * nodes, sizeof(*world->shares));
    world->region_first = calloc((size_t)options->regions + 1, sizeof(*world->region_first));
    world->account = calloc(1, sizeof(*world->account));
    if (!world->people || !world->nodes || !world->views || !world->spreads || !world->shares ||
        !world->region_first || !world->account)
        return ERR_NOMEM;
    return calendar_create(&world->calendar, items, world->end_ms);
}

int world_create(struct world **out, const struct options *options, const struct costs *costs)
{
    struct world *world = calloc(1, sizeof(*world));
    if (world == NULL)
        return ERR_NOMEM;
    world->options = options;
    world->costs = costs;
    world->dice.state = options->seed;
    world->end_ms = CURVE_END_MS + WORLD_AFTERWARDS_MS;
    int err = allocate(world);
    if (err == 0)
        lay_out_regions(world);
    if (err == 0)
        err = make_nodes(world);
    if (err != 0) {
        world_destroy(world);
        return err;
    }
    make_people(world);
    faults_plan(world);
    world_later(world, options->listeners + options->nodes + 2 * options->failure_count, 0);
    *out = world;
    return 0;
}

void world_destroy(struct world *world)
{
    if (world == NULL)
        return;
    for (uint32_t i = 0; world->nodes != NULL && i < world->options->nodes; i++)
        admission_destroy(world->nodes[i].admission);
    calendar_destroy(world->calendar);
    free(world->people);
    free(world->nodes);
    free(world->views);
    free(world->spreads);
    free(world->shares);
    free(world->region_first);
    free(world->account);
    free(world);
}

/* ---- running ---- */

void world_later(struct world *world, uint32_t item, uint64_t in_ms)
{
    calendar_add(world->calendar, item, world->now_ms + in_ms);
}

uint32_t world_person_item(const struct world *world, const struct person *person)
{
    return (uint32_t)(person - world->people);
}

uint32_t world_node_item(const struct world *world, uint32_t node)
{
    return world->options->listeners + node;
}

static void step(struct world *world, uint32_t item)
{
    uint32_t people = world->options->listeners, nodes = world->options->nodes;
    uint32_t faults = 2 * world->options->failure_count;
    if (item < people) {
        person_step(world, &world->people[item]);
    } else if (item < people + nodes) {
        upstream_step(world, item - people);
    } else if (item < people + nodes + faults) {
        fault_step(world, item - people - nodes);
    } else {
        world_tick(world);
        world_later(world, item, WORLD_TICK_MS);
    }
}

void world_run(struct world *world)
{
    uint32_t item;
    upstreams_flow(world);
    while (calendar_take(world->calendar, &item, &world->now_ms))
        step(world, item);
    world_close(world);
}

/* ---- the ground ---- */

uint32_t world_way_ms(const struct world *world, uint32_t region_a, uint32_t region_b)
{
    uint32_t regions = world->options->regions;
    uint32_t steps = region_a > region_b ? region_a - region_b : region_b - region_a;
    if (steps > regions - steps)
        steps = regions - steps;
    return REGION_MS + steps * STEP_MS;
}

const struct spread *world_spread(const struct world *world, uint32_t region, bool is_returning)
{
    return &world->spreads[KINDS * region + is_returning];
}

double world_media_load(const struct world *world, const struct sim_node *node)
{
    const struct costs *costs = world->costs;
    double room_us = node == &world->nodes[world->origin] ? costs->room_us_per_s : 0;
    double us = room_us + admission_seats_taken(node->admission) * costs->listener_us_per_s +
                node->children * costs->relay_us_per_s;
    double load = us / (node->cores * 1e6);
    return load < 0.99 ? load : 0.99; /* some progress is always made */
}

uint64_t world_egress_bps(const struct world *world, const struct sim_node *node)
{
    return (uint64_t)(admission_seats_taken(node->admission) * world->costs->listener_bps +
                      node->children * world->costs->relay_bps);
}
