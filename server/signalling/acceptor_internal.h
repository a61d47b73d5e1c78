/* acceptor_internal.h - what control and the acceptor's thread share.
 *
 * Owner    the acceptor; made before its thread starts and freed after it ended. A descriptor in the ring: the
 *          ring, until control takes it
 * Thread   as named
 * Units    none
 * Errors   none here
 * Spec     none
 */
#ifndef SIGNALLING_ACCEPTOR_INTERNAL_H
#define SIGNALLING_ACCEPTOR_INTERNAL_H

#include "base/ring.h"
#include "base/slug.h"
#include "base/thread.h"
#include "base/wake.h"
#include "signalling/signalling_internal.h"

#include <stdatomic.h>
#include <uv.h>

/* Up: a connection for control, or word of one that was put off. */
struct accepted {
    int fd;           /* -1: put off */
    uint64_t network; /* put off: of its address; 0: behind a proxy, whose head nobody read */
    char room[SLUG_MAX + 1]; /* put off: where it asked for a seat; "": nowhere */
};

struct acceptor {
    /* constant */
    struct signalling
        *signalling; /* borrowed; the thread reads config and familiar, and calls rooms_put_off() */
    int fd;          /* owned; it listens */
    struct ring *accepted; /* owned; from the thread to control */
    /* both */
    _Atomic bool is_crowded; /* the thread takes, else control does */
    struct wake bell;        /* control's: somebody has arrived, or it is control's turn */
    struct wake stir;        /* the thread's: its turn, or there is room again, or it shall end */
    _Atomic unsigned handed_on;  /* connections that control has not taken yet */
    _Atomic bool waits_for_room; /* so that stir is rung only then */
    _Atomic bool is_ending;
    /* control */
    struct thread thread;
    bool is_running;
    uv_poll_t *bells, *knocks; /* owned; knocks: on fd */
};

/* Any thread. Connections that wait in the kernel. */
unsigned acceptor_backlog(const struct acceptor *acceptor);

/* The thread: takes when it is crowded, until nobody waits anywhere. */
void acceptor_run(void *acceptor);

#endif
