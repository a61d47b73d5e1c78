/* governing.h - feeds the governor with what this node measures, four times a second, and does what it
 * says: mode, seats, joins per second, and in the lifeboat who has to leave.
 *
 * Owner    struct rooms, by value
 * Thread   control
 * Units    now_us: microseconds, monotonic, passed in
 * Errors   as named
 * Spec     admission/governor.h
 */
#ifndef ROOM_GOVERNING_H
#define ROOM_GOVERNING_H

#include "admission/governor.h"
#include "telemetry/load.h"

struct rooms;

struct governing {
    struct load_meter meter;
    struct governor governor;
    struct governor_signals signals; /* as of the last step */
    bool is_on;
};

void governing_init(struct rooms *rooms, uint64_t now_us); /* with the rooms loaded */
void governing_step(struct rooms *rooms, uint64_t now_us);
/* The operator's word: GOVERNOR_AT_LEAST or GOVERNOR_EXACTLY this. ERR_INVAL: the lifeboat. */
MUST_CHECK int governing_pin(struct rooms *rooms, enum governor_hold hold, enum mode mode);
/* Its last verdict, with the signals that it saw; NULL: it is off. Lends. */
const struct governing *governing_look(const struct rooms *rooms);

#endif
