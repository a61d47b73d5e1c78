/* intake_internal.h - what intake.c (in, out, asking) and intake_place.c (where a packet belongs)
 * share.
 *
 * A position is an index of the program. The slots hold what is known around `next`: packets that
 * wait, and the times of those that were given out.
 *
 * Owner    the intake
 * Thread   its owner's
 * Units    as in intake.h
 * Errors   as in intake.h
 * Spec     as in intake.h
 */
#ifndef TREE_INTAKE_INTERNAL_H
#define TREE_INTAKE_INTERNAL_H

#include "rostrum/reception.h"
#include "tree/intake.h"

enum slot_state { SLOT_EMPTY, SLOT_WAITS, SLOT_GIVEN };

struct intake_slot {
    enum slot_state state;
    uint64_t at;
    uint64_t arrival_us;
    uint32_t timestamp, samples, bytes;
    uint8_t payload[INTAKE_PAYLOAD_MAX];
};

struct intake_source {
    bool is_open;
    bool is_mapped; /* its offset is known */
    uint8_t opus_type, red_type;
    uint64_t offset; /* position = ext_seq + offset, modulo 2^64 */
    uint64_t heard_us;
    uint64_t rtt_us; /* 0: unknown */
    struct reception reception;
};

struct intake {
    bool has_begun;
    uint64_t next;    /* position to be given out next */
    uint64_t newest;  /* the highest one that is known, once begun */
    uint64_t waiting; /* packets */
    uint64_t even_us; /* when what was given out so far would have gone out at its pace */
    unsigned latest;  /* the source that was opened last */
    struct intake_source sources[INTAKE_SOURCES];
    struct intake_counts counts;
    struct intake_slot slots[INTAKE_SLOTS]; /* a packet lies at its position % INTAKE_SLOTS */
};

/* A packet on its way to its slot. */
struct intake_packet {
    uint32_t timestamp, samples;
    struct slice payload;
};

/* Lends; NULL: not known. */
struct intake_slot *intake_known(struct intake *intake, uint64_t at);
/* Finds the position of the source's packet, and learns its offset if need be. False: it belongs
 * nowhere. */
bool intake_place(struct intake *intake, unsigned source, uint64_t ext_seq,
                  const struct intake_packet *packet, uint64_t now_us, uint64_t *at);
/* The position of a packet that lies before the one at *at, of that timestamp, in the same RED
 * payload. False: it cannot be told, or another lies there. */
bool intake_place_before(struct intake *intake, uint64_t later_at, uint32_t later_timestamp,
                         const struct intake_packet *packet, uint64_t *at);

#endif
