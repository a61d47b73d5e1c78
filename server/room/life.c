/* The life cycle: which step is allowed from where, and what each sets going. */
#include "room/cluster_internal.h"

#include "base/clock.h"
#include "config/config.h"
#include "rostrum/opus_frame.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool may_become(enum room_state now, enum room_state next)
{
    static const unsigned allowed[] = {
        [ROOM_SCHEDULED] = 1u << ROOM_DOORS_OPEN | 1u << ROOM_LIVE | 1u << ROOM_CANCELLED,
        [ROOM_DOORS_OPEN] = 1u << ROOM_LIVE | 1u << ROOM_CANCELLED,
        [ROOM_LIVE] = 1u << ROOM_ENDED,
        [ROOM_ENDED] = 1u << ROOM_PUBLISHED,
        [ROOM_PUBLISHED] = 1u << ROOM_WITHDRAWN,
        [ROOM_WITHDRAWN] = 0,
        [ROOM_CANCELLED] = 0,
    };
    return (allowed[now] & 1u << next) != 0;
}

/* The one place that changes a room's state: checks the arrow of the diagram in room.h, logs, saves. */
static void set_state(struct room *room, enum room_state next, enum store_sync sync,
                      store_done *done, void *ctx)
{
    if (!may_become(room->record.state, next))
        abort(); /* our own mistake: better a restart, which resumes, than a room in no state at all */
    room->record.state = next;
    log_info("room.state", "room=%s state=%s", room->record.slug, room_state_name(next));
    room_event(room, 0, "room.state", room_state_name(next));
    room_save(room, sync, done, ctx);
    room_tell(room);
}

int room_open_media(struct room *room)
{
    if (room->media_open)
        return 0;
    struct rooms_deps *deps = &room->rooms->deps;
    struct stage_room_params params = {.room = room->record.id,
                                       .stereo = room->record.stereo,
                                       .program_bps = room->record.program_bps,
                                       .economy_bps = deps->config->economy_bps,
                                       .recording_bps = room->record.recording_bps};
    int err = stage_open_room(deps->stage, &params);
    if (err != 0)
        return err;
    err = transport_open_room(deps->transport, room->record.id);
    if (err != 0) {
        stage_close_room(deps->stage, room->record.id);
        return err;
    }
    room->media_open = true;
    room->stage_mode = MODE_NORMAL;
    room_apply_mode(room);
    return 0;
}

void room_close_media(struct room *room)
{
    room_end_connections(room, true, "over");
    feed_end_all(room);
    room_close_door(room);
    if (room->media_open) {
        transport_close_room(room->rooms->deps.transport, room->record.id);
        stage_close_room(room->rooms->deps.stage, room->record.id);
    }
    room->media_open = false;
    room->close_media_us = 0;
}

/* ---- the recording ---- */

static struct recording_params recording_params(const struct room *room, bool resume)
{
    struct recording_params params = {
        .recording = room->recording.id,
        .start_wall_ms = room->recording.started_ms,
        .resume = resume,
        .stereo = room->record.stereo,
        .pre_skip_samples = STAGE_LOOKAHEAD_SAMPLES,
    };
    (void)snprintf(params.title, sizeof(params.title), "%s", room->record.title);
    return params;
}

static int begin_recording(struct room *room, bool resume)
{
    struct rooms *rooms = room->rooms;
    struct recording_params params = recording_params(room, resume);
    int err = recorder_begin(rooms->deps.recorder, &params);
    if (err != 0)
        return err;
    for (unsigned i = 0; i < room->host_count; i++) {
        err = recorder_name_stem(rooms->deps.recorder, room->recording.id, room->roster[i].host,
                                 room->roster[i].name);
        if (err != 0)
            log_warn("recording.unnamed_stem", "room=%s host=%u error=%s", room->record.slug,
                     room->roster[i].host, error_name(err));
    }
    room->phase = RECORDING_BEGINNING;
    return 0;
}

