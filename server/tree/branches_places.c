/* branches_places.c - from whom each relay is to take the program. */
#include "tree/branches_internal.h"

#include <string.h>

enum {
    /* choose_parent() looks at all nodes some times: so many of a step, the others in the next one. */
    CHOICES_PER_STEP = 64,
    REVIEWS_PER_STEP = 4,
    /* A link that is lost comes back within this time; after a restart of the origin all do within the next. */
    GRACE_US = 1000 * 1000,
    SETTLE_US = 2000 * 1000,
    TRY_AGAIN_US = 1000 * 1000,
};

/* ---- what relays say ---- */

void places_adopt(struct branch *branch)
{
    const struct word_report *report = &branch->report;
    bool has_level = report->level >= 1 && report->level <= TREE_DEPTH_MAX;
    branch->level = has_level ? report->level : TREE_NONE;
    memcpy(branch->parent, report->parent, sizeof(branch->parent));
    if (report->place > branch->place)
        branch->place = report->place;
    branch->is_placed = false;
    branch->gives_up = false;
    branch->parent_count = 0;
    branch->avoided[0] = '\0';
    branch->place_tried_us = 0;
    branch->fed_us = branch->heard_us;
}

static bool is_shown(const struct branch *branch)
{
    return branch->report.place == branch->place;
}

void places_take_report(struct branch *branch)
{
    const struct word_report *report = &branch->report;
    if (report->place > branch->place) {
        branch->place = report->place;
        branch->must_place = true;
    }
    if (report->is_hearing)
        branch->avoided[0] = '\0';
    if (!branch->is_placed || !is_shown(branch) || report->parent[0] == '\0')
        return;
    memcpy(branch->parent, report->parent, sizeof(branch->parent));
    branch->fed_us = branch->heard_us;
}

/* ---- who needs one ---- */

static bool is_usable(const struct branches *book, const struct branch *branch, uint32_t parent)
{
    if (parent >= book->tree.count)
        return false;
    const struct tree_node *node = &book->nodes[parent];
    return tree_is_there(node) && !node->is_changing && node->level < branch->level &&
           node->view.load_permille < TREE_LOAD_LEFT;
}

/* It hears, and its parent is likely to be there again in a moment. */
static bool can_wait(const struct stepping *stepping, const struct branch *branch, uint32_t parent)
{
    if (!branch->is_placed) /* the origin was started anew, and that parent has not called yet */
        return parent == TREE_NONE && branch->parent[0] != '\0' && branch->report.is_hearing &&
               stepping->now_us - branch->fed_us < SETTLE_US;
    const struct branch *above =
        parent < stepping->book->tree.count ? stepping->book->at[parent] : NULL;
    return above != NULL && above->is_silent && above->is_cut && branch->report.is_hearing &&
           stepping->now_us - above->since_us < GRACE_US;
}

/* It knows its parents, and none of them feeds it. */
static bool is_unfed(const struct stepping *stepping, const struct branch *branch)
{
    return branch->is_placed && is_shown(branch) && branch->report.parent[0] == '\0' &&
           stepping->now_us - branch->fed_us >= DEAF_US;
}

static bool needs_place(const struct stepping *stepping, const struct branch *branch)
{
    uint32_t parent = stepping->book->nodes[branch->index].parent;
    bool is_waited_for = stepping->now_us - branch->placed_us < REPEAT_US;
    if (stepping->now_us - branch->place_tried_us < TRY_AGAIN_US && branch->place_tried_us != 0)
        return false;
    if (can_wait(stepping, branch, parent))
        return false;
    if (!branch->is_placed || branch->must_place || !is_usable(stepping->book, branch, parent))
        return true;
    if (is_waited_for)
        return false;
    return !is_shown(branch) || branch->report.level != branch->level || is_unfed(stepping, branch);
}

/* ---- choosing ---- */

static int choose(const struct stepping *stepping, struct branch *branch, struct parents *out)
{
    struct branches *book = stepping->book;
    uint64_t bps = stepping->look->relay_bps;
    uint32_t avoided = tree_index_of(book, branch->avoided);
    if (avoided == TREE_NONE)
        return choose_parent(out, &book->tree, branch->index, bps);
    bool was_draining = book->nodes[avoided].view.is_draining;
    book->nodes[avoided].view.is_draining = true;
    int err = choose_parent(out, &book->tree, branch->index, bps);
    book->nodes[avoided].view.is_draining = was_draining;
    return err == 0 ? 0 : choose_parent(out, &book->tree, branch->index, bps);
}

static bool is_same(const struct branches *book, const struct branch *branch,
                    const struct parents *list)
{
    if (!branch->is_placed || list->level != branch->level || list->count != branch->parent_count)
        return false;
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(branch->parents[i], book->nodes[list->nodes[i]].view.id) != 0)
            return false;
    return true;
}

static void leave(struct branches *book, struct tree_node *node)
{
    if (node->parent < book->tree.count && book->nodes[node->parent].children > 0)
        book->nodes[node->parent].children--;
    node->parent = TREE_NONE;
}

