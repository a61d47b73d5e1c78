/* placement.h - from whom a relay takes a room's program.
 *
 * The origin of a room decides, with the whole tree before it. Each relay has a *level*, 1 to 4, told to it
 * with its list of parents: the first is to be used, the others at once when it is lost.
 *
 *     level 0       origin
 *     level 1, 2    those that it feeds     a parent's level is always below the child's,
 *     level 3       those that these feed   so nobody is deeper than 4 and nothing goes in a circle
 *     level 4       the others
 *
 * Who is at level 2 has level 1 for its reserves, level 3 has both, level 4 all. Level 1 has none: without the
 * origin there is no program, and the origin itself tells it another parent.
 *
 * Loops   A list holds only nodes of a lower level. A level does not rise while a relay has children, and
 *         who was told another level is nobody's parent until it says that it follows (is_changing). So
 *         levels fall along every way that is really taken, also when the tree given here is old. A node
 *         checks the same for itself: it feeds none whose level is not above its own. A damaged tree
 *         cannot do harm: levels and parents are followed to the origin, never believed.
 * Never   the asker and those below it; who is draining, silent or full; who hangs on somebody silent.
 * First   the same region; who hears already; the one nearest to the origin; the emptiest, in quarters of its children,
 *         load or egress; then by a hash of both ids, which spreads those who ask at once.
 * Heads   Two relays of each region take it from another one, so that a region survives one of them.
 * Full    TREE_CHILDREN_MAX relays, and egress and load as said below. Newcomers leave a quarter of the
 *         children to those who have just lost their parent.
 * Stable  Who has a parent that can still feed it keeps it, whatever the others look like. The load at which
 *         one is left is well above that at which one is chosen.
 * Reserve Spread by the hash; the last one is in another region than the first parent, if there is any.
 *
 * Owner    values; the caller has the tree
 * Thread   any; pure: no clock, no I/O, no allocation
 * Units    as named
 * Errors   ERR_INVAL, ERR_AGAIN
 * Spec     design.md section 8; rendezvous hashing
 */
#ifndef TREE_PLACEMENT_H
#define TREE_PLACEMENT_H

#include "rostrum/error.h"
#include "tree/node.h"

enum {
    TREE_DEPTH_MAX = 4,   /* a hop adds some ms, and each node on the way can fail */
    TREE_PARENTS_MAX = 4, /* the first and three reserves */
    /* As many handshakes as a node that is lost brings to others, at about 1 ms each; two levels
     * of them are a thousand nodes. */
    TREE_CHILDREN_MAX = 32,
    TREE_CHILDREN_KEPT = 8, /* of them, for who lost its parent */
    TREE_HEADS = 2,
    TREE_SILENT_MS = 3000, /* three reports are missing */
    /* The governor goes to economy at 900 of load and 850 of egress: nobody is sent near that, and
     * nobody moves before the node is past helping itself. */
    TREE_LOAD_MAX = 800,
    TREE_LOAD_ORPHAN_MAX = 900,
    TREE_LOAD_LEFT = 970,
    TREE_EGRESS_MAX = 800,
    TREE_EGRESS_ORPHAN_MAX = 950,
};
#define TREE_NONE UINT32_MAX

/* A node as the origin of one room knows it. Whoever decides adds what it has promised since the view was
 * made: children and egress_bps, or for listeners seats_free. */
struct tree_node {
    struct node_view view;
    uint32_t silent_ms; /* since it was last heard of */
    uint32_t parent;    /* index; TREE_NONE: none */
    uint32_t level;     /* 0: the origin; TREE_NONE: it does not carry the room */
    uint32_t children;  /* relays that take the room from it, or were told to */
    uint32_t listeners; /* of this room, here */
    bool is_hearing;    /* it says that the program arrives */
    bool is_changing; /* it was told another level than it had, and has not said that it follows */
};

struct tree {
    const struct tree_node
        *nodes; /* borrowed; all that the room may use, whether they carry it or not */
    uint32_t count;
    uint32_t origin; /* index */
};

struct parents {
    uint32_t count; /* 1..TREE_PARENTS_MAX */
    uint32_t level; /* the asker's from now on, 1..TREE_DEPTH_MAX */
    uint32_t nodes[TREE_PARENTS_MAX];
};

/* For nodes[asker], newly come (level TREE_NONE) or not: it keeps its parent if that can still feed it, so ask
 * again at any time. relay_bps: what one relay takes of this room. ERR_AGAIN: nobody can feed it at present;
 * one that has children gives them up, and asks as a newcomer. ERR_INVAL: no such node, or the origin. */
MUST_CHECK int choose_parent(struct parents *out, const struct tree *tree, uint32_t asker,
                             uint64_t relay_bps);

/* Really followed, 0..TREE_DEPTH_MAX. TREE_NONE: this node's way does not lead to the origin. */
uint32_t tree_depth(const struct tree *tree, uint32_t node);
/* It can take a listener or a relay, as far as others can tell. */
bool tree_is_there(const struct tree_node *node);

#endif
