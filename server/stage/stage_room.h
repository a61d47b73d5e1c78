/* stage_room.h - one room's stage: its hosts' voices, the mix, the encoders, the timeline.
 *
 * The timeline is counted in ticks: each yields one program packet at position n * FRAME_SAMPLES.
 * A host's original packets are placed where the mix played them.
 *
 * Owner    created by control, handed to its stage thread with an order, destroyed there
 * Thread   *_create(): control; all else: stage, and only *_destroy() frees
 * Units    samples at 48 kHz; microseconds, monotonic, passed in
 * Errors   packets of strangers are dropped
 * Spec     RFC 7667 section 3.6 (mixer)
 */
#ifndef STAGE_STAGE_ROOM_H
#define STAGE_STAGE_ROOM_H

#include "stage/stage.h"
#include "stage/voice.h"

struct host_packet;
struct stage_host; /* a host's place: voice, meter, and the way back to it */
struct stage_room;

enum {
    STAGE_LEVELS_TICKS = 10,      /* 200 ms */
    STAGE_ARRIVING_TICKS = 50,    /* 1 s */
    STAGE_HOST_PACKETS_TICK = 32, /* of one host in one tick; more is a flood */
};

/* Where a room's packets go. */
struct stage_io {
    struct transport *transport; /* borrowed */
    struct recorder *recorder;   /* borrowed */
    unsigned stage;              /* number of this thread */
    struct voice_counts *counts; /* borrowed */
};

/* Allocate. channels: 1 or 2, those of the room. ERR_INVAL, ERR_NOMEM. */
MUST_CHECK int stage_host_create(struct stage_host **out, unsigned channels);
void stage_host_destroy(struct stage_host *host); /* NULL is fine */
MUST_CHECK int stage_room_create(struct stage_room **out, const struct stage_room_params *params);
void stage_room_destroy(struct stage_room *room); /* with its hosts; NULL is fine */

uint32_t stage_room_id(const struct stage_room *room);
bool stage_room_has_hosts(const struct stage_room *room);
/* Takes `fresh` (destroys it when the host has a place already; NULL is fine then). `timestamp`
 * starts the feed of a new peer. */
void stage_room_set_host(struct stage_room *room, const struct stage_host_params *params,
                         struct stage_host *fresh, uint32_t timestamp);
void stage_room_remove_host(struct stage_room *room, uint32_t host);
void stage_room_set_muted(struct stage_room *room, uint32_t host, bool muted);
void stage_room_go_live(struct stage_room *room, uint64_t recording, uint64_t start_samples);
void stage_room_end(struct stage_room *room, const struct stage_io *io);
void stage_room_set_loss(struct stage_room *room, uint32_t loss_permille);
/* From the next frame of the program on: its rate, and how many frames share a packet. */
void stage_room_set_economy(struct stage_room *room, bool is_economy, const struct stage_io *io);

void stage_room_receive(struct stage_room *room, const struct host_packet *packet,
                        const struct stage_io *io);
/* Moves the timeline on without playing, and drops what waits to be played. */
void stage_room_skip(struct stage_room *room, uint64_t ticks);
void stage_room_tick(struct stage_room *room, const struct stage_io *io, uint64_t now_us);
/* True when levels are due, which it writes then. */
bool stage_room_levels(struct stage_room *room, struct stage_event *out);

#endif