static void move(const struct stepping *stepping, struct branch *branch, uint32_t parent)
{
    struct branches *book = stepping->book;
    struct tree_node *node = &book->nodes[branch->index];
    if (node->parent == parent)
        return;
    leave(book, node);
    node->parent = parent;
    book->nodes[parent].children++;
    book->nodes[parent].view.egress_bps += stepping->look->relay_bps;
}

static void say_place(const struct stepping *stepping, struct branch *branch,
                      const struct parents *list)
{
    const struct branches *book = stepping->book;
    struct word word = {
        .kind = WORD_PLACE,
        .place = {.number = branch->place, .level = (uint8_t)list->level, .count = list->count}};
    memcpy(word.slug, book->slug, sizeof(word.slug));
    for (uint32_t i = 0; i < list->count; i++) {
        const struct node_view *view = &book->nodes[list->nodes[i]].view;
        memcpy(word.place.parents[i].id, view->id, sizeof(view->id));
        memcpy(word.place.parents[i].url, view->url, sizeof(view->url));
    }
    branch->placed_us = stepping->now_us;
    stepping->say(stepping->ctx, branch->id, &word);
}

/* In the tree at once, so that the next one is placed with it. */
static void place(const struct stepping *stepping, struct branch *branch,
                  const struct parents *list)
{
    struct branches *book = stepping->book;
    struct tree_node *node = &book->nodes[branch->index];
    bool is_news = !is_same(book, branch, list);
    move(stepping, branch, list->nodes[0]);
    memcpy(branch->parent, book->nodes[list->nodes[0]].view.id, sizeof(branch->parent));
    branch->gives_up = false;
    branch->level = list->level;
    node->level = list->level;
    node->is_changing = branch->report.level != list->level;
    if (!is_news && is_shown(branch) && !branch->must_place && !is_unfed(stepping, branch) &&
        !node->is_changing)
        return;
    if ((is_news || is_shown(branch)) && ++branch->place == 0)
        branch->place = 1;
    branch->parent_count = list->count;
    for (uint32_t i = 0; i < list->count; i++)
        memcpy(branch->parents[i], book->nodes[list->nodes[i]].view.id, NODE_ID_MAX + 1);
    branch->is_placed = true;
    branch->must_place = false;
    branch->fed_us = stepping->now_us;
    say_place(stepping, branch, list);
}

/* Nobody can feed it now. While it has children it stays at its level, so they go to others. */
static void put_off(const struct stepping *stepping, struct branch *branch)
{
    struct tree_node *node = &stepping->book->nodes[branch->index];
    branch->place_tried_us = stepping->now_us;
    branch->gives_up = node->children > 0;
    node->is_changing = node->is_changing || branch->gives_up;
}

static void find_place(const struct stepping *stepping, struct branch *branch)
{
    struct tree_node *node = &stepping->book->nodes[branch->index];
    struct parents list;
    if (is_unfed(stepping, branch)) {
        memcpy(branch->avoided, branch->parents[0], sizeof(branch->avoided));
        leave(stepping->book, node);
    }
    if (choose(stepping, branch, &list) == 0)
        place(stepping, branch, &list);
    else
        put_off(stepping, branch);
}

/* ---- reserves ---- */

static bool is_outdated(const struct branches *book, const struct branch *branch,
                        const struct parents *list)
{
    if (list->count > branch->parent_count)
        return true;
    for (uint32_t i = 0; i < branch->parent_count; i++)
        if (!is_usable(book, branch, tree_index_of(book, branch->parents[i])))
            return true;
    return false;
}

/* A few in each step, one after the other: its list is told anew if somebody in it is lost, or if there are more now. */
static void review(const struct stepping *stepping, struct branch *branch)
{
    struct parents list;
    if (!branch_is_up(branch) || !branch->is_placed || !is_shown(branch) || branch->level < 2)
        return;
    if (choose(stepping, branch, &list) == 0 &&
        list.nodes[0] == tree_index_of(stepping->book, branch->parent) &&
        is_outdated(stepping->book, branch, &list))
        place(stepping, branch, &list);
}

static void review_some(const struct stepping *stepping)
{
    struct branches *book = stepping->book;
    for (uint32_t i = 0; i < REVIEWS_PER_STEP && i < book->count; i++) {
        book->reviewed = (book->reviewed + 1) % book->count;
        review(stepping, book->list[book->reviewed]);
    }
}

/* Those near to the origin first: who is below them keeps its way if they find one. */
void places_step(const struct stepping *stepping)
{
    struct branches *book = stepping->book;
    uint32_t choices = 0;
    for (uint32_t level = 1; level <= TREE_DEPTH_MAX + 1; level++) {
        for (uint32_t i = 0; i < book->count && choices < CHOICES_PER_STEP; i++) {
            struct branch *branch = book->list[i];
            bool is_last = level > TREE_DEPTH_MAX && branch->level == TREE_NONE;
            if (!branch_is_up(branch) || (branch->level != level && !is_last) ||
                !needs_place(stepping, branch))
                continue;
            find_place(stepping, branch);
            choices++;
        }
    }
    review_some(stepping);
}
