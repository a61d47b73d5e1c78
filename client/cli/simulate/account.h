/* account.h - what a simulation has seen: people by state each second, how long things took, what was broken.
 *
 * Owner    the world
 * Thread   one
 * Units    as named; seconds count from a quarter of an hour before the start
 * Errors   none
 * Spec     none
 */
#ifndef SIMULATE_ACCOUNT_H
#define SIMULATE_ACCOUNT_H

#include "simulate/options.h"
#include "simulate/spans.h"

#include <stdbool.h>

enum {
    ACCOUNT_SECONDS_MAX = CURVE_END_MS / 1000 + 62,
    ACCOUNT_ANSWER_MS_MAX = 60 * 1000, /* everybody is placed or answered by then */
};

enum person_state {
    PERSON_AWAY,
    PERSON_ASKING,   /* on the way to a node, or in its queue */
    PERSON_ANSWERED, /* the node's control thread is done with them */
    PERSON_IN_LINE,
    PERSON_JOINING, /* has a seat */
    PERSON_WAITING, /* has joined a node that has no sound */
    PERSON_HEARING,
    PERSON_LOST, /* the node is gone, and they will notice */
};
enum { PERSON_STATES = PERSON_LOST + 1 };

struct account_second {
    uint32_t came;    /* so far */
    uint32_t hearing; /* with sound */
    uint32_t in_line;
    uint32_t silent;  /* seated at a node without sound, or lost */
    uint32_t joining; /* asking or joining */
    uint32_t joins;   /* begun in this second, at all nodes */
    uint32_t most_joins, most_load_permille, most_egress_permille; /* of a node */
    uint32_t relays, depth;
};

/* Node-seconds in which a node was over a limit of its own; the tree's are the same for all. */
struct account_limits {
    uint32_t seats, egress, children, load, depth, loops;
};

struct account {
    uint32_t people[PERSON_STATES];
    uint32_t came;
    uint64_t redirects, lined, turned_away, shed, parent_asks, no_parents, turns_to_reserve,
        returned_to_origin;
    struct spans answers;           /* from coming to a seat or a place in line */
    struct spans first_sounds;      /* from coming to sound */
    struct spans returns[FAILURES]; /* from losing a node to sound at another, by what failed */
    struct spans gaps; /* of those who kept their seat, while their node turned to another parent */
    struct spans origin_gaps;   /* and while there was no origin */
    struct spans control_waits; /* of a request, until it is looked at */
    struct spans added;         /* by hops, for those who hear at the end */
    struct account_limits over;
    uint32_t deepest;
    uint32_t returned_peak; /* to the origin in one second */
    uint32_t seconds;
    struct account_second rows[ACCOUNT_SECONDS_MAX];
};

/* Everybody who came had an answer in time. */
bool account_is_answered(const struct account *account);
bool account_is_within_limits(const struct account *account);
bool account_is_flat(const struct account *account);

#endif
