#include "tree/branches_internal.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_FIRST = 8 };
#define TURNED_AWAY_MAX (UINT64_C(1) << 48)
#define KEPT_US (UINT64_C(1000) * BRANCHES_KEPT_MS)
#define SILENT_US (UINT64_C(1000) * TREE_SILENT_MS)
#define SETTLE_US (UINT64_C(1000) * BRANCHES_SETTLE_MS)

int branches_create(struct branches **out, const struct branches_params *params)
{
    size_t id_bytes = strlen(params->origin);
    if (id_bytes == 0 || id_bytes > NODE_ID_MAX || !slug_is_valid(params->slug))
        return ERR_INVAL;
    struct branches *branches = calloc(1, sizeof(*branches));
    if (branches == NULL)
        return ERR_NOMEM;
    memcpy(branches->origin, params->origin, id_bytes + 1);
    memcpy(branches->slug, params->slug, strlen(params->slug) + 1);
    branches->room = params->room;
    branches->is_settling = params->is_restart;
    *out = branches;
    return 0;
}

void branches_destroy(struct branches *branches)
{
    if (branches == NULL)
        return;
    for (uint32_t i = 0; i < branches->count; i++)
        free(branches->list[i]);
    free(branches->list);
    free(branches->nodes);
    free(branches->at);
    free(branches->seats_free);
    free(branches->holdings);
    free(branches->shares);
    free(branches);
}

/* ---- entries ---- */

