/* neighbours.h - the rooms' words to and from other nodes go over the links of this one.
 *
 * Owner    signalling
 * Thread   control
 * Units    none
 * Errors   as links.h
 * Spec     none
 */
#ifndef SIGNALLING_NEIGHBOURS_H
#define SIGNALLING_NEIGHBOURS_H

#include "signalling/links.h"

struct rooms;

/* What links tell the rooms. */
struct links_events neighbours_events(struct rooms *rooms);
/* What rooms say goes out there from now on; NULL: nowhere. */
void neighbours_connect(struct rooms *rooms, struct links *links);

#endif
