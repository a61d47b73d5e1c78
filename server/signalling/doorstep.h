/* doorstep.h - what is asked about a line, as the only request of a connection, is answered on the doorstep: at once,
 * before libwebsockets has the connection, which is closed with the answer.
 *
 * That is what nearly all ask when everybody comes at once, through a proxy (whose connections take one request each,
 * see http.c) or by themselves with "Connection: close" or HTTP/1.0, and a place in line is all that most of them hear. To
 * make a connection known to libwebsockets and libuv and forgotten again costs half as much as such an answer besides.
 * The handlers are those of the routes; what has any other form than the simplest goes the usual way.
 *
 * Owner    the descriptor stays the caller's
 * Thread   control
 * Units    none
 * Errors   an answer that cannot be sent at once is lost with the connection
 * Spec     /api/v1/rooms/{slug}/line and /door; bare_request.h
 */
#ifndef SIGNALLING_DOORSTEP_H
#define SIGNALLING_DOORSTEP_H

#include "signalling/signalling_internal.h"

/* Whether they were answered: the caller closes. Else nothing was read. After clients_admit(). */
bool doorstep_answer(struct signalling *signalling, int fd, const struct address *peer);

#endif
