/* admission.h - the one door: who gets a seat, the exact cap, and how many may be on their way in.
 *
 * Owner    main; asked by rooms
 * Thread   control
 * Units    seats
 * Errors   admission_create: ERR_NOMEM, ERR_INVAL
 * Spec     none
 */
#ifndef ADMISSION_ADMISSION_H
#define ADMISSION_ADMISSION_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

struct admission;

enum admission_answer {
    ADMISSION_SEAT,
    ADMISSION_FULL, /* the room's cap, or the node's */
    ADMISSION_BUSY, /* so many are coming in that this one would wait for seconds: ask again */
};

/* Handshakes that were promised and are not done: at 0.75 ms of CPU each, what two cores do in about
 * a second, and what thousands of browsers wait for without giving up. */
enum { ADMISSION_JOINING_MAX = 2500 };

MUST_CHECK int admission_create(struct admission **out, uint32_t node_seats);
void admission_destroy(struct admission *admission); /* NULL is fine */
/* Asks for a seat in a room of `room_cap` seats (0: only the node's cap), `room_taken` of which are taken.
 * ADMISSION_SEAT takes one of the node's seats, until admission_return_seat(), and counts as joining
 * until admission_joined(). */
enum admission_answer admission_take_seat(struct admission *admission, uint32_t room_cap,
                                          uint32_t room_taken);
void admission_joined(struct admission *admission);
uint64_t admission_joins(const struct admission *admission); /* since the start */
/* is_joining: admission_joined() was not called for this seat. */
void admission_return_seat(struct admission *admission, bool is_joining);
uint32_t admission_seats_taken(const struct admission *admission);

#endif
