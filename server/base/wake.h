/* wake.h - the bell beside a ring: an eventfd that a waiting thread can poll.
 *
 * Owner    the waiting thread's module; closed after every ringer ended
 * Thread   wake_ring() from any thread; the rest by the waiting thread
 * Units    none
 * Errors   wake_init: ERR_IO. Ringing never fails and never blocks
 * Spec     eventfd(2)
 */
#ifndef BASE_WAKE_H
#define BASE_WAKE_H

#include "rostrum/error.h"

struct wake {
    int fd; /* owned; readable while rung; -1 when clear */
};

MUST_CHECK int wake_init(struct wake *wake);
void wake_clear(struct wake *wake); /* closes; fine on a cleared one */
/* Any thread. Makes fd readable; many rings before a hush count as one. */
void wake_ring(struct wake *wake);
/* Waiting thread. Makes fd unreadable until the next ring. Hush first, then empty the rings. */
void wake_hush(struct wake *wake);

#endif
