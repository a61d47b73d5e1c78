/* node_look.h - what a server says of itself at one moment, and what happened between two of them.
 *
 * Servers of other versions say less, or more: a number that is missing, negative or no number is
 * simply not seen, and nothing is concluded from it.
 *
 * Owner    values
 * Thread   any
 * Units    milliseconds of processor time, bytes; permille of one core
 * Errors   ERR_PROTO: no JSON object
 * Spec     GET /api/v1/node, GET /api/v1/rooms/SLUG
 */
#ifndef REHEARSE_NODE_LOOK_H
#define REHEARSE_NODE_LOOK_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOOK_THREADS_MAX = 128,
    LOOK_NAME_CHARS = 24,
    LOOK_CAUSE_CHARS = 36,
};

enum look_number {
    LOOK_CORES,
    LOOK_WORKERS,
    LOOK_CPU_MS,
    LOOK_RSS_BYTES,
    LOOK_SEATS_MAX,
    LOOK_SEATS_TAKEN,
    LOOK_CONNECTED, /* this and the next: of the room when there is a room, else of the node */
    LOOK_HEARING,
    LOOK_PROGRAM_SENT,
    LOOK_PROGRAM_LATE,
    LOOK_PROGRAM_FAILED,
    LOOK_SEND_FAILURES,
    LOOK_GOVERNOR_SEATS, /* that the node serves well, as it thinks */
    LOOK_IN_LINE,        /* this and the next three: of the room */
    LOOK_TURNED_AWAY,
    LOOK_ROOM_SEATS,
    LOOK_SMALL_SEATS,
    LOOK_NUMBERS
};

struct look_thread {
    char name[LOOK_NAME_CHARS];
    uint64_t cpu_ms;
};

/* All zeros: nothing was seen. */
struct node_look {
    uint64_t at_us; /* set by the caller */
    uint32_t seen;  /* bit 1 << enum look_number */
    uint64_t numbers[LOOK_NUMBERS];
    unsigned thread_count;
    struct look_thread threads[LOOK_THREADS_MAX];
    char version[LOOK_NAME_CHARS], mode[LOOK_NAME_CHARS]; /* mode: the room's when there is one */
    char cause[LOOK_CAUSE_CHARS];                         /* of the room's mode; "": none */
};

bool look_has(const struct node_look *look, enum look_number number);
/* Adds what an answer of /api/v1/node, or of /api/v1/rooms/SLUG, says. */
MUST_CHECK int look_take_node(struct node_look *look, const char *text, size_t bytes);
MUST_CHECK int look_take_room(struct node_look *look, const char *text, size_t bytes);

/* One second of the server. Rates and sums are those since the look before; the others as of its
 * end. */
struct server_second {
    uint64_t at_us;       /* of the look */
    uint64_t interval_us; /* since the look before; longer than a second when one failed */
    bool is_seen, has_cpu, has_busiest, has_sent, has_failures, has_hearing, has_rss;
    bool has_taken, has_connected;
    bool has_room;                                       /* what is said of a room was seen */
    char mode[LOOK_NAME_CHARS], cause[LOOK_CAUSE_CHARS]; /* as in struct node_look */
    uint32_t in_line, turned_away;
    uint32_t seats_max, room_seats, small_seats, governor_seats; /* 0: not known, or no limit */
    uint32_t cpu_permille, busiest_permille;
    char busiest[LOOK_NAME_CHARS]; /* the thread's name */
    uint64_t sent, late, failures; /* program packets; failures: not encrypted or not sent */
    uint32_t hearing, connected, seats_taken;
    uint64_t rss_bytes;
};
void server_second_make(struct server_second *out, const struct node_look *before,
                        const struct node_look *after);

#endif
