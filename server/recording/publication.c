#include "recording/publication.h"

#include "recording/folder.h"

#include <unistd.h>

static uint64_t common_end(const struct recording *recording)
{
    uint64_t end = recording->end_samples;
    for (unsigned i = 0; i < recording->track_count; i++) {
        const struct journal *journal = recording->tracks[i].journal;
        if (journal && journal_end_min(journal) > end)
            end = journal_end_min(journal);
    }
    return end;
}

static int end_track(struct recording *recording, const struct track *track, uint64_t end_samples)
{
    struct journal_tags tags = recording_tags(recording, track);
    int err = journal_end(track->journal, end_samples);
    if (err == 0)
        err = journal_write_tags(track->journal, &tags);
    if (err == 0)
        err = journal_sync(track->journal);
    if (err != 0)
        recording->system_error = track->journal->system_error;
    return err;
}

/* Can be repeated: what is done stays done. Fills the event. */
static int publish(struct recording *recording, struct recorder_event *event)
{
    uint64_t end = common_end(recording);
    *event = (struct recorder_event){.kind = RECORDER_PUBLISHED, .duration_samples = end};
    for (unsigned i = 0; i < recording->track_count; i++) {
        struct track *track = &recording->tracks[i];
        /* The last try for a stem whose file could never be opened: it must not hold up the others.
         */
        if (track->wanted && !track->journal && recording_open_track(recording, track, true) != 0)
            continue;
        if (!track->journal)
            continue;
        int err = end_track(recording, track, end);
        if (err != 0)
            return err;
        if (track->host == RECORDER_PROGRAM)
            event->bytes = track->journal->file_bytes;
        else
            event->stems[event->stem_count++] =
                (struct stem_file){.host = track->host, .bytes = track->journal->file_bytes};
    }
    return folder_sync(recording->env->folder, recording->params.recording,
                       &recording->system_error);
}

static void try_to_publish(struct recording *recording, uint64_t now_us)
{
    recording->retry_us = now_us + RECORDING_RETRY_US;
    struct recorder_event event;
    int err = publish(recording, &event);
    if (err != 0)
        recording_fault(recording, err, RECORDING_NO_HOLE, now_us);
    else
        recording->over = recording_emit(recording, &event);
}

static void end_at(struct recording *recording, uint64_t end_samples, uint64_t now_us)
{
    recording->ending = true;
    recording->end_samples = end_samples;
    if (recording->opened)
        try_to_publish(recording, now_us);
}

void publication_begin(struct recording *recording, uint64_t end_samples, uint64_t now_us)
{
    recording_tell_hole(recording, end_samples);
    end_at(recording, end_samples, now_us);
}

void publication_tick(struct recording *recording, uint64_t now_us)
{
    if (recording->opened && now_us >= recording->retry_us)
        try_to_publish(recording, now_us);
}

/* Publication was interrupted between two tracks: what ended before the end of all goes on. */
static int reopen_short_tracks(struct recording *recording, uint64_t end_samples)
{
    int err = 0;
    for (unsigned i = 0; err == 0 && i < recording->track_count; i++) {
        struct track *track = &recording->tracks[i];
        if (!track->journal || !track->journal->ended ||
            journal_duration(track->journal) >= end_samples)
            continue;
        journal_close(track->journal);
        track->journal = NULL;
        err = recording_open_track(recording, track, false);
    }
    return err;
}

static int open_all(struct recording *recording, uint64_t *end_samples)
{
    char path[FOLDER_PATH_BYTES];
    int err = folder_file(recording->env->folder, recording->params.recording, RECORDER_PROGRAM,
                          path, sizeof(path));
    if (err == 0 && access(path, F_OK) != 0)
        err = ERR_NOENT; /* opening would make an empty one */
    if (err == 0)
        err = recording_open_tracks(recording, true);
    if (err != 0)
        return err;
    uint64_t end = 0;
    for (unsigned i = 0; i < recording->track_count; i++) {
        const struct journal *journal = recording->tracks[i].journal;
        if (journal && journal_duration(journal) > end)
            end = journal_duration(journal);
    }
    *end_samples = end;
    return reopen_short_tracks(recording, end);
}

void publication_finish(struct recording *recording, uint64_t now_us)
{
    uint64_t end_samples = 0;
    int err = open_all(recording, &end_samples);
    if (err != 0) {
        recording_fault(recording, err, RECORDING_NO_HOLE, now_us);
        recording->over = true;
        return;
    }
    recording->opened = true;
    recording->head_samples = end_samples;
    end_at(recording, end_samples, now_us);
}
