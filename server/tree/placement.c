#include "tree/placement.h"

#include "base/hash.h"
#include "tree/rank.h"

#include <string.h>

enum { QUARTERS = 4, PERMILLE = 1000 };

struct asking {
    const struct tree *tree;
    const struct tree_node *node;
    uint32_t index;
    uint64_t id_hash;
    uint64_t relay_bps;
    uint32_t below;        /* parents are of a level below this one */
    bool is_orphan;        /* it carries the room, and has nobody to take it from */
    bool may_leave_region; /* as a head */
};

struct candidate {
    uint32_t index;
    uint64_t key; /* the smaller, the better */
};

/* ---- the tree as it is ---- */

bool tree_is_there(const struct tree_node *node)
{
    return !node->view.is_draining && node->silent_ms < TREE_SILENT_MS;
}

static bool is_same_region(const struct tree_node *a, const struct tree_node *b)
{
    return strcmp(a->view.region, b->view.region) == 0;
}

/* Ends after TREE_DEPTH_MAX steps at the latest: levels have to fall with each. */
static uint32_t steps_to_origin(const struct tree *tree, uint32_t from, uint32_t avoided,
                                bool over_silent)
{
    uint32_t at = from, steps = 0;
    while (at != tree->origin) {
        const struct tree_node *node = &tree->nodes[at];
        if (at == avoided || node->level < 1 || node->level > TREE_DEPTH_MAX)
            return TREE_NONE;
        if (node->parent >= tree->count || tree->nodes[node->parent].level >= node->level)
            return TREE_NONE;
        if (!over_silent && node->silent_ms >= TREE_SILENT_MS)
            return TREE_NONE;
        at = node->parent;
        steps++;
    }
    bool is_reached = over_silent || tree->nodes[at].silent_ms < TREE_SILENT_MS;
    return at != avoided && is_reached ? steps : TREE_NONE;
}

uint32_t tree_depth(const struct tree *tree, uint32_t node)
{
    return steps_to_origin(tree, node, TREE_NONE, true);
}

/* ---- what a node can still give ---- */

static uint64_t egress_permille(const struct node_view *view, uint64_t more_bps)
{
    if (view->egress_max_bps == 0)
        return 0;
    if (view->egress_bps >= view->egress_max_bps || more_bps >= view->egress_max_bps)
        return PERMILLE;
    uint64_t bps = view->egress_bps + more_bps;
    return bps >= view->egress_max_bps ? PERMILLE : bps * PERMILLE / view->egress_max_bps;
}

static bool has_place(const struct tree_node *node, const struct asking *asking)
{
    uint32_t children_max =
        asking->is_orphan ? TREE_CHILDREN_MAX : TREE_CHILDREN_MAX - TREE_CHILDREN_KEPT;
    uint32_t load_max = asking->is_orphan ? TREE_LOAD_ORPHAN_MAX : TREE_LOAD_MAX;
    uint64_t egress_max = asking->is_orphan ? TREE_EGRESS_ORPHAN_MAX : TREE_EGRESS_MAX;
    return node->children < children_max && node->view.load_permille < load_max &&
           egress_permille(&node->view, asking->relay_bps) < egress_max;
}

/* In quarters, so that small changes do not matter. */
static uint64_t fullness(const struct tree_node *node)
{
    uint64_t children = (uint64_t)node->children * QUARTERS / TREE_CHILDREN_MAX;
    uint64_t load = (uint64_t)node->view.load_permille * QUARTERS / PERMILLE;
    uint64_t egress = egress_permille(&node->view, 0) * QUARTERS / PERMILLE;
    uint64_t most = children > load ? children : load;
    return most > egress ? most : egress;
}

/* ---- who may feed whom ---- */

static bool is_eligible(const struct asking *asking, uint32_t index)
{
    const struct tree_node *node = &asking->tree->nodes[index];
    bool has_level = index == asking->tree->origin
                         ? node->level == 0
                         : node->level >= 1 && node->level < asking->below;
    return index != asking->index && has_level && asking->below > 0 && !node->is_changing &&
           tree_is_there(node) &&
           steps_to_origin(asking->tree, index, asking->index, false) != TREE_NONE;
}

static bool can_keep(const struct asking *asking)
{
    uint32_t parent = asking->node->parent;
    return parent < asking->tree->count && is_eligible(asking, parent) &&
           asking->tree->nodes[parent].view.load_permille < TREE_LOAD_LEFT;
}

/* Those of the asker's region that take the room from another one. */
static uint32_t count_heads(const struct asking *asking)
{
    const struct tree *tree = asking->tree;
    uint32_t heads = 0;
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct tree_node *node = &tree->nodes[i];
        if (i == asking->index || node->level < 1 || node->level > TREE_DEPTH_MAX ||
            node->parent >= tree->count || !tree_is_there(node) ||
            !is_same_region(node, asking->node))
            continue;
        heads += !is_same_region(&tree->nodes[node->parent], node);
    }
    return heads;
}

