/* dice.h - the simulation's chance: the same numbers for the same seed, on every machine.
 *
 * Owner    the world
 * Thread   one
 * Units    none
 * Errors   none
 * Spec     SplitMix64
 */
#ifndef SIMULATE_DICE_H
#define SIMULATE_DICE_H

#include <stdint.h>

struct dice {
    uint64_t state; /* the seed */
};

uint64_t dice_roll(struct dice *dice);
/* 0..bound - 1; 0 for a bound of 0. */
uint32_t dice_below(struct dice *dice, uint32_t bound);

#endif
