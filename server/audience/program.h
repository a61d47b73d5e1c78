/* program.h - the last seconds of a room's program as encoded packets, for sending and
 * retransmission.
 *
 * Owner    one audience (one worker's share of a room)
 * Thread   worker
 * Units    index counts packets of the program from 0 without holes; samples at 48 kHz;
 *          microseconds
 * Errors   as named
 * Spec     RFC 7587 (RTP payload of Opus)
 */
#ifndef AUDIENCE_PROGRAM_H
#define AUDIENCE_PROGRAM_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROGRAM_FRAME_SAMPLES = 960, /* 20 ms; a packet holds one to three frames */
    PROGRAM_HISTORY = 128,       /* packets kept: 2.5 s at 20 ms. Power of two */
    PROGRAM_PAYLOAD_MAX = 1444,  /* with RTP's header and SRTP's trailer, 1472: a datagram */
};

struct program_packet {
    uint64_t index;
    uint64_t made_us;   /* when the tick of its last frame began, monotonic */
    uint32_t timestamp; /* RTP */
    uint32_t samples;   /* 960 = 20 ms */
    uint32_t bytes;
    const uint8_t *payload; /* lent */
};

struct program; /* opaque */

MUST_CHECK int program_create(struct program **out); /* allocates; ERR_NOMEM */
void program_destroy(struct program *program);       /* NULL is fine */
/* Copies the packet in. ERR_INVAL: larger than PROGRAM_PAYLOAD_MAX, or index not after the newest.
 */
MUST_CHECK int program_push(struct program *program, const struct program_packet *packet);
/* Lends the packet of that index until the next push; ERR_NOENT: too old, never came, or not yet.
 */
MUST_CHECK int program_get(const struct program *program, uint64_t index,
                           struct program_packet *out);
/* Of the packet `index` and the `back` ones before it program_get() still says what it said when
 * `index` was the newest: nothing of them has left the history. */
bool program_keeps(const struct program *program, uint64_t index, unsigned back);

#endif
