/* people.h - what listeners do: come, ask, follow, stand in line, join, hear, lose their node, come again.
 *
 * Owner    the world
 * Thread   one
 * Units    milliseconds
 * Errors   none
 * Spec     none
 */
#ifndef SIMULATE_PEOPLE_H
#define SIMULATE_PEOPLE_H

#include "simulate/world.h"

enum {
    HOPS_MAX = 3, /* then the line: nobody is sent about for ever */
    /* Who lost a node sees at once that the socket is closed, or hears nothing for this time; then waits by
     * chance, so that a lost node's thousands do not come in one moment. Together p95 under 5 s. */
    NOTICE_MS = 1500,
    NOTICE_JITTER_MS = 2500,
    CONNECT_FAILS_MS = 3000,      /* no answer for a browser: the second repeated SYN (RFC 6298) */
    CLIENT_PATIENCE_MS = 1500,    /* for the page, which then tries another node */
    CONTROL_QUEUE_MAX_MS = 10000, /* a request has 10 s; then the server closes it */
    RETURNS_AT_ORIGIN_PER_S = 50,
};

void person_step(struct world *world, struct person *person);
/* All who sit at nodes that are down, and have no step of their own before them. */
void people_notice_losses(struct world *world);

#endif
