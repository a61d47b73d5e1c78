/* plan.h - who of a rehearsal's crowd does what, and when.
 *
 * A plan is made of the command's arguments alone, so the same arguments give the same rehearsal.
 *
 * Owner    rehearse
 * Thread   any; nothing changes after plan_make()
 * Units    microseconds since the start of the rehearsal; percent of the crowd
 * Errors   ERR_INVAL: out of range; plan_make() says which argument and what is allowed
 * Spec     none
 */
#ifndef REHEARSE_PLAN_H
#define REHEARSE_PLAN_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PLAN_LISTENERS_MAX = 1000000,
    PLAN_SECONDS_MAX = 3600, /* of the whole rehearsal */
    PLAN_PROBLEM_MAX = 256,
};

enum way { WAY_WEBSOCKET, WAY_WHEP };

struct plan_params {
    uint32_t listeners;       /* 1..PLAN_LISTENERS_MAX */
    uint32_t ramp_per_second; /* 0: all at once */
    uint64_t hold_us;         /* how long they stay after the last one's turn to join */
    unsigned whep_percent;    /* who comes by WHEP; the others by WebSocket */
    unsigned lossy_percent;   /* who loses packets on their way ... */
    unsigned loss_percent;    /* ... and how many of them; they ask for them again (NACK) */
    unsigned slow_percent;    /* who gets everything late by slow_us, reports too */
    uint64_t slow_us;
    unsigned unread_percent; /* who leaves the socket unread once sound came, and goes on checking
                                and reporting: it costs the server the same and this machine less */
    unsigned line_percent;   /* who asks the line first, before it opens a connection for media */
    unsigned verify_percent; /* who decrypts every packet and checks its tag */
    unsigned leave_percent;  /* who leaves at once, leave_after_us into the hold; 0: nobody */
    uint64_t leave_after_us;
    uint64_t return_after_us; /* after leaving they come back, all at once; 0: never */
    bool is_conducted;        /* nobody comes or leaves by the plan: waves tell (wave.h) */
};

struct plan_listener {
    uint64_t join_us;   /* UINT64_MAX: not by the plan */
    uint64_t leave_us;  /* UINT64_MAX: stays to the end */
    uint64_t return_us; /* UINT64_MAX: never */
    enum way way;
    bool is_lossy, is_slow, is_unread, is_verifying, asks_line;
};

struct plan {
    struct plan_params params;
    uint64_t last_join_us;
    uint64_t end_us; /* everybody leaves */
};

/* ERR_INVAL: `problem` says what was wrong and what is allowed. */
MUST_CHECK int plan_make(struct plan *out, const struct plan_params *params,
                         char problem[PLAN_PROBLEM_MAX]);
/* What listener `number` (0..listeners-1) does. Shares are spread evenly and independently: of the
 * first hundred about as many are lossy as of all, and lossy ones come by both ways. */
struct plan_listener plan_listener(const struct plan *plan, uint32_t number);

#endif
