#include "simulate/faults.h"

#include "simulate/people.h"
#include "simulate/upstreams.h"

static uint32_t item_of(const struct world *world, uint32_t step)
{
    return world->options->listeners + world->options->nodes + step;
}

void faults_plan(struct world *world)
{
    const struct options *options = world->options;
    for (uint32_t i = 0; i < options->failure_count; i++) {
        const struct failure *failure = &options->failures[i];
        uint64_t at_ms = CURVE_START_MS + (uint64_t)failure->at_s * 1000;
        calendar_add(world->calendar, item_of(world, i), at_ms);
        if (failure->lasts_s > 0)
            calendar_add(world->calendar, item_of(world, options->failure_count + i),
                         at_ms + (uint64_t)failure->lasts_s * 1000);
    }
}

static void kill(struct world *world, uint32_t index, uint32_t failure)
{
    struct sim_node *node = &world->nodes[index];
    if (!node->is_up)
        return;
    node->is_up = false;
    node->killed_by = failure;
    node->epoch++;
    node->hearers = 0;
    node->in_line = 0;
    upstream_forget(world, index);
}

static void revive(struct world *world, uint32_t index)
{
    struct sim_node *node = &world->nodes[index];
    world_renew_admission(world, index);
    node->is_up = true;
    if (index == world->origin)
        world->origin_back_ms = world->now_ms;
    node->control_free_us = 0;
    node->work_free_us = 0;
    node->backlog_us = 0;
}

/* Any may be hit, but the origin. */
static void kill_relays(struct world *world, uint32_t count, uint32_t failure)
{
    uint32_t nodes = world->options->nodes, killed = 0;
    for (uint32_t tries = 0; killed < count && tries < 100 * nodes; tries++) {
        uint32_t index = dice_below(&world->dice, nodes);
        if (index == world->origin || !world->nodes[index].is_up)
            continue;
        kill(world, index, failure);
        killed++;
    }
}

static void begin(struct world *world, uint32_t number)
{
    const struct failure *failure = &world->options->failures[number];
    switch (failure->kind) {
    case FAILURE_RELAYS:
        kill_relays(world, failure->which, number);
        break;
    case FAILURE_REGION:
        for (uint32_t i = world->region_first[failure->which - 1];
             i < world->region_first[failure->which]; i++)
            kill(world, i, number);
        break;
    case FAILURE_ORIGIN:
        kill(world, world->origin, number);
        break;
    }
    upstreams_notice_losses(world);
    people_notice_losses(world);
}

static void end(struct world *world, uint32_t number)
{
    for (uint32_t i = 0; i < world->options->nodes; i++)
        if (!world->nodes[i].is_up && world->nodes[i].killed_by == number)
            revive(world, i);
    upstreams_flow(world);
}

void fault_step(struct world *world, uint32_t step)
{
    uint32_t failures = world->options->failure_count;
    if (step < failures)
        begin(world, step);
    else
        end(world, step - failures);
}
