/* half_open.h - handshakes under way, per prefix and per network: none takes all the room there is for newcomers.
 *
 * Owner    a worker
 * Thread   the owner's
 * Units    handshakes
 * Errors   none: without memory a handshake waits for its next try
 * Spec     prefix and network: base/address.h
 */
#ifndef TRANSPORT_HALF_OPEN_H
#define TRANSPORT_HALF_OPEN_H

#include "base/address.h"
#include "base/map.h"

struct half_open {
    struct map counts; /* of prefixes and of networks, whose numbers differ */
    unsigned per_prefix, per_network;
};

void half_open_init(struct half_open *half_open, unsigned per_prefix, unsigned per_network);
void half_open_clear(struct half_open *half_open); /* fine on a zeroed one */
/* True and counted, or false: too many. Loopback has no limit. */
bool half_open_enter(struct half_open *half_open, const struct address *from);
void half_open_leave(struct half_open *half_open,
                     const struct address *from); /* one that entered */

#endif
