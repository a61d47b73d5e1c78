/* rtcp.h - RTCP: walk a (compound or reduced-size) packet, write reports and feedback.
 *
 * Owner    values; the CNAME slice is borrowed from the packet
 * Thread   any
 * Units    NTP is 32.32 fixed point since 1900; last_sr and delays are 16.16 seconds; jitter in
 *          timestamp units
 * Errors   0 or a negative ERR_*; outputs are written only on success
 * Spec     RFC 3550 section 6, RFC 4585 section 6.2.1 (NACK), RFC 5506 (reduced size)
 */
#ifndef ROSTRUM_RTCP_H
#define ROSTRUM_RTCP_H

#include "rostrum/cursor.h"
#include "rostrum/error.h"

enum {
    RTCP_BLOCKS_MAX = 31, /* RFC 3550 section 6.4.1: 5 bit count */
    RTCP_NACK_MAX = 128,  /* sequence numbers taken from one NACK; later ones are left out */
    RTCP_CNAME_MAX = 255  /* RFC 3550 section 6.5: 8 bit length */
};

enum rtcp_kind {
    RTCP_OTHER, /* valid but of no interest: APP, XR, transport-cc, picture feedback */
    RTCP_SR,
    RTCP_RR,
    RTCP_SDES,
    RTCP_BYE,
    RTCP_NACK
};

/* RFC 3550 section 6.4.1 */
struct rtcp_block {
    uint32_t ssrc;            /* whose packets are reported on */
    uint8_t fraction_lost_q8; /* since the last report */
    int32_t lost_packets;     /* since the start; 24 bit signed, negative with duplicates */
    uint32_t highest_ext_seq; /* 16 bit of cycles, 16 bit of seq */
    uint32_t jitter;          /* timestamp units */
    uint32_t last_sr;         /* middle 32 bits of the SR's NTP time; 0: none yet */
    uint32_t delay_since_sr;  /* 1/65536 s */
};

/* RFC 3550 section 6.4.1 */
struct rtcp_sender {
    uint64_t ntp;
    uint32_t timestamp;
    uint32_t packets;
    uint32_t bytes;
};

struct rtcp_packet {
    enum rtcp_kind kind;
    uint32_t ssrc; /* of its sender; for BYE and SDES the first one named; 0 for RTCP_OTHER */
    union {
        struct {
            struct rtcp_sender sender; /* RTCP_SR only */
            unsigned block_count;
            struct rtcp_block blocks[RTCP_BLOCKS_MAX];
        } report;           /* RTCP_SR, RTCP_RR */
        struct slice cname; /* RTCP_SDES; borrowed; empty when absent */
        struct {
            uint32_t media_ssrc;
            unsigned seq_count;
            uint16_t seqs[RTCP_NACK_MAX];
        } nack; /* RTCP_NACK */
    };
};

/* Call until ERR_AGAIN (the end). `c` is a cursor over the whole decrypted packet. ERR_PROTO:
 * malformed; what came before it was good. RTCP_OTHER packets are handed out too. */
MUST_CHECK int rtcp_next(struct cursor *c, struct rtcp_packet *out);
/* Walks all of it. ERR_PROTO: one of its packets is malformed, or there is none. */
MUST_CHECK int rtcp_check(struct slice compound);

/* Middle 32 bits of an NTP time, as they stand in last_sr. */
uint32_t rtcp_ntp_middle(uint64_t ntp);
/* NTP time from milliseconds since 1970. */
uint64_t rtcp_ntp_from_wall_ms(int64_t wall_ms);

/* The writers append one RTCP packet each; put SR or RR first. count 0..RTCP_BLOCKS_MAX.
 * ERR_FULL, ERR_INVAL: out->at is as before. */
MUST_CHECK int rtcp_write_sr(uint32_t ssrc, const struct rtcp_sender *sender,
                             const struct rtcp_block *blocks, size_t count, struct writer *out);
MUST_CHECK int rtcp_write_rr(uint32_t ssrc, const struct rtcp_block *blocks, size_t count,
                             struct writer *out);
MUST_CHECK int rtcp_write_sdes(uint32_t ssrc, struct slice cname, struct writer *out);
MUST_CHECK int rtcp_write_bye(uint32_t ssrc, struct writer *out);
/* seqs ascending on the number circle; 1..RTCP_NACK_MAX of them. */
MUST_CHECK int rtcp_write_nack(uint32_t ssrc, uint32_t media_ssrc, const uint16_t *seqs,
                               size_t count, struct writer *out);

#endif
