/* stands.h - who came when, stood where in line, and was seated when: one line for each time that a
 * listener came to the door, and what follows from all of them about order and waits.
 *
 * The crowd does not see the server's clock. When it asked at `ask_us` and had the answer at
 * `answer_us`, the server took note of it somewhere between; so one asked before another for certain
 * only if its answer was there before the other asked. The same holds for seats. Who stands at the
 * front checks in about once a second, and a free seat is given to whoever does so first: seats that
 * are less than STANDS_RESOLUTION_US apart say nothing about the order.
 *
 * Owner    the door; plain data
 * Thread   the owner's; the functions that judge are pure
 * Units    microseconds, monotonic; 0: it did not happen
 * Errors   ERR_FULL, ERR_NOMEM: not kept
 * Spec     none
 */
#ifndef REHEARSE_STANDS_H
#define REHEARSE_STANDS_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STANDS_MAX = 200000,
    STANDS_RESOLUTION_US = 1000 * 1000,
    STANDS_COMPARED_MAX = 6000, /* of more, evenly chosen ones are compared with each other */
};
#define STANDS_NONE UINT32_MAX

enum stand_class { STAND_NEWCOMER, STAND_RETURNING };

enum stand_end {
    STAND_OPEN, /* still there */
    STAND_LEFT, /* as planned, with a good-bye */
    STAND_CUT,  /* as planned, without one */
    STAND_LOST, /* the server's doing, or the network's */
    STAND_AWAY, /* refused for good, gave up */
};

struct stand {
    uint32_t number; /* of the listener */
    enum stand_class who;
    enum stand_end end;
    bool has_wait;
    uint64_t lost_us;                   /* returning: since then it heard nothing */
    uint64_t since_us, since_answer_us; /* this person first asked, and had an answer: its rank */
    uint64_t ask_us, answer_us;         /* the first ask of this stand and its answer */
    uint64_t placed_us;                 /* first told a place */
    uint64_t again_us;                  /* the last ask that was answered with a place */
    uint32_t place;                     /* the first one */
    uint32_t from_s, to_s;              /* the first wait that was shown... */
    uint64_t shown_us;                  /* ...then */
    uint64_t seat_ask_us, seat_us;      /* the ask that was answered with a seat, and that answer */
    uint64_t sound_us, end_us;
};

/* All zeros is empty. */
struct stands {
    struct stand *list; /* owned */
    uint32_t count, capacity;
    uint64_t dropped; /* did not fit in any more */
};
void stands_clear(struct stands *stands);
/* STANDS_NONE: not kept. */
uint32_t stands_open(struct stands *stands, const struct stand *stand);
/* Lends until the next stands_open(). NULL for STANDS_NONE. */
struct stand *stands_at(struct stands *stands, uint32_t index);

/* How often the order was turned round: one of a class stood in line, another of the same class who
 * had first asked later sat before. Who comes back keeps the rank of the first ask. */
struct stands_order {
    uint64_t pairs, inversions; /* only pairs whose order is certain */
    uint32_t people;            /* who were compared */
};
void stands_order(const struct stands *stands, enum stand_class who, struct stands_order *out);

/* What was shown as the wait, and what it was: right within a factor of two of the middle of the
 * range, and anywhere within the range. */
struct stands_waits {
    uint32_t right, wrong;
    uint32_t unknown;   /* the server never said how long */
    uint32_t undecided; /* left before it showed */
    uint32_t places;    /* all who stood in line */
};
void stands_waits(const struct stands *stands, uint64_t now_us, struct stands_waits *out);

/* How those came back who lost their seat between from_us and to_us. */
#define STANDS_NEVER UINT64_MAX
struct stands_back {
    uint32_t lost, heard; /* of the lost: hear again */
    uint64_t p50_us, p95_us,
        max_us; /* of the lost; STANDS_NEVER: who never came back is slower than all */
    uint32_t
        strangers; /* newcomers who were seated meanwhile, before the last of them had a seat */
};
MUST_CHECK int stands_back(const struct stands *stands, uint64_t from_us, uint64_t to_us,
                           struct stands_back *out);
enum { STANDS_TIMES_CHARS = 96 };
/* "p50 0.9 s, p95 1.0 s, longest never". Returns out. */
const char *stands_back_times(char out[STANDS_TIMES_CHARS], const struct stands_back *back);

#endif
