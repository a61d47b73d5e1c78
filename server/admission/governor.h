/* governor.h - decides from measured load in which mode the node is, and how many it serves well.
 *
 * Signals go in four times a second, a verdict comes out. Each signal has a limit and the time it has
 * to be over it (time under it counts half, backwards, so that a load right at a limit counts too):
 *
 *     signal          of what                                   limit     for   first helps
 *     program_late    packets of the program, per mille           5       2 s   economy
 *     stage_late      ticks of the stages, per mille             20       2 s   economy
 *     send_failed     datagrams, per mille                       10       2 s   economy
 *     worker_lag      waiting for a processor, us            10,000       2 s   economy
 *     worker_busy     of a core, without handshakes, per mille  900       2 s   economy
 *     stage_busy      of a core, per mille                      900       2 s   economy
 *     loss            seats that report loss, per mille         250       2 s   economy
 *     egress          of what the operator allows, per mille    850       2 s   economy
 *     control_lag     of the control loop, us                50,000       2 s   small_audience
 *     handshakes      under way, of the most, per mille         800       2 s   small_audience
 *     memory          of its bound, per mille                   900       1 s   small_audience
 *     descriptors     of their bound, per mille                 900       1 s   small_audience
 *     control_busy    of a core, per mille                      850       2 s   economy
 *     put_off         told to come again unheard, a second       20       2 s   economy
 *     line            who would get in, seconds of joins         60       1 s   small_audience
 *     seats           wanted, of those served well, per mille  1000       1 s   economy
 *
 * Up     at once when a signal was over its limit for its time, or any one for 3 s: to the mode that
 *        first helps, and past economy if economy is not expected to be enough, or is no help because most
 *        seats are relayed: their packets are as another node makes them. Then the mode is given
 *        time to work, in which nothing counts: 5 s if it made the packets longer, else 2.5 s.
 *        Lifeboat only from small_audience, after 3 s with program_late or stage_late over 50, or
 *        memory over 970.
 * Down   when all were under 60 % of their limits for 60 s (85 % for those that no mode lowers:
 *        stage_busy, memory, descriptors); time in which one was not counts forty times, backwards, so
 *        that a hiccup delays it by seconds. At most once in 60 s: one step, or as many as are expected
 *        to leave everybody served well. Who was sent up again within 60 s, for a reason that the
 *        processor does not explain, does not try that again for ten minutes (then 20, 40, 80) with
 *        as many seats; for one that it explains, not while a seat costs as much as then.
 * Stale  signals older than 2 s, or no step for 2 s: small_audience, and nobody comes in.
 *
 * While any signal is over its limit nobody comes in, whatever the mode; but the first GOVERNOR_FEW
 * always may, slowly: they cost so little that they cannot be what ails the machine. The last four
 * signals shut nobody out: they tell of a crowd before the door, which hurts none of those inside.
 *
 * The operator may pin the node: at least this mode, or exactly this. What an owner asks for is a
 * floor for one room: room_mode().
 *
 * Owner    main, by value
 * Thread   any one (control); no clock, no allocation
 * Units    microseconds (monotonic, passed in), seats, per mille
 * Errors   governor_pin: ERR_INVAL
 * Spec     hysteresis with a forecast; the cost of a seat is learnt in admission/seat_cost.h
 */
#ifndef ADMISSION_GOVERNOR_H
#define ADMISSION_GOVERNOR_H

#include "admission/seat_cost.h"
#include "base/mode.h"
#include "telemetry/load.h"

#include <stdint.h>

enum governor_cause {
    GOVERNOR_PROGRAM_LATE,
    GOVERNOR_STAGE_LATE,
    GOVERNOR_SEND_FAILED,
    GOVERNOR_WORKER_LAG,
    GOVERNOR_WORKER_BUSY,
    GOVERNOR_STAGE_BUSY,
    GOVERNOR_LOSS,
    GOVERNOR_EGRESS,
    GOVERNOR_CONTROL_LAG,
    GOVERNOR_HANDSHAKES,
    GOVERNOR_MEMORY,
    GOVERNOR_DESCRIPTORS,
    GOVERNOR_CONTROL_BUSY,
    GOVERNOR_CROWD = GOVERNOR_CONTROL_BUSY, /* from here to the seats: before the door */
    GOVERNOR_PUT_OFF,
    GOVERNOR_LINE,
    GOVERNOR_SEATS,
    GOVERNOR_STALE, /* value and limit in ms */
    GOVERNOR_QUIET, /* the only one that leads down; value and limit in s */
    GOVERNOR_PIN,   /* the operator's */
};

