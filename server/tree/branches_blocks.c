/* branches_blocks.c - seats: what each relay may have, and what it is told. */
#include "tree/branches_internal.h"

#include <string.h>

enum {
    OPEN_AGAIN_US = 2000 * 1000, /* the line is empty for a moment, and again, and again */
    LINE_FEW = 16,               /* seats that are not moved while people wait */
};

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void recount(struct branches *branches, struct branch *branch)
{
    uint32_t block =
        branch->is_unshown ? larger(branch->in_force, branch->on_way) : branch->in_force;
    branches->blocks = branches->blocks - branch->block + block;
    branch->block = block;
}

/* ---- what relays say ---- */

void blocks_adopt(struct branches *branches, struct branch *branch)
{
    branch->in_force = larger(branch->report.seats, branch->report.seated);
    branch->taken_back = 0;
    branch->shown = branch->report.grant;
    branch->grant = larger(branch->grant, branch->report.grant);
    branch->granted = branch->in_force;
    branch->is_unshown = false;
    branch->is_odd = false;
    recount(branches, branch);
}

void blocks_take_report(struct branches *branches, struct branch *branch)
{
    const struct word_report *report = &branch->report;
    uint32_t claimed = larger(report->seats, report->seated), limit = branch->block;
    bool is_last = branch->is_unshown && report->grant == branch->grant;
    /* Others are from before a restart, of the way of another link, or of a GRANT in between: nothing is
     * known from them about what it may believe to have. */
    bool is_known = is_last || report->grant == branch->shown;
    if (is_last) {
        branch->shown = branch->grant;
        branch->is_unshown = false;
        branch->in_force = smaller(claimed, limit);
    } else if (is_known) {
        branch->in_force = smaller(claimed, branch->in_force);
    }
    if (report->seated > branch->in_force) /* it was only cut off: they sit there still */
        branch->in_force += smaller(branch->taken_back, report->seated - branch->in_force);
    branch->taken_back = 0;
    branch->is_odd = claimed > limit || (!is_known && !branch->is_unshown);
    branch->grant = larger(branch->grant, report->grant);
    recount(branches, branch);
}

void blocks_leave(struct branches *branches, struct branch *branch)
{
    branch->in_force = 0;
    recount(branches, branch);
}

void blocks_forget(struct branches *branches, struct branch *branch)
{
    branch->in_force = 0;
    branch->is_unshown = false;
    recount(branches, branch);
}

bool branches_take_back(struct branches *branches, const char *node)
{
    struct branch *branch = node != NULL ? branches_find(branches, node) : NULL;
    for (uint32_t i = 0; node == NULL && branch == NULL && i < branches->count; i++)
        if (branches->list[i]->is_silent && branches->list[i]->block > 0)
            branch = branches->list[i];
    if (branch == NULL || !branch->is_silent || branch->block == 0)
        return false;
    uint32_t left = branch->block - 1;
    branch->taken_back++;
    branch->in_force = smaller(branch->in_force, left);
    branch->on_way = smaller(branch->on_way, left);
    recount(branches, branch);
    return true;
}

uint32_t branches_own_cap(const struct branches *branches, uint32_t cap)
{
    if (cap == 0)
        return UINT32_MAX;
    uint32_t left = cap > branches->blocks ? cap - (uint32_t)branches->blocks : 0;
    return branches->is_settling ? smaller(left, branches->own_taken) : left;
}

/* ---- shares ---- */

struct sharing {
    struct holding *list; /* the origin is the first */
    uint32_t count;
    uint64_t weight, free; /* of all */
    int64_t own;     /* what no block holds, less the origin's own people; below 0: a lower cap */
    uint64_t coming; /* relays were told to have fewer, and have not said so yet */
};

static uint64_t origin_weight(const struct branches_look *look)
{
    const struct node_view *view = &look->nodes[0];
    return view->seats_free > view->seats / 2 ? view->seats_free - view->seats / 2 : 0;
}

static uint64_t relay_weight(const struct stepping *stepping, const struct branch *branch)
{
    const struct node_view *view = &branch->report.view;
    bool serves = branch_serves(branch, stepping->now_us) && view->joins_per_s > 0 &&
                  view->load_permille < TREE_LOAD_ORPHAN_MAX;
    return serves && view->seats_free > branch->promised ? view->seats_free - branch->promised : 0;
}

