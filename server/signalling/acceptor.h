/* acceptor.h - the listening socket: takes connections no faster than they can be read.
 *
 * In a turn of the loop a few are taken, and those taken before are read. What more come wait in the
 * kernel, with their requests. Taken all at once, a crowd's sockets would lie open unread, and each
 * would cost the more, the more there are: libwebsockets keeps all its timers in one sorted list.
 * When many wait in the kernel and have waited for 200 ms, newcomers get a fixed answer at once; who seems to
 * have a ticket, wants the WebSocket, or comes from where a host was, goes on.
 *
 * Owner    signalling
 * Thread   control
 * Units    none
 * Errors   acceptor_start: ERR_EXIST (the port is taken), ERR_IO, ERR_NOMEM
 * Spec     none
 */
#ifndef SIGNALLING_ACCEPTOR_H
#define SIGNALLING_ACCEPTOR_H

#include "signalling/signalling_internal.h"

/* Listens where the configuration says, and hands connections to signalling->vhost. Sets signalling->port. */
MUST_CHECK int acceptor_start(struct signalling *signalling);
void acceptor_stop(struct signalling *signalling); /* fine when it never started */

#endif
