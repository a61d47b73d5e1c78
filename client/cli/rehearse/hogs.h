/* hogs.h - processes that do nothing but keep a processor busy each.
 *
 * They end when they are told, when their time is up, and when the thread that made them is no more,
 * whatever becomes of it.
 *
 * Owner    the command
 * Thread   the one that started them
 * Units    seconds
 * Errors   ERR_IO: there can be no more processes; those that were made are gone again
 * Spec     prctl(2) PR_SET_PDEATHSIG
 */
#ifndef REHEARSE_HOGS_H
#define REHEARSE_HOGS_H

#include "rostrum/error.h"

#include <sys/types.h>

enum { HOGS_MAX = 8 };

/* All zeros: none. */
struct hogs {
    unsigned count;
    pid_t pids[HOGS_MAX];
};

/* count: 1..HOGS_MAX. */
MUST_CHECK int hogs_start(struct hogs *hogs, unsigned count, unsigned seconds);
/* Ends them by their ids, and waits until they are gone. Fine when there are none. */
void hogs_stop(struct hogs *hogs);

#endif
