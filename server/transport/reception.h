/* reception.h - what one sender's packets tell: the numbers of a receiver report, and which packets
 * are missing and worth asking for.
 *
 * Owner    one host
 * Thread   worker; never allocates
 * Units    microseconds, monotonic, passed in; seq wraps, ext_seq does not; jitter in 1/48 ms
 * Errors   none
 * Spec     RFC 3550 sections 6.4.1, A.3 and A.8; RFC 4585 section 6.2.1 (generic NACK)
 */
#ifndef TRANSPORT_RECEPTION_H
#define TRANSPORT_RECEPTION_H

#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MISSING_MAX = 64,                  /* a longer gap is no loss but a pause */
    MISSING_TRIES_MAX = 4,             /* times we ask for one packet */
    MISSING_GIVE_UP_US = 500 * 1000,   /* later than that the stage has played on */
    MISSING_REPEAT_MIN_US = 20 * 1000, /* or one round trip, if that is longer */
};

struct missing {
    uint64_t ext_seq;
    uint64_t since_us;
    uint64_t ask_us; /* when to ask (again) */
    unsigned tries;
};

struct reception {
    bool has_started;
    uint32_t ssrc;
    uint64_t first_ext, highest_ext;
    uint64_t received, received_before, expected_before; /* before: at the last report */
    uint32_t transit;                                    /* RFC 3550 A.8 */
    uint32_t jitter_q4;                                  /* 16 times the jitter */
    uint32_t last_sr;
    uint64_t last_sr_us; /* its arrival; 0: none yet */
    struct missing missing[MISSING_MAX];
    unsigned missing_count;
};

/* A fresh packet (authentic, not a replay). Another SSRC starts all over. */
void reception_note(struct reception *reception, const struct rtp_packet *packet, uint64_t now_us);
void reception_note_sr(struct reception *reception, uint32_t ssrc, uint64_t ntp, uint64_t now_us);
/* Fills the block of the next report. False: nothing was received yet. */
bool reception_report(struct reception *reception, uint64_t now_us, struct rtcp_block *out);
/* Which packets to ask for now, ascending; gives up those that are too old. */
unsigned reception_ask(struct reception *reception, uint64_t rtt_us, uint64_t now_us,
                       uint16_t out[MISSING_MAX]);
uint64_t reception_due_us(const struct reception *reception); /* UINT64_MAX: nothing to ask for */

#endif
