/* reports.h - what one seat's own RTCP proves: whether the program arrives, how much is lost, and
 * what it asks to have again.
 *
 * Owner    one struct seat_reports per seat, in the audience
 * Thread   the seat's worker
 * Units    microseconds, monotonic; index is the seat's 48-bit packet index
 * Errors   ERR_PROTO: malformed; what came before that was taken
 * Spec     RFC 3550 section 6.4, RFC 4585 section 6.2.1, RFC 3711 section 3.3.2 (replay window)
 */
#ifndef AUDIENCE_REPORTS_H
#define AUDIENCE_REPORTS_H

#include "rostrum/error.h"
#include "rostrum/rtcp.h"
#include "rostrum/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    REPLAY_WINDOW = 64, /* RFC 3711 section 3.3.2: at least 64 */
};

/* SRTCP indices already seen. All zeros is a fresh window. */
struct replay_window {
    bool has_newest;
    uint32_t newest;
    uint64_t seen; /* bit n: newest - n has come */
};

/* Only for packets whose tag was right. False: it came before, or is too old to tell. */
bool replay_accept(struct replay_window *window, uint32_t index);

/* All zeros is a seat that has not reported. */
struct seat_reports {
    bool has_highest;
    uint32_t highest_ext_seq;  /* as last reported, with the receiver's own cycles */
    uint64_t highest_index;    /* the packet that it meant */
    uint64_t hearing_until_us; /* 0: not hearing */
    uint8_t fraction_lost_q8;  /* of the report that hearing rests on */
};

/* What the reader must know of the seat. */
struct reports_context {
    uint32_t ssrc;         /* ours, towards this seat */
    uint64_t first_index;  /* the first packet that was due to it */
    uint64_t newest_index; /* of the newest packet that may have been sent to it */
    uint64_t now_us;
    uint64_t hearing_us; /* how long one report counts */
};

/* What the seat asks for again: 16-bit sequence numbers of ours. */
struct reports_nack {
    bool is_bye; /* nothing: it leaves */
    unsigned count;
    uint16_t seqs[RTCP_NACK_MAX];
};

/* Reads one decrypted compound. A report block about our ssrc proves hearing only if its highest
 * sequence number moved on since the last one and was sent already: an unchanged number, or one
 * from the future, proves nothing. BYE ends hearing. nack->count is 0 when nothing is asked. */
MUST_CHECK int reports_read(struct seat_reports *reports, const struct reports_context *context,
                            struct slice rtcp, struct reports_nack *nack);
bool reports_is_hearing(const struct seat_reports *reports, uint64_t now_us);

#endif
