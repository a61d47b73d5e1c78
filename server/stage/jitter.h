/* jitter.h - puts one host's packets into their order and says what to play next: speexdsp's
 * adaptive jitter buffer over a fixed pool, with an index that finds the packet behind a gap (FEC).
 *
 * Within a tick: jitter_begin_tick(), jitter_put() for all that came, jitter_pull() until a frame
 * is full, jitter_end_tick().
 *
 * Owner    a voice
 * Thread   stage; allocates only in jitter_create()
 * Units    samples at 48 kHz; timestamps are RTP's and may wrap at any place
 * Errors   jitter_put: see there. A restart of the timestamps is no error: the buffer starts anew
 * Spec     RFC 3550 section 5.1 (timestamps)
 */
#ifndef STAGE_JITTER_H
#define STAGE_JITTER_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    JITTER_SLOTS = 64,          /* packets held or lent at one time */
    JITTER_PACKET_BYTES = 1500, /* of one packet */
    JITTER_DELAY_MAX = 19200,   /* 400 ms: what is further ahead starts the buffer anew */
    JITTER_MARGIN = 960,        /* 20 ms kept in hand, so that FEC and RED come in time */
    JITTER_SYNC_BACKLOG = 2880, /* 60 ms: the most that is queued when playing starts */
    JITTER_RESYNC_MISSES = 20,  /* fetches without a packet: the next one starts the buffer anew */
    JITTER_UNIT = 120,          /* 2.5 ms: every gap is a multiple of it */
};

enum jitter_source {
    JITTER_PRIMARY,
    JITTER_REDUNDANT /* out of a RED packet's older blocks */
};

struct jitter_packet {
    uint32_t timestamp;
    uint32_t samples; /* 120..5760 */
    enum jitter_source source;
    struct slice data; /* borrowed by jitter_put(), lent by jitter_pull() */
};

enum jitter_pull_kind {
    JITTER_EMPTY,  /* nothing has come yet */
    JITTER_PACKET, /* play packet */
    JITTER_GAP     /* conceal gap_samples */
};

struct jitter_pull {
    enum jitter_pull_kind kind;
    struct jitter_packet packet;
    uint32_t skip_samples; /* PACKET: of its head, already passed */
    uint32_t gap_samples;  /* GAP: a multiple of JITTER_UNIT */
    bool has_next;         /* GAP: `next` is the packet that begins where the gap ends */
    struct jitter_packet next;
};

struct jitter;

/* Allocates; release with jitter_destroy(). ERR_NOMEM. */
MUST_CHECK int jitter_create(struct jitter **out);
void jitter_destroy(struct jitter *jitter); /* NULL is fine */
/* Forgets all packets and timings. Packets lent in this tick stay valid. */
void jitter_reset(struct jitter *jitter);
/* Takes back what the last tick was lent. */
void jitter_begin_tick(struct jitter *jitter);
/* Copies. ERR_EXIST: its time is covered by a packet that came before. ERR_AGAIN: too late, though
 * a primary packet still teaches the buffer. ERR_FULL: no room. ERR_INVAL: too large or no
 * duration. */
MUST_CHECK int jitter_put(struct jitter *jitter, const struct jitter_packet *packet);
/* What comes next, given that wanted_samples (120..960) are still missing in this tick. It may hold
 * more than that. Lends packets until jitter_begin_tick(). */
void jitter_pull(struct jitter *jitter, uint32_t wanted_samples, struct jitter_pull *out);
/* held_samples: pulled, but not played in this tick. Here the delay adapts. */
void jitter_end_tick(struct jitter *jitter, uint32_t held_samples);

#endif
