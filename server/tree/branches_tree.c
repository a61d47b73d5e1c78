/* branches_tree.c - the tree of the room for one step, from the directory and from what relays said. */
#include "tree/branches_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static int grow(void **array, size_t count, size_t size)
{
    void *more = realloc(*array, count * size);
    if (more == NULL)
        return ERR_NOMEM;
    *array = more;
    return 0;
}

static int grow_nodes(struct branches *book, uint32_t nodes)
{
    if (nodes <= book->nodes_max)
        return 0;
    uint32_t max = nodes + nodes / 4;
    void *tree_nodes = book->nodes, *at = book->at, *seats_free = book->seats_free;
    void *holdings = book->holdings;
    int err = grow(&tree_nodes, max, sizeof(*book->nodes));
    book->nodes = tree_nodes;
    if (err == 0)
        err = grow(&at, max, sizeof(struct branch *));
    book->at = at;
    if (err == 0)
        err = grow(&seats_free, max, sizeof(*book->seats_free));
    book->seats_free = seats_free;
    if (err == 0)
        err = grow(&holdings, max, sizeof(*book->holdings));
    book->holdings = holdings;
    if (err != 0)
        return err;
    book->nodes_max = max;
    book->tables_max = 0; /* shares are as many as nodes */
    return 0;
}

static int grow_tables(struct branches *book)
{
    uint32_t tables = 2 * (book->region_count + 1);
    if (tables <= book->tables_max)
        return 0;
    void *shares = book->shares;
    int err = grow(&shares, (size_t)tables * book->nodes_max, sizeof(*book->shares));
    book->shares = shares;
    if (err == 0)
        book->tables_max = tables;
    return err;
}

/* ---- nodes ---- */

static void add_node(struct branches *book, const struct node_view *view, uint32_t silent_ms)
{
    book->at[book->tree.count] = NULL;
    book->nodes[book->tree.count++] = (struct tree_node){
        .view = *view, .silent_ms = silent_ms, .parent = TREE_NONE, .level = TREE_NONE};
}

/* The report is newer than what the directory has, which alone knows the url. Without it nobody finds this node. */
static void add_branch(const struct stepping *stepping, struct branch *branch,
                       const struct node_view *view)
{
    struct branches *book = stepping->book;
    uint64_t age_us = stepping->now_us - branch->heard_us;
    if (view != NULL)
        memcpy(branch->url, view->url, sizeof(branch->url));
    memcpy(branch->report.view.url, branch->url, sizeof(branch->url));
    branch->index = book->tree.count;
    add_node(book, &branch->report.view,
             branch->is_silent ? TREE_SILENT_MS : (uint32_t)(age_us / 1000));
    struct tree_node *node = &book->nodes[branch->index];
    book->at[branch->index] = branch;
    node->view.is_draining =
        node->view.is_draining || branch->url[0] == '\0' || (view != NULL && view->is_draining);
    branch->is_shunned = node->view.is_draining;
    uint32_t seats_free = node->view.seats_free;
    node->view.seats_free = seats_free > branch->promised ? seats_free - branch->promised : 0;
    node->level = branch->level;
    node->listeners = branch->report.seated;
    node->is_hearing = branch->report.is_hearing;
    node->is_changing = branch->gives_up || branch->report.level != branch->level;
}

static void add_nodes(const struct stepping *stepping)
{
    struct branches *book = stepping->book;
    const struct branches_look *look = stepping->look;
    book->tree = (struct tree){.nodes = book->nodes};
    add_node(book, &look->nodes[0], 0);
    book->nodes[0].level = 0;
    book->nodes[0].is_hearing = true;
    book->nodes[0].listeners = look->own_taken;
    for (uint32_t i = 0; i < book->count; i++)
        book->list[i]->index = TREE_NONE;
    for (size_t i = 1; i < look->count; i++) {
        struct branch *branch = branches_find(book, look->nodes[i].id);
        if (branch != NULL && branch->state == BRANCH_HERE)
            add_branch(stepping, branch, &look->nodes[i]);
        else if (strcmp(look->nodes[i].id, book->origin) != 0)
            add_node(book, &look->nodes[i], look->ages_ms[i]);
    }
    for (uint32_t i = 0; i < book->count; i++)
        if (book->list[i]->state == BRANCH_HERE && book->list[i]->index == TREE_NONE)
            add_branch(stepping, book->list[i], NULL);
}

/* ---- ways ---- */

uint32_t tree_index_of(const struct branches *book, const char *id)
{
    if (strcmp(id, book->origin) == 0)
        return 0;
    const struct branch *branch = id[0] != '\0' ? branches_find(book, id) : NULL;
    return branch != NULL && branch->state == BRANCH_HERE ? branch->index : TREE_NONE;
}

static void add_ways(const struct stepping *stepping)
{
    struct branches *book = stepping->book;
    for (uint32_t i = 1; i < book->tree.count; i++) {
        if (book->at[i] == NULL)
            continue;
        uint32_t parent = tree_index_of(book, book->at[i]->parent);
        book->nodes[i].parent = parent;
        if (parent != TREE_NONE && !book->at[i]->is_silent)
            book->nodes[parent].children++;
    }
    /* What was promised is not in its egress yet. What it reports may be of children that are to leave it. */
    for (uint32_t i = 1; i < book->tree.count; i++) {
        struct tree_node *node = &book->nodes[i];
        uint32_t reported = book->at[i] != NULL ? book->at[i]->report.children : 0;
        if (node->children > reported)
            node->view.egress_bps += stepping->look->relay_bps * (node->children - reported);
        else
            node->children = reported;
    }
}

static void note_region(struct branches *book, const char *region)
{
    for (uint32_t i = 0; i < book->region_count; i++)
        if (strcmp(book->regions[i], region) == 0)
            return;
    if (region[0] != '\0' && book->region_count < REGIONS_MAX)
        book->regions[book->region_count++] = region;
}

int tree_build(const struct stepping *stepping)
{
    struct branches *book = stepping->book;
    int err = grow_nodes(book, (uint32_t)stepping->look->count + book->count);
    book->tree.count = 0;
    book->region_count = 0;
    if (err != 0)
        return err;
    add_nodes(stepping);
    add_ways(stepping);
    for (uint32_t i = 0; i < book->tree.count; i++)
        note_region(book, book->nodes[i].view.region);
    err = grow_tables(book);
    if (err != 0)
        book->tree.count = 0;
    return err;
}
