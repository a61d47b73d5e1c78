/* row.h - one second of a rehearsal: what the crowd heard beside what the server said of itself.
 *
 * Owner    rehearse; an array of them is the whole course of a rehearsal
 * Thread   plain data
 * Units    permille of one core
 * Errors   none
 * Spec     none
 */
#ifndef REHEARSE_ROW_H
#define REHEARSE_ROW_H

#include "node_look.h"
#include "tally.h"

struct row {
    struct tally_second crowd;
    struct server_second server;
    uint32_t own_permille;     /* processor of this process, the crowd */
    uint32_t machine_permille; /* of this machine, everything on it */
    bool has_others;           /* not when a server here was not seen */
    uint32_t others_permille;  /* of it, what neither the crowd nor a server here nor the kernel's
                                  network took */
    uint64_t overflows;        /* datagrams that this machine's sockets had no room for */
};

#endif
