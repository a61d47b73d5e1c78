/* setup.h - what a rehearsal and a drill need before they begin: the room, the server's address, what
 * this machine can do; and how both wait, until Ctrl-C.
 *
 * Owner    a command; setup_clear() frees what setup_prepare() made
 * Thread   the command's
 * Units    microseconds, monotonic
 * Errors   the exit status of the command; told on standard error
 * Spec     none
 */
#ifndef REHEARSE_SETUP_H
#define REHEARSE_SETUP_H

#include "cli.h"
#include "rehearse/arguments.h"
#include "rehearse/ground.h"

struct setup {
    const struct cli *cli;             /* borrowed */
    const struct arguments *arguments; /* borrowed */
    struct ground ground;
    struct notes notes;
    struct address *sources; /* owned */
    uint32_t source_count;   /* 0: the system chooses */
    unsigned threads;        /* that receive */
};

/* The room is there and live. */
int setup_check_room(const struct cli *cli, const char *slug);
int setup_find_server(struct setup *setup);
/* After setup_find_server(): what this machine can do, and what it should be told. */
int setup_prepare(struct setup *setup);
void setup_clear(struct setup *setup);

/* From here on signals of the end wait to be taken by setup_wait_until(), in all threads. */
void setup_hold_signals(void);
/* Waits until then, or until a signal of the end comes: false. */
bool setup_wait_until(uint64_t until_us);

#endif