static void look_at(struct sharing *sharing, const struct stepping *stepping, struct branch *branch)
{
    uint64_t needed = (uint64_t)branch->report.seated + branch->promised;
    struct holding *holding = &sharing->list[sharing->count++];
    *holding = (struct holding){.branch = branch,
                                .weight = relay_weight(stepping, branch),
                                .floor = needed < branch->block ? needed : branch->block,
                                .want = smaller(branch->granted, branch->block)};
    uint64_t has = holding->want > holding->floor ? holding->want : holding->floor;
    holding->free = has - holding->floor;
    sharing->coming += branch->block - has;
    sharing->free += branch->block - holding->floor;
    sharing->weight += holding->weight;
}

static struct sharing sum_up(const struct stepping *stepping)
{
    struct branches *book = stepping->book;
    const struct branches_look *look = stepping->look;
    struct sharing sharing = {.list = book->holdings, .count = 1};
    sharing.own = (int64_t)look->cap - (int64_t)book->blocks - (int64_t)look->own_taken;
    for (uint32_t i = 0; i < book->count; i++)
        if (branch_is_up(book->list[i]))
            look_at(&sharing, stepping, book->list[i]);
    int64_t free = sharing.own + (int64_t)sharing.free;
    sharing.free = free > 0 ? (uint64_t)free : 0;
    uint64_t weight = origin_weight(look);
    if (weight + sharing.weight == 0)
        weight = look->nodes[0].seats_free; /* what it keeps back is for this, too */
    book->holdings[0] =
        (struct holding){.weight = weight, .free = sharing.own > 0 ? (uint64_t)sharing.own : 0};
    sharing.weight += weight;
    return sharing;
}

/* What the division left over: first to those who have one more already, so that nothing moves, then in
 * proportion to what is left of each. */
static void share_rests(struct sharing *sharing, uint64_t left)
{
    uint64_t rests = 0, sum = 0, given = 0;
    for (uint32_t i = 0; i < sharing->count; i++) {
        struct holding *holding = &sharing->list[i];
        bool has_more = holding->weight > 0 && holding->free > holding->share;
        if (has_more && left > 0) {
            holding->share++;
            holding->rest = 0;
            left--;
        }
        rests += holding->rest;
    }
    for (uint32_t i = 0; i < sharing->count && rests > 0; i++) {
        sum += sharing->list[i].rest;
        uint64_t upto = (uint64_t)((double)sum / (double)rests * (double)left);
        upto = sum == rests ? left : upto;
        sharing->list[i].share += upto - given;
        given = upto;
    }
}

static void share_out(struct sharing *sharing)
{
    uint64_t left = sharing->free;
    for (uint32_t i = 0; i < sharing->count; i++) {
        struct holding *holding = &sharing->list[i];
        if (sharing->free >= sharing->weight) {
            holding->share = holding->weight;
            continue;
        }
        holding->share = sharing->free * holding->weight / sharing->weight;
        holding->rest = sharing->free * holding->weight % sharing->weight;
        left -= holding->share;
    }
    if (sharing->free < sharing->weight)
        share_rests(sharing, left);
}

/* ---- who gets some, and from whom ---- */

static uint64_t need_of(const struct holding *holding)
{
    return 2 * holding->free < holding->share ? holding->share - holding->free : 0;
}

static void raise(struct sharing *sharing)
{
    const struct holding *origin = &sharing->list[0];
    uint64_t kept = origin->share - origin->share / 4, needs = 0;
    uint64_t left = origin->free > kept ? origin->free - kept : 0;
    for (uint32_t i = 1; i < sharing->count; i++)
        needs += need_of(&sharing->list[i]);
    for (uint32_t i = 1; i < sharing->count && left > 0; i++) {
        struct holding *holding = &sharing->list[i];
        uint64_t need = need_of(holding);
        if (need == 0)
            continue;
        uint64_t more = needs <= left ? need : (left * need + needs - 1) / needs;
        needs -= need;
        if (holding->free > 0 && 4 * more < need)
            continue; /* not a word for each seat */
        holding->want = holding->floor + holding->free + more;
        left -= more;
    }
}

/* Down to its share, if seats are needed elsewhere. */
static void lower(struct holding *holding, uint64_t *short_of)
{
    uint64_t want = holding->floor + holding->share;
    if (*short_of == 0 || holding->want <= want)
        return;
    uint64_t less = holding->free > holding->share ? holding->free - holding->share : 0;
    holding->want = want;
    *short_of -= less < *short_of ? less : *short_of;
}

