#include "recording/recording.h"

#include "recording/folder.h"
#include "rostrum/opus_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLES_PER_MS = OPUS_RATE_HZ / 1000,
    TICK_SAMPLES = 960, /* a resumed recording starts on a tick of the stage */
};

/* ---- events ---- */

bool recording_emit(struct recording *recording, struct recorder_event *event)
{
    event->recording = recording->params.recording;
    return recording->env->emit(recording->env->ctx, event);
}

void recording_fault(struct recording *recording, int error, uint64_t hole_samples, uint64_t now_us)
{
    if (hole_samples < recording->hole_samples)
        recording->hole_samples = hole_samples;
    if (recording->fault)
        return;
    recording->fault = true;
    recording->retry_us = now_us + RECORDING_RETRY_US;
    struct recorder_event event = {.kind = RECORDER_FAULT,
                                   .error = error,
                                   .system_error = recording->system_error,
                                   .position_samples = recording->head_samples};
    (void)recording_emit(recording, &event);
}

static void end_fault(struct recording *recording)
{
    struct recorder_event event = {.kind = RECORDER_HOLE,
                                   .position_samples = recording->head_samples};
    if (recording->hole_samples < recording->head_samples) {
        event.position_samples = recording->hole_samples;
        event.hole_samples = recording->head_samples - recording->hole_samples;
    }
    recording->fault = false;
    recording->hole_samples = RECORDING_NO_HOLE;
    (void)recording_emit(recording, &event);
}

/* ---- tracks ---- */

static struct track *find_track(struct recording *recording, uint32_t host)
{
    for (unsigned i = 0; i < recording->track_count; i++)
        if (recording->tracks[i].host == host)
            return &recording->tracks[i];
    return NULL;
}

static struct track *find_or_add_track(struct recording *recording, uint32_t host)
{
    struct track *track = find_track(recording, host);
    if (track || recording->track_count == RECORDING_TRACKS_MAX)
        return track;
    track = &recording->tracks[recording->track_count++];
    *track = (struct track){.host = host, .channels = 1};
    return track;
}

struct journal_tags recording_tags(const struct recording *recording, const struct track *track)
{
    return (struct journal_tags){.title = recording->params.title,
                                 .artist = track->name,
                                 .date_wall_ms = recording->params.start_wall_ms};
}

int recording_open_track(struct recording *recording, struct track *track, bool keep_end)
{
    const char *folder = recording->env->folder;
    uint64_t number = recording->params.recording;
    char path[FOLDER_PATH_BYTES];
    int err = folder_file(folder, number, track->host, path, sizeof(path));
    if (err != 0)
        return err;
    struct journal_params params = {.disk = recording->env->disk,
                                    .channels = track->channels,
                                    .pre_skip_samples = recording->params.pre_skip_samples,
                                    .keep_end = keep_end,
                                    .tags = recording_tags(recording, track)};
    err = journal_open(&track->journal, path, &params, &recording->system_error);
    if (err != 0)
        return err;
    if (track->name[0] == '\0')
        memcpy(track->name, track->journal->artist, sizeof(track->name));
    int unsynced; /* not worth a word: the next start looks for the file, and the end syncs again */
    if (!track->journal->found)
        (void)!folder_sync(folder, number, &unsynced);
    return 0;
}

static bool is_failing(const struct track *track)
{
    return track->wanted && (!track->journal || track->journal->failed);
}

static uint64_t position_of(const struct track *track)
{
    return track->journal ? journal_position(track->journal) : 0;
}

/* ---- opening ---- */

int recording_open_tracks(struct recording *recording, bool keep_end)
{
    const char *folder = recording->env->folder;
    uint32_t hosts[RECORDER_STEMS_MAX];
    unsigned stems = 0;
    int err = folder_make(folder, recording->params.recording, &recording->system_error);
    if (err == 0)
        err = folder_stems(folder, recording->params.recording, hosts, RECORDER_STEMS_MAX, &stems,
                           &recording->system_error);
    struct track *program = &recording->tracks[0];
    if (err == 0 && !program->journal)
        err = recording_open_track(recording, program, keep_end);
    for (unsigned i = 0; err == 0 && i < stems; i++) {
        struct track *track = find_or_add_track(recording, hosts[i]);
        if (!track || track->journal)
            continue;
        track->wanted = true; /* if it cannot be opened now it counts as failing */
        (void)!recording_open_track(recording, track, keep_end);
    }
    return err;
}

