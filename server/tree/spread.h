/* spread.h - to which node a listener is sent, so that a crowd fills what is free in proportion.
 *
 * Many nodes answer listeners at the same time, each from views that are up to some seconds old. They
 * do not agree with each other; so each spreads whom it sends over all that is free, and the admission of
 * the node that is chosen has the last word. The table of shares is made once for each set of views, then
 * a choice is a look-up.
 *
 * A share is what a node has free, seats or joins of the next ten seconds, whichever is less, times what is
 * left of its load. The first of these groups that has any share counts:
 *
 *     1  the listener's region      nodes that carry the room, and those that it is extended to
 *     2  everywhere                 the same
 *     3  the origin                 what it keeps back
 *
 * Extended  A new relay costs its parent as much as two listeners, so a room goes to another node only
 *           where those that carry it have less than a quarter of their seats free; then to about as many
 *           as carry it already, at least one. They are chosen by a hash of room and node: all who answer
 *           open the same ones.
 * Origin    Half of its seats are kept back for its relays, its hosts and the time when relays fail; and who
 *           lost a node is sent there only when there is nothing else.
 * Never     draining, silent, full, no joins, TREE_LOAD_ORPHAN_MAX.
 *
 * Owner    values; the caller has the tree and the room for shares
 * Thread   any; pure: no clock, no I/O, no allocation
 * Units    seats
 * Errors   none
 * Spec     design.md section 8
 */
#ifndef TREE_SPREAD_H
#define TREE_SPREAD_H

#include "tree/placement.h"

enum {
    SPREAD_HORIZON_S = 10, /* joins further ahead are no reason to send somebody now */
    SPREAD_SHORT_OF = 4,   /* less than this part of the seats is free: more nodes */
};

struct spread_share {
    uint64_t upto; /* of all shares up to this one */
    uint32_t node;
};

struct spread {
    struct spread_share *shares; /* borrowed from the caller */
    uint32_t count;
    uint64_t total;
};

struct spread_ask {
    const char *region; /* NULL: everywhere at once, for whom their region refused */
    uint64_t room;      /* hash of its name */
    bool is_returning;  /* lost its node */
};

/* shares: room for tree->count, used by `out` from now on. */
void spread_make(struct spread *out, struct spread_share *shares, const struct tree *tree,
                 const struct spread_ask *ask);
/* asked: the node where the listener is (TREE_NONE: none). It keeps the listener if it has a share and can_keep:
 * it knows about itself what no view says. Otherwise it is one of the others. dice: any number, evenly
 * distributed. TREE_NONE: nobody has anything free, so the line. */
uint32_t choose_node(const struct spread *spread, uint32_t asked, bool can_keep, uint64_t dice);

#endif
