/* stage_thread.h - one stage thread: its rooms, its orders, its events and the 20 ms beat.
 *
 * The beat is absolute: every 20 ms of wall time yield one frame. A thread that wakes up late
 * catches up, tick by tick; beyond STAGE_CATCHUP_TICKS the timeline of all its rooms jumps forward
 * instead, and the recorder fills the hole.
 *
 * Owner    the stage
 * Thread   init, clear, order_push, drain: control; step: the stage thread
 * Units    microseconds, monotonic, passed in
 * Errors   stage_thread_order: ERR_FULL
 * Spec     none
 */
#ifndef STAGE_STAGE_THREAD_H
#define STAGE_STAGE_THREAD_H

#include "base/thread.h"
#include "base/wake.h"
#include "stage/stage_room.h"

#include <stdatomic.h>

struct ring;

enum {
    STAGE_ROOMS_MAX = 256,    /* open at one time on one node */
    STAGE_CATCHUP_TICKS = 10, /* 200 ms */
    STAGE_LATE_EVENT_US = 1000 * 1000,
    STAGE_TOTALS = 10, /* numbers in struct stage_totals */
    /* Orders that can be refused leave room for those that cannot: each of these takes one thing
     * away that an earlier order made. */
    STAGE_ORDERS_MAX = 4000,
    STAGE_ORDER_RING_BYTES = 2 * 1024 * 1024,
    STAGE_EVENT_RING_BYTES = 256 * 1024,
};

enum stage_order_kind {
    ORDER_OPEN_ROOM,
    ORDER_CLOSE_ROOM,
    ORDER_SET_HOST,
    ORDER_REMOVE_HOST,
    ORDER_SET_MUTED,
    ORDER_GO_LIVE,
    ORDER_END,
    ORDER_SET_LOSS,
    ORDER_SET_ECONOMY,
};

struct stage_order {
    enum stage_order_kind kind;
    uint32_t room;
    uint32_t host;
    uint32_t number; /* SET_HOST: timestamp; SET_LOSS: permille; SET_MUTED and
                        SET_ECONOMY: 0 or 1 */
    uint64_t recording;
    uint64_t start_samples;
    struct stage_room *new_room; /* OPEN_ROOM: goes over to the thread */
    struct stage_host *new_host; /* SET_HOST: the same; NULL for one that is there */
    struct stage_host_params host_params;
};

struct stage_thread {
    struct thread thread;
    unsigned number;
    struct transport *transport; /* borrowed */
    struct recorder *recorder;   /* borrowed */
    struct wake *events_wake;    /* borrowed from the stage */
    struct ring *orders;         /* owned; control to this thread */
    struct ring *events;         /* owned; this thread to control */
    uint64_t orders_sent;        /* control's */
    _Atomic uint64_t orders_done;
    atomic_bool stops;
    _Atomic uint64_t totals[STAGE_TOTALS]; /* struct stage_totals, number by number */
    /* this thread's own */
    uint64_t due_us; /* 0: not started */
    uint64_t late_event_us;
    struct stage_totals counted;
    struct voice_counts voices;
    unsigned room_count;
    struct stage_room *rooms[STAGE_ROOMS_MAX]; /* owned */
};

/* Allocates the rings. ERR_NOMEM. */
MUST_CHECK int stage_thread_init(struct stage_thread *thread, unsigned number,
                                 struct transport *transport, struct recorder *recorder,
                                 struct wake *events_wake);
/* Frees rooms, and orders that nobody executed. Fine on a zeroed one. */
void stage_thread_clear(struct stage_thread *thread);
/* Control only. Copies. may_refuse false: never ERR_FULL, see STAGE_ORDERS_MAX. */
MUST_CHECK int stage_thread_order(struct stage_thread *thread, const struct stage_order *order,
                                  bool may_refuse);
/* Runs the tick that is due at now_us, and the missed time before it; returns when the next one is
 * due. The first call starts the beat. */
uint64_t stage_thread_step(struct stage_thread *thread, uint64_t now_us);
/* For thread_start(): steps until `stops`. */
void stage_thread_run(void *stage_thread);

#endif
