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

#include "base/map.h"
#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    GUEST_HOLD_US = 10 * 1000 * 1000, /* a seat is held so long for who was told that it is free */
    GUEST_RETURN_US = 120 * 1000 * 1000, /* who left is known so long */
};

enum guest_state { GUEST_HOLDS, GUEST_SITS, GUEST_LEFT };

struct guest {
    uint64_t number; /* of the ticket */
    enum guest_state state;
    uint64_t until_us;           /* HOLDS, LEFT */
    void *owner;                 /* SITS: whose seat it is; borrowed */
    bool is_joining;             /* SITS: the handshake is under way */
    struct guest *older, *newer; /* among those of the same state that end by themselves */
};

struct guest_queue {
    struct guest *oldest, *newest;
};

struct guests {
    struct map by_number;
    struct guest_queue queues[GUEST_LEFT + 1]; /* of GUEST_SITS nothing is queued */
};

void guests_init(struct guests *guests);
void guests_clear(struct guests *guests);
struct guest *guests_find(const struct guests *guests, uint64_t number); /* NULL: a stranger */
/* NULL: no memory. */
struct guest *guests_add(struct guests *guests, uint64_t number, enum guest_state state,
                         uint64_t now_us);
void guests_turn(struct guests *guests, struct guest *guest, enum guest_state state,
                 uint64_t now_us);
void guests_remove(struct guests *guests, struct guest *guest);
/* One of this state whose time is over; NULL: none. */
struct guest *guests_overdue(const struct guests *guests, enum guest_state state, uint64_t now_us);

#endif
