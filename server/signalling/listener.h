/* listener.h - libwebsockets on our loop: accepts connections and hands their events on.
 *
 * HTTP/1.1 and WebSocket only. Debian's libwebsockets 4.1.6 has holes in HTTP/2 (reachable by "Upgrade: h2c"),
 * its JSON reader and its form reader: none of them is used, no extension is offered, nothing is mounted.
 *
 * Owner    signalling
 * Thread   control
 * Units    none
 * Errors   listener_start: ERR_IO (address taken), ERR_NOMEM, with a sentence
 * Spec     none
 */
#ifndef SIGNALLING_LISTENER_H
#define SIGNALLING_LISTENER_H

#include "signalling/signalling_internal.h"

MUST_CHECK int listener_start(struct signalling *signalling, char problem[SIGNALLING_PROBLEM_MAX]);
/* Closes everything; runs the loop until libwebsockets has given its handles back. */
void listener_stop(struct signalling *signalling);

#endif