static int start_recording(struct room *room)
{
    struct rooms *rooms = room->rooms;
    uint64_t id = rooms->last_recording + 1;
    int err = map_put(&rooms->by_recording, id, room);
    if (err != 0)
        return err;
    room->recording = (struct recording_record){
        .id = id, .room = room->record.id, .started_ms = clock_wall_ms(), .parts = 1};
    err = begin_recording(room, false);
    if (err != 0) {
        map_remove(&rooms->by_recording, id);
        return err;
    }
    rooms->last_recording = id;
    room->has_recording = true;
    room_save_recording(room, STORE_NORMAL);
    return 0;
}

static void put_stems(struct room *room, const struct recorder_event *event)
{
    free(room->stems);
    room->stem_count = 0;
    room->stems = calloc(event->stem_count + 1, sizeof(*room->stems));
    if (room->stems == NULL) {
        log_error("recording.stems_lost", "room=%s", room->record.slug);
        return;
    }
    for (unsigned i = 0; i < event->stem_count; i++) {
        struct stem_record *stem = &room->stems[room->stem_count++];
        stem->recording = event->recording;
        stem->host = event->stems[i].host;
        stem->bytes = event->stems[i].bytes;
        const struct roster_entry *entry = room_host(room, stem->host);
        (void)snprintf(stem->name, sizeof(stem->name), "%s", entry != NULL ? entry->name : "");
        room_save_stem(room, stem);
    }
}

static void publish(struct room *room, const struct recorder_event *event)
{
    room->phase = RECORDING_NONE;
    room->recording.bytes = event->bytes;
    room->recording.duration_samples = event->duration_samples;
    room->recording.published_ms = clock_wall_ms();
    room_save_recording(room, STORE_FULL);
    put_stems(room, event);
    set_state(room, ROOM_PUBLISHED, STORE_FULL, NULL, NULL);
}

/* After the last packet the recorder publishes. A full ring of the stage: again with the next tick. */
static void end_program(struct room *room)
{
    int err = stage_end(room->rooms->deps.stage, room->record.id);
    if (err == 0)
        room->phase = RECORDING_ENDING;
    else
        log_warn("room.not_ended", "room=%s error=%s", room->record.slug, error_name(err));
}

/* The recorder is ready: the program goes out. Whoever pressed "end" before that gets it at once. */
static void begin_program(struct room *room)
{
    int err = stage_go_live(room->rooms->deps.stage, room->record.id, room->recording.id,
                            room->ready_at_samples);
    if (err != 0) {
        log_warn("room.not_live", "room=%s error=%s", room->record.slug, error_name(err));
        return;
    }
    room->phase = RECORDING_RUNNING;
    if (room->record.state == ROOM_ENDED)
        end_program(room);
}

static void on_ready(struct room *room, uint64_t position_samples)
{
    room->phase = RECORDING_READY;
    room->ready_at_samples = position_samples;
    begin_program(room);
}

/* Where a recording stands that the disk does not tell: never before its end, or what is said now would be taken
 * for what is there already. */
static uint64_t position_by_clock(const struct room *room)
{
    int64_t ms = clock_wall_ms() - room->recording.started_ms;
    return room->recording.parts > 1 && ms > 0 ? (uint64_t)ms * (OPUS_RATE_HZ / 1000) : 0;
}

