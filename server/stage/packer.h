/* packer.h - how many 20 ms frames of the program share one packet: one, or three to save packets.
 *
 * Nothing is encoded anew: opus_repacketizer joins the frames, and a decoder makes the same sound of
 * them. Frames that cannot be joined (the codec changed its mode, the packet would grow too large,
 * time was skipped) go out with what was collected before them; none is lost or overtaken, and the
 * durations of the packets add up to the advance of their timestamps.
 *
 * Owner    a room's stage
 * Thread   stage; allocates only in packer_create()
 * Units    samples at 48 kHz, bytes of RTP payload
 * Errors   none while running
 * Spec     RFC 6716 section 3.2.5 (several frames in a packet), RFC 7587 section 4.2
 */
#ifndef STAGE_PACKER_H
#define STAGE_PACKER_H

#include "rostrum/error.h"

#include <stdint.h>

enum {
    PACKER_FRAMES_MAX = 3, /* 60 ms: browsers play more, but a lost packet is a hole of its size */
    /* 5 s from one size to the next larger one: with each step packets come 20 ms later, and players
     * need 2 to 5 s to stretch their delay by so much without a sound of it. */
    PACKER_STEP_FRAMES = 250,
    /* A joined packet stays within 1200 bytes with RTP header and SRTP trailer, as large as
     * browsers make theirs: it passes every tunnel. A single frame may be larger. */
    PACKER_PAYLOAD_MAX = 1200 - 12 - 16,
};

struct media_frame;
struct packer;

/* Takes one finished packet; lent for the call. */
typedef void packer_send(const void *ctx, const struct media_frame *frame);

/* Allocates; release with packer_destroy(). It starts with one frame a packet. ERR_NOMEM. */
MUST_CHECK int packer_create(struct packer **out);
void packer_destroy(struct packer *packer); /* NULL is fine */
/* From the next packet on. frames: 1..PACKER_FRAMES_MAX. More frames than now come step by step,
 * unless nothing was sent yet; fewer at once, and what is collected goes out with it if it makes up
 * a packet. */
void packer_set_frames(struct packer *packer, unsigned frames, packer_send *send, const void *ctx);
/* One 20 ms frame of the program; copied if it has to wait. The packer gives packets their index,
 * from 0 without holes; made_us of a packet is that of its last frame. */
void packer_push(struct packer *packer, const struct media_frame *frame, packer_send *send,
                 const void *ctx);
/* Sends what is collected. */
void packer_flush(struct packer *packer, packer_send *send, const void *ctx);

#endif
