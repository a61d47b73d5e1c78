/* redundancy.h - a packet of the program as relays get it: RED with the two packets before it, so
 * that a relay repairs most losses without asking.
 *
 * It is made once for all relays of the audience. What it is made of depends on the program alone:
 * those of the two packets before it that came, in so far as they fit (14 bits of timestamp, 10 bits
 * of length, one datagram). So one packet is always the same bytes, as long as program_keeps() says
 * that the history still holds all that came: SRTP's nonce must never see two texts.
 *
 * Owner    one audience
 * Thread   its worker; never allocates
 * Units    bytes
 * Errors   none
 * Spec     RFC 2198, RFC 7714 section 9 (nonce)
 */
#ifndef AUDIENCE_REDUNDANCY_H
#define AUDIENCE_REDUNDANCY_H

#include "audience/program.h"

#include <stdbool.h>
#include <stdint.h>

enum { REDUNDANCY_BACK = 2 /* packets before it that a packet carries */ };

/* All zeros: nothing was made yet. */
struct redundancy {
    bool is_made;
    uint64_t index;      /* of the packet it was made of */
    unsigned head_count; /* blocks, the packet itself last; 0: too large for RED, goes as it is */
    uint32_t bytes;
    uint8_t payload[PROGRAM_PAYLOAD_MAX]; /* payload type 0 in its heads */
};

/* For `packet` of `program`, unless that is what was made last. */
void redundancy_make(struct redundancy *redundancy, const struct program *program,
                     const struct program_packet *packet);
/* Copies the payload of at most PROGRAM_PAYLOAD_MAX bytes, Opus having this payload type. */
void redundancy_copy(const struct redundancy *redundancy, uint8_t opus_type, uint8_t *out);

#endif
