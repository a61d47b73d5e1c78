/* acceptor.h - the listening socket, on a thread of its own: hands control no more than it can read, and puts off
 * who would wait too long.
 *
 * In a turn of its loop control takes a few connections, and those taken before are read. What more come wait in
 * the kernel, with their requests. Taken all at once, a crowd's sockets would lie open unread, and each would
 * cost the more, the more there are: libwebsockets keeps all its timers in one sorted list.
 * When many wait in the kernel and have waited for 100 ms (400 ms for what is no POST), newcomers are put off: who
 * asks for a seat gets a ticket that keeps the turn (TICKET_ASKED), all others a fixed answer. Who seems to
 * have another ticket, wants the WebSocket, or comes from where a host was, goes on. All this costs control
 * nothing, however many come.
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
