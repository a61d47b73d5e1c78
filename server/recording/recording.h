/* recording.h - one open recording: its tracks, and its standing with the disk.
 *
 *           recording_open()          publication_begin()           publication_tick()
 *   opening ----------------> opened ---------------------> ending --------------------> over
 *
 * Each arrow can fail: that is told once as FAULT and tried again every second. A fault while
 * opened ends with HOLE, which says what is missing (possibly nothing).
 *
 * Owner    recorder; recording_destroy() ends it
 * Thread   recorder
 * Units    samples at 48 kHz from the start of the recording; now_us monotonic, wall_ms for file
 * times Errors   the disk's are told by events and tried again every RECORDING_RETRY_US Spec none
 */
#ifndef RECORDING_RECORDING_H
#define RECORDING_RECORDING_H

#include "recording/disk.h"
#include "recording/journal.h"
#include "recording/recorder.h"

#define RECORDING_NO_HOLE UINT64_MAX

enum {
    RECORDING_RETRY_US = 1000 * 1000,
    /* A stem is silently filled when it is this far behind: beyond any jitter, so that the end has
     * little left to fill. */
    RECORDING_STEM_LAG_SAMPLES = 5 * 48000,
    RECORDING_TRACKS_MAX = RECORDER_STEMS_MAX + 1,
};

/* What a recording needs of its recorder. */
struct recording_env {
    const char *folder; /* borrowed; of all recordings */
    const struct disk *disk;
    /* False: no room for the event now. */
    bool (*emit)(void *ctx, const struct recorder_event *event);
    void *ctx;
};

struct track {
    uint32_t host;    /* RECORDER_PROGRAM or a stem's */
    uint8_t channels; /* of a file that is still to be made */
    bool wanted;      /* has audio: a journal is due */
    char name[JOURNAL_ARTIST_BYTES_MAX + 1];
    struct journal *journal; /* owned; NULL: not wanted, or not to be opened yet */
};

struct recording {
    struct recording_params params;
    const struct recording_env *env; /* borrowed from the recorder */
    bool opened;
    bool ending;
    bool over;  /* published: destroy it */
    bool fault; /* told, not over yet */
    bool sync_failed;
    int system_error;      /* of the last failure */
    uint64_t retry_us;     /* next try of whatever fails */
    uint64_t sync_us;      /* next sync */
    uint64_t head_samples; /* end of the latest packet */
    uint64_t hole_samples; /* fault: where the first hole starts */
    uint64_t end_samples;  /* ending */
    unsigned track_count;  /* the program is the first */
    struct track tracks[RECORDING_TRACKS_MAX];
};

/* Allocates. ERR_NOMEM. */
MUST_CHECK int recording_create(struct recording **out, const struct recording_env *env,
                                const struct recording_params *params);
/* Writes nothing; closes. NULL is fine. */
void recording_destroy(struct recording *recording);

/* Opens the program and the stems found, fills what passed since a crash; answers READY, or FAULT
 * and tries again at each tick. */
void recording_open(struct recording *recording, uint64_t now_us, int64_t wall_ms);
/* Copies. Sets or replaces a stem's ARTIST. */
void recording_name_stem(struct recording *recording, uint32_t host, const char *name);
void recording_push(struct recording *recording, const struct track_packet *packet,
                    uint64_t now_us);
/* Syncs, fills lagging stems, tries again what failed. Not while ending. */
void recording_tick(struct recording *recording, uint64_t now_us, int64_t wall_ms);
/* Writes what is in memory, syncs: before the process ends. */
void recording_park(struct recording *recording);

/* ---- for publication.c ---- */

/* Opens the folder's tracks that are not open. A stem's failure leaves it without journal. ERR_IO
 * with system_error, ERR_INVAL, ERR_NOMEM. */
MUST_CHECK int recording_open_tracks(struct recording *recording, bool keep_end);
/* The same for one. */
MUST_CHECK int recording_open_track(struct recording *recording, struct track *track,
                                    bool keep_end);
/* Lends: borrowed from both. */
struct journal_tags recording_tags(const struct recording *recording, const struct track *track);
/* Told once per fault. hole_samples: from where audio is missing, or RECORDING_NO_HOLE. */
void recording_fault(struct recording *recording, int error, uint64_t hole_samples,
                     uint64_t now_us);
/* The program has no hole of its own: what is missing before its next packet (or its end) was lost
 * between stage and disk, and is told as HOLE. */
void recording_tell_hole(struct recording *recording, uint64_t position_samples);
/* Fills in the recording's number. False: no room for the event now. */
bool recording_emit(struct recording *recording, struct recorder_event *event);

#endif
