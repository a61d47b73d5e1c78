/* arrivals.h - one listener's account of the RTP packets that reached its socket: what came, what
 * is missing, how late, and the longest silence between two packets.
 *
 * Lateness is the delay beyond the same listener's quickest packet. It knows no common clock: a
 * sender whose clock is 50 ppm slow adds 3 ms a minute. A packet is judged when the next one is
 * here, for only the step between their timestamps tells how long it is; when that changes, the
 * quickest packet is looked for anew. A gap is the time between two packets, less what the second is
 * longer than 20 ms, as it cannot be sent before it is full: economy's packets are judged as any.
 *
 * Owner    one listener, which embeds it
 * Thread   the listener's; never allocates
 * Units    microseconds, monotonic, passed in
 * Errors   none
 * Spec     RFC 3550 appendix A.3, A.8; RFC 7587 section 4.2 (48 kHz whatever the packet's length)
 */
#ifndef REHEARSE_ARRIVALS_H
#define REHEARSE_ARRIVALS_H

#include "rehearse/tally.h"
#include "rostrum/reception.h"

enum {
    ARRIVALS_EARLY = 32, /* first packets, judged together once the quickest of them is known */
    ARRIVALS_SAMPLES_MAX = 5760, /* RFC 7587 section 4.2: 120 ms, the longest packet */
};

/* What a packet is judged by once the one after it is here. */
struct arrivals_newest {
    uint64_t ext_seq;
    uint64_t arrival_us;
    uint64_t waited_us; /* since the packet before it; 0: there was none */
    uint32_t timestamp;
};

struct arrivals {
    uint64_t first_us; /* arrival of the first packet; 0: none yet */
    uint64_t last_us;  /* arrival of the newest one */
    uint32_t first_timestamp;
    uint32_t length_samples; /* of the packets now; 0: not known yet */
    int64_t quickest_us;     /* smallest transit at this length, against the first packet's */
    unsigned early_count;    /* held back; ARRIVALS_EARLY: none is any more */
    bool has_newest;
    struct arrivals_newest newest;
    uint64_t longest_gap_us;
    struct reception reception; /* its last bytes are cold: what is missing */
    int64_t early_us[ARRIVALS_EARLY];
};

void arrivals_init(struct arrivals *arrivals);
/* True: a packet that was not here before, counted in packets, lost and gaps. False: a duplicate
 * (or more than RECEPTION_WINDOW packets late), which the caller counts if it is none that was
 * asked for. `second` is the one of the arrival, NULL: not kept. */
bool arrivals_take(struct arrivals *arrivals, const struct rtp_packet *packet, uint64_t arrival_us,
                   struct tally *tally, struct tally_second *second);
/* The listener leaves at now_us, or the connection is given up: judges what is left, and counts
 * jitter and the longest gap, the one up to now_us among them. */
void arrivals_end(struct arrivals *arrivals, uint64_t now_us, struct tally *tally,
                  struct tally_second *second);

#endif
