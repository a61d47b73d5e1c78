/* meter.h - how loud one host is, and whether that is speech or the room's noise.
 *
 * Owner    a host's place on the stage
 * Thread   stage
 * Units    dBov: 0 is full scale, METER_SILENCE_DBOV none; one call of meter_add() per tick
 * Errors   none
 * Spec     RFC 6464 section 3 (dBov)
 */
#ifndef STAGE_METER_H
#define STAGE_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    METER_SILENCE_DBOV = -127,
    METER_SPEECH_ON_DBOV = -42,  /* two ticks in a row at least so loud: speaking … */
    METER_SPEECH_OFF_DBOV = -50, /* … until it was softer than this for METER_HOLD_TICKS */
    METER_SOUND_DBOV = -60,      /* what is softer need not be encoded for its own sake */
    METER_ON_TICKS = 2,
    METER_HOLD_TICKS = 25, /* 500 ms */
};

struct meter {
    int peak_dbov; /* since meter_take() */
    unsigned loud_ticks;
    unsigned speech_left_ticks;
    unsigned sound_left_ticks;
};

void meter_init(struct meter *meter);
/* One frame of interleaved PCM; values is samples times channels. pcm NULL: silence. */
void meter_add(struct meter *meter, const int16_t *pcm, size_t values);
/* The loudest peak since the last call, which it forgets. */
int8_t meter_take(struct meter *meter);
bool meter_is_speaking(const struct meter *meter);
/* Whether anything audible came within METER_HOLD_TICKS. */
bool meter_has_sound(const struct meter *meter);

#endif
