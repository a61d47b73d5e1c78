/* branches_people.c - where listeners are sent, and who was promised a seat. */
#include "tree/branches_internal.h"

#include <string.h>

enum { THROWS = 4 /* of the dice, before all are looked at */ };
#define WANTED_US (UINT64_C(1000) * BRANCHES_WANTED_MS)

/* ---- promises ---- */

static uint32_t slot_of(uint64_t us)
{
    return (uint32_t)(us / STEP_US % PROMISE_SLOTS);
}

static void promise(struct branches *branches, struct branch *branch)
{
    branch->promises[slot_of(branches->now_us)]++;
    branch->promised++;
    if (branches->free > 0)
        branches->free--;
}

void people_came(struct branch *branch, uint32_t more)
{
    for (uint32_t i = 0; i < PROMISE_SLOTS && more > 0 && branch->promised > 0; i++) {
        uint32_t *slot = &branch->promises[i];
        uint32_t kept = *slot < more ? *slot : more;
        *slot -= kept;
        branch->promised -= kept;
        more -= kept;
    }
}

/* Slots are used in turn: what stands in the next ones is as old as a promise may become. */
static void lapse(struct branch *branch, uint64_t from_us, uint64_t now_us)
{
    uint64_t turns = now_us / STEP_US - from_us / STEP_US;
    for (uint64_t i = 1; i <= turns && i <= PROMISE_SLOTS && branch->promised > 0; i++) {
        uint32_t *slot = &branch->promises[slot_of(from_us + i * STEP_US)];
        branch->promised -= *slot;
        *slot = 0;
    }
}

void people_step(struct branches *branches, uint64_t now_us)
{
    for (uint32_t i = 0; i < branches->count; i++)
        lapse(branches->list[i], branches->now_us, now_us);
    branches->now_us = now_us;
    branches->step++;
    branches->news++;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < branches->wanted_count; i++)
        if (now_us - branches->wanted[i].asked_us < WANTED_US)
            branches->wanted[kept++] = branches->wanted[i];
    branches->wanted_count = kept;
}

/* ---- what is free ---- */

/* Nowhere but where a table sends people, too: what is said to be free must be found. */
uint32_t people_room_at(const struct branch *branch)
{
    const struct word_report *report = &branch->report;
    if (!branch_is_up(branch) || !report->is_hearing || report->view.is_draining ||
        branch->is_shunned || branch->url[0] == '\0' || report->view.joins_per_s == 0 ||
        report->view.load_permille >= TREE_LOAD_ORPHAN_MAX)
        return 0;
    uint32_t room = branch->in_force > report->seated ? branch->in_force - report->seated : 0;
    if (room > report->view.seats_free)
        room = report->view.seats_free;
    return room > branch->promised ? room - branch->promised : 0;
}

uint32_t branches_free_elsewhere(const struct branches *branches)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < branches->count; i++)
        sum += people_room_at(branches->list[i]);
    if (branches->exceeds_cap && sum > branches->free)
        sum = branches->free;
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* ---- who should carry the room, too ---- */

static void want(struct branches *branches, const char *id)
{
    uint32_t at = 0;
    while (at < branches->wanted_count && strcmp(branches->wanted[at].id, id) != 0)
        at++;
    if (at == WANTED_MAX)
        return;
    if (at == branches->wanted_count)
        branches->wanted_count++;
    memcpy(branches->wanted[at].id, id, sizeof(branches->wanted[at].id));
    branches->wanted[at].asked_us = branches->now_us;
}

/* With all that nodes have free: more of them are no help to a room that is full. */
static void want_more(struct branches *branches, struct table *table, const char *region)
{
    struct spread_ask ask = {.region = region, .room = branches->room};
    if (branches->has_cap && branches->free == 0)
        return;
    spread_make(&table->spread, table->spread.shares, &branches->tree, &ask);
    for (uint32_t i = 0; i < table->spread.count; i++) {
        const struct tree_node *node = &branches->nodes[table->spread.shares[i].node];
        if (node->level == TREE_NONE && branches->at[table->spread.shares[i].node] == NULL)
            want(branches, node->view.id);
    }
}

bool branches_wants(const struct branches *branches, const char *id)
{
    for (uint32_t i = 0; i < branches->wanted_count; i++) {
        if (strcmp(branches->wanted[i].id, id) != 0)
            continue;
        const struct branch *branch = branches_find(branches, id);
        return branch == NULL || branch->state != BRANCH_HERE;
    }
    return false;
}

/* ---- tables ---- */

