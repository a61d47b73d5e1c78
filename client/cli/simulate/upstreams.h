/* upstreams.h - how relays get the program: ask the origin for parents, connect, lose one, turn to the next.
 *
 * Owner    the world
 * Thread   one
 * Units    milliseconds
 * Errors   none
 * Spec     tree/placement.h
 */
#ifndef SIMULATE_UPSTREAMS_H
#define SIMULATE_UPSTREAMS_H

#include "simulate/world.h"

enum {
    /* No packet for this time: fifteen of them. Well under the half second in which another parent is due. */
    UPSTREAM_SILENT_MS = 300,
    UPSTREAM_RETRY_MS = 1000,
};

/* Somebody has a seat there: the node needs the program, if it has not got it. */
void upstream_want(struct world *world, uint32_t node);
void upstream_step(struct world *world, uint32_t node);
/* Those whose parent is down find out, and sound stops below it. */
void upstreams_notice_losses(struct world *world);
/* A node that has died forgets all. */
void upstream_forget(struct world *world, uint32_t node);
/* Which nodes have sound, after any change. */
void upstreams_flow(struct world *world);

#endif
