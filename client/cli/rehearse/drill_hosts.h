/* drill_hosts.h - two hosts of the drill's own, who talk and listen to each other while the audience
 * storms: two processes of this program (rostrum speak), for libwebsockets' contexts share state.
 *
 * Owner    the command
 * Thread   the one that started them: they end with it
 * Units    as in promises.h
 * Errors   drill_hosts_start: the exit status, told; then there are none
 * Spec     POST and DELETE /api/v1/rooms/SLUG/invitations
 */
#ifndef REHEARSE_DRILL_HOSTS_H
#define REHEARSE_DRILL_HOSTS_H

#include "cli.h"
#include "rehearse/promises.h"

#include <sys/types.h>

enum { DRILL_HOSTS = 2 };

struct drill_host {
    pid_t pid;        /* 0: none */
    int account;      /* owned; a pipe with its standard output; -1: none */
    long long number; /* of its invitation; 0: none */
};

/* All zeros: none. */
struct drill_hosts {
    struct drill_host hosts[DRILL_HOSTS];
    bool has_dropped;
};

/* Invites them, which takes an admin's token, and starts them. */
int drill_hosts_start(struct drill_hosts *hosts, const struct cli *cli, const char *slug);
/* The second one's network goes; it comes back by itself. */
void drill_hosts_drop(struct drill_hosts *hosts);
/* Ends them and reads their accounts. was_restarted: the server was killed once, with which each lost its connection. */
void drill_hosts_stop(struct drill_hosts *hosts, bool was_restarted, struct promise_hosts *out);
/* Takes their invitations back. */
void drill_hosts_uninvite(struct drill_hosts *hosts, const struct cli *cli, const char *slug);

#endif
