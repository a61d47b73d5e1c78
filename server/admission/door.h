/* door.h - the one door of a room: who asks gets a seat, has one held, or stands in line; at once.
 *
 * Every listener is a number, the time when they first asked; their ticket carries it. In this order:
 * who has that seat already (another socket of the same person), who left less than two minutes ago
 * or before the server was started again, who has a pass, who has nothing; within a class by number.
 *
 * Owner    a room
 * Thread   control
 * Units    seats; now_us: microseconds, monotonic; wall_ms: milliseconds since 1970 UTC; both passed in
 * Errors   door_create: ERR_NOMEM, ERR_INVAL
 * Spec     design.md section 7
 */
#ifndef ADMISSION_DOOR_H
#define ADMISSION_DOOR_H

#include "admission/admission.h"
#include "admission/line.h"
#include "rostrum/slice.h"

enum {
    /* After a restart seats are for those who had one: for so long, and then as long as one of them
     * came in the last DOOR_RETURNING_US, but not longer than DOOR_RESTART_MAX_US. */
    DOOR_RESTART_US = 5 * 1000 * 1000,
    DOOR_RETURNING_US = 2 * 1000 * 1000,
    DOOR_RESTART_MAX_US = 15 * 1000 * 1000,
    DOOR_TICKET_S = 12 * 60 * 60,
    DOOR_PASS_S = 30 * 24 * 60 * 60,
    DOOR_FRESH_S = 15, /* a seat ticket is, for who was just sent to another node with it */
};

#define DOOR_NO_CAP UINT32_MAX

struct door;

struct door_params {
    struct admission *admission; /* borrowed */
    uint32_t room;
    uint64_t started_us;        /* of this process: tickets of seats before it are good... */
    int64_t started_wall_ms;    /* ...for as long as of those who left at that moment */
    uint32_t places_per_prefix; /* 0: LINE_PER_PREFIX */
};

/* What the room knows and the door does not. */
struct door_rules {
    uint32_t cap;        /* of the room, here; DOOR_NO_CAP: only the node's */
    bool is_open;        /* else all stand in line... */
    bool knows_opening;  /* ...and this says how long: */
    uint64_t opens_us;   /* now_us then */
    bool returning_only; /* free seats are for who had one, for the moment */
    /* With other nodes. At the room's origin: */
    uint32_t elsewhere;     /* seats free there: who may sit is sent to one... */
    bool prefers_elsewhere; /* ...even if there is one here, unless they sat here a moment ago */
    /* Seats of nodes that were lost, for who comes back from them: at most fifty in any second. */
    uint32_t lost_elsewhere;
    /* At a relay: */
    bool
        has_no_line; /* who gets no seat is sent to the origin, which knows by fresh tickets whose turn it is */
    bool is_ending; /* who has a seat here and asks again is sent to the origin, too */
};

struct door_ask {
    struct slice ticket; /* or pass; anything else is taken for none */
    uint64_t prefix;     /* address_prefix() */
    bool wants_seat;     /* now; else it is held */
    bool may_go;         /* can be sent elsewhere with a ticket */
    uint64_t now_us;
    int64_t wall_ms;
};

enum door_answer {
    DOOR_SEAT,      /* joining from now on; door_sit() or door_leave() follows */
    DOOR_HELD,      /* for GUEST_HOLD_US; or it sits already */
    DOOR_ELSEWHERE, /* a seat on another node; of a relay: ask the origin */
    DOOR_LINE,
    DOOR_FULL,          /* no place in line either */
    DOOR_TOO_MANY_HERE, /* of this prefix */
};

struct door_reply {
    enum door_answer answer;
    uint64_t number;
    char ticket[TICKET_CHARS +
                1];  /* to come back, or to go with. ELSEWHERE from a relay: what it had, or "" */
    void *former;    /* SEAT: whose it was until now; its owner loses it. NULL: nobody's */
    bool is_new;     /* asked for the first time, or was told to come again before it was heard */
    bool had_ticket; /* a good one */
    bool took_seat;  /* which nobody had given them before */
    bool came_into_line; /* where they did not stand before */
    /* LINE: */
    uint32_t place; /* 1 is next */
    uint32_t in_line;
    bool knows_wait;
    uint32_t from_s, to_s;
    uint32_t again_ms; /* also FULL, TOO_MANY_HERE */
};

MUST_CHECK int door_create(struct door **out, const struct door_params *params);
/* Gives back all seats that are held. Nobody sits any more. NULL is fine. */
void door_destroy(struct door *door);

/* ERR_NOMEM, ERR_CRYPTO: nothing was given away. */
MUST_CHECK int door_ask(struct door *door, const struct door_rules *rules,
                        const struct door_ask *ask, struct door_reply *reply);
/* Says whose a seat is: what door_reply.former will be. */
void door_sit(struct door *door, uint64_t number, void *owner);
void door_joined(struct door *door, uint64_t number);                 /* the handshake is done */
void door_leave(struct door *door, uint64_t number, uint64_t now_us); /* the seat is free again */
/* Whose seat it is vanished without a word: it is kept for GUEST_AWAY_US, if the handshake was done. */
void door_lose(struct door *door, uint64_t number, uint64_t now_us);
/* Gives a place, or a held seat, up. False: there was none. */
bool door_give_up(struct door *door, struct slice ticket, int64_t wall_ms);
/* A ticket that puts somebody before those who have none. ERR_CRYPTO. */
MUST_CHECK int door_write_pass(struct door *door, int64_t wall_ms, char out[TICKET_CHARS + 1]);

/* What ends by itself. Call it four times a second. Returns how many lost their place, or the seat that was
 * held for them. */
uint32_t door_tick(struct door *door, const struct door_rules *rules, uint64_t now_us);
void door_set_places_per_prefix(struct door *door, uint32_t places); /* 0: LINE_PER_PREFIX */

uint64_t
door_returned_us(const struct door *door);    /* when one who had a seat got it back; 0: never */
uint32_t door_taken(const struct door *door); /* seats: held, joining and sat on */
uint32_t door_in_line(const struct door *door);
uint64_t door_moved(const struct door *door);
uint64_t door_turned_away(const struct door *door); /* asked, and never sat */

#endif
