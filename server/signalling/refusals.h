/* refusals.h - what a refusal of the room is called, and how it is said over HTTP.
 *
 * Owner    values
 * Thread   control
 * Units    none
 * Errors   none
 * Spec     include/rostrum/protocol.schema.json, $defs/refused; RFC 9457
 */
#ifndef SIGNALLING_REFUSALS_H
#define SIGNALLING_REFUSALS_H

#include "room/connection.h"
#include "signalling/http.h"

/* The schema's word, or the API's code: "full", "line", "bad_sdp"; lends a constant. */
const char *refusal_word(enum refusal_reason reason);
/* Replies with status, problem and Retry-After. err: what came with the refusal. */
void reply_refusal(struct request *request, int err, const struct refusal *refusal);

#endif
