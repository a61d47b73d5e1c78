#include "simulate/upstreams.h"

enum {
    LINK_TRIPS = 4,   /* a new link: TCP, TLS, WebSocket, proof of the secret */
    ASK_TRIPS = 1,    /* over a link that stands: those to the origin and to the reserves do */
    ATTACH_TRIPS = 3, /* ICE check, two for DTLS */
};

static uint64_t trip_ms(const struct world *world, uint32_t a, uint32_t b, unsigned trips)
{
    return (uint64_t)trips * 2 *
           world_way_ms(world, world->nodes[a].region, world->nodes[b].region);
}

static void next(struct world *world, uint32_t index, enum upstream_state state, uint64_t in_ms)
{
    struct sim_node *node = &world->nodes[index];
    node->upstream = state;
    if (!node->has_step) /* else it is back so soon that a step of its last life comes first */
        world_later(world, world_node_item(world, index), in_ms);
    node->has_step = true;
}

/* ---- the tree, as it is and as the origin knows it ---- */

static void leave_parent(struct world *world, uint32_t index)
{
    struct sim_node *node = &world->nodes[index];
    if (node->parent != TREE_NONE)
        world->nodes[node->parent].children--;
    node->parent = TREE_NONE;
}

static void know_parent(struct world *world, uint32_t index, uint32_t parent)
{
    struct tree_node *view = &world->views[index];
    if (view->parent != TREE_NONE) {
        struct tree_node *old = &world->views[view->parent];
        uint64_t bps = (uint64_t)world->costs->relay_bps;
        old->children--;
        old->view.egress_bps -= old->view.egress_bps < bps ? old->view.egress_bps : bps;
    }
    view->parent = parent;
    if (parent != TREE_NONE) {
        world->views[parent].children++;
        world->views[parent].view.egress_bps += (uint64_t)world->costs->relay_bps;
    }
}

static void sound_on(struct world *world, struct sim_node *node)
{
    bool was_origins = node->silent_ms < world->origin_back_ms;
    if (node->had_sound)
        spans_add(was_origins ? &world->account->origin_gaps : &world->account->gaps,
                  world->now_ms - node->silent_ms, node->hearers);
    node->had_sound = true;
}

/* A parent's level is below its child's, so a pass for each level reaches all. */
void upstreams_flow(struct world *world)
{
    for (uint32_t level = 0; level <= TREE_DEPTH_MAX; level++) {
        for (uint32_t i = 0; i < world->options->nodes; i++) {
            struct sim_node *node = &world->nodes[i];
            if (node->level != level && !(level == TREE_DEPTH_MAX && node->level == TREE_NONE))
                continue;
            bool has_sound = node->is_up &&
                             (i == world->origin ||
                              (node->parent != TREE_NONE && world->nodes[node->parent].has_sound));
            if (has_sound && !node->has_sound)
                sound_on(world, node);
            if (!has_sound && node->has_sound)
                node->silent_ms = world->now_ms;
            node->has_sound = has_sound;
        }
    }
}

/* ---- steps ---- */

void upstream_want(struct world *world, uint32_t index)
{
    if (index != world->origin && world->nodes[index].upstream == UPSTREAM_NONE)
        next(world, index, UPSTREAM_ASKING, trip_ms(world, index, world->origin, LINK_TRIPS));
}

static void ask_again(struct world *world, uint32_t index)
{
    next(world, index, UPSTREAM_ASKING,
         UPSTREAM_RETRY_MS + dice_below(&world->dice, UPSTREAM_RETRY_MS));
}

