/* rtp.h - RTP packets: header, extensions, redundancy, sequence arithmetic, demultiplexing.
 *
 * Owner    values; payload and extension slices are borrowed from the packet
 * Thread   any
 * Units    timestamps and seq wrap (32 and 16 bit); ext_ values are 64 bit and do not
 * Errors   0 or a negative ERR_*; outputs are written only on success
 * Spec     RFC 3550 section 5, RFC 8285, RFC 6464, RFC 2198, RFC 7983, RFC 5761
 */
#ifndef ROSTRUM_RTP_H
#define ROSTRUM_RTP_H

#include "rostrum/cursor.h"
#include "rostrum/error.h"

enum {
    RTP_HEADER_BYTES = 12,     /* RFC 3550 section 5.1, without CSRC and extension */
    RTP_VERSION = 2,           /* RFC 3550 section 5.1 */
    RTP_PACKET_MAX = 1500,     /* larger never reaches us in one datagram */
    RTP_EXT_ONE_BYTE = 0xBEDE, /* RFC 8285 section 4.2 */
    RTP_EXT_TWO_BYTE = 0x1000, /* RFC 8285 section 4.3; the low 4 bits are appbits */
    RED_BLOCKS_MAX = 8,        /* the primary and up to seven older ones */
    RED_BLOCK_BYTES_MAX = 1023 /* RFC 2198 section 3: 10 bit block length */
};

/* RFC 7983 section 7, RFC 5761 section 4: what a datagram on the one port is. */
enum packet_kind { PACKET_OTHER, PACKET_STUN, PACKET_DTLS, PACKET_RTP, PACKET_RTCP };
enum packet_kind packet_kind(struct slice packet);

struct rtp_packet {
    uint8_t payload_type; /* 0..127 */
    bool marker;
    uint16_t seq;
    uint32_t timestamp;
    uint32_t ssrc;
    uint8_t csrc_count; /* 0..15; skipped */
    bool has_extension;
    uint16_t extension_profile;
    struct slice extension; /* borrowed: the elements, without the 4-byte extension header */
    struct slice payload;   /* borrowed: without padding; may be empty */
};

/* Borrows from packet. ERR_PROTO. */
MUST_CHECK int rtp_parse(struct rtp_packet *out, struct slice packet);
/* Appends the fixed header (and the extension block when has_extension, which must be a multiple of
 * 4 bytes). The payload is not appended. ERR_FULL, ERR_INVAL. */
MUST_CHECK int rtp_write_header(const struct rtp_packet *packet, struct writer *out);
/* Lends the element with this local id (1..14 one-byte, 1..255 two-byte). ERR_NOENT, ERR_PROTO. */
MUST_CHECK int rtp_extension(const struct rtp_packet *packet, uint8_t id, struct slice *out);
/* RFC 6464: level_dbov 0 (loudest)..127 (silence), to be read as minus; voice is the sender's
 * opinion. ERR_NOENT: the packet does not carry it. */
MUST_CHECK int rtp_audio_level(const struct rtp_packet *packet, uint8_t id, uint8_t *level_dbov,
                               bool *voice);

/* True when a comes before b, by less than half of the number circle. */
static inline bool seq_before(uint16_t a, uint16_t b)
{
    return a != b && (uint16_t)(b - a) < 0x8000u;
}

static inline bool timestamp_before(uint32_t a, uint32_t b)
{
    return a != b && b - a < 0x80000000u;
}

/* The 64-bit number nearest to last_ext whose low bits are seq: later or earlier. Never below zero.
 */
uint64_t seq_extend(uint64_t last_ext, uint16_t seq);
uint64_t timestamp_extend(uint64_t last_ext, uint32_t timestamp);

struct red_block {
    uint8_t payload_type;
    uint32_t timestamp;
    struct slice payload; /* borrowed; may be empty */
};

/* RFC 2198 section 3. blocks[0] is the oldest, blocks[count - 1] the primary; `timestamp` is that
 * of the RTP packet. ERR_PROTO: malformed or more than RED_BLOCKS_MAX. */
MUST_CHECK int red_parse(struct red_block blocks[RED_BLOCKS_MAX], size_t *count,
                         struct slice payload, uint32_t timestamp);
/* Appends a RED payload; the last block is the primary. ERR_INVAL: a block is over 1023 bytes or
 * 16383 samples older than the primary, count is not 1..RED_BLOCKS_MAX. ERR_FULL. */
MUST_CHECK int red_write(const struct red_block *blocks, size_t count, struct writer *out);

#endif
