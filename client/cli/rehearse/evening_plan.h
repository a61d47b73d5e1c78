/* evening_plan.h - how large the bad evening is: everything that follows from the seats, from the joins
 * that the server sustains, and from whether it is to be a small one.
 *
 *     numbers      0 .......... base ............... people
 *     who          stay the     come, stay a short
 *                  evening      while, come again
 *
 * People are twice as many as fit: a quarter of the seats (of a small evening half of them, for shares
 * of very few say nothing) belongs to those who stay, the others are
 * handed on as fast as the server seats people in peace, so that there is always a line and always a
 * seat that comes free. What is offered beyond that comes from passers-by (passers.h).
 *
 * Owner    values
 * Thread   any; pure
 * Units    as named
 * Errors   none
 * Spec     none
 */
#ifndef REHEARSE_EVENING_PLAN_H
#define REHEARSE_EVENING_PLAN_H

#include "moments.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    EVENING_TIMES = 10, /* the joins in peace, in the storm */
    EVENING_PEOPLE_MAX = 8000,
    EVENING_SMALL_PEOPLE_MAX = 160,
    EVENING_STEPS_MAX = 12, /* of the fill */
    EVENING_HOGS = 2,
};

struct evening_size {
    bool is_small;
    uint32_t seats;  /* that there are */
    uint32_t people; /* at most twice as many */
    uint32_t base;   /* of them, who stay */
    uint32_t refusals;
    unsigned step_s, storm_s, hogs_s, back_s, restart_s, quiet_s, idle_s;
};
/* seats: what fits (1 or more); people: as many as are wanted, 0: as many as this machine plays well. */
void evening_size_make(struct evening_size *out, uint32_t seats, uint32_t people, bool is_small);
/* Everything together, at most. */
unsigned evening_seconds_max(const struct evening_size *size);

/* How many come and go in a step of the fill; 0: there are no more steps. */
uint32_t evening_step(const struct evening_size *size, unsigned step);

struct evening_storm {
    double room_per_s;  /* seats come free so often, at most */
    uint64_t stay_us;   /* from sound to leaving */
    uint64_t arrive_us; /* people come over so long */
    double passers_per_s;
};
/* peak_per_s: joins in peace, more than 0. */
void evening_storm_make(struct evening_storm *out, const struct evening_size *size,
                        double peak_per_s);

#endif
