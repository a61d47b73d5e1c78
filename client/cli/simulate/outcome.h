/* outcome.h - the account of a simulation, for people, for machines and as a picture.
 *
 * Owner    none
 * Thread   one
 * Units    as named
 * Errors   ERR_IO, ERR_NOMEM
 * Spec     SVG 1.1 with prefers-color-scheme
 */
#ifndef SIMULATE_OUTCOME_H
#define SIMULATE_OUTCOME_H

#include "simulate/world.h"

#include <stdio.h>

/* Of all nodes, sorted. */
struct outcome_peaks {
    uint32_t *joins, *load_permille; /* owned */
    uint64_t *egress_bps;            /* owned */
    uint32_t count;
    uint64_t seats;
};

MUST_CHECK int outcome_peaks_make(struct outcome_peaks *out, const struct world *world);
void outcome_peaks_clear(struct outcome_peaks *peaks);

bool outcome_is_kept(const struct account *account); /* all promises */
MUST_CHECK int outcome_text(const struct world *world, const struct outcome_peaks *peaks,
                            FILE *out);
MUST_CHECK int outcome_json(const struct world *world, const struct outcome_peaks *peaks,
                            FILE *out);
MUST_CHECK int picture_write(const struct world *world, FILE *out);

#endif
