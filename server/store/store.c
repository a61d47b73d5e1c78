#include "store/store.h"

#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    JOBS_BYTES = 8 << 20, /* STORE_QUEUE_MAX jobs of 1 kB each, twice; or 100 rooms' networks */
    ANSWERS_BYTES = 256 << 10, /* STORE_QUEUE_MAX answers */
};
_Static_assert(sizeof(struct job) + 32 <= JOBS_BYTES / STORE_QUEUE_MAX, "the queue holds its jobs");
_Static_assert(sizeof(struct answer) + 32 <= ANSWERS_BYTES / STORE_QUEUE_MAX,
               "every job can be answered");

static const char *const state_names[] = {
    [ROOM_SCHEDULED] = "scheduled", [ROOM_DOORS_OPEN] = "doors_open",
    [ROOM_LIVE] = "live",           [ROOM_ENDED] = "ended",
    [ROOM_PUBLISHED] = "published", [ROOM_WITHDRAWN] = "withdrawn",
    [ROOM_CANCELLED] = "cancelled",
};
static const char *const role_names[] = {
    [ROLE_OWNER] = "owner",
    [ROLE_SPEAKER] = "speaker",
    [ROLE_MODERATOR] = "moderator",
};

const char *room_state_name(enum room_state state)
{
    return state_names[state];
}

const char *role_name(enum role role)
{
    return role_names[role];
}

int role_parse(enum role *out, const char *name)
{
    for (int role = ROLE_OWNER; role <= ROLE_MODERATOR; role++)
        if (strcmp(name, role_names[role]) == 0) {
            *out = (enum role)role;
            return 0;
        }
    return ERR_INVAL;
}

/* ---- life ---- */

int store_create(struct store **out, const char *path, char problem[STORE_PROBLEM_MAX])
{
    struct store *store = calloc(1, sizeof(*store));
    int err = ERR_NOMEM;
    if (!store)
        goto fail;
    store->work.fd = store->answered.fd = -1;
    store->busy_ms = STORE_BUSY_MS;
    err = schema_open(&store->db, path, problem);
    if (err != 0) {
        store_destroy(store);
        return err;
    }
    if ((err = ring_create(&store->jobs, JOBS_BYTES)) != 0 ||
        (err = ring_create(&store->answers, ANSWERS_BYTES)) != 0 ||
        (err = wake_init(&store->work)) != 0 || (err = wake_init(&store->answered)) != 0 ||
        (err = writer_prepare(store)) != 0)
        goto fail;
    *out = store;
    return 0;
fail:
    (void)snprintf(problem, STORE_PROBLEM_MAX, "The database %.200s cannot be opened: %s.", path,
                   error_name(err));
    store_destroy(store);
    return err;
}

void store_destroy(struct store *store)
{
    if (!store)
        return;
    store_stop(store);
    for (int kind = 0; kind < WRITE_KINDS; kind++)
        (void)sqlite3_finalize(store->writes[kind]);
    for (int i = 0; i < HISTORY_STATEMENTS; i++)
        (void)sqlite3_finalize(store->history[i]);
    (void)sqlite3_close(store->db);
    ring_destroy(store->jobs);
    ring_destroy(store->answers);
    wake_clear(&store->work);
    wake_clear(&store->answered);
    free(store);
}

int store_start(struct store *store)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (store->running)
        return ERR_BADSTATE;
    atomic_store_explicit(&store->stopping, false, memory_order_relaxed);
    int err = thread_start(&store->thread, "store", THREAD_STORE, writer_run, store);
    store->running = err == 0;
    return err;
}

void store_stop(struct store *store)
{
    if (!store->running)
        return;
    atomic_store_explicit(&store->stopping, true, memory_order_release);
    wake_ring(&store->work);
    thread_join(&store->thread);
    store->running = false;
}

/* ---- writes ---- */

/* False when text, with its end, is not within room bytes. */
static bool fits(const char *text, size_t room)
{
    return strnlen(text, room) < room;
}

