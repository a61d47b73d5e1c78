/* progress.h - a line on standard error that says how the rehearsal goes: redrawn on a terminal,
 * else a new one every five seconds.
 *
 * Owner    the command
 * Thread   the command's
 * Units    seconds of the rehearsal
 * Errors   none
 * Spec     none
 */
#ifndef REHEARSE_PROGRESS_H
#define REHEARSE_PROGRESS_H

#include "crowd.h"
#include "node_look.h"

#include <stdio.h>

enum { PROGRESS_EVERY_S = 5, PROGRESS_LINE_CHARS = 200 };

struct progress {
    FILE *out; /* borrowed */
    bool is_terminal;
    bool is_open; /* a line stands without its end */
};

void progress_begin(struct progress *progress, FILE *out);
/* Once a second. server: the newest row. */
void progress_show(struct progress *progress, uint32_t second, uint32_t seconds,
                   const struct crowd_now *crowd, const struct server_second *server);
void progress_end(struct progress *progress);
/* The line alone. */
void progress_line(char out[PROGRESS_LINE_CHARS], uint32_t second, uint32_t seconds,
                   const struct crowd_now *crowd, const struct server_second *server);

#endif
