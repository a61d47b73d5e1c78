#include "tree/spread.h"

#include "tree/rank.h"

#include <string.h>

struct filter {
    const struct tree *tree;
    const struct spread_ask *ask;
    bool is_regional;
    bool has_extension;      /* the room goes to more nodes: */
    uint64_t extension_upto; /* whose rank is not above this */
};

struct sums {
    uint64_t free, seats; /* of those that carry the room */
    uint32_t carriers;
    uint32_t others;        /* that could */
    uint64_t smallest_rank; /* of these */
};

static uint64_t share_of(const struct tree_node *node, uint64_t seats)
{
    uint64_t joins = (uint64_t)node->view.joins_per_s * SPREAD_HORIZON_S;
    uint64_t least = joins < seats ? joins : seats;
    if (!tree_is_there(node) || node->view.load_permille >= TREE_LOAD_ORPHAN_MAX)
        return 0;
    return least * (TREE_LOAD_ORPHAN_MAX - node->view.load_permille);
}

/* Free for listeners: the origin keeps half of its seats back. */
static uint64_t free_seats(const struct filter *filter, uint32_t index)
{
    const struct node_view *view = &filter->tree->nodes[index].view;
    uint64_t kept = index == filter->tree->origin ? view->seats / 2 : 0;
    return view->seats_free > kept ? view->seats_free - kept : 0;
}

static uint64_t listener_seats(const struct filter *filter, uint32_t index)
{
    const struct node_view *view = &filter->tree->nodes[index].view;
    return index == filter->tree->origin ? view->seats - view->seats / 2 : view->seats;
}

static bool is_meant(const struct filter *filter, uint32_t index)
{
    const struct tree_node *node = &filter->tree->nodes[index];
    if (index == filter->tree->origin && filter->ask->is_returning)
        return false;
    return !filter->is_regional || strcmp(node->view.region, filter->ask->region) == 0;
}

static bool carries(const struct tree_node *node)
{
    return node->level <= TREE_DEPTH_MAX;
}

static struct sums sum_up(const struct filter *filter)
{
    struct sums sums = {.smallest_rank = UINT64_MAX};
    for (uint32_t i = 0; i < filter->tree->count; i++) {
        const struct tree_node *node = &filter->tree->nodes[i];
        uint64_t free = free_seats(filter, i);
        if (!is_meant(filter, i) || !tree_is_there(node))
            continue;
        if (carries(node)) {
            sums.free += share_of(node, free) > 0 ? free : 0;
            sums.seats += listener_seats(filter, i);
            sums.carriers++;
        } else if (share_of(node, free) > 0) {
            uint64_t rank = rank_of(filter->ask->room, node->view.id);
            sums.others++;
            if (rank < sums.smallest_rank)
                sums.smallest_rank = rank;
        }
    }
    return sums;
}

/* Ranks are spread evenly over 32 bits: of the others about as many lie below this as carry the room. */
static void extend(struct filter *filter)
{
    struct sums sums = sum_up(filter);
    filter->has_extension = sums.others > 0 && sums.free * SPREAD_SHORT_OF <= sums.seats;
    if (!filter->has_extension)
        return;
    filter->extension_upto = sums.carriers >= sums.others
                                 ? UINT32_MAX
                                 : (uint64_t)UINT32_MAX * sums.carriers / sums.others;
    if (filter->extension_upto < sums.smallest_rank)
        filter->extension_upto = sums.smallest_rank;
}

static void add(struct spread *spread, uint32_t index, uint64_t share)
{
    if (share == 0)
        return;
    spread->total += share;
    spread->shares[spread->count++] = (struct spread_share){.upto = spread->total, .node = index};
}

static void fill(struct spread *spread, struct filter *filter)
{
    extend(filter);
    for (uint32_t i = 0; i < filter->tree->count; i++) {
        const struct tree_node *node = &filter->tree->nodes[i];
        if (!is_meant(filter, i))
            continue;
        if (carries(node) || (filter->has_extension &&
                              rank_of(filter->ask->room, node->view.id) <= filter->extension_upto))
            add(spread, i, share_of(node, free_seats(filter, i)));
    }
}

void spread_make(struct spread *out, struct spread_share *shares, const struct tree *tree,
                 const struct spread_ask *ask)
{
    *out = (struct spread){.shares = shares};
    struct filter filter = {.tree = tree, .ask = ask, .is_regional = ask->region != NULL};
    fill(out, &filter);
    filter.is_regional = false;
    if (out->total == 0 && ask->region != NULL)
        fill(out, &filter);
    if (out->total == 0 && tree->origin < tree->count) {
        const struct tree_node *origin = &tree->nodes[tree->origin];
        add(out, tree->origin, share_of(origin, origin->view.seats_free));
    }
}

/* The first share that reaches beyond `point`. */
static uint32_t find(const struct spread *spread, uint64_t point)
{
    uint32_t low = 0, high = spread->count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (spread->shares[middle].upto > point)
            high = middle;
        else
            low = middle + 1;
    }
    return spread->shares[low].node;
}

/* Shares stand in the order of the nodes. Where that of `node` is, or would be. */
static uint32_t place_of(const struct spread *spread, uint32_t node)
{
    uint32_t low = 0, high = spread->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (spread->shares[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t choose_node(const struct spread *spread, uint32_t asked, bool can_keep, uint64_t dice)
{
    uint32_t place = place_of(spread, asked);
    bool has_share = place < spread->count && spread->shares[place].node == asked;
    if (has_share && can_keep)
        return asked;
    uint64_t from = has_share && place > 0 ? spread->shares[place - 1].upto : 0;
    uint64_t left_out = has_share ? spread->shares[place].upto - from : 0;
    if (spread->total == left_out)
        return TREE_NONE;
    uint64_t point = dice % (spread->total - left_out);
    return find(spread, has_share && point >= from ? point + left_out : point);
}
