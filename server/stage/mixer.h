/* mixer.h - sums a room's decoded hosts into the program and one mix-minus per host.
 *
 * A sum of sixteen hosts does not fit into 16 bits: sums are 32 bits wide, a limiter brings them
 * back.
 *
 * Owner    a room
 * Thread   stage; never locks, never allocates
 * Units    interleaved PCM, 1 or 2 channels, 48 kHz; every buffer holds FRAME_SAMPLES per channel
 * Errors   none: a host that was not added in this tick is silent
 * Spec     RFC 7667 section 3.6 (mixer)
 */
#ifndef STAGE_MIXER_H
#define STAGE_MIXER_H

#include "stage/stage.h"

#include <stddef.h>
#include <stdint.h>

enum {
    MIXER_CHANNELS_MAX = 2,
    MIXER_VALUES_MAX = FRAME_SAMPLES * MIXER_CHANNELS_MAX,
};

struct mixer {
    size_t values; /* of a frame: FRAME_SAMPLES times channels */
    int32_t sum[MIXER_VALUES_MAX];
    const int16_t *pcm[STAGE_HOSTS_MAX]; /* borrowed for the tick; NULL: silent */
};

void mixer_init(struct mixer *mixer, unsigned channels);
/* Forgets the last tick. */
void mixer_begin(struct mixer *mixer);
/* Borrows one frame until mixer_begin(). place: 0..STAGE_HOSTS_MAX - 1, once per tick. */
void mixer_add(struct mixer *mixer, unsigned place, const int16_t *pcm);
/* Lends the sum of all; valid until mixer_begin(). */
const int32_t *mixer_program(const struct mixer *mixer);
/* Writes the sum of all but this place. */
void mixer_minus(const struct mixer *mixer, unsigned place, int32_t out[MIXER_VALUES_MAX]);

#endif
