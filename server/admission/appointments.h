/* appointments.h - how many people were told to check in again in each of the next seconds, so that never
 * more come in one second than the server wants.
 *
 * Owner    the line
 * Thread   control
 * Units    whole seconds of the monotonic clock
 * Errors   none
 * Spec     none
 */
#ifndef ADMISSION_APPOINTMENTS_H
#define ADMISSION_APPOINTMENTS_H

#include <stdint.h>

enum {
    APPOINTMENTS_SECONDS = 128,
    APPOINTMENTS_AHEAD_MAX_S = 105,
};

/* All zeros at the start. */
struct appointments {
    uint32_t now_s;
    uint16_t promised[APPOINTMENTS_SECONDS];
};

/* Time goes on to now_s, which never goes back. */
void appointments_turn_to(struct appointments *appointments, uint32_t now_s);
/* Promises one in `wanted_s` (now_s to APPOINTMENTS_AHEAD_MAX_S later), or, if `limit` were promised
 * there, in the next second after it with room, or else in the nearest before it. Returns the second.
 * When there is none at all it is wanted_s. */
uint32_t appointments_make(struct appointments *appointments, uint32_t wanted_s, uint16_t limit);
/* Whoever had this one (later than now_s) will not come then. */
void appointments_cancel(struct appointments *appointments, uint32_t second);

#endif