/* Lends a job with room for text_bytes behind it, to be filled and sent; NULL when the queue is
 * full. */
static struct job *job_begin(struct store *store, enum job_kind kind, size_t text_bytes,
                             enum store_sync sync)
{
    ASSERT_THREAD(THREAD_CONTROL);
    uint64_t finished = atomic_load_explicit(&store->finished_count, memory_order_acquire);
    if (store->put_count - finished >= STORE_QUEUE_MAX || store->unanswered >= STORE_QUEUE_MAX)
        return NULL;
    struct job *job = ring_reserve(store->jobs, sizeof(*job) + text_bytes);
    if (!job)
        return NULL;
    memset(job, 0, sizeof(*job));
    job->kind = kind;
    job->sync = sync;
    return job;
}

static int job_send(struct store *store, struct job *job, size_t text_bytes, store_done *done,
                    void *ctx)
{
    job->done = done;
    job->ctx = ctx;
    store->put_count++;
    if (done)
        store->unanswered++;
    ring_commit(store->jobs, sizeof(*job) + text_bytes);
    wake_ring(&store->work);
    return 0;
}

int store_put_room(struct store *store, const struct room_record *record, enum store_sync sync,
                   store_done *done, void *ctx)
{
    if (record->id == 0 || record->slug[0] == '\0' || (unsigned)record->state > ROOM_CANCELLED ||
        !fits(record->slug, sizeof(record->slug)) || !fits(record->title, sizeof(record->title)))
        return ERR_INVAL;
    struct job *job = job_begin(store, WRITE_ROOM, 0, sync);
    if (!job)
        return ERR_FULL;
    job->record.room = *record;
    return job_send(store, job, 0, done, ctx);
}

int store_put_invitation(struct store *store, const struct invitation_record *record,
                         enum store_sync sync, store_done *done, void *ctx)
{
    if (record->id == 0 || record->room == 0 || record->host == 0 ||
        (unsigned)record->role > ROLE_MODERATOR || !fits(record->name, sizeof(record->name)))
        return ERR_INVAL;
    struct job *job = job_begin(store, WRITE_INVITATION, 0, sync);
    if (!job)
        return ERR_FULL;
    job->record.invitation = *record;
    return job_send(store, job, 0, done, ctx);
}

int store_put_consent(struct store *store, const struct consent_record *record, store_done *done,
                      void *ctx)
{
    const char *text = record->text ? record->text : "";
    if (record->invitation == 0 || !fits(record->wording, sizeof(record->wording)) ||
        !fits(text, STORE_CONSENT_TEXT_MAX + 1))
        return ERR_INVAL;
    size_t text_bytes = strlen(text) + 1;
    struct job *job = job_begin(store, WRITE_CONSENT, text_bytes, STORE_FULL);
    if (!job)
        return ERR_FULL;
    job->record.consent = *record;
    job->record.consent.text = NULL;
    memcpy(job->text, text, text_bytes);
    return job_send(store, job, text_bytes, done, ctx);
}

int store_put_recording(struct store *store, const struct recording_record *record,
                        enum store_sync sync, store_done *done, void *ctx)
{
    if (record->id == 0 || record->id > INT64_MAX || record->room == 0 ||
        record->bytes > INT64_MAX || record->duration_samples > INT64_MAX)
        return ERR_INVAL;
    struct job *job = job_begin(store, WRITE_RECORDING, 0, sync);
    if (!job)
        return ERR_FULL;
    job->record.recording = *record;
    return job_send(store, job, 0, done, ctx);
}

int store_put_stem(struct store *store, const struct stem_record *record, store_done *done,
                   void *ctx)
{
    if (record->recording == 0 || record->recording > INT64_MAX || record->bytes > INT64_MAX ||
        !fits(record->name, sizeof(record->name)))
        return ERR_INVAL;
    struct job *job = job_begin(store, WRITE_STEM, 0, STORE_NORMAL);
    if (!job)
        return ERR_FULL;
    job->record.stem = *record;
    return job_send(store, job, 0, done, ctx);
}

