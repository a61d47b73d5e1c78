/* reception.h - what a receiver knows of one RTP stream: what came, what is missing, what to report
 * and ask for.
 *
 * Used by workers for their hosts and by the client for the program.
 *
 * Owner    whoever embeds it
 * Thread   the owner's; never allocates
 * Units    microseconds, monotonic, passed in; ext_seq counts on over wraps
 * Errors   none
 * Spec     RFC 3550 section 6.4.1 and appendix A.3, A.8; RFC 4585 section 6.2.1
 */
#ifndef ROSTRUM_RECEPTION_H
#define ROSTRUM_RECEPTION_H

#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"

enum {
    RECEPTION_WINDOW = 256,     /* packets back that duplicates are known for. Multiple of 64 */
    RECEPTION_MISSING_MAX = 64, /* a longer gap is no loss but a pause: nothing is asked for */
    RECEPTION_ASK_TRIES = 4,    /* for one packet */
    RECEPTION_ASK_EVERY_US = 20 * 1000, /* or one round trip, if that is longer */
    RECEPTION_GIVE_UP_US = 500 * 1000,  /* later than that playing has gone on */
    RECEPTION_CLOCK_HZ = 48000,         /* RFC 7587 section 4.1 */
};

struct reception_hole {
    uint64_t ext_seq;
    uint64_t since_us, next_ask_us;
    unsigned tries;
    bool open;
};

struct reception {
    bool started;
    uint32_t ssrc;
    uint64_t first_ext_seq, highest_ext_seq;
    uint64_t received;                    /* without duplicates */
    uint64_t seen[RECEPTION_WINDOW / 64]; /* bit n: highest_ext_seq - n came */
    uint32_t last_transit;
    uint32_t jitter_q4;                        /* 1/16 timestamp units */
    uint64_t expected_before, received_before; /* at the last report */
    uint64_t sender_ntp, sender_us;            /* of the last sender report; sender_us 0: none */
    struct reception_hole holes[RECEPTION_MISSING_MAX];
};

void reception_init(struct reception *reception);
/* True: a new packet, *ext_seq is its number. False: a duplicate, or older than the window. Another
 * SSRC starts all anew. */
bool reception_take(struct reception *reception, const struct rtp_packet *packet, uint64_t now_us,
                    uint64_t *ext_seq);
uint64_t reception_expected(const struct reception *reception);
/* For a sender report of this very SSRC. */
void reception_sender_report(struct reception *reception, uint64_t ntp, uint64_t now_us);
/* Fills the block for the next receiver report and begins a new interval. False: nothing came yet.
 */
bool reception_block(struct reception *reception, struct rtcp_block *out, uint64_t now_us);
/* Writes up to `max` missing sequence numbers, ascending, that are due to be asked for, and counts
 * them as asked. rtt_us 0: unknown. */
size_t reception_missing(struct reception *reception, uint16_t *seqs, size_t max, uint64_t now_us,
                         uint64_t rtt_us);
/* The packet came by another way, or is not needed any more: it is not asked for. */
void reception_forget(struct reception *reception, uint64_t ext_seq);
/* When reception_missing() has something to do; UINT64_MAX: nothing is missing. */
uint64_t reception_due_us(const struct reception *reception);

#endif
