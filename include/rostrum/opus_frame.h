/* opus_frame.h - what an Opus packet says about itself without being decoded.
 *
 * Owner    values
 * Thread   any
 * Units    samples per channel at 48 kHz
 * Errors   0 or a negative ERR_*; outputs are written only on success
 * Spec     RFC 6716 section 3 (packets), RFC 7845 section 4.1 (filler packets)
 */
#ifndef ROSTRUM_OPUS_FRAME_H
#define ROSTRUM_OPUS_FRAME_H

#include "rostrum/cursor.h"
#include "rostrum/error.h"

enum {
    OPUS_RATE_HZ = 48000,
    OPUS_FRAME_BYTES_MAX = 1275,    /* RFC 6716 section 3.4 [R2] */
    OPUS_PACKET_SAMPLES_MAX = 5760, /* RFC 6716 section 3.4 [R5]: 120 ms */
    OPUS_FRAMES_MAX = 48,           /* 120 ms of 2.5 ms frames */
    OPUS_FILLER_BYTES_MAX = 2       /* RFC 7845 section 4.1: TOC and frame count */
};

enum opus_mode { OPUS_SILK, OPUS_HYBRID, OPUS_CELT };
enum opus_bandwidth { OPUS_NARROW, OPUS_MEDIUM, OPUS_WIDE, OPUS_SUPERWIDE, OPUS_FULL };

/* RFC 6716 section 3.1 */
struct opus_toc {
    enum opus_mode mode;
    enum opus_bandwidth bandwidth;
    uint16_t frame_samples; /* of one frame: 120..2880 */
    bool stereo;
    uint8_t code; /* 0: one frame, 1: two equal, 2: two, 3: counted */
};

struct opus_packet {
    struct opus_toc toc;
    unsigned frame_count; /* 1..OPUS_FRAMES_MAX */
    unsigned samples;     /* of all frames: 120..OPUS_PACKET_SAMPLES_MAX */
    unsigned frame_bytes; /* of all frames together; 0 in a filler packet */
};

struct opus_toc opus_toc_of(uint8_t byte);
/* Validates the whole packet by [R1]..[R7]. ERR_PROTO. */
MUST_CHECK int opus_frame_parse(struct opus_packet *out, struct slice packet);
/* Samples of the packet, 120..OPUS_PACKET_SAMPLES_MAX, or ERR_PROTO. */
MUST_CHECK int opus_frame_samples(struct slice packet);
/* Writes a packet of zero-length frames that decoders conceal, with mode, bandwidth, channels and
 * frame size of the packet whose first byte is `toc_byte`. Covers as much of `samples` as fits into
 * one packet and returns that in *covered: call until all is covered. When samples is less than one
 * such frame the frame size is reduced to 2.5, 5, 10 … ms (CELT). ERR_INVAL: samples is 0 or no
 * multiple of 120. */
MUST_CHECK int opus_frame_filler(uint8_t toc_byte, unsigned samples, struct writer *out,
                                 unsigned *covered);

#endif