int store_put_ban(struct store *store, const struct ban_record *record, store_done *done, void *ctx)
{
    if (record->id == 0 || record->room == 0 || record->network == 0 || record->network > INT64_MAX)
        return ERR_INVAL;
    struct job *job = job_begin(store, WRITE_BAN, 0, STORE_FULL);
    if (!job)
        return ERR_FULL;
    job->record.ban = *record;
    return job_send(store, job, 0, done, ctx);
}

int store_put_event(struct store *store, const struct event_record *record)
{
    if (!fits(record->kind, STORE_KIND_MAX + 1) || !fits(record->detail, STORE_DETAIL_MAX + 1))
        return ERR_INVAL;
    size_t kind_bytes = strlen(record->kind) + 1;
    size_t detail_bytes = strlen(record->detail) + 1;
    struct job *job = job_begin(store, WRITE_EVENT, kind_bytes + detail_bytes, STORE_NORMAL);
    if (!job)
        return ERR_FULL;
    job->record.event = *record;
    job->record.event.kind = job->record.event.detail = NULL;
    job->second_at = (uint32_t)kind_bytes;
    memcpy(job->text, record->kind, kind_bytes);
    memcpy(job->text + kind_bytes, record->detail, detail_bytes);
    return job_send(store, job, kind_bytes + detail_bytes, NULL, NULL);
}

int store_put_sample(struct store *store, const struct sample_record *record, store_done *done,
                     void *ctx)
{
    if (record->room == 0 || record->span_s == 0 || (unsigned)record->mode > MODE_LIFEBOAT ||
        !fits(record->cause, sizeof(record->cause)))
        return ERR_INVAL;
    struct job *job = job_begin(store, WRITE_SAMPLE, 0, STORE_NORMAL);
    if (!job)
        return ERR_FULL;
    job->record.sample = *record;
    return job_send(store, job, 0, done, ctx);
}

int store_put_networks(struct store *store, uint32_t room, const struct arrival_network *records,
                       size_t count, store_done *done, void *ctx)
{
    if (room == 0 || count > ARRIVAL_NETWORKS_MAX)
        return ERR_INVAL;
    for (size_t i = 0; i < count; i++)
        if (records[i].network == 0 || records[i].network > INT64_MAX)
            return ERR_INVAL;
    size_t bytes = count * sizeof(*records);
    struct job *job = job_begin(store, JOB_NETWORKS, bytes, STORE_NORMAL);
    if (!job)
        return ERR_FULL;
    job->record.history.room = room;
    job->record.history.network_count = (uint32_t)count;
    if (count > 0)
        memcpy(job->text, records, bytes);
    return job_send(store, job, bytes, done, ctx);
}

int store_merge_samples(struct store *store, uint32_t room, uint32_t span_s, store_done *done,
                        void *ctx)
{
    if (room == 0 || span_s == 0)
        return ERR_INVAL;
    struct job *job = job_begin(store, JOB_MERGE, 0, STORE_NORMAL);
    if (!job)
        return ERR_FULL;
    job->record.history.room = room;
    job->record.history.span_s = span_s;
    return job_send(store, job, 0, done, ctx);
}

int store_read_history(struct store *store, uint32_t room, store_read *read, store_done *done,
                       void *ctx)
{
    struct job *job = job_begin(store, JOB_READ, 0, STORE_NORMAL);
    if (!job)
        return ERR_FULL;
    job->record.history.room = room;
    job->record.history.read = read;
    return job_send(store, job, 0, done, ctx);
}

/* ---- answers ---- */

int store_events_fd(const struct store *store)
{
    return store->answered.fd;
}

void store_drain(struct store *store)
{
    ASSERT_THREAD(THREAD_CONTROL);
    wake_hush(&store->answered);
    const struct answer *next;
    size_t bytes;
    while ((next = ring_peek(store->answers, &bytes))) {
        struct answer answer = *next; /* done() may put, so give the room back before */
        ring_release(store->answers);
        store->unanswered--;
        answer.done(answer.ctx, answer.err);
    }
}
