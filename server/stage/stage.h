/* stage.h - the hosts' side of all rooms of this node: decode, meter, mix, encode, every 20 ms.
 *
 * Control orders by ring and hears by events; host packets come from the workers, encoded packets
 * go to the workers and to the recorder. A room lives on stage thread `room % threads`.
 *
 * Owner    main; started after transport and recorder, stopped before them
 * Thread   every function here: control (the stage threads are inside)
 * Units    dBov (0 full scale .. -127 silence), bit/s, samples at 48 kHz
 * Errors   orders: ERR_FULL when the stage's ring is full; ERR_INVAL
 * Spec     RFC 7667 section 3.6 (mixer), RFC 6716 (Opus), RFC 7587, RFC 2198 (RED)
 */
#ifndef STAGE_STAGE_H
#define STAGE_STAGE_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STAGE_HOSTS_MAX = 16, /* on one stage at a time */
    STAGE_TICK_US = 20 * 1000,
    STAGE_TARDY_US = 10 * 1000, /* so late a tick begins that the listeners' buffers feel it */
    FRAME_SAMPLES = 960,        /* 20 ms at 48 kHz */
    STAGE_PROGRAM_BPS_DEFAULT = 48000,
    STAGE_RECORDING_BPS_DEFAULT = 96000,
    /* Of the recording encoder (OPUS_GET_LOOKAHEAD): its file's pre-skip. */
    STAGE_LOOKAHEAD_SAMPLES = 312,
};

struct stage;
struct transport;
struct recorder;

struct stage_config {
    unsigned threads;
    struct transport *transport; /* borrowed */
    struct recorder *recorder;   /* borrowed */
};

MUST_CHECK int stage_create(struct stage **out, const struct stage_config *config);
void stage_destroy(struct stage *stage); /* NULL is fine */
MUST_CHECK int stage_start(struct stage *stage);
void stage_stop(
    struct stage *stage); /* open recordings are left unended: they go on after a restart */
unsigned stage_thread_of(const struct stage *stage, uint32_t room);

/* ---- orders ---- */

struct stage_room_params {
    uint32_t room;
    bool stereo;          /* program and recording */
    uint32_t program_bps; /* 16000..256000 */
    uint32_t
        economy_bps; /* of the program in economy; 16000..256000, program_bps if that is less */
    uint32_t recording_bps; /* 16000..256000 */
};

MUST_CHECK int stage_open_room(struct stage *stage, const struct stage_room_params *params);
void stage_close_room(struct stage *stage, uint32_t room);

struct stage_host_params {
    uint32_t room;
    uint32_t host;
    uint64_t peer; /* a new peer for the same host replaces the former: one voice, never two */
    uint8_t payload_type; /* Opus */
    uint8_t red_type;     /* 0: none */
    bool muted;
    bool agreed; /* to be recorded; without it nothing of this host is heard or kept */
};
/* ERR_FULL also beyond STAGE_HOSTS_MAX hosts. */
MUST_CHECK int stage_set_host(struct stage *stage, const struct stage_host_params *params);
/* Leaves the stage. With `peer` nonzero only if that is still its peer. */
void stage_remove_host(struct stage *stage, uint32_t room, uint32_t host, uint64_t peer);
MUST_CHECK int stage_set_muted(struct stage *stage, uint32_t room, uint32_t host, bool muted);

/* From the next tick on the audience hears the program and `recording` gets it and every stem.
 * start_samples: where the recorder stands already (0, or a resumed recording). */
MUST_CHECK int stage_go_live(struct stage *stage, uint32_t room, uint64_t recording,
                             uint64_t start_samples);
/* The program ends; the recorder gets the end mark after the last packet. */
MUST_CHECK int stage_end(struct stage *stage, uint32_t room);
/* The audience's reported loss: tunes the program encoder's FEC. */
MUST_CHECK int stage_set_loss(struct stage *stage, uint32_t room, uint32_t loss_permille);
/* Economy: three 20 ms frames of the program share a packet, encoded with economy_bps. Recording and
 * mix-minus are not touched; a silent host, who is given the program, hears its rate. */
MUST_CHECK int stage_set_economy(struct stage *stage, uint32_t room, bool is_economy);

/* ---- events ---- */

enum stage_event_kind {
    STAGE_LEVELS,    /* five times a second while a host is on stage */
    STAGE_LATE_TICK, /* a tick began more than a tick late; late_us, at most one a second */
};

struct stage_level {
    uint32_t host;
    int8_t level_dbov; /* peak of the last 200 ms, -127..0 */
    bool speaking;
    bool arriving; /* packets of this host came within the last second */
};

struct stage_event {
    enum stage_event_kind kind;
    uint32_t room;
    uint32_t late_us;
    unsigned level_count;
    struct stage_level levels[STAGE_HOSTS_MAX];
};

int stage_events_fd(const struct stage *stage);
void stage_drain(struct stage *stage, void (*on_event)(void *ctx, const struct stage_event *event),
                 void *ctx);

struct stage_totals {
    /* Late: more than a tick. Tardy: more than STAGE_TARDY_US, the late ones too. */
    uint64_t ticks, late_ticks, tardy_ticks;
    uint64_t frames_decoded, frames_fec, frames_red, frames_concealed;
    uint64_t packets_bad, packets_late, events_dropped;
};
void stage_totals(const struct stage *stage,
                  struct stage_totals *out); /* any thread, approximate */

#endif