static bool may_be_head(const struct asking *asking)
{
    return !is_same_region(&asking->tree->nodes[asking->tree->origin], asking->node) &&
           count_heads(asking) < TREE_HEADS;
}

static uint64_t key_of(const struct asking *asking, uint32_t index, bool is_first)
{
    const struct tree_node *node = &asking->tree->nodes[index];
    bool is_foreign = !asking->may_leave_region && !is_same_region(node, asking->node);
    uint64_t generation = is_first ? (node->level + 1) / 2 : 0; /* levels 1 and 2 are one */
    return (uint64_t)is_foreign << 56 | (uint64_t)!node->is_hearing << 48 | generation << 40 |
           fullness(node) << 32 | rank_of(asking->id_hash, node->view.id);
}

/* ---- choosing ---- */

static bool is_listed(const struct parents *list, uint32_t index)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->nodes[i] == index)
            return true;
    return false;
}

/* The best who is not listed yet; not_like: in another region than that node, TREE_NONE: in any. */
static struct candidate best_of(const struct asking *asking, const struct parents *list,
                                uint32_t not_like)
{
    const struct tree *tree = asking->tree;
    struct candidate best = {.index = TREE_NONE, .key = UINT64_MAX};
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct tree_node *node = &tree->nodes[i];
        if (node->level > TREE_DEPTH_MAX || is_listed(list, i) || !has_place(node, asking))
            continue;
        if (not_like != TREE_NONE && is_same_region(node, &tree->nodes[not_like]))
            continue;
        uint64_t key = key_of(asking, i, list->count == 0);
        if (key < best.key && is_eligible(asking, i))
            best = (struct candidate){.index = i, .key = key};
    }
    return best;
}

static void add(struct parents *list, uint32_t index)
{
    if (index != TREE_NONE && list->count < TREE_PARENTS_MAX)
        list->nodes[list->count++] = index;
}

static void add_reserves(const struct asking *asking, struct parents *list)
{
    bool has_foreign = false;
    while (list->count < TREE_PARENTS_MAX) {
        bool is_last = list->count == TREE_PARENTS_MAX - 1;
        uint32_t not_like = is_last && !has_foreign ? list->nodes[0] : TREE_NONE;
        uint32_t index = best_of(asking, list, not_like).index;
        if (index == TREE_NONE && not_like != TREE_NONE)
            index = best_of(asking, list, TREE_NONE).index;
        if (index == TREE_NONE)
            return;
        has_foreign = has_foreign || !is_same_region(&asking->tree->nodes[index],
                                                     &asking->tree->nodes[list->nodes[0]]);
        add(list, index);
    }
}

/* Of the children of the origin in one region half are at level 1 and the others, who have those for reserves,
 * at level 2. Theirs are at 3, the last at 4: everybody's reserves are as near to the origin as the first. */
static uint32_t level_under(const struct asking *asking, uint32_t first)
{
    const struct tree *tree = asking->tree;
    uint32_t level = tree->nodes[first].level, at[3] = {0};
    if (level > 0)
        return level < 3 ? 3 : TREE_DEPTH_MAX;
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct tree_node *node = &tree->nodes[i];
        if (i != asking->index && node->level < 3 && is_same_region(node, asking->node))
            at[node->level]++;
    }
    return at[1] <= at[2] ? 1 : 2;
}

static struct asking ask_of(const struct tree *tree, uint32_t asker, uint64_t relay_bps)
{
    const struct tree_node *node = &tree->nodes[asker];
    struct asking asking = {.tree = tree,
                            .node = node,
                            .index = asker,
                            .id_hash = hash_bytes(HASH_START, node->view.id, strlen(node->view.id)),
                            .relay_bps = relay_bps,
                            .below = TREE_DEPTH_MAX};
    asking.may_leave_region = may_be_head(&asking);
    return asking;
}

int choose_parent(struct parents *out, const struct tree *tree, uint32_t asker, uint64_t relay_bps)
{
    if (tree->origin >= tree->count || asker >= tree->count || asker == tree->origin)
        return ERR_INVAL;
    struct asking asking = ask_of(tree, asker, relay_bps);
    uint32_t level = asking.node->level;
    bool carries = level >= 1 && level <= TREE_DEPTH_MAX;
    if (carries)
        asking.below = level;
    bool keeps = carries && can_keep(&asking);
    bool is_fixed = keeps || (carries && asking.node->children > 0);
    struct parents list = {.level = level};
    if (!is_fixed)
        asking.below = TREE_DEPTH_MAX;
    asking.is_orphan = carries && !keeps;
    add(&list, keeps ? asking.node->parent : best_of(&asking, &list, TREE_NONE).index);
    if (list.count == 0)
        return ERR_AGAIN;
    if (!is_fixed)
        list.level = level_under(&asking, list.nodes[0]);
    asking.below = list.level;
    asking.is_orphan = true; /* it will be one when it turns to its reserves */
    add_reserves(&asking, &list);
    *out = list;
    return 0;
}
