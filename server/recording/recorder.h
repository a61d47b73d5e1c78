/* recorder.h - the recorder thread: journals while live, recovery after a crash, publication at the
 * end.
 *
 * A recording is a folder with program.opus and one stem-N.opus per host, each a single Ogg Opus
 * stream that is whole after every page. What is written while people speak is what is published:
 * ending it writes the last page, rewrites the tags in their reserved room, syncs and renames
 * nothing of length.
 *
 * Owner    main; started before the stages, stopped after them
 * Thread   recorder_push_*: the stage thread of that number; everything else: control
 * Units    samples at 48 kHz from the start of the recording (all parts, silence included); bytes
 * Errors   ERR_FULL: ring full. Faults of the disk come as RECORDER_FAULT and never stop the room
 * Spec     RFC 7845 (Ogg Opus), RFC 3533 (Ogg)
 */
#ifndef RECORDING_RECORDER_H
#define RECORDING_RECORDER_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RECORDER_PAGE_SAMPLES = 9600,       /* a page every 200 ms */
    RECORDER_SYNC_US = 2 * 1000 * 1000, /* fdatasync() at least this often */
    RECORDER_PACKET_MAX = 1275 * 6,     /* 120 ms */
    RECORDER_TITLE_MAX = 200,
    RECORDER_NAME_MAX = 80,
    RECORDER_STEMS_MAX = 64, /* hosts of one recording, over its whole length */
};

struct recorder; /* opaque */

/* folder: where recordings live, one sub-folder each, made if missing. stages: threads that will
 * push. Allocates. ERR_IO, ERR_NOMEM. */
MUST_CHECK int recorder_create(struct recorder **out, const char *folder, unsigned stages);
void recorder_destroy(struct recorder *recorder); /* NULL is fine */
MUST_CHECK int recorder_start(struct recorder *recorder);
/* Writes what is in the rings and the short last pages, syncs, closes; ends no recording. */
void recorder_stop(struct recorder *recorder);

/* ---- orders (control thread) ---- */

struct recording_params {
    uint64_t recording;                     /* the store's number, names the sub-folder */
    char title[RECORDER_TITLE_MAX * 4 + 1]; /* UTF-8 */
    int64_t start_wall_ms;                  /* of its first part: the DATE tag */
    /* The folder exists from before a crash: cut torn tails, fill the time that passed. An existing
     * recording is never overwritten: without it too the recorder goes on behind what it finds. */
    bool resume;
    /* Resume: wall time since the last part ended, as the store knows it. The recorder takes the
     * files' own time as truth and this when they lie in the future; it fills up to
     * RECORDER_GAP_MAX_MS with silence. */
    int64_t gap_ms;
    bool stereo;               /* of the program */
    uint16_t pre_skip_samples; /* encoder lookahead, for OpusHead */
};
enum { RECORDER_GAP_MAX_MS = 10 * 60 * 1000 };

/* Answered by RECORDER_READY or RECORDER_FAULT. */
MUST_CHECK int recorder_begin(struct recorder *recorder, const struct recording_params *params);
/* The name of a stem's host, for its tags. Before or after the stem's first packet. */
MUST_CHECK int recorder_name_stem(struct recorder *recorder, uint64_t recording, uint32_t host,
                                  const char *name);
/* Ends and publishes a recording that no stage writes to (after a crash between end and
 * publication). Answered by RECORDER_PUBLISHED or RECORDER_FAULT. */
MUST_CHECK int recorder_finish(struct recorder *recorder, const struct recording_params *params);
/* Deletes the folder of a withdrawn recording. */
MUST_CHECK int recorder_delete(struct recorder *recorder, uint64_t recording);

/* ---- packets (stage threads) ---- */

enum { RECORDER_PROGRAM = 0 /* track number of the program; stems have their host's number */ };

struct track_packet {
    uint64_t recording;
    uint64_t position_samples; /* of its start: any hole before it is filled with silence */
    uint32_t track;
    uint32_t samples;
    uint32_t bytes;
    const uint8_t *data; /* lent */
};
/* Copies. A full ring (10 s of a stalled disk) drops the packet and counts it; the hole is filled
 * later. */
void recorder_push(struct recorder *recorder, unsigned stage, const struct track_packet *packet);
/* After the last packet: end, publish. end_samples: where all tracks end. */
void recorder_push_end(struct recorder *recorder, unsigned stage, uint64_t recording,
                       uint64_t end_samples);
/* Any thread. Packets of all stages refused by full rings since creation, for metrics. */
uint64_t recorder_dropped_packets(const struct recorder *recorder);
/* Once per tick, after the pushes: rings the recorder's bell when there is something to do. */
void recorder_flush(struct recorder *recorder, unsigned stage);

/* ---- events (control thread) ---- */

enum recorder_event_kind {
    RECORDER_READY,     /* position_samples: where the stage starts to count */
    RECORDER_PUBLISHED, /* all files whole and synced */
    RECORDER_FAULT,     /* error, told once; the recording is tried again every second, and goes on
                         * when the disk allows: then HOLE follows (READY or PUBLISHED when the fault
                         * was in begin or end) */
    RECORDER_HOLE,      /* hole_samples were lost (disk full or stalled; 0: nothing was) and are
                         * filled with silence at position_samples */
};

struct stem_file {
    uint32_t host;
    uint64_t bytes;
};

struct recorder_event {
    enum recorder_event_kind kind;
    uint64_t recording;
    uint64_t position_samples;
    uint64_t hole_samples;
    uint64_t bytes;            /* PUBLISHED: of program.opus */
    uint64_t duration_samples; /* PUBLISHED */
    int error;                 /* FAULT: ERR_* */
    int system_error;          /* FAULT: errno, or 0 */
    unsigned stem_count;
    struct stem_file stems[RECORDER_STEMS_MAX];
};

int recorder_events_fd(const struct recorder *recorder);
void recorder_drain(struct recorder *recorder,
                    void (*on_event)(void *ctx, const struct recorder_event *event), void *ctx);

/* Writes the path of a file of a recording: host RECORDER_PROGRAM or a stem's number. ERR_INVAL:
 * too long. */
MUST_CHECK int recorder_file_path(const struct recorder *recorder, uint64_t recording,
                                  uint32_t track, char *out, unsigned out_bytes);

#endif