/* Where `id` is, or would be. */
static uint32_t place_of(const struct branches *branches, const char *id)
{
    uint32_t low = 0, high = branches->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(branches->list[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct branch *branches_find(const struct branches *branches, const char *id)
{
    uint32_t place = place_of(branches, id);
    bool is_there = place < branches->count && strcmp(branches->list[place]->id, id) == 0;
    return is_there ? branches->list[place] : NULL;
}

static int grow(struct branches *branches)
{
    if (branches->count < branches->list_max)
        return 0;
    uint32_t wanted = branches->list_max == 0 ? LIST_FIRST : 2 * branches->list_max;
    struct branch **list = realloc(branches->list, wanted * sizeof(*list));
    if (list == NULL)
        return ERR_NOMEM;
    branches->list = list;
    branches->list_max = wanted;
    return 0;
}

static int add(struct branches *branches, const char *id, struct branch **out)
{
    if (branches->count == BRANCHES_MAX)
        return ERR_FULL;
    struct branch *branch = grow(branches) == 0 ? calloc(1, sizeof(*branch)) : NULL;
    if (branch == NULL)
        return ERR_NOMEM;
    memcpy(branch->id, id, strlen(id) + 1);
    branch->index = TREE_NONE;
    branch->level = TREE_NONE;
    uint32_t place = place_of(branches, id);
    memmove(&branches->list[place + 1], &branches->list[place],
            (branches->count - place) * sizeof(struct branch *));
    branches->list[place] = branch;
    branches->count++;
    *out = branch;
    return 0;
}

bool branch_is_up(const struct branch *branch)
{
    return branch->state == BRANCH_HERE && !branch->is_silent;
}

bool branch_serves(const struct branch *branch, uint64_t now_us)
{
    return branch_is_up(branch) && !branch->report.view.is_draining && branch->hearing_us != 0 &&
           now_us - branch->hearing_us < DEAF_US;
}

/* ---- reports ---- */

static uint32_t bounded(uint32_t seats)
{
    return seats < BRANCHES_SEATS_MAX ? seats : BRANCHES_SEATS_MAX;
}

static void keep_report(struct branches *branches, struct branch *branch,
                        const struct word_report *report, uint64_t now_us)
{
    struct word_report *kept = &branch->report;
    uint64_t before = kept->turned_away;
    *kept = *report;
    memcpy(kept->view.id, branch->id, sizeof(kept->view.id));
    memcpy(kept->view.url, branch->url, sizeof(kept->view.url));
    kept->view.seats = bounded(kept->view.seats);
    kept->view.seats_free = bounded(kept->view.seats_free);
    kept->seats = bounded(kept->seats);
    kept->seated = bounded(kept->seated);
    kept->connected = bounded(kept->connected);
    kept->hearing = bounded(kept->hearing);
    kept->children = kept->children < BRANCHES_MAX ? kept->children : BRANCHES_MAX;
    if (kept->turned_away > TURNED_AWAY_MAX)
        kept->turned_away = TURNED_AWAY_MAX;
    /* Less than before: it was started anew. */
    branches->turned_away +=
        kept->turned_away >= before ? kept->turned_away - before : kept->turned_away;
    branch->heard_us = now_us;
    if (kept->is_hearing)
        branch->hearing_us = now_us;
}

int branches_take_report(struct branches *branches, const char *node,
                         const struct word_report *report, uint64_t now_us)
{
    size_t id_bytes = strlen(node);
    if (id_bytes == 0 || id_bytes > NODE_ID_MAX || strcmp(node, branches->origin) == 0)
        return ERR_INVAL;
    struct branch *branch = branches_find(branches, node);
    int err = branch == NULL ? add(branches, node, &branch) : 0;
    if (err != 0)
        return err;
    bool is_known = branch->state != BRANCH_GONE, was_up = branch_is_up(branch);
    uint32_t seated = branch->report.seated;
    if (!was_up)
        branch->hearing_us = 0;
    keep_report(branches, branch, report, now_us);
    if (was_up && branch->report.seated > seated)
        people_came(branch, branch->report.seated - seated);
    bool was_left = branch->state != BRANCH_HERE;
    branch->state = BRANCH_HERE;
    branch->is_silent = false;
    branch->is_cut = false;
    if (is_known)
        blocks_take_report(branches, branch);
    else
        blocks_adopt(branches, branch);
    if (was_left)
        places_adopt(branch);
    else
        places_take_report(branch);
    branch->must_grant = branch->must_grant || !was_up;
    branch->must_place = branch->must_place || !was_up;
    branches->news++;
    return 0;
}

static void fall_silent(struct branch *branch, bool is_cut, uint64_t now_us)
{
    branch->is_silent = true;
    branch->is_cut = is_cut;
    branch->since_us = now_us;
    people_came(branch, branch->promised); /* who was sent there comes back, as all */
}

void branches_lost(struct branches *branches, const char *node, uint64_t now_us)
{
    struct branch *branch = branches_find(branches, node);
    if (branch != NULL && branch_is_up(branch))
        fall_silent(branch, true, now_us);
}

void branches_left(struct branches *branches, const char *node, uint64_t now_us)
{
    struct branch *branch = branches_find(branches, node);
    if (branch == NULL || branch->state != BRANCH_HERE)
        return;
    branch->state = BRANCH_LEFT;
    branch->is_silent = false;
    branch->since_us = now_us;
    branch->report.seated = 0;
    people_came(branch, branch->promised);
    blocks_leave(branches, branch);
}

/* ---- steps ---- */

static void note_silence(struct branches *branches, uint64_t now_us)
{
    for (uint32_t i = 0; i < branches->count; i++) {
        struct branch *branch = branches->list[i];
        if (branch_is_up(branch) && now_us - branch->heard_us >= SILENT_US)
            fall_silent(branch, false, now_us);
        bool is_over = branch->state == BRANCH_LEFT || branch->is_silent;
        if (is_over && branch->state != BRANCH_GONE && now_us - branch->since_us >= KEPT_US) {
            branch->state = BRANCH_GONE;
            branch->is_silent = false;
            blocks_forget(branches, branch);
        }
    }
}

static void note_settling(struct branches *branches, uint64_t now_us)
{
    if (branches->settled_us == 0)
        branches->settled_us = now_us + SETTLE_US;
    if (now_us >= branches->settled_us)
        branches->is_settling = false;
}

/* A room without relays, and without people to be sent, costs nothing. */
static bool is_idle(struct branches *branches, uint64_t now_us)
{
    if (branches->was_asked)
        branches->asked_us = now_us;
    branches->was_asked = false;
    for (uint32_t i = 0; i < branches->count; i++)
        if (branches->list[i]->state != BRANCH_GONE)
            return false;
    return branches->asked_us == 0 || now_us - branches->asked_us >= KEPT_US;
}

int branches_step(struct branches *branches, const struct branches_look *look, uint64_t now_us,
                  branches_say *say, void *ctx)
{
    struct stepping stepping = {
        .book = branches, .look = look, .now_us = now_us, .say = say, .ctx = ctx};
    note_silence(branches, now_us);
    note_settling(branches, now_us);
    branches->own_taken = look->own_taken;
    if (look->count == 0 || is_idle(branches, now_us)) {
        branches->tree.count = 0;
        return 0;
    }
    int err = tree_build(&stepping);
    if (err != 0)
        return err;
    people_step(branches, now_us);
    places_step(&stepping);
    blocks_step(&stepping);
    return 0;
}

/* ---- for the operator ---- */

void branches_counts(const struct branches *branches, uint64_t now_us, struct branches_counts *out)
{
    *out =
        (struct branches_counts){.turned_away = branches->turned_away, .granted = branches->blocks};
    for (uint32_t i = 0; i < branches->count; i++) {
        const struct branch *branch = branches->list[i];
        if (branch->state != BRANCH_HERE)
            continue;
        bool is_silent = branch->is_silent || now_us - branch->heard_us >= SILENT_US;
        out->relays++;
        out->silent += is_silent;
        if (is_silent)
            continue;
        out->connected += branch->report.connected;
        out->hearing += branch->report.hearing;
        out->seated += branch->report.seated;
    }
}

bool branches_next(const struct branches *branches, size_t *at, struct branches_relay *out)
{
    while (*at < branches->count && branches->list[*at]->state != BRANCH_HERE)
        ++*at;
    if (*at >= branches->count)
        return false;
    const struct branch *branch = branches->list[(*at)++];
    *out = (struct branches_relay){.id = branch->id,
                                   .parent = branch->parent,
                                   .level = branch->level,
                                   .block = branch->block,
                                   .seated = branch->report.seated,
                                   .connected = branch->report.connected,
                                   .hearing = branch->report.hearing,
                                   .children = branch->report.children,
                                   .is_silent = branch->is_silent,
                                   .is_hearing = branch->report.is_hearing};
    return true;
}
