/* presence.h - what this node can say of itself to the others: seats, joins, load, egress.
 *
 * Owner    none
 * Thread   control
 * Units    as tree/node.h
 * Errors   none
 * Spec     none
 */
#ifndef ROOM_PRESENCE_H
#define ROOM_PRESENCE_H

#include "tree/node.h"

struct rooms;

/* Writes all but id, url and region, as of the last rooms_tick(). */
void rooms_describe(const struct rooms *rooms, struct node_view *out);

#endif