enum {
    GOVERNOR_SIGNALS = GOVERNOR_SEATS + 1,
    GOVERNOR_FEW = 50, /* seats */
    GOVERNOR_FEW_JOINS_PER_S = 5,
    GOVERNOR_STALE_US = 2 * 1000 * 1000,
    GOVERNOR_QUIET_US = 60 * 1000 * 1000,
};

struct governor_params {
    unsigned workers;         /* threads that share the audience */
    uint32_t seats_max;       /* the operator's cap; being full of it is no overload */
    uint32_t joins_max_per_s; /* the operator's; 0: none */
};

struct governor_signals {
    struct load load;
    uint32_t seats_taken;     /* promised to listeners, those included that are still joining */
    uint32_t seats_connected; /* of them: they get the program */
    uint32_t seats_packed;    /* of these: in packets of 60 ms */
    uint32_t
        seats_relayed; /* of these: in packets as another node makes them, whatever the mode here */
    uint32_t waiting;  /* in line, and still there */
    uint64_t joins;    /* handshakes done since the process began */
    uint64_t put_off;  /* told to come again before they were heard, since the process began */
    uint32_t handshakes_permille; /* under way, of the most that may be */
    uint32_t loss_permille;       /* of the seats whose reports show loss */
};

enum governor_hold { GOVERNOR_FREE, GOVERNOR_AT_LEAST, GOVERNOR_EXACTLY };

struct governor_verdict {
    enum mode mode;            /* in force */
    enum mode measured;        /* what it would be without the pin */
    bool changed;              /* `mode`, with this step */
    enum governor_cause cause; /* of the last change, with the value and the limit of that moment */
    uint32_t value, limit;
    uint32_t seats; /* that this node serves well now. Whoever has one keeps it, but in lifeboat:
                             there all beyond this number leave, last in first */
    uint32_t joins_per_s; /* that it can take besides */
};

struct governor {
    struct governor_params params;
    enum governor_hold hold;
    enum mode pinned;
    enum mode measured;
    struct governor_verdict verdict;
    bool is_stepped;
    bool is_relay; /* most seats are relayed: economy is no help */
    uint64_t stepped_us, changed_us;
    uint64_t packed_us;              /* since then packets are as long as they are */
    uint64_t quiet_us;               /* since then all is quiet */
    double raw[GOVERNOR_SIGNALS];    /* as of the last step */
    double values[GOVERNOR_SIGNALS]; /* smoothed */
    uint64_t over_us[GOVERNOR_SIGNALS], danger_us[GOVERNOR_SIGNALS], any_over_us;
    struct seat_cost cost;
    double joins_load;         /* of the busiest worker, in the last sample */
    double load;               /* smoothed: of the busiest worker, and what it left undone */
    double seats, joins_per_s; /* smoothed */
    double seats_before;       /* connected at the last step */
    uint64_t joins, put_off;   /* as of the last step */
    double control_joins;      /* a second, which control bears */
    double proven_cost;        /* of each of... */
    double proven_single;      /* the most of them in packets of 20 ms */
    double proven;             /* seats that were served, fading */
    double ceiling;            /* seats at which something ran out that is no processor; grows */
    uint64_t fell_us;          /* when it last went down; 0: never */
    double fell_wanted;        /* seats, then */
    uint64_t relapsed_us;      /* when it last had to go up again at once; 0: never */
    uint64_t caution_us;       /* for so long after that it does not try again... */
    double caution_seats;      /* ...with so many seats */
    enum mode caution_mode;    /* ...this one, or a less strict one */
    bool caution_is_busy;      /* the processor was short: then not while seats cost as much... */
    double caution_cost;       /* ...as this, in long packets */
    uint32_t kept;             /* lifeboat: seats that stay */
    uint64_t shed_us;
};

void governor_init(struct governor *governor, const struct governor_params *params,
                   uint64_t now_us);
/* So many were served before this process began: they need not be let in as if nobody knew this machine. */
void governor_remember(struct governor *governor, uint32_t seats);
/* In force with the next step. ERR_INVAL: nobody asks for the lifeboat. */
MUST_CHECK int governor_pin(struct governor *governor, enum governor_hold hold, enum mode mode);
struct governor_verdict governor_step(struct governor *governor,
                                      const struct governor_signals *signals, uint64_t now_us);
/* The last verdict, or if that is too old what holds then. */
struct governor_verdict governor_look(const struct governor *governor, uint64_t now_us);
const char *governor_cause_name(enum governor_cause cause); /* "program_late"; lends a constant */

#endif
