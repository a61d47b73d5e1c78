/* refusals.h - what it costs a server in small_audience to refuse a newcomer with a place in line.
 *
 * The room is asked for small_audience with as many seats as are taken, so that nobody comes in.
 * Newcomers then ask the line once each, one after the other, each over a connection of its own; what
 * the server's processor did meanwhile, beyond what it does without them, is theirs. Afterwards the
 * room is asked for the mode that it was asked for before.
 *
 * Owner    the command
 * Thread   the command's; blocks for at most REFUSALS_SECONDS and a few more
 * Units    microseconds, milliseconds of processor time
 * Errors   why_not of the promise says what was missing
 * Spec     POST /api/v1/rooms/SLUG/mode, POST /api/v1/rooms/SLUG/line, GET /api/v1/node
 */
#ifndef REHEARSE_REFUSALS_H
#define REHEARSE_REFUSALS_H

#include "promises.h"

enum { REFUSALS_SECONDS = 20 };

struct refusals_params {
    const char *server, *slug;
    const char *token;                     /* an admin's; NULL: none */
    uint32_t seated;                       /* now */
    uint32_t newcomers;                    /* at most */
    unsigned idle_seconds;                 /* for which the server is looked at without them */
    bool (*wait_until)(uint64_t until_us); /* false: it is to end */
};

void refusals_measure(struct promise_refusal *out, const struct refusals_params *params);

#endif
