/* link.h - between the signalling thread (the door) and one ear: who is to listen, and what became
 * of it.
 *
 * A listener that moves has two attempts at the ear, the one that it hears and the one that is to take
 * its place; never more.
 *
 * No ring ever fills up, so nothing is lost on the way: of two attempts the door connects a third only
 * after the ear has told the end of one, and so at most three orders of each (a close that crossed that
 * end, a connect, its close) and three events lie in the rings for a listener.
 *
 * Owner    the crowd, which makes it before both threads start and destroys it after both ended
 * Thread   the door produces orders and consumes events, the ear the other way round
 * Units    none
 * Errors   none
 * Spec     none
 */
#ifndef REHEARSE_LINK_H
#define REHEARSE_LINK_H

#include "base/ring.h"
#include "base/wake.h"
#include "rehearse/listener.h"

#include <stdatomic.h>

enum {
    LINK_RECORDS_PER_LISTENER = 8,
    LINK_RECORD_BYTES = 48, /* with what the ring adds */
};

enum ear_order_kind {
    EAR_CONNECT,
    EAR_CLOSE,
    EAR_CUT, /* as EAR_CLOSE, without a good-bye */
};

struct ear_order {
    enum ear_order_kind kind;
    uint32_t number, attempt;
    uint64_t at_us; /* EAR_CLOSE, EAR_CUT: what does not come after it is not missed */
    struct listener_order *connect; /* EAR_CONNECT: malloc'ed, the ear frees it */
};

enum ear_event_kind {
    EAR_SOUND, /* the first packet came */
    EAR_ENDED, /* the attempt's last event; its socket is closed */
};

struct ear_event {
    enum ear_event_kind kind;
    uint32_t number, attempt;
    int err;            /* EAR_ENDED: 0, or what listener_create() refused with */
    const char *reason; /* EAR_ENDED: constant; NULL: it was told to close */
};

struct ear_link {
    struct ring *orders, *events; /* owned */
    struct wake order_bell;       /* rung by the door */
    struct wake *event_bell;      /* borrowed: the door's, rung by all ears */
};

/* What all threads of the crowd may look at. */
struct crowd_mood {
    _Atomic bool room_is_live;  /* false: the server said that it is not */
    _Atomic uint64_t newest_us; /* when the last packet came to anybody, give or take a sweep */
    _Atomic bool stop;          /* the ears end */
};

#endif
