/* faults.h - nodes die and come back.
 *
 * Owner    the world
 * Thread   one
 * Units    none
 * Errors   none
 * Spec     none
 */
#ifndef SIMULATE_FAULTS_H
#define SIMULATE_FAULTS_H

#include "simulate/world.h"

/* Failures are steps 0.., and the end of each is step failure_count + its number. */
void faults_plan(struct world *world);
void fault_step(struct world *world, uint32_t step);

#endif