/* The origin decides, with what it knows. */
static void ask(struct world *world, uint32_t index)
{
    struct sim_node *node = &world->nodes[index];
    struct tree_node *view = &world->views[index];
    struct sim_node *origin = &world->nodes[world->origin];
    bool was_member = view->level <= TREE_DEPTH_MAX;
    if (!origin->is_up) {
        ask_again(world, index);
        return;
    }
    know_parent(world, index, TREE_NONE);
    origin->answers++;
    world->account->parent_asks++;
    if (choose_parent(&node->parents, &world->tree, index, (uint64_t)world->costs->relay_bps) !=
        0) {
        world->account->no_parents++;
        ask_again(world, index);
        return;
    }
    know_parent(world, index, node->parents.nodes[0]);
    view->is_changing = was_member && view->level != node->parents.level;
    view->is_hearing = false;
    view->level = node->parents.level;
    node->level = node->parents.level;
    node->turn = 0;
    uint32_t parent = node->parents.nodes[0];
    unsigned trips = ASK_TRIPS + ATTACH_TRIPS + (parent == world->origin ? 0 : LINK_TRIPS);
    next(world, index, UPSTREAM_CONNECTING,
         trip_ms(world, index, world->origin, 1) / 2 + trip_ms(world, index, parent, trips));
}

/* What a parent looks at itself before it feeds somebody. */
static bool accepts(const struct world *world, uint32_t parent, uint32_t level)
{
    const struct sim_node *node = &world->nodes[parent];
    bool has_room =
        parent == world->origin || (node->upstream != UPSTREAM_NONE && node->level < level);
    return node->is_up && has_room && node->children < TREE_CHILDREN_MAX &&
           world_egress_bps(world, node) + (uint64_t)world->costs->relay_bps <=
               node->egress_max_bps;
}

static void turn_to_next(struct world *world, uint32_t index, uint64_t in_ms)
{
    struct sim_node *node = &world->nodes[index];
    node->turn++;
    if (node->turn >= node->parents.count) {
        next(world, index, UPSTREAM_ASKING,
             in_ms + trip_ms(world, index, world->origin, ASK_TRIPS));
        return;
    }
    next(world, index, UPSTREAM_CONNECTING,
         in_ms + trip_ms(world, index, node->parents.nodes[node->turn], ASK_TRIPS + ATTACH_TRIPS));
}

static void connect(struct world *world, uint32_t index)
{
    struct sim_node *node = &world->nodes[index];
    uint32_t parent = node->parents.nodes[node->turn];
    if (!accepts(world, parent, node->level)) {
        turn_to_next(world, index, world->nodes[parent].is_up ? 0 : UPSTREAM_SILENT_MS);
        return;
    }
    node->parent = parent;
    world->nodes[parent].children++;
    node->upstream = UPSTREAM_FED;
    if (world->views[index].parent != parent) /* a reserve: the origin is told */
        know_parent(world, index, parent);
    world->views[index].is_changing = false;
    world->views[index].is_hearing = true;
    upstreams_flow(world);
    world->account->turns_to_reserve += node->turn > 0;
}

void upstream_step(struct world *world, uint32_t index)
{
    struct sim_node *node = &world->nodes[index];
    node->has_step = false;
    if (!node->is_up)
        return;
    switch (node->upstream) {
    case UPSTREAM_ASKING:
        ask(world, index);
        break;
    case UPSTREAM_CONNECTING:
        connect(world, index);
        break;
    case UPSTREAM_ORPHAN:
        turn_to_next(world, index, 0);
        break;
    case UPSTREAM_NONE:
    case UPSTREAM_FED:
        break;
    }
}

/* ---- losses ---- */

void upstreams_notice_losses(struct world *world)
{
    for (uint32_t i = 0; i < world->options->nodes; i++) {
        struct sim_node *node = &world->nodes[i];
        if (!node->is_up || node->parent == TREE_NONE || world->nodes[node->parent].is_up)
            continue;
        leave_parent(world, i);
        next(world, i, UPSTREAM_ORPHAN, UPSTREAM_SILENT_MS);
    }
    upstreams_flow(world);
}

void upstream_forget(struct world *world, uint32_t index)
{
    struct sim_node *node = &world->nodes[index];
    leave_parent(world, index);
    node->upstream = UPSTREAM_NONE;
    node->level = index == world->origin ? 0 : TREE_NONE;
    node->had_sound = false;
    know_parent(world, index, TREE_NONE);
    world->views[index].level = node->level;
    world->views[index].is_hearing = index == world->origin;
}