/* Where the recording goes on: behind its longest track, and behind the time that passed since. */
static uint64_t resume_position(const struct recording *recording, int64_t wall_ms)
{
    uint64_t position = 0;
    int64_t changed_ms = 0;
    for (unsigned i = 0; i < recording->track_count; i++) {
        const struct journal *journal = recording->tracks[i].journal;
        if (!journal || !journal->found)
            continue;
        if (journal_position(journal) > position)
            position = journal_position(journal);
        if (journal->changed_wall_ms > changed_ms)
            changed_ms = journal->changed_wall_ms;
    }
    if (position == 0)
        return 0;
    /* A file from the future (clock set back, copied) tells nothing: then the store's word counts.
     */
    int64_t gap_ms = changed_ms <= wall_ms ? wall_ms - changed_ms : recording->params.gap_ms;
    if (gap_ms < 0)
        gap_ms = 0;
    if (gap_ms > RECORDER_GAP_MAX_MS)
        gap_ms = RECORDER_GAP_MAX_MS;
    position += (uint64_t)gap_ms * SAMPLES_PER_MS;
    return (position + TICK_SAMPLES - 1) / TICK_SAMPLES * TICK_SAMPLES;
}

/* A track that cannot be opened or filled is failing, and does not keep the others waiting. */
static void fill_all(struct recording *recording, uint64_t position, uint64_t now_us)
{
    for (unsigned i = 0; i < recording->track_count; i++) {
        struct track *track = &recording->tracks[i];
        int err = track->journal ? journal_fill(track->journal, position) : ERR_IO;
        if (!is_failing(track))
            continue;
        if (track->journal)
            recording->system_error = track->journal->system_error;
        recording_fault(recording, err, position_of(track), now_us);
    }
}

void recording_open(struct recording *recording, uint64_t now_us, int64_t wall_ms)
{
    recording->retry_us = now_us + RECORDING_RETRY_US;
    int err = recording_open_tracks(recording, false);
    if (err != 0) {
        recording_fault(recording, err, RECORDING_NO_HOLE, now_us);
        return;
    }
    uint64_t position = resume_position(recording, wall_ms);
    struct recorder_event event = {.kind = RECORDER_READY, .position_samples = position};
    if (!recording_emit(recording, &event))
        return;
    recording->opened = true;
    recording->fault = false;
    recording->head_samples = position;
    recording->sync_us = now_us + RECORDER_SYNC_US;
    fill_all(recording, position, now_us);
}

/* ---- while live ---- */

void recording_name_stem(struct recording *recording, uint32_t host, const char *name)
{
    struct track *track = find_or_add_track(recording, host);
    if (!track || host == RECORDER_PROGRAM)
        return;
    (void)snprintf(track->name, sizeof(track->name), "%s", name);
    struct journal_tags tags = recording_tags(recording, track);
    if (track->journal && !track->journal->failed)
        (void)!journal_write_tags(track->journal, &tags); /* the end writes them again */
}

void recording_tell_hole(struct recording *recording, uint64_t position_samples)
{
    uint64_t expected = position_of(&recording->tracks[0]);
    if (recording->fault || expected == 0 || position_samples < expected + JOURNAL_SLACK_SAMPLES)
        return;
    struct recorder_event event = {.kind = RECORDER_HOLE,
                                   .position_samples = expected,
                                   .hole_samples = position_samples - expected};
    (void)recording_emit(recording, &event);
}

