/* limiter.h - brings a sum of voices under a ceiling by turning it down smoothly, never by cutting
 * peaks off.
 *
 * It looks one block (2.5 ms) ahead. The gain runs in a straight line from border to border of the
 * blocks, and at each border it is low enough for both neighbours: so no sample can pass the
 * ceiling. It falls within a block and rises over LIMITER_RELEASE_BLOCKS. What stays under the
 * ceiling passes bit by bit, 2.5 ms later.
 *
 * Owner    one per output, inside its owner
 * Thread   stage
 * Units    interleaved PCM, FRAME_SAMPLES per channel; full scale is 32768
 * Errors   none
 * Spec     none
 */
#ifndef STAGE_LIMITER_H
#define STAGE_LIMITER_H

#include "stage/mixer.h"

enum {
    LIMITER_BLOCK_SAMPLES = 120,
    LIMITER_CEILING = 29204,     /* -1 dB of full scale */
    LIMITER_RELEASE_BLOCKS = 80, /* 200 ms time constant */
};

struct limiter {
    unsigned channels;
    float gain;        /* at the border before the held block */
    float held_target; /* the gain that the held block needs */
    int32_t held[LIMITER_BLOCK_SAMPLES * MIXER_CHANNELS_MAX];
};

void limiter_init(struct limiter *limiter, unsigned channels);
void limiter_run(struct limiter *limiter, const int32_t *sum, int16_t *out);

#endif
