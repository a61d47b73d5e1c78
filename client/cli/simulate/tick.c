/* tick.c - once a second: what each node did in it, what it tells the others, and the account of all. */
#include "simulate/world.h"

enum {
    LOAD_JOINS_PERMILLE = 850, /* a governor lets people in up to here */
    JOINS_LEAST_PER_S = 5,     /* as GOVERNOR_FEW_JOINS_PER_S */
    PERMILLE = 1000,
};
static const uint64_t ROOM = 20;

/* ---- what a node did ---- */

static uint32_t load_permille(const struct world *world, struct sim_node *node)
{
    uint64_t now_us = (uint64_t)world->now_ms * 1000, tick_us = WORLD_TICK_MS * 1000;
    uint64_t left_us = node->work_free_us > now_us ? node->work_free_us - now_us : 0;
    uint64_t begun_us = node->backlog_us + node->work_us;
    uint64_t done_us = begun_us > left_us ? begun_us - left_us : 0;
    double share = done_us < tick_us ? (double)done_us / (double)tick_us : 1;
    double media = world_media_load(world, node);
    node->backlog_us = left_us;
    node->work_us = 0;
    return (uint32_t)((media + (1 - media) * share) * PERMILLE);
}

/* Real parents, not what the origin thinks; a circle or a way that is too long ends here. */
static uint32_t real_depth(const struct world *world, uint32_t index)
{
    uint32_t depth = 0;
    while (index != world->origin) {
        index = world->nodes[index].parent;
        depth++;
        if (index == TREE_NONE || depth > world->options->nodes)
            return index == TREE_NONE ? 0 : TREE_NONE;
    }
    return depth;
}

static void check_limits(struct world *world, uint32_t index, struct account_second *row)
{
    struct sim_node *node = &world->nodes[index];
    struct account_limits *over = &world->account->over;
    if (!node->is_up)
        return; /* who is counted there looks for another node */
    uint64_t egress_bps = world_egress_bps(world, node);
    uint32_t egress = (uint32_t)(egress_bps * PERMILLE / node->egress_max_bps);
    uint32_t load = load_permille(world, node), depth = real_depth(world, index);
    over->seats += admission_seats_taken(node->admission) > node->seats;
    over->egress += egress_bps > node->egress_max_bps;
    over->children += node->children > TREE_CHILDREN_MAX;
    over->load += world_media_load(world, node) * PERMILLE > LOAD_JOINS_PERMILLE;
    over->loops += depth == TREE_NONE;
    over->depth += depth != TREE_NONE && depth > TREE_DEPTH_MAX;
    if (depth != TREE_NONE && depth > row->depth)
        row->depth = depth;
    row->most_joins = node->joins > row->most_joins ? node->joins : row->most_joins;
    row->most_load_permille = load > row->most_load_permille ? load : row->most_load_permille;
    row->most_egress_permille =
        egress > row->most_egress_permille ? egress : row->most_egress_permille;
    row->joins += node->joins;
    row->relays += node->parent != TREE_NONE;
    node->peak_joins = node->joins > node->peak_joins ? node->joins : node->peak_joins;
    node->peak_load_permille = load > node->peak_load_permille ? load : node->peak_load_permille;
    node->peak_egress_bps = egress_bps > node->peak_egress_bps ? egress_bps : node->peak_egress_bps;
    node->load_permille = load;
}

static void count_people(const struct world *world, struct account_second *row)
{
    const uint32_t *people = world->account->people;
    uint32_t without = 0;
    for (uint32_t i = 0; i < world->options->nodes; i++)
        without += world->nodes[i].has_sound ? 0 : world->nodes[i].hearers;
    row->came = world->account->came;
    row->hearing = people[PERSON_HEARING] - without;
    row->in_line = people[PERSON_IN_LINE];
    row->silent = without + people[PERSON_WAITING] + people[PERSON_LOST];
    row->joining = people[PERSON_ASKING] + people[PERSON_ANSWERED] + people[PERSON_JOINING];
}

/* ---- what it tells ---- */

static uint32_t joins_per_s(const struct world *world, const struct sim_node *node)
{
    double left = LOAD_JOINS_PERMILLE / 1000.0 - world_media_load(world, node);
    double joins = left * node->cores * 1e6 / world->costs->join_us;
    return joins < JOINS_LEAST_PER_S ? JOINS_LEAST_PER_S : (uint32_t)joins;
}

static void tell(struct world *world, uint32_t index)
{
    struct sim_node *node = &world->nodes[index];
    struct tree_node *view = &world->views[index];
    if (!node->is_up) {
        view->silent_ms += WORLD_TICK_MS;
        return;
    }
    admission_set_limits(node->admission, node->seats, joins_per_s(world, node));
    view->silent_ms = 0;
    view->listeners = admission_seats_taken(node->admission);
    view->view.seats = node->seats;
    view->view.seats_free = admission_free(node->admission);
    view->view.joins_per_s = admission_joins_per_s(node->admission);
    view->view.egress_bps = world_egress_bps(world, node);
    /* Joins are as many as fit: what they take is no reason to send nobody. */
    view->view.load_permille = (uint32_t)(world_media_load(world, node) * PERMILLE);
}

void world_look(struct world *world)
{
    uint32_t regions = world->options->regions, nodes = world->options->nodes;
    for (uint32_t i = 0; i < nodes; i++)
        tell(world, i);
    for (uint32_t region = 0; region <= regions; region++) {
        const char *name =
            region < regions ? world->views[world->region_first[region]].view.region : NULL;
        for (unsigned returning = 0; returning < 2; returning++) {
            size_t number = 2 * (size_t)region + returning;
            struct spread_ask ask = {.region = name, .room = ROOM, .is_returning = returning == 1};
            spread_make(&world->spreads[number], &world->shares[number * nodes], &world->tree,
                        &ask);
        }
    }
}

void world_tick(struct world *world)
{
    struct account *account = world->account;
    struct account_second row = {0};
    uint32_t returned = world->nodes[world->origin].returns;
    for (uint32_t i = 0; i < world->options->nodes; i++) {
        check_limits(world, i, &row);
        world->nodes[i].joins = world->nodes[i].answers = world->nodes[i].returns = 0;
    }
    count_people(world, &row);
    account->deepest = row.depth > account->deepest ? row.depth : account->deepest;
    account->returned_peak = returned > account->returned_peak ? returned : account->returned_peak;
    if (account->seconds < ACCOUNT_SECONDS_MAX)
        account->rows[account->seconds++] = row;
    world_look(world);
}

static uint32_t added_ms(const struct world *world, uint32_t index)
{
    double ms = 0;
    for (uint32_t hops = 0; index != world->origin && hops < TREE_DEPTH_MAX; hops++) {
        uint32_t parent = world->nodes[index].parent;
        ms += world->costs->hop_ms +
              world_way_ms(world, world->nodes[index].region, world->nodes[parent].region);
        index = parent;
    }
    return (uint32_t)ms;
}

void world_close(struct world *world)
{
    for (uint32_t i = 0; i < world->options->nodes; i++)
        if (world->nodes[i].has_sound)
            spans_add(&world->account->added, added_ms(world, i), world->nodes[i].hearers);
}