void recording_push(struct recording *recording, const struct track_packet *packet, uint64_t now_us)
{
    uint64_t end = packet->position_samples + packet->samples;
    if (end > recording->head_samples)
        recording->head_samples = end;
    if (!recording->opened || recording->ending || packet->bytes == 0)
        return;
    struct track *track = find_or_add_track(recording, packet->track);
    if (!track || (track->wanted && is_failing(track)))
        return; /* tried again by the tick */
    int err = 0;
    if (!track->journal) {
        track->wanted = true;
        track->channels = opus_toc_of(packet->data[0]).stereo ? 2 : 1;
        err = recording_open_track(recording, track, false);
    }
    if (err == 0 && packet->track == RECORDER_PROGRAM)
        recording_tell_hole(recording, packet->position_samples);
    if (err == 0)
        err = journal_push(track->journal, packet->position_samples,
                           slice_of(packet->data, packet->bytes));
    if (track->journal && track->journal->failed)
        recording->system_error = track->journal->system_error;
    if (is_failing(track))
        recording_fault(recording, err,
                        track->journal ? position_of(track) : packet->position_samples, now_us);
}

static int retry_track(struct recording *recording, struct track *track)
{
    int err = 0;
    if (!track->journal)
        err = recording_open_track(recording, track, false);
    return err == 0 ? journal_retry(track->journal, recording->head_samples) : err;
}

static void retry_all(struct recording *recording, uint64_t now_us)
{
    bool failing = recording->sync_failed;
    for (unsigned i = 0; i < recording->track_count; i++) {
        struct track *track = &recording->tracks[i];
        if (is_failing(track) && retry_track(recording, track) != 0)
            failing = true;
    }
    recording->retry_us = now_us + RECORDING_RETRY_US;
    if (!failing)
        end_fault(recording);
}

static void fill_lagging_stems(struct recording *recording, uint64_t now_us)
{
    if (recording->head_samples < RECORDING_STEM_LAG_SAMPLES)
        return;
    uint64_t position = recording->head_samples - RECORDING_STEM_LAG_SAMPLES;
    for (unsigned i = 0; i < recording->track_count; i++) {
        struct track *track = &recording->tracks[i];
        if (track->host == RECORDER_PROGRAM || !track->journal || track->journal->failed)
            continue;
        int err = journal_fill(track->journal, position);
        if (err == 0)
            continue;
        recording->system_error = track->journal->system_error;
        recording_fault(recording, err, position_of(track), now_us);
    }
}

static void sync_all(struct recording *recording, uint64_t now_us)
{
    recording->sync_failed = false;
    for (unsigned i = 0; i < recording->track_count; i++) {
        struct journal *journal = recording->tracks[i].journal;
        if (!journal || journal_sync(journal) == 0)
            continue;
        recording->sync_failed = true;
        recording->system_error = journal->system_error;
        recording_fault(recording, ERR_IO, RECORDING_NO_HOLE, now_us);
    }
    recording->sync_us = now_us + RECORDER_SYNC_US;
}

void recording_tick(struct recording *recording, uint64_t now_us, int64_t wall_ms)
{
    bool retry = now_us >= recording->retry_us;
    if (!recording->opened) {
        if (retry)
            recording_open(recording, now_us, wall_ms);
        return;
    }
    if (now_us >= recording->sync_us) {
        fill_lagging_stems(recording, now_us);
        sync_all(recording, now_us);
    }
    if (recording->fault && retry)
        retry_all(recording, now_us);
}

void recording_park(struct recording *recording)
{
    for (unsigned i = 0; i < recording->track_count; i++) {
        struct journal *journal = recording->tracks[i].journal;
        if (!journal)
            continue;
        /* Nothing is left to tell anybody; what failed here is found and filled at the next start.
         */
        (void)!journal_flush(journal);
        (void)!journal_sync(journal);
    }
}

/* ---- life ---- */

int recording_create(struct recording **out, const struct recording_env *env,
                     const struct recording_params *params)
{
    struct recording *recording = calloc(1, sizeof(*recording));
    if (!recording)
        return ERR_NOMEM;
    recording->params = *params;
    recording->env = env;
    recording->hole_samples = RECORDING_NO_HOLE;
    struct track *program = find_or_add_track(recording, RECORDER_PROGRAM);
    program->wanted = true;
    program->channels = params->stereo ? 2 : 1;
    *out = recording;
    return 0;
}

void recording_destroy(struct recording *recording)
{
    if (!recording)
        return;
    for (unsigned i = 0; i < recording->track_count; i++)
        journal_close(recording->tracks[i].journal);
    free(recording);
}
