/* places.h - the order of a line: places by key, in blocks, so that one can be put anywhere and counted
 * from anywhere at once.
 *
 *     block 0            block 1            block 2
 *     504 at most        each sorted        two neighbours never fit into one
 *
 * A place's rank is the sum of the blocks before it and its slot. A place is *fresh* for 15 ticks after
 * it was seen. It is *there* until it has missed its appointment by some seconds. Each block counts those by
 * the time at which they cease to be, so that they do so all together, without a look at any of them.
 *
 * Owner    the line
 * Thread   control
 * Units    ticks of PLACES_TICK_US
 * Errors   places_init: ERR_NOMEM; places_insert
 * Spec     none
 */
#ifndef ADMISSION_PLACES_H
#define ADMISSION_PLACES_H

#include "base/pool.h"
#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PLACES_TICK_US = 200000,
    PLACES_TICKS_PER_S = 5,
    PLACES_TICK_BITS = 24, /* a place that was seen 38 days ago would look new */
    PLACES_FRESH_TICKS = 15,
    PLACES_DUE_AHEAD_MAX_S = 112, /* later appointments would look like missed ones */
    PLACES_DUE_SLOTS = 32,        /* four seconds each */
    PLACES_BLOCK_MAX = 504,       /* a pool's chunk holds 32 of such blocks */
    PLACES_LAPSED_MAX = 128,
};

struct place {
    uint64_t key;
    uint32_t prefix;                  /* hash; 0: not counted */
    uint32_t seen : PLACES_TICK_BITS; /* tick */
    uint32_t due : 8;                 /* second of its appointment */
};

struct block {
    struct place *places; /* owned by the pool */
    uint16_t count;
    uint16_t fresh;
    uint16_t there;
    uint16_t fresh_seen[PLACES_FRESH_TICKS + 1]; /* by tick */
    uint16_t there_due[PLACES_DUE_SLOTS];        /* by appointment */
};

struct places {
    struct pool pool;
    struct block *blocks; /* owned; room for as many as there can ever be */
    uint32_t block_count;
    uint32_t blocks_max;
    uint32_t blocks_peak;
    uint32_t count;
    uint32_t tick;
    uint32_t lapse_ticks;
    uint32_t sweep_block; /* the next one to be searched for the lapsed */
};

/* Where a place is, until the next one is inserted or removed. */
struct spot {
    uint32_t block;
    uint32_t slot;
};

/* For places_max at most. Not seen for more than lapse_ticks (two minutes or less), a place has lapsed. */
MUST_CHECK int places_init(struct places *places, uint32_t places_max, uint32_t lapse_ticks);
void places_clear(struct places *places); /* fine on a zeroed one */
/* Time goes on to `tick`, which never goes back. */
void places_turn_to(struct places *places, uint32_t tick);

bool places_find(const struct places *places, uint64_t key, struct spot *out);
const struct place *places_at(const struct places *places, struct spot spot); /* lends */
/* As seen now, and due now. ERR_EXIST: a place has this key. ERR_NOMEM. */
MUST_CHECK int places_insert(struct places *places, uint64_t key, uint32_t prefix);
void places_remove(struct places *places, struct spot spot);
void places_see(struct places *places, struct spot spot); /* now */
/* It is due in 0..PLACES_DUE_AHEAD_MAX_S seconds, and is none that has lapsed. */
void places_expect(struct places *places, struct spot spot, uint32_t ahead_s);
/* 0: it is not due in a later second than this one. Of one that has not lapsed. */
uint32_t places_ahead_s(const struct places *places, struct spot spot);

bool places_is_fresh(const struct places *places, struct spot spot); /* seen 15 ticks ago at most */
bool places_is_lapsed(const struct places *places, struct spot spot);
uint32_t places_rank(const struct places *places, struct spot spot);
uint32_t places_fresh_before(const struct places *places, struct spot spot);
uint32_t places_there_before(const struct places *places, struct spot spot);
uint32_t places_there(const struct places *places); /* all of them */
/* Moves lapsed places out of the order, from a few blocks and then the next ones. Returns how many. */
uint32_t places_take_lapsed(struct places *places, struct place out[PLACES_LAPSED_MAX]);
size_t places_bytes(const struct places *places); /* as many as it ever needed */

#endif