static uint64_t shortage(const struct sharing *sharing)
{
    uint64_t needs = sharing->own < 0 ? (uint64_t)-sharing->own : 0;
    for (uint32_t i = 0; i < sharing->count; i++)
        needs += need_of(&sharing->list[i]);
    const struct holding *origin = &sharing->list[0];
    uint64_t kept = origin->share < origin->free ? origin->share : origin->free;
    uint64_t there = origin->free - kept + sharing->coming;
    return needs > there ? needs - there : 0;
}

static void balance(struct sharing *sharing, bool has_line)
{
    uint64_t short_of = shortage(sharing);
    raise(sharing);
    for (uint32_t i = 1; i < sharing->count; i++)
        if (sharing->list[i].weight == 0) /* of no use to it */
            lower(&sharing->list[i], &short_of);
    for (uint32_t i = 1; i < sharing->count; i++) {
        struct holding *holding = &sharing->list[i];
        bool has_many = holding->free > 2 * holding->share + LINE_FEW;
        if (holding->weight > 0 && (!has_line || sharing->own < 0 || has_many))
            lower(holding, &short_of);
    }
}

/* No cap: what the node can take, and an eighth, so that not each change of that is a word. */
static void let_all(struct sharing *sharing)
{
    for (uint32_t i = 1; i < sharing->count; i++) {
        struct holding *holding = &sharing->list[i];
        uint64_t seats = holding->branch->report.view.seats;
        bool is_far = holding->want < seats || holding->want / 2 > seats;
        if (holding->weight > 0 && is_far)
            holding->want = seats + seats / 8;
    }
}

/* ---- what they are told ---- */

static void say_grant(const struct stepping *stepping, struct branch *branch, uint32_t seats)
{
    bool is_repeated = branch->is_unshown && seats == branch->granted && !branch->is_odd &&
                       !branch->must_grant &&
                       branch->told_newcomers == stepping->book->takes_newcomers;
    if (!is_repeated && ++branch->grant == 0)
        branch->grant = 1;
    branch->on_way = branch->is_unshown ? larger(branch->on_way, seats) : seats;
    branch->is_unshown = true;
    branch->must_grant = false;
    branch->is_odd = false;
    branch->granted = seats;
    branch->granted_us = stepping->now_us;
    branch->told_newcomers = stepping->book->takes_newcomers;
    recount(stepping->book, branch);
    struct word word = {.kind = WORD_GRANT,
                        .grant = {.number = branch->grant,
                                  .seats = seats,
                                  .takes_newcomers = branch->told_newcomers}};
    memcpy(word.slug, stepping->book->slug, sizeof(word.slug));
    stepping->say(stepping->ctx, branch->id, &word);
}

static void tell(const struct stepping *stepping, const struct holding *holding)
{
    struct branch *branch = holding->branch;
    bool has_none = holding->want == 0 && branch->block == 0 && branch->granted == 0;
    if (has_none && !branch->is_odd && branch->report.seats == 0) {
        branch->must_grant = false;
        return;
    }
    bool is_overdue = (branch->is_unshown || branch->is_odd) &&
                      stepping->now_us - branch->granted_us >= REPEAT_US;
    bool is_news = holding->want != branch->granted ||
                   branch->told_newcomers != stepping->book->takes_newcomers;
    if (is_news || is_overdue || branch->must_grant)
        say_grant(stepping, branch, (uint32_t)holding->want);
}

static void note_newcomers(struct branches *book, bool takes, uint64_t now_us)
{
    if (book->takes_newcomers && !takes)
        book->closed_us = now_us;
    if (takes && book->closed_us != 0 && now_us - book->closed_us < OPEN_AGAIN_US)
        takes = false;
    book->takes_newcomers = takes;
}

void blocks_step(const struct stepping *stepping)
{
    struct branches *book = stepping->book;
    struct sharing sharing = sum_up(stepping);
    note_newcomers(book, stepping->look->takes_newcomers, stepping->now_us);
    book->has_cap = stepping->look->cap > 0;
    if (book->has_cap) {
        if (!book->is_settling)
            share_out(&sharing);
        balance(&sharing, !stepping->look->takes_newcomers);
    } else {
        let_all(&sharing);
    }
    for (uint32_t i = 1; i < sharing.count; i++)
        tell(stepping, &sharing.list[i]);
    book->free = sharing.free;
    int64_t own =
        (int64_t)stepping->look->cap - (int64_t)book->blocks - (int64_t)stepping->look->own_taken;
    book->own_free = own > 0 ? (uint64_t)own : 0;
    book->exceeds_cap = book->has_cap && own < 0;
}
