/* arrivals.h - what happened at the door of one room: in the present ten seconds by cause, and since the room was
 * first asked for by network and cause.
 *
 * Of an address only its network is ever kept: IPv4 /24, IPv6 /48.
 *
 * Owner    a room
 * Thread   control
 * Units    times
 * Errors   none: where memory lacks, networks are not kept
 * Spec     none
 */
#ifndef ADMISSION_ARRIVALS_H
#define ADMISSION_ARRIVALS_H

#include "admission/busiest.h"
#include "base/arrival.h"

struct arrivals {                 /* a zeroed one is fine */
    struct arrival_counts counts; /* since arrivals_take() */
    struct busiest *networks;     /* owned; NULL: not kept */
    bool networks_changed;        /* since the owner set it to false */
};

/* Frees the networks. */
void arrivals_clear(struct arrivals *arrivals);
/* Keeps networks from now on, if it can. */
void arrivals_keep_networks(struct arrivals *arrivals);
/* For every attempt and what becomes of it. network: address_network(), 0: unknown. Allocates nothing, under 100 ns. */
void arrivals_count(struct arrivals *arrivals, enum arrival arrival, uint64_t network);
/* Copies what was counted since the last time, and begins anew. */
void arrivals_take(struct arrivals *arrivals, struct arrival_counts *out);

#endif
