/* branches_internal.h - what the parts of the book share: branches.c keeps it, branches_blocks.c shares out seats,
 * branches_tree.c builds the tree, branches_places.c gives parents in it, branches_people.c sends listeners.
 *
 * Owner    struct branches
 * Thread   control
 * Units    seats; microseconds
 * Errors   as named
 * Spec     branches.h
 */
#ifndef TREE_BRANCHES_INTERNAL_H
#define TREE_BRANCHES_INTERNAL_H

#include "tree/branches.h"
#include "tree/spread.h"
#include "tree/words.h"

enum {
    PROMISE_SLOTS = BRANCHES_PROMISE_MS / BRANCHES_STEP_MS,
    REGIONS_MAX = 32, /* further ones are as none */
    WANTED_MAX = 64,
    REPEAT_US = 1000 * 1000, /* a PLACE or GRANT that no report has shown */
    /* Without sound for so long its seats are of no use to it; until then it turns to its reserves. */
    DEAF_US = 3000 * 1000,
    STEP_US = 1000 * BRANCHES_STEP_MS,
};

enum branch_state { BRANCH_GONE, BRANCH_LEFT, BRANCH_HERE };

/* Entries stay for as long as the book: numbers of words only grow. */
struct branch {
    enum branch_state state;
    bool is_silent;
    bool is_cut;                /* and it is so because its link is gone */
    uint64_t since_us;          /* silent, or left */
    uint64_t heard_us;          /* the last report */
    uint64_t hearing_us;        /* when it last said that it hears; 0: never */
    char id[NODE_ID_MAX + 1];   /* of the node */
    char url[NODE_URL_MAX + 1]; /* as the directory said last; "": never */
    struct word_report report;  /* bounded; with id and url in its view */
    bool is_shunned; /* nobody is sent there: draining, or the directory does not know it */
    uint32_t index;  /* in the tree of the last step; TREE_NONE: not in it */

    /* branches_blocks.c */
    uint32_t in_force;       /* reported with the GRANT `shown` */
    uint32_t on_way;         /* the largest GRANT said since; only while is_unshown */
    uint32_t block;          /* the larger of both: what it may seat */
    uint32_t grant, granted; /* number and seats of the last GRANT */
    uint32_t shown;          /* number */
    bool is_unshown, told_newcomers;
    bool must_grant;     /* it was away: say it again */
    bool is_odd;         /* what it reports is not what it was told */
    uint32_t taken_back; /* seats, while it was silent, by who came back from it */
    uint64_t granted_us;
    uint32_t promised; /* the sum of: */
    uint32_t promises[PROMISE_SLOTS];

    /* branches_places.c */
    uint32_t place;               /* number of the last PLACE */
    bool is_placed;               /* there was one since it came */
    bool must_place;              /* it was away: say it again */
    bool gives_up;                /* nobody can feed it at its level: its children have to go */
    uint32_t level;               /* told, or as it came with; TREE_NONE: none */
    char parent[NODE_ID_MAX + 1]; /* who feeds it, or was told to it as the first; "": none */
    uint64_t placed_us, place_tried_us;
    uint64_t fed_us; /* when it last had a parent, or was told one */
    uint32_t parent_count;
    char parents[TREE_PARENTS_MAX][NODE_ID_MAX + 1];
    char avoided[NODE_ID_MAX + 1]; /* the first of the last list, which did not feed it; "": none */
};

/* Of one region (TREE_NONE: everywhere), for newcomers or for who returns. */
struct table {
    struct spread spread;
    uint64_t made;      /* in which step; 0: never */
    uint64_t exhausted; /* what `news` was when nobody in it had a seat; 0: never */
};

struct wanted {
    char id[NODE_ID_MAX + 1];
    uint64_t asked_us;
};

/* One who has seats, while the free ones are shared out. */
struct holding {
    struct branch *branch; /* NULL: the origin */
    uint64_t weight;       /* what it could take */
    uint64_t floor;        /* seated, and promised */
    uint64_t free;         /* that it has beyond that, or will when it has heard what it was told */
    uint64_t share;        /* that it should have */
    uint64_t rest;         /* of the division */
    uint64_t want;         /* the block that it is to have */
};

struct branches {
    char origin[NODE_ID_MAX + 1];
    char slug[SLUG_MAX + 1];
    uint64_t room;
    uint64_t now_us;    /* of the last step */
    uint64_t step;      /* number of the last one */
    uint64_t news;      /* steps and reports */
    uint64_t exhausted; /* what `news` was when no relay at all had a seat; 0: never */
    uint64_t turned_away;
    bool is_settling;
    uint64_t settled_us; /* when that ends; 0: there was no step yet */

    struct branch **list; /* owned, as those in it; in the order of ids */
    uint32_t count, list_max;
    uint64_t blocks; /* sum of all */

    struct tree tree;        /* of the last step */
    struct tree_node *nodes; /* owned, as the four below */
    struct branch **at;      /* of each node; NULL: it does not carry the room */
    uint32_t *seats_free;    /* of each node, for people of this room */
    struct holding *holdings;
    struct spread_share *shares;
    uint32_t nodes_max, tables_max;

    const char *regions[REGIONS_MAX]; /* borrowed from `nodes` */
    uint32_t region_count;
    struct table tables[2 * (REGIONS_MAX + 1)];
    uint64_t asked_us; /* when somebody was to be sent last; 0: never */
    bool was_asked;
    bool has_cap, takes_newcomers; /* as relays are told */
    uint64_t closed_us;            /* when they were told that it does not, after it did */
    bool
        exceeds_cap; /* a lower one: blocks are not as small yet, and no seat beyond `free` is to be given */
    uint64_t free;      /* seats free in the room; only with a cap */
    uint32_t own_taken; /* at the last step */
    uint64_t own_free;  /* of them the origin's */
    uint32_t reviewed;  /* the last entry whose reserves were looked at */
    struct wanted wanted[WANTED_MAX];
    uint32_t wanted_count;
};

/* One step. */
struct stepping {
    struct branches *book;
    const struct branches_look *look;
    uint64_t now_us;
    branches_say *say;
    void *ctx;
};

struct branch *branches_find(const struct branches *branches, const char *id);
/* Carries the room, and can be told something. */
bool branch_is_up(const struct branch *branch);
/* Could give seats to people: hears, or did a moment ago, and is not to be left. */
bool branch_serves(const struct branch *branch, uint64_t now_us);

/* ---- branches_blocks.c ---- */

/* The first report of a relay that the book did not know, or has forgotten. */
void blocks_adopt(struct branches *branches, struct branch *branch);
void blocks_take_report(struct branches *branches, struct branch *branch);
/* It left: only what is on the way may still reach it. */
void blocks_leave(struct branches *branches, struct branch *branch);
void blocks_forget(struct branches *branches, struct branch *branch);
void blocks_step(const struct stepping *stepping);

/* ---- branches_tree.c ---- */

/* ERR_NOMEM: there is none. */
MUST_CHECK int tree_build(const struct stepping *stepping);
/* In it; TREE_NONE: it does not carry the room. */
uint32_t tree_index_of(const struct branches *branches, const char *id);

/* ---- branches_places.c ---- */

void places_adopt(struct branch *branch);
void places_take_report(struct branch *branch);
void places_step(const struct stepping *stepping);

/* ---- branches_people.c ---- */

/* What a relay can still seat of those that are sent. */
uint32_t people_room_at(const struct branch *branch);
/* `more` of the people who were promised have come. */
void people_came(struct branch *branch, uint32_t more);
/* Promises lapse; tables are to be made anew. */
void people_step(struct branches *branches, uint64_t now_us);

#endif
