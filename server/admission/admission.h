/* admission.h - the seats of this node: how many there are, how many may come in now. Exact.
 *
 * A seat is *held* for somebody who was told so and is expected within seconds, then *joining* while
 * its handshake is under way, then simply taken. All three count against the cap.
 *
 * Owner    main; asked by the doors of the rooms
 * Thread   control; of numbers and their tickets any
 * Units    seats; now_us: microseconds, monotonic, passed in
 * Errors   admission_create: ERR_NOMEM, ERR_INVAL
 * Spec     none
 */
#ifndef ADMISSION_ADMISSION_H
#define ADMISSION_ADMISSION_H

#include "admission/ticket.h"
#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Handshakes that were promised and are not done: at 0.75 ms of CPU each, what two cores do in about
 * a second, and what thousands of browsers wait for without giving up. */
enum {
    ADMISSION_JOINING_MAX = 2500,
    ADMISSION_JOINS_UNLIMITED = UINT32_MAX / 4,
    ADMISSION_ASKED_S = 60,
};

struct admission;

struct admission_params {
    uint32_t seats; /* the operator's cap, 1.. */
    struct ticket_key key;
};

MUST_CHECK int admission_create(struct admission **out, const struct admission_params *params);
void admission_destroy(struct admission *admission); /* NULL is fine */

/* What the governor says can be served well now, and be let in a second. Whoever has a seat keeps it. */
void admission_set_limits(struct admission *admission, uint32_t seats, uint32_t joins_per_s);
uint32_t admission_seats(const struct admission *admission); /* the cap in force */
uint32_t admission_joins_per_s(const struct admission *admission);
uint32_t admission_seats_taken(const struct admission *admission);
uint32_t admission_joining(const struct admission *admission); /* of them */
uint64_t admission_joins(const struct admission *admission);   /* done, since the start */

uint32_t admission_free(const struct admission *admission);
/* How many of these may come in at this moment. */
uint32_t admission_may_join(struct admission *admission, uint64_t now_us);

/* One who comes in: takes a seat. The caller has asked the two above. */
void admission_hold(struct admission *admission);
void admission_begin_join(struct admission *admission);
void admission_joined(struct admission *admission);
/* is_joining: admission_begin_join() was called for this seat, admission_joined() was not. */
void admission_return_seat(struct admission *admission, bool is_joining);

/* The number of somebody who asks for the first time: strictly increasing; the time, and below it what makes
 * it nobody else's, also where several nodes give numbers of one room in the same millisecond. */
uint64_t admission_new_number(struct admission *admission, int64_t wall_ms);
/* For one who is told to come again before they were heard: a TICKET_ASKED, good for ADMISSION_ASKED_S, so
 * that nobody who comes later stands before them. ERR_CRYPTO. */
MUST_CHECK int admission_write_asked(struct admission *admission, int64_t wall_ms,
                                     char out[TICKET_CHARS + 1]);
const struct ticket_key *admission_key(const struct admission *admission);

#endif
