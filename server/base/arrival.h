/* arrival.h - what can happen to somebody at the door of a room: the causes that the report counts by.
 *
 * Owner    nobody: plain constants and values
 * Thread   any
 * Units    times that it happened
 * Errors   none
 * Spec     none; the names are those of the JSON and of the database's columns
 */
#ifndef BASE_ARRIVAL_H
#define BASE_ARRIVAL_H

#include <stdbool.h>
#include <stdint.h>

/* Each attempt is one of the first three, and then whatever became of it; or the last one, and no more. */
enum arrival {
    ARRIVAL_ASK,            /* somebody's first ask: no valid ticket came with it */
    ARRIVAL_ASK_AGAIN,      /* every later attempt of somebody who has a valid ticket */
    ARRIVAL_REFUSED_RATE,   /* too many requests of one address: nothing else of it was read */
    ARRIVAL_TICKET_VALID,   /* a ticket or pass that is ours, of this room, not too old */
    ARRIVAL_TICKET_BAD,     /* one that is not */
    ARRIVAL_SEATED,         /* a seat was given */
    ARRIVAL_LINED,          /* came into the line, not: checked in there again */
    ARRIVAL_REFUSED_FULL,   /* neither seat nor place */
    ARRIVAL_REFUSED_HERE,   /* too many places of one prefix */
    ARRIVAL_REFUSED_CLOSED, /* the room is over, or the server closes */
    ARRIVAL_HANDSHAKE_DONE, /* a seat's media connected, DTLS and all */
    ARRIVAL_HANDSHAKE_FAILED,
    ARRIVAL_LAPSED,  /* a place or promised seat that nobody claimed in time */
    ARRIVAL_GAVE_UP, /* left the line by themselves */
    ARRIVAL_PUT_OFF, /* told to come again, unread but for the room: too many were there */
    ARRIVALS,
};

enum { ARRIVAL_NETWORKS_MAX = 1000 }; /* that are told apart in one room */

struct arrival_counts {
    uint32_t of[ARRIVALS];
};

/* What was counted of one network (an address prefix, as a number of admission/arrivals.h). */
struct arrival_network {
    uint64_t network;            /* 1 to INT64_MAX */
    uint32_t attempts, too_high; /* attempts may be too high by so many */
    struct arrival_counts counts;
};

/* "ask", "ask_again", "refused_rate", ...; lends a constant. */
const char *arrival_name(enum arrival arrival);
bool arrival_is_attempt(enum arrival arrival);
uint64_t arrival_attempts(const struct arrival_counts *counts);
bool arrival_counts_any(const struct arrival_counts *counts);
/* Adds up; a count that would overflow stays at its largest value. */
void arrival_counts_add(struct arrival_counts *to, const struct arrival_counts *more);

#endif
