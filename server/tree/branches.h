/* branches.h - what the origin of a room knows of its relays, and decides: how many seats each may give away
 * (its *block*), from whom it takes the program, and where a listener is sent.
 *
 *     (unknown) --report--> HERE --left--> LEFT --20 s--> GONE: forgotten, but numbers go on from here
 *                             |  \--lost, or 3 s without report--> silent --report--> HERE
 *                             \-------------20 s silent--------------------> GONE --report--> HERE
 *
 * Blocks  Whatever comes in whatever order: what the origin may seat (branches_own_cap) and all blocks are
 *         together never above the cap. A block counts as the largest that the relay could believe it has: the
 *         one last reported, or a GRANT on the way. So seats are lowered at one relay, this is reported,
 *         and then they are given to another one. A lower cap evicts nobody: blocks fall to what is seated.
 *         What is free is shared in proportion to what each node can take (the origin without the half that
 *         it keeps back, see spread.h), but each relay is told only when it has less than half of
 *         its share. While people stand in line seats are left where they are: people are sent there.
 *         An origin that was started anew gives nothing away for BRANCHES_SETTLE_MS, in which relays call again.
 *         Not exact, for nobody can know: who calls later than that, or was silent for more than 20 s, still
 *         has whom it has; and where a relay was only cut off, who came back from it took the seat of somebody who
 *         still sits there. They count from then on.
 * Relay   What the book relies on. It applies a GRANT or a PLACE only if its number is above the last one
 *         applied. It reports as `seats` the larger of its GRANT and, if that was less than it seated, of what
 *         it still seats of these: with one GRANT the number never rises. When its last link to the origin is
 *         gone it seats nobody and reports grant 0, until a GRANT has come over the next link: that one
 *         it applies whatever its number. Who carries the room anew begins at 0, too.
 * Places  choose_parent() (placement.h) for those that have no parent, or one that is lost, draining or
 *         overfull; some of the others each time, for their reserves. A PLACE is said again until a report
 *         shows its number.
 * People  choose_node() (spread.h), among relays that hear, have free seats and are not silent. Each that
 *         is sent is a promise: their seat is not given away twice, until the relay reports one more, or for 3 s.
 *         A node that is named but does not carry the room yet is *wanted*.
 *
 * A relay that knows the secret may still be broken: what it reports never raises what it may seat, and all
 * numbers are bounded.
 *
 * Owner    the room at its origin
 * Thread   control; pure: no clock, no I/O, no log. Allocates when a relay or a node comes that is more than
 *          there ever were
 * Units    seats; now_us: monotonic, passed in, and never less than before
 * Errors   as named
 * Spec     design.md section 8; words.h
 */
#ifndef TREE_BRANCHES_H
#define TREE_BRANCHES_H

#include "rostrum/error.h"
#include "tree/node.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BRANCHES_MAX = 1024,           /* relays of a room, also forgotten ones */
    BRANCHES_SEATS_MAX = 10000000, /* that a relay is believed to have */
    BRANCHES_KEPT_MS = 20 * 1000,  /* the block of a silent relay */
    BRANCHES_SETTLE_MS = 3000,
    BRANCHES_PROMISE_MS = 3000,
    BRANCHES_WANTED_MS = 3000, /* since somebody would have been sent there */
    BRANCHES_STEP_MS = 250,    /* when to step */
};

struct branches;
struct word;
struct word_report;

struct branches_params {
    const char *origin; /* this node's id; copied */
    const char *slug;   /* copied */
    uint64_t room;      /* hash of the slug, the same at all nodes: see spread.h */
    bool is_restart;    /* relays may have blocks of a former life of this node */
};

/* What is true now. */
struct branches_look {
    const struct node_view *nodes; /* of the directory; nodes[0] is this one */
    size_t count;
    const uint32_t *ages_ms; /* of each */
    uint32_t cap;            /* of the room over all nodes; 0: none */
    uint32_t own_taken;      /* seats taken at the origin's own door, and about to be */
    bool takes_newcomers;    /* open, and nobody in line */
    uint64_t relay_bps;      /* what one relay takes of this room */
};

/* ERR_INVAL, ERR_NOMEM. */
MUST_CHECK int branches_create(struct branches **out, const struct branches_params *params);
void branches_destroy(struct branches *branches); /* NULL is fine */

/* ---- what relays say ---- */

/* Its link is up, too. ERR_INVAL: it is the origin itself, or no id. ERR_FULL: BRANCHES_MAX. ERR_NOMEM. */
MUST_CHECK int branches_take_report(struct branches *branches, const char *node,
                                    const struct word_report *report, uint64_t now_us);
/* Its link is gone. */
void branches_lost(struct branches *branches, const char *node, uint64_t now_us);
/* It said LEAVE. */
void branches_left(struct branches *branches, const char *node, uint64_t now_us);

/* ---- what they are told ---- */

/* PLACE or GRANT for `node`, lent, all fields filled in. It may be lost; call nothing here from inside. */
typedef void branches_say(void *ctx, const char *node, const struct word *word);

/* Every BRANCHES_STEP_MS, from the start, and before seats are given under another cap. Hands out free seats: own_taken must be
 * exact, and branches_own_cap() is to be asked anew before the next own seat is taken. ERR_NOMEM: nothing
 * was decided. */
MUST_CHECK int branches_step(struct branches *branches, const struct branches_look *look,
                             uint64_t now_us, branches_say *say, void *ctx);

/* ---- seats ---- */

/* How many the origin's own door may seat in all, of `cap`: what no block holds; while a restart settles, those who
 * sat there at the last step. UINT32_MAX: cap is 0. */
uint32_t branches_own_cap(const struct branches *branches, uint32_t cap);
/* Free at relays that hear and are not silent, less what was promised. */
uint32_t branches_free_elsewhere(const struct branches *branches);
/* Somebody who sat at this relay until now (NULL: at some relay that is silent) comes back: if it is silent, one seat of
 * its block is the origin's from now on, for them. False: it is not silent, or nothing is kept. */
bool branches_take_back(struct branches *branches, const char *node);

/* ---- people ---- */

struct branches_ask {
    const char *region; /* the listener's; NULL or "": none */
    bool is_returning;  /* lost their node */
    bool can_keep;      /* the origin has a seat for them now */
    uint64_t dice;      /* any number, evenly distributed */
};

struct branches_target {
    const char *id, *url; /* lent until the next call that changes the book */
};

/* True: send them there; it is promised. False: here, or nowhere. About a microsecond at most. */
bool branches_choose(struct branches *branches, const struct branches_ask *ask,
                     struct branches_target *out);
/* This node should be invited: branches_choose() would have sent people there if it carried the room. */
bool branches_wants(const struct branches *branches, const char *id);

/* ---- for the operator, and to tell all ---- */

struct branches_counts {
    uint32_t relays, silent;                                   /* the silent ones are relays, too */
    uint64_t connected, hearing, turned_away, seated, granted; /* at least: without silent ones */
};
/* `granted` is all blocks, also those of silent relays; turned_away never falls. */
void branches_counts(const struct branches *branches, uint64_t now_us, struct branches_counts *out);

struct branches_relay {
    const char *id, *parent; /* lent until the next call that changes the book; parent "": none */
    uint32_t level;          /* 1..TREE_DEPTH_MAX; TREE_NONE: none yet */
    uint32_t block, seated, connected, hearing, children;
    bool is_silent, is_hearing;
};
/* Those that carry the room, in the order of their ids: call with *at = 0, as long as it is true. */
bool branches_next(const struct branches *branches, size_t *at, struct branches_relay *out);

#endif
