/* intake.h - the program as it comes from a parent, put in order: packets in, frames out.
 *
 * Packets come by RED or plainly, in any order, twice or not at all, from one parent or, while the
 * parent changes, from two. Each packet of the program is given out once, in order. What came in
 * order is given out at once. For what is missing it waits as long as it can still come (a later
 * packet carries it, it is sent again, or the other parent has it), at most INTAKE_WAIT_US; then the
 * index leaves a gap of the right size. Three or more packets that came together go out one after
 * another, half their duration apart, so that the passes of an audience do not cut each other off.
 *
 * A parent's sequence numbers say how many packets lie between two of its own; what belongs together
 * from two parents is found by timestamps, which are the same in the whole tree. A program whose
 * timestamps have nothing to do with the former ones (the origin was started anew) follows the last
 * packet without a gap.
 *
 * Owner    one room's upstream
 * Thread   the owner's; allocates only in intake_create()
 * Units    microseconds, monotonic, passed in; samples at 48 kHz; index counts packets
 * Errors   bytes from the network are untrusted: what is not a packet of the program is counted and
 *          dropped
 * Spec     RFC 3550, RFC 2198 (RED), RFC 4585 section 6.2.1 (NACK), RFC 7587
 */
#ifndef TREE_INTAKE_H
#define TREE_INTAKE_H

#include "rostrum/error.h"
#include "rostrum/rtcp.h"
#include "rostrum/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    INTAKE_SOURCES = 2,         /* parents at one time */
    INTAKE_PAYLOAD_MAX = 1444,  /* of one packet, as in audience/program.h */
    INTAKE_SLOTS = 128,         /* packets known around the next one. Power of two */
    INTAKE_WAIT_US = 60 * 1000, /* for what is missing */
};

struct intake; /* opaque: fields live in intake_internal.h */

struct intake_frame {
    uint64_t index;
    uint32_t timestamp; /* as the origin gave it */
    uint32_t samples;
    struct slice payload; /* Opus; lent until the next call into the intake */
};

struct intake_counts {
    uint64_t received;       /* packets of the network, without duplicates */
    uint64_t duplicates;     /* and what came too late */
    uint64_t bad;            /* not RTP, not of the negotiated types, broken RED or Opus */
    uint64_t repaired_red;   /* frames that a later packet brought */
    uint64_t repaired_again; /* frames that came out of order: sent again, or overtaken */
    uint64_t given;          /* frames given out */
    uint64_t missing;        /* frames that never came */
    uint64_t restarts;       /* of the program's timestamps */
};

/* Allocates; release with intake_destroy(). The first frame has this index. ERR_NOMEM. */
MUST_CHECK int intake_create(struct intake **out, uint64_t first_index);
void intake_destroy(struct intake *intake); /* NULL is fine */

/* Another parent sends as `source` (0..INTAKE_SOURCES - 1) from now on. It is the one to be believed
 * if they disagree. red_type 0: it sends no RED. */
void intake_open(struct intake *intake, unsigned source, uint8_t opus_type, uint8_t red_type);
void intake_shut(struct intake *intake, unsigned source);

/* One decrypted RTP packet. True: it was new. */
bool intake_take(struct intake *intake, unsigned source, struct slice rtp, uint64_t now_us);
/* Lends the next frame that is due; call until false. */
bool intake_next(struct intake *intake, uint64_t now_us, struct intake_frame *out);
/* When intake_next() or intake_missing() has something to do that time alone brings; UINT64_MAX:
 * never. */
uint64_t intake_due_us(const struct intake *intake, uint64_t now_us);

/* Writes up to `max` sequence numbers to be asked for again, ascending, and their SSRC. rtt_us: to
 * that parent, 0 if unknown. */
size_t intake_missing(struct intake *intake, unsigned source, uint16_t *seqs, size_t max,
                      uint64_t now_us, uint64_t rtt_us, uint32_t *ssrc);
/* For the next receiver report. False: nothing came from there yet. */
bool intake_report(struct intake *intake, unsigned source, struct rtcp_block *out, uint64_t now_us);
void intake_sender_report(struct intake *intake, unsigned source, uint32_t ssrc, uint64_t ntp,
                          uint64_t now_us);

uint64_t intake_next_index(const struct intake *intake);
/* Duration of the newest packet; 0: there was none. */
uint32_t intake_samples(const struct intake *intake);
void intake_counts(const struct intake *intake, struct intake_counts *out);

#endif
