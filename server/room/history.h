/* history.h - a room's numbers over time: a sample each ten seconds while somebody may come, who came from which network
 * each minute, all of it put behind the store's other writes.
 *
 * A room has at most HISTORY_SAMPLES_MAX samples: when there are as many, two and two are merged and from then on
 * each stands for twice the time. Until twelve hours are full that is ten seconds; for a month, three minutes.
 * What could not be written is told with the next sample, which then stands for more time.
 *
 * Owner    struct room
 * Thread   control
 * Units    wall_ms, because people read it; samples end at whole multiples of their span
 * Errors   none: what cannot be put is put later
 * Spec     none
 */
#ifndef ROOM_HISTORY_H
#define ROOM_HISTORY_H

#include "admission/arrivals.h"
#include "room/room.h"

enum { HISTORY_SAMPLES_MAX = 4320, HISTORY_SPAN_S = 10 };

struct history { /* a zeroed one is fine */
    struct arrivals arrivals;
    uint32_t hearing, connected, in_line; /* the most at one time in this sample's time */
    int64_t from_ms;                      /* where this sample's time begins; 0: not yet */
    int64_t last_at_ms;                   /* of the sample put last */
    uint32_t samples;                     /* stored */
    uint32_t span_s;                      /* 0: as HISTORY_SPAN_S */
    bool must_merge;                      /* it failed: again */
    bool is_saving;                       /* `saving` is with the store */
    struct sample_record saving;
    bool is_saving_networks;
    int64_t networks_at_ms; /* when they were put */
};

void history_load(struct room *room, const struct history_summary *summary);
void history_load_network(struct room *room, const struct arrival_network *network);
void history_clear(struct room *room);
/* Puts what is due. Once the room is over: the rest, and nothing any more. */
void history_tick(struct room *room, int64_t wall_ms);
/* Puts all that was counted, because the process ends. */
void history_close(struct room *room);

#endif
