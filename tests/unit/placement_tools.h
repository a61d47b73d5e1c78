/* placement_tools.h - trees for the tests of placement: nodes with room, relays that join one after the other.
 *
 * Owner    the test program: one tree
 * Thread   one
 * Units    as in placement.h
 * Errors   none
 * Spec     none
 */
#ifndef UNIT_PLACEMENT_TOOLS_H
#define UNIT_PLACEMENT_TOOLS_H

#include "tree/placement.h"

#include <stdio.h>

enum { NODES_MAX = 1200, RELAY_BPS = 230000 };

static struct tree_node nodes[NODES_MAX];
static struct tree tree = {.nodes = nodes};

static inline void make_node(uint32_t index, const char *region)
{
    struct tree_node *node = &nodes[index];
    *node = (struct tree_node){.parent = TREE_NONE, .level = TREE_NONE};
    (void)snprintf(node->view.id, sizeof(node->view.id), "node-%u", index);
    (void)snprintf(node->view.region, sizeof(node->view.region), "%s", region);
    node->view.seats = 1000;
    node->view.seats_free = 1000;
    node->view.joins_per_s = 100;
    node->view.egress_max_bps = 1000u * 1000 * 1000;
}

/* Node 0 is the origin, in region r0; the others lie in `regions` of them in turn. */
static inline void make_nodes(uint32_t count, uint32_t regions)
{
    char region[16];
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(region, sizeof(region), "r%u", i % regions);
        make_node(i, region);
    }
    nodes[0].level = 0;
    nodes[0].is_hearing = true;
    tree.count = count;
    tree.origin = 0;
}

static inline void leave_parent(uint32_t index)
{
    struct tree_node *node = &nodes[index];
    if (node->parent < tree.count) {
        nodes[node->parent].children--;
        nodes[node->parent].view.egress_bps -= RELAY_BPS;
    }
    node->parent = TREE_NONE;
}

/* As the origin does it: what was chosen is in the tree at once. */
static inline void follow(uint32_t index, const struct parents *list)
{
    leave_parent(index);
    nodes[index].parent = list->nodes[0];
    nodes[index].level = list->level;
    nodes[index].is_hearing = true;
    nodes[list->nodes[0]].children++;
    nodes[list->nodes[0]].view.egress_bps += RELAY_BPS;
}

static inline int join(uint32_t index)
{
    struct parents list;
    int err = choose_parent(&list, &tree, index, RELAY_BPS);
    if (err == 0)
        follow(index, &list);
    return err;
}

#endif