void room_on_recorder(struct rooms *rooms, const struct recorder_event *event)
{
    struct room *room = map_get(&rooms->by_recording, event->recording);
    if (room == NULL || room->recording.id != event->recording)
        return;
    char detail[96];
    switch (event->kind) {
    case RECORDER_READY:
        if (room->phase == RECORDING_BEGINNING)
            on_ready(room, event->position_samples);
        return;
    case RECORDER_PUBLISHED:
        if (room->record.state == ROOM_ENDED)
            publish(room, event);
        return;
    case RECORDER_FAULT:
        (void)snprintf(detail, sizeof(detail), "%s (%s)", error_name(event->error),
                       event->system_error != 0 ? strerror(event->system_error) : "-");
        log_error("recording.fault", "room=%s error=%s errno=%d", room->record.slug,
                  error_name(event->error), event->system_error);
        room_event(room, 0, "recording.fault", detail);
        /* The show does not wait for a disk: what cannot be written now is a hole that is told
         * later. */
        if (room->phase == RECORDING_BEGINNING)
            on_ready(room, position_by_clock(room));
        return;
    case RECORDER_HOLE:
        (void)snprintf(detail, sizeof(detail), "at_ms=%llu lost_ms=%llu",
                       (unsigned long long)event->position_samples / 48,
                       (unsigned long long)event->hole_samples / 48);
        log_error("recording.hole", "room=%s %s", room->record.slug, detail);
        room_event(room, 0, "recording.hole", detail);
        return;
    }
}

/* ---- after a restart ---- */

static void resume_live(struct room *room)
{
    room->recording.parts++;
    int err = room_open_media(room);
    if (err == 0)
        err = begin_recording(room, true);
    if (err != 0) {
        log_error("room.not_resumed", "room=%s error=%s", room->record.slug, error_name(err));
        return;
    }
    room_save_recording(room, STORE_NORMAL);
    char part[32];
    (void)snprintf(part, sizeof(part), "%u", room->recording.parts);
    log_info("recording.part", "room=%s part=%s", room->record.slug, part);
    room_event(room, 0, "recording.part", part);
}

void room_resume(struct room *room)
{
    int err = 0;
    room->resumed_us = clock_now_us();
    switch (room->record.state) {
    case ROOM_DOORS_OPEN:
        err = room_open_media(room);
        break;
    case ROOM_LIVE:
        resume_live(room);
        break;
    case ROOM_ENDED: {
        struct recording_params params = recording_params(room, true);
        room->phase = RECORDING_ENDING;
        err = recorder_finish(room->rooms->deps.recorder, &params);
        break;
    }
    case ROOM_SCHEDULED:
    case ROOM_PUBLISHED:
    case ROOM_WITHDRAWN:
    case ROOM_CANCELLED:
        break;
    }
    if (err != 0)
        log_error("room.not_resumed", "room=%s error=%s", room->record.slug, error_name(err));
}

static void open_doors(struct room *room)
{
    char problem[ROOM_PROBLEM_MAX];
    if (room_steer(room, STEER_OPEN, NULL, NULL, problem) != 0)
        log_warn("room.not_opened", "room=%s", room->record.slug); /* again with the next tick */
}

void room_tick(struct room *room, uint64_t now_us)
{
    bool over = room->record.state >= ROOM_ENDED;
    room_apply_mode(room);
    room_tick_door(room, now_us);
    if (room_doors_are_due(room, clock_wall_ms()))
        open_doors(room);
    if (room->phase == RECORDING_READY)
        begin_program(room);
    else if (room->phase == RECORDING_RUNNING && over)
        end_program(room);
    if (!room->media_open || !over || room->phase == RECORDING_BEGINNING ||
        room->phase == RECORDING_READY || room->phase == RECORDING_RUNNING)
        return;
    if (room->close_media_us == 0)
        room->close_media_us = now_us + ROOM_CLOSE_MEDIA_AFTER_US;
    else if (now_us >= room->close_media_us)
        room_close_media(room);
}

/* The mean loss of those who hear, weighted over the workers. */
void room_tune_program(struct room *room)
{
    uint64_t weighted = 0, hearing = 0;
    for (unsigned w = 0; w < TRANSPORT_WORKERS_MAX; w++) {
        weighted += (uint64_t)room->workers[w].hearing * room->workers[w].loss_permille;
        hearing += room->workers[w].hearing;
    }
    uint32_t loss_permille = hearing == 0 ? 0 : (uint32_t)(weighted / hearing);
    if (!room->media_open ||
        stage_set_loss(room->rooms->deps.stage, room->record.id, loss_permille) == 0)
        room->loss_changed = false; /* else the stage's ring is full: again in a second */
}

