/* tally.h - what a rehearsal counts: distributions, sums, and one line a second.
 *
 * Owner    each thread of the crowd has its own; they are added up at the end
 * Thread   the owner's; plain data, sums are made when the threads have ended
 * Units    microseconds; packets
 * Errors   none
 * Spec     RFC 3550 appendix A (loss, jitter)
 */
#ifndef REHEARSE_TALLY_H
#define REHEARSE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_BUCKETS = 512, /* within 4 %, from 1 us to over a minute */
    HISTOGRAM_EXACT = 32,    /* smaller values have a bucket each */
    TALLY_REASONS = 16,
    TALLY_REASON_CHARS = 40,
    TALLY_SECONDS_MAX = 3600,
    TALLY_GAP_US = 60 * 1000,
    TALLY_ANSWER_US = 1000 * 1000, /* every ask is to be answered within */
    TALLY_PARTS = 8,
    TALLY_NODES = 64,
    TALLY_NODE_CHARS = 80,
};

/* All zeros is empty. */
struct histogram {
    uint64_t count, sum_us, max_us;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};
void histogram_add(struct histogram *histogram, uint64_t value_us);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The value that `permille` of all do not exceed, at most 4 % too high; 0 when empty. */
uint64_t histogram_at(const struct histogram *histogram, unsigned permille);

/* Why attempts did not lead to sound. */
struct tally_reason {
    char name[TALLY_REASON_CHARS]; /* the server's word, or ours: "timeout", "no connection", ... */
    uint32_t count;
};
struct tally_reasons {
    unsigned used;
    struct tally_reason
        list[TALLY_REASONS]; /* what finds no place is counted as the last, "other" */
};
void tally_reason(struct tally_reasons *reasons, const char *name, uint32_t more);

/* By which node they heard. */
struct tally_node {
    char url[TALLY_NODE_CHARS];
    uint64_t heard; /* joined there */
};
struct tally_nodes {
    unsigned used;
    struct tally_node list[TALLY_NODES]; /* those beyond are counted in `others` */
    uint64_t others;
};
void tally_node(struct tally_nodes *nodes, const char *url, uint64_t more);

/* One second of the rehearsal. */
struct tally_second {
    uint32_t hearing;       /* listeners that heard a packet in it; unread ones count as before */
    uint32_t joins;         /* first sounds in it */
    uint64_t packets, lost; /* as in struct tally */
    uint32_t gaps;          /* longer than TALLY_GAP_US */
    uint32_t late[64]; /* lateness of its packets: [i] up to (i+1) ms; the last: 63 ms and more */
};
/* Milliseconds that `permille` of the second's packets do not exceed. */
unsigned tally_second_late_ms(const struct tally_second *second, unsigned permille);

/* Asks of one part of the rehearsal: offers, and check-ins at the line. */
struct tally_asks {
    uint64_t asked, answered, late; /* late: answered, but after TALLY_ANSWER_US */
    uint64_t unanswered;            /* no connection, cut off, no answer in time */
    uint64_t check_ins;             /* of the asked: by who had a place already */
    uint64_t newcomers;             /* of the asked: by who had no ticket */
    struct histogram times;         /* of the answered */
};

struct tally {
    uint64_t attempts, joined, refused, failed; /* an attempt ends as one of the three */
    uint64_t hops;                              /* sent from one node to another, and gone there */
    struct tally_nodes nodes;
    uint64_t moved; /* from a node that wanted to be left, hearing there until they heard again */
    uint64_t disconnects; /* lost after sound came; the listener comes again */
    /* lost: never came, not after a NACK either. What a lossy listener dropped on purpose is none
     * of that: it counts in `dropped`, and in `repaired` when it came again after a NACK. */
    uint64_t packets, lost, dropped, duplicates, repaired, damaged;
    uint64_t verified; /* decrypted, tag right */
    uint64_t gaps;     /* between two packets of a listener, longer than TALLY_GAP_US */
    uint64_t reports_sent, nacks_sent, checks_sent;
    struct tally_asks asks[TALLY_PARTS]; /* [0] unless a conductor tells the parts apart */
    struct histogram signalling;         /* attempt to answer */
    struct histogram first_sound;        /* attempt to first packet */
    struct histogram lateness;           /* delay beyond the same listener's quickest packet */
    struct histogram jitter;      /* each listener's interarrival jitter at its end (RFC 3550) */
    struct histogram longest_gap; /* each listener's */
    struct tally_reasons reasons;
    struct tally_reasons losses;     /* why connections that had sound were lost */
    uint32_t seconds;                /* used of: */
    struct tally_second *per_second; /* borrowed; TALLY_SECONDS_MAX; later ones are not kept */
};
void tally_merge(struct tally *into, const struct tally *from);
void tally_merge_asks(struct tally_asks *into, const struct tally_asks *from);

#endif
