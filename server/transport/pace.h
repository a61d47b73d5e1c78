/* pace.h - spreads what a worker has to send over a part of the tick, in bursts that the queue of a
 * network card can take.
 *
 * A frame of the program starts a run. Its first burst goes at once; what is left is divided evenly
 * over the time to the deadline. Who is behind sends without a pause.
 *
 * Owner    a worker
 * Thread   the worker's
 * Units    microseconds, monotonic, passed in; datagrams
 * Errors   none
 * Spec     none
 */
#ifndef TRANSPORT_PACE_H
#define TRANSPORT_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_BURST = 256,   /* datagrams; the smallest transmit queues of network cards hold as many */
    PACE_NEAR_US = 100, /* a burst that is due sooner is not worth a sleep */
};

/* All zeros: nothing runs, the next burst may go at once. */
struct pace {
    bool is_running;
    uint64_t next_us;     /* running: when the next burst is due */
    uint64_t deadline_us; /* running: when the last one should be gone */
};

/* More is to be sent, within spread_us if it can be. */
void pace_start(struct pace *pace, uint64_t now_us, uint64_t spread_us);
/* A burst that began at began_us was sent, `left` datagrams remain. */
void pace_sent(struct pace *pace, uint32_t left, uint64_t began_us);
bool pace_is_due(const struct pace *pace, uint64_t now_us);

#endif
