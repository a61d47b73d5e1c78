/* encoder.h - one Opus encoder, set up for what its output is for.
 *
 * Digital silence costs nothing: after ENCODER_SILENT_FRAMES of zeros, when the codec's own memory
 * holds nothing else, a constant packet stands for each further frame.
 *
 * Owner    a room, or a host's place on the stage
 * Thread   stage; allocates only in encoder_create()
 * Units    bit/s; interleaved PCM, FRAME_SAMPLES per channel
 * Errors   encoding cannot fail: a frame that the codec refused becomes silence
 * Spec     RFC 6716, RFC 7587
 */
#ifndef STAGE_ENCODER_H
#define STAGE_ENCODER_H

#include "rostrum/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ENCODER_BYTES_MAX = 1275, /* RFC 6716 section 3.4: one frame */
    ENCODER_BPS_MIN = 16000,
    ENCODER_BPS_MAX = 256000,
    ENCODER_SILENT_FRAMES = 10,
    ENCODER_LOSS_MIN = 2,  /* percent, assumed of every audience */
    ENCODER_LOSS_MAX = 20, /* more costs more quality than it saves */
    ENCODER_LOSS_HOST = 5, /* percent, assumed of a host's path */
    ENCODER_FEED_BPS = 40000,
};

enum encoder_use {
    ENCODER_FEED,     /* a host's mix-minus: cheap, with FEC */
    ENCODER_PROGRAM,  /* the audience's: with FEC tuned by their loss */
    ENCODER_RECORDING /* the best; nothing is lost on the way to a disk */
};

struct encoder;

/* Allocates; release with encoder_destroy(). channels: 1 or 2. ERR_INVAL, ERR_NOMEM. */
MUST_CHECK int encoder_create(struct encoder **out, enum encoder_use use, unsigned channels,
                              uint32_t bps);
void encoder_destroy(struct encoder *encoder); /* NULL is fine */
/* Forgets the past: for an encoder that rested while another one served the same decoder. */
void encoder_restart(struct encoder *encoder);
/* From the next frame on, without a gap: nothing of the past is forgotten. bps: ENCODER_BPS_MIN..MAX.
 * The codec gives up FEC below about 30 kbit/s while less than 6 % loss is set (and begins with it at
 * 33); speech keeps the full band from 30 on at every loss, from 24 on while little is lost. */
void encoder_set_bps(struct encoder *encoder, uint32_t bps);
/* ENCODER_PROGRAM: the loss to be armed against; kept within ENCODER_LOSS_MIN and _MAX. */
void encoder_set_loss(struct encoder *encoder, uint32_t loss_permille);
/* One frame of 20 ms; returns the packet's bytes. */
size_t encoder_encode(struct encoder *encoder, const int16_t *pcm, uint8_t out[ENCODER_BYTES_MAX]);
/* The constant packet: 20 ms of silence. Returns its bytes. */
size_t encoder_silence(unsigned channels, uint8_t out[ENCODER_BYTES_MAX]);

#endif
