/* views_tree.h - rooms on several nodes, for the operator.
 *
 * Owner    the caller owns what is made
 * Thread   control
 * Units    seats
 * Errors   none: an empty list
 * Spec     none
 */
#ifndef SIGNALLING_VIEWS_TREE_H
#define SIGNALLING_VIEWS_TREE_H

#include <jansson.h>

struct rooms;

/* Own rooms that have relays, with what each of these says of itself. */
json_t *view_fed(struct rooms *rooms);
/* Rooms of other nodes that this one carries. */
json_t *view_relayed(const struct rooms *rooms);

#endif