/* ---- steering ---- */

static int refuse_steer(const struct room *room, const char *allowed,
                        char problem[ROOM_PROBLEM_MAX])
{
    (void)snprintf(problem, ROOM_PROBLEM_MAX, "The room is %s; this is possible only %s.",
                   room_state_name(room->record.state), allowed);
    return ERR_BADSTATE;
}

static int steer_failed(int err, char problem[ROOM_PROBLEM_MAX])
{
    (void)snprintf(problem, ROOM_PROBLEM_MAX, "The server could not do this now (%s). Try again.",
                   error_name(err));
    return err;
}

static int steer_live(struct room *room, char problem[ROOM_PROBLEM_MAX])
{
    int err = room_open_media(room);
    if (err == 0)
        err = start_recording(room);
    if (err != 0)
        return steer_failed(err, problem);
    room->record.live_ms = clock_wall_ms();
    set_state(room, ROOM_LIVE, STORE_FULL, NULL, NULL);
    return 0;
}

static int steer_end(struct room *room, char problem[ROOM_PROBLEM_MAX])
{
    if (room->phase == RECORDING_RUNNING) {
        int err = stage_end(room->rooms->deps.stage, room->record.id);
        if (err != 0)
            return steer_failed(err, problem);
        room->phase = RECORDING_ENDING;
    } /* else the recording only begins: its end follows by itself */
    room->record.ended_ms = room->recording.ended_ms = clock_wall_ms();
    room_save_recording(room, STORE_NORMAL);
    set_state(room, ROOM_ENDED, STORE_FULL, NULL, NULL);
    return 0;
}

static int steer_withdraw(struct room *room, store_done *done, void *ctx,
                          char problem[ROOM_PROBLEM_MAX])
{
    int err = recorder_delete(room->rooms->deps.recorder, room->recording.id);
    if (err != 0)
        return steer_failed(err, problem);
    room->recording.withdrawn_ms = clock_wall_ms();
    room_save_recording(room, STORE_FULL);
    set_state(room, ROOM_WITHDRAWN, STORE_FULL, done, ctx);
    return 0;
}

int room_steer(struct room *room, enum steer action, store_done *done, void *ctx,
               char problem[ROOM_PROBLEM_MAX])
{
    enum room_state state = room->record.state;
    int err = 0;
    switch (action) {
    case STEER_OPEN:
        if (state != ROOM_SCHEDULED)
            return refuse_steer(room, "while it is scheduled", problem);
        err = room_open_media(room);
        if (err != 0)
            return steer_failed(err, problem);
        set_state(room, ROOM_DOORS_OPEN, STORE_NORMAL, done, ctx);
        return 0;
    case STEER_LIVE:
        if (state != ROOM_SCHEDULED && state != ROOM_DOORS_OPEN)
            return refuse_steer(room, "while it is scheduled or its doors are open", problem);
        err = steer_live(room, problem);
        break;
    case STEER_END:
        if (state != ROOM_LIVE)
            return refuse_steer(room, "while it is live", problem);
        err = steer_end(room, problem);
        break;
    case STEER_CANCEL:
        if (state != ROOM_SCHEDULED && state != ROOM_DOORS_OPEN)
            return refuse_steer(room, "before it is live", problem);
        room_close_media(room);
        set_state(room, ROOM_CANCELLED, STORE_NORMAL, done, ctx);
        return 0;
    case STEER_WITHDRAW:
        if (state != ROOM_PUBLISHED)
            return refuse_steer(room, "once it is published", problem);
        return steer_withdraw(room, done, ctx, problem);
    }
    if (err == 0 && done != NULL)
        done(ctx, 0);
    return err;
}
