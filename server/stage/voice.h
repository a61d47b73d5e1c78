/* voice.h - one host's way from RTP packets to PCM: redundancy, jitter buffer, decoder, FEC,
 * concealment. Packets may have any duration from 2.5 to 120 ms; PCM leaves in frames of 20 ms.
 *
 * Owner    a host's place on the stage
 * Thread   stage; allocates only in voice_create()
 * Units    samples at 48 kHz per channel; PCM is interleaved
 * Errors   bad packets are dropped and counted
 * Spec     RFC 3550, RFC 7587 (Opus in RTP), RFC 2198 (redundancy), RFC 6716 section 4.4 (loss)
 */
#ifndef STAGE_VOICE_H
#define STAGE_VOICE_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    VOICE_YIELD_MAX = 16,      /* packets that begin in one tick: eight of 2.5 ms, and spare */
    VOICE_CONCEAL_MAX = 24000, /* 500 ms: what is missing for longer is silence */
};

struct voice;

/* Running totals; the caller's. */
struct voice_counts {
    uint64_t decoded;   /* packets */
    uint64_t redundant; /* of these, out of a RED packet's older blocks */
    uint64_t rebuilt;   /* gaps filled by in-band FEC */
    uint64_t concealed; /* gaps filled by guessing */
    uint64_t bad;       /* packets: malformed, or not Opus */
    uint64_t late;      /* packets */
};

/* A packet whose audio begins in this tick. */
struct voice_packet {
    uint32_t offset_samples; /* from the tick's start; a multiple of 120 */
    uint32_t samples;
    struct slice data; /* lent until the next voice_tick() */
};

struct voice_frame {
    const int16_t *pcm; /* lent until the next voice_tick(): FRAME_SAMPLES per channel */
    unsigned packet_count;
    struct voice_packet packets[VOICE_YIELD_MAX];
};

/* channels: 1 or 2, of the PCM; the packets' own number does not matter. Allocates; release with
 * voice_destroy(). ERR_INVAL, ERR_NOMEM. */
MUST_CHECK int voice_create(struct voice **out, unsigned channels);
void voice_destroy(struct voice *voice); /* NULL is fine */
/* Starts anew, for another sender. red_type 0: no redundancy. */
void voice_reset(struct voice *voice, uint8_t payload_type, uint8_t red_type);
/* Drops what is queued and goes on with what comes next: after time was skipped. */
void voice_resync(struct voice *voice);
void voice_receive(struct voice *voice, struct slice rtp, struct voice_counts *counts);
void voice_tick(struct voice *voice, struct voice_counts *counts, struct voice_frame *out);

#endif