/* For people of this room: of the origin what it may still seat beyond what it keeps back. */
static uint32_t seats_for_people(const struct branches *branches, uint32_t index)
{
    const struct node_view *view = &branches->nodes[index].view;
    if (index != branches->tree.origin)
        return branches->at[index] != NULL ? people_room_at(branches->at[index]) : 0;
    uint32_t kept = view->seats / 2;
    if (!branches->has_cap || view->seats_free <= kept || branches->own_free >= view->seats_free)
        return view->seats_free;
    uint32_t own_free = (uint32_t)branches->own_free;
    return own_free < view->seats_free - kept ? kept + own_free : view->seats_free;
}

static void swap_seats(struct branches *branches)
{
    for (uint32_t i = 0; i < branches->tree.count; i++) {
        uint32_t *seats_free = &branches->nodes[i].view.seats_free, kept = *seats_free;
        *seats_free = branches->seats_free[i];
        branches->seats_free[i] = kept;
    }
}

static void make_table(struct branches *branches, struct table *table, const char *region,
                       bool is_returning)
{
    want_more(branches, table, region);
    for (uint32_t i = 0; i < branches->tree.count; i++)
        branches->seats_free[i] = seats_for_people(branches, i);
    swap_seats(branches);
    struct spread_ask ask = {
        .region = region, .room = branches->room, .is_returning = is_returning};
    spread_make(&table->spread, table->spread.shares, &branches->tree, &ask);
    swap_seats(branches);
    table->made = branches->step;
    table->exhausted = 0;
}

/* region: index; region_count: everywhere. */
static struct table *table_of(struct branches *branches, uint32_t region, bool is_returning)
{
    uint32_t number = 2 * region + is_returning;
    struct table *table = &branches->tables[number];
    if (table->made == branches->step)
        return table;
    table->spread.shares = &branches->shares[(size_t)number * branches->nodes_max];
    make_table(branches, table, region < branches->region_count ? branches->regions[region] : NULL,
               is_returning);
    return table;
}

static uint32_t region_of(const struct branches *branches, const char *region)
{
    uint32_t i = 0;
    while (region != NULL && i < branches->region_count &&
           strcmp(branches->regions[i], region) != 0)
        i++;
    return region != NULL ? i : branches->region_count;
}

/* ---- sending ---- */

static struct branch *look_at_all(struct branches *branches, struct table *table, uint64_t dice)
{
    uint32_t count = table->spread.count;
    for (uint32_t i = 0; i < count && table->exhausted != branches->news; i++) {
        uint32_t at = (uint32_t)((dice + i) % count);
        struct branch *branch = branches->at[table->spread.shares[at].node];
        if (branch != NULL && people_room_at(branch) > 0)
            return branch;
    }
    table->exhausted = branches->news;
    return NULL;
}

/* NULL: nobody. *is_here: it is the origin's. The table is some time old: what is free now counts. */
static struct branch *pick(struct branches *branches, struct table *table,
                           const struct branches_ask *ask, bool *is_here)
{
    uint64_t dice = ask->dice;
    for (unsigned i = 0; i < THROWS; i++) {
        uint32_t node = choose_node(&table->spread, branches->tree.origin, ask->can_keep, dice);
        if (node == TREE_NONE)
            return NULL;
        *is_here = node == branches->tree.origin;
        struct branch *branch = branches->at[node];
        if (*is_here || people_room_at(branch) > 0)
            return *is_here ? NULL : branch;
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        dice ^= dice >> 29;
    }
    return look_at_all(branches, table, dice);
}

/* A seat that came free since the tables were made. */
static struct branch *look_beyond(struct branches *branches, uint64_t dice)
{
    for (uint32_t i = 0; i < branches->count && branches->exhausted != branches->news; i++) {
        struct branch *branch = branches->list[(dice + i) % branches->count];
        if (people_room_at(branch) > 0)
            return branch;
    }
    branches->exhausted = branches->news;
    return NULL;
}

bool branches_choose(struct branches *branches, const struct branches_ask *ask,
                     struct branches_target *out)
{
    branches->was_asked = true;
    if (branches->tree.count == 0 || (branches->exceeds_cap && branches->free == 0))
        return false;
    bool is_here = false;
    uint32_t region = region_of(branches, ask->region);
    struct branch *branch =
        pick(branches, table_of(branches, region, ask->is_returning), ask, &is_here);
    if (branch == NULL && !is_here && region < branches->region_count)
        branch = pick(branches, table_of(branches, branches->region_count, ask->is_returning), ask,
                      &is_here);
    if (branch == NULL && !is_here && !ask->can_keep)
        branch = look_beyond(branches, ask->dice);
    if (branch == NULL)
        return false;
    promise(branches, branch);
    *out = (struct branches_target){.id = branch->id, .url = branch->url};
    return true;
}
