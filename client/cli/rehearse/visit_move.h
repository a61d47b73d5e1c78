/* visit_move.h - the seat that a visit leaves because its node wants to be left: heard until the next one is.
 *
 * It has an attempt at the ear and a socket, apart from those of the visit, which begins anew beside it.
 *
 * Owner    the visit
 * Thread   the door's
 * Units    microseconds, monotonic
 * Errors   none
 * Spec     protocol.schema.json: `bye` with the reason `moving`
 */
#ifndef REHEARSE_VISIT_MOVE_H
#define REHEARSE_VISIT_MOVE_H

#include "rehearse/visit.h"

/* What the visit hears becomes its former seat, and it has none. False: the one before it is still there; its
 * socket is cut. */
bool visit_set_aside(struct visit *visit);
bool visit_hears_former(const struct visit *visit);
bool visit_is_former(const struct visit *visit, uint32_t attempt);
/* With a good-bye, if it is heard still. */
void visit_leave_former(struct visit *visit, uint64_t now_us);
/* The ear told of its end. */
void visit_drop_former(struct visit *visit);
/* It was left, and has not gone yet. */
bool visit_is_leaving_former(const struct visit *visit);

#endif
