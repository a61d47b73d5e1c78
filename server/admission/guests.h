/* guests.h - whom a room knows besides its line: who holds a seat, sits, or left a moment ago.
 *
 * Owner    a door, by value
 * Thread   control
 * Units    now_us: microseconds, monotonic, passed in
 * Errors   none but memory
 * Spec     none
 */
#ifndef ADMISSION_GUESTS_H
#define ADMISSION_GUESTS_H

#include "admission/prefixes.h"
#include "base/map.h"
#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    GUEST_HOLD_US =
        10 * 1000 * 1000, /* a seat is held so long for who was told that it is free... */
    GUEST_AWAY_US = 5 * 1000 * 1000,     /* ...and so long for who lost the network on it */
    GUEST_RETURN_US = 120 * 1000 * 1000, /* who left is known so long */
};

/* All but the last have a seat. */
enum guest_state { GUEST_HOLDS, GUEST_SITS, GUEST_AWAY, GUEST_LEFT };
enum { GUEST_STATES = GUEST_LEFT + 1, GUESTS_PREFIXES_MAX = 16384 };

struct guest {
    uint64_t number; /* of the ticket */
    enum guest_state state;
    uint32_t prefix;             /* hash; 0: not counted */
    uint64_t until_us;           /* not SITS */
    void *owner;                 /* SITS: whose seat it is; borrowed */
    bool is_joining;             /* SITS: the handshake is under way */
    struct guest *older, *newer; /* among those of the same state that end by themselves */
};

struct guest_queue {
    struct guest *oldest, *newest;
};

struct guests {
    struct map by_number;
    struct guest_queue queues[GUEST_STATES]; /* of GUEST_SITS nothing is queued */
    struct prefixes holding;                 /* seats that are held, by prefix */
    uint32_t held;
};

/* ERR_NOMEM. */
MUST_CHECK int guests_init(struct guests *guests, uint64_t hash_key);
void guests_clear(struct guests *guests);
struct guest *guests_find(const struct guests *guests, uint64_t number); /* NULL: a stranger */
/* prefix: of who asks; 0: not counted. NULL: no memory. */
struct guest *guests_add(struct guests *guests, uint64_t number, uint64_t prefix,
                         enum guest_state state, uint64_t now_us);
/* Seats that are held for this prefix; all of 16384 are too many. */
uint32_t guests_held(const struct guests *guests, uint64_t prefix);
void guests_turn(struct guests *guests, struct guest *guest, enum guest_state state,
                 uint64_t now_us);
void guests_remove(struct guests *guests, struct guest *guest);
/* One of this state whose time is over; NULL: none. */
struct guest *guests_overdue(const struct guests *guests, enum guest_state state, uint64_t now_us);

#endif
