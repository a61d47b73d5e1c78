/* answer.h - what the server's SDP answer says, for the peer that is to be made of it.
 *
 * Owner    values
 * Thread   any
 * Units    none
 * Errors   as named, with *error
 * Spec     RFC 8829, RFC 8839, RFC 8842
 */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "rostrum/peer.h"
#include "rostrum/sdp.h"

/* Fills roles, the remote's credentials, fingerprint and candidates; local credentials and group
 * stay as they are. ERR_PROTO, ERR_UNSUPPORTED, ERR_NOMEM. */
MUST_CHECK int answer_read(struct peer_params *params, uint8_t *opus_payload_type,
                           struct slice answer, struct sdp_error *error);

#endif
