/* acceptor.h - the listening socket: control takes from it no more than it can read; in a crowd a thread of its own
 * does, and puts off who would wait too long.
 *
 * In a turn of its loop control takes a few connections, and those taken before are read. What more come wait in
 * the kernel, with their requests. Taken all at once, a crowd's sockets would lie open unread, and each would
 * cost the more, the more there are: libwebsockets keeps all its timers in one sorted list.
 * When more than 256 wait in the kernel, it is a crowd: the thread takes them until nobody waits. Who seems to have a
 * ticket, wants the WebSocket or a part of a page, or comes from where a host was, goes on; the others wait in the
 * anteroom (anteroom.h) and are put off in the end (put_off.h): who asks for a seat gets a ticket that keeps the
 * turn (TICKET_ASKED). All this costs control nothing, however many come.
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
