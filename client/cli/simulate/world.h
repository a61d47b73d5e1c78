/* world.h - everything of one simulation: nodes, people, what they do next, and the account of it.
 *
 * The room's tree and the people's places are decided by the server's own functions (tree/placement.h,
 * tree/spread.h), seats and joins are counted by its own admission (admission/admission.h), all in virtual
 * time. Around them stands a model:
 *
 *     network   regions lie on a ring: 5 ms within one, 35 ms more for each step, 15 ms for a last mile, one way
 *     views     every second all nodes know what all others said of themselves; in between they do not
 *     control   one thread a node answers in turn, `answer_us` each
 *     workers   joins take what the media leaves of the cores, one after the other
 *     seats     as many as take 700 of 1000 of the cores and of the egress; sizes differ, 1/2 to 2 times
 *     loss      none; everybody stays to the end; packets are of 20 ms (economy is not modelled)
 *
 * Items of the calendar: people first, then nodes (what their upstream does next), then faults, then the tick.
 *
 * Owner    the command
 * Thread   one; allocates only in world_create()
 * Units    milliseconds since a quarter of an hour before the start; us: of one core
 * Errors   ERR_NOMEM
 * Spec     none
 */
#ifndef SIMULATE_WORLD_H
#define SIMULATE_WORLD_H

#include "admission/admission.h"
#include "admission/line.h"
#include "admission/moves.h"
#include "simulate/account.h"
#include "simulate/calendar.h"
#include "simulate/cost_file.h"
#include "simulate/dice.h"
#include "simulate/options.h"
#include "tree/spread.h"

enum {
    WORLD_TICK_MS = 1000,
    WORLD_AFTERWARDS_MS = 60 * 1000, /* the last who comes has a minute, too */
    SEATS_LOAD_PERMILLE = 700,       /* facts of the fan-out: plan with 60 to 70 % of the floor */
    LAST_MILE_MS = 15,
    REGION_MS = 5,
    STEP_MS = 35,
};

struct person {
    uint32_t came_ms; /* first asked */
    uint32_t lost_ms; /* lost the node that they heard */
    uint32_t node;    /* where they ask, stand or sit */
    uint16_t epoch;   /* of that node when they got the seat */
    uint8_t region;
    uint8_t state;
    uint8_t hops;
    uint8_t lost_by; /* what failed */
    bool is_answered, has_heard, is_returning, is_failed, is_from_line;
};

enum upstream_state {
    UPSTREAM_NONE,
    UPSTREAM_ASKING,     /* the origin, for parents */
    UPSTREAM_CONNECTING, /* to parents.nodes[turn] */
    UPSTREAM_FED,
    UPSTREAM_ORPHAN, /* the parent is gone, and it will notice */
};

struct sim_node {
    uint32_t region;
    uint32_t seats;
    double cores;
    uint64_t egress_max_bps;
    struct admission *admission; /* owned */
    uint16_t epoch;              /* how often it has died */
    uint32_t killed_by;          /* number of the failure */
    bool is_up, has_sound;
    uint32_t hearers;         /* people who hear, or would if it had sound */
    uint32_t in_line;         /* and still come */
    struct moves moves;       /* of its line */
    uint64_t control_free_us; /* its control thread has answered all by then */
    uint64_t work_free_us;    /* its workers have joined all by then */
    uint64_t work_us;         /* of joins, since the last tick, as the next three */
    uint64_t backlog_us;      /* that was left then */
    uint32_t answers, joins;
    uint32_t returns;   /* people of lost nodes */
    uint32_t silent_ms; /* since when it has none, if it has not, but had */
    bool had_sound;
    enum upstream_state upstream;
    struct parents parents;
    uint32_t turn;
    bool has_step;                           /* in the calendar */
    uint32_t load_permille;                  /* in the last second */
    uint32_t peak_joins, peak_load_permille; /* of any second */
    uint64_t peak_egress_bps;
    uint32_t parent, level, children; /* as they really are; the origin's view is in world.tree */
};

struct world {
    const struct options *options;
    const struct costs *costs;
    struct calendar *calendar; /* owned, as all pointers below */
    struct dice dice;
    struct person *people;
    struct sim_node *nodes;
    struct tree_node *views; /* as everybody knows them; parents and levels as the origin does */
    struct tree tree;
    struct spread *spreads; /* of each region and of everywhere, for newcomers and returning */
    struct spread_share *shares;
    uint32_t *region_first; /* nodes of a region lie together; one more than there are regions */
    uint32_t origin;
    uint32_t origin_back_ms; /* when it last came back */
    uint32_t now_ms, end_ms;
    struct account *account;
};

MUST_CHECK int world_create(struct world **out, const struct options *options,
                            const struct costs *costs);
void world_destroy(struct world *world); /* NULL is fine */
/* To the end. */
void world_run(struct world *world);

/* All seats are free again. */
void world_renew_admission(struct world *world, uint32_t node);
/* One way. */
uint32_t world_way_ms(const struct world *world, uint32_t region_a, uint32_t region_b);
/* In the calendar, `in_ms` from now. */
void world_later(struct world *world, uint32_t item, uint64_t in_ms);
uint32_t world_person_item(const struct world *world, const struct person *person);
uint32_t world_node_item(const struct world *world, uint32_t node);
const struct spread *world_spread(const struct world *world, uint32_t region, bool is_returning);
/* The share of its cores that a node's media take now. */
double world_media_load(const struct world *world, const struct sim_node *node);
uint64_t world_egress_bps(const struct world *world, const struct sim_node *node);
/* All views and all spreads anew. */
void world_look(struct world *world);
/* The second that has passed, of all nodes; then a look. */
void world_tick(struct world *world);
/* At the end: what the hops add for those who hear. */
void world_close(struct world *world);

#endif
