#include "store/store_internal.h"

#include "store/columns.h"
#include "telemetry/log.h"

#include <assert.h>
#include <poll.h>
#include <string.h>

/* Writes that wait together share one transaction. A STORE_FULL write opens one of its own kind,
 * whose commit is synced (and with it all that was committed before); normal ones behind it ride
 * along. */
enum {
    BATCH_MAX = 256,
    CHECKPOINT_PAGES = 1000,
    PAGE_BYTES = 4096, /* SQLite makes databases so */
    WAL_WARN_BYTES = 64 * 1024 * 1024,
};

static const char *const write_sql[WRITE_KINDS] = {
    [WRITE_ROOM] =
        ("INSERT INTO room VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
         " slug=excluded.slug, title=excluded.title, state=excluded.state,"
         " created_ms=excluded.created_ms, start_ms=excluded.start_ms, live_ms=excluded.live_ms,"
         " ended_ms=excluded.ended_ms, seats=excluded.seats, stereo=excluded.stereo,"
         " program_bps=excluded.program_bps, recording_bps=excluded.recording_bps,"
         " mode=excluded.mode, small_audience_seats=excluded.small_audience_seats,"
         " places_per_address=excluded.places_per_address"),
    [WRITE_INVITATION] =
        ("INSERT INTO invitation VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
         " room=excluded.room, host=excluded.host, name=excluded.name, role=excluded.role,"
         " token_hash=excluded.token_hash, revoked=excluded.revoked,"
         " created_ms=excluded.created_ms"),
    /* a consent put again without its text keeps the text that was agreed to */
    [WRITE_CONSENT] =
        ("INSERT INTO consent VALUES(?,?,?,?) ON CONFLICT(invitation, wording) DO UPDATE SET"
         " text=CASE excluded.text WHEN '' THEN text ELSE excluded.text END,"
         " given_ms=excluded.given_ms"),
    [WRITE_RECORDING] =
        ("INSERT INTO recording VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
         " room=excluded.room, started_ms=excluded.started_ms, ended_ms=excluded.ended_ms,"
         " published_ms=excluded.published_ms, withdrawn_ms=excluded.withdrawn_ms,"
         " parts=excluded.parts, bytes=excluded.bytes, duration_samples=excluded.duration_samples"),
    [WRITE_STEM] = ("INSERT INTO stem VALUES(?,?,?,?) ON CONFLICT(recording, host) DO UPDATE SET"
                    " name=excluded.name, bytes=excluded.bytes"),
    [WRITE_EVENT] = ("INSERT INTO event(wall_ms, room, host, kind, detail) VALUES(?,?,?,?,?)"),
#define ADD(column) #column "=" #column "+excluded." #column ","
    [WRITE_SAMPLE] =
        ("INSERT INTO sample VALUES(?,?,?,?,?,?,?,?,?,?," ARRIVAL_MARKS
         ") ON CONFLICT(room, at_ms) DO UPDATE SET " ARRIVAL_COLUMNS(
             ADD) "span_s=max(span_s, excluded.span_s), hearing=max(hearing, excluded.hearing),"
                  " connected=max(connected, excluded.connected),"
                  " in_line=max(in_line, excluded.in_line),"
                  " turned_away=max(turned_away, excluded.turned_away), seats=excluded.seats,"
                  " mode=excluded.mode, cause=excluded.cause"),
#undef ADD
    [WRITE_BAN] = ("INSERT INTO ban VALUES(?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
                   " room=excluded.room, network=excluded.network, by_host=excluded.by_host,"
                   " created_ms=excluded.created_ms, lifted_ms=excluded.lifted_ms"),
};

int writer_prepare(struct store *store)
{
    for (int kind = 0; kind < WRITE_KINDS; kind++) {
        int result = sqlite3_prepare_v3(store->db, write_sql[kind], -1, SQLITE_PREPARE_PERSISTENT,
                                        &store->writes[kind], NULL);
        if (result != SQLITE_OK)
            return store_error_of(result);
    }
    return history_prepare(store);
}

/* ---- one write ---- */

static void bind_room(struct binder *b, const struct room_record *room)
{
    bind_i64(b, room->id);
    bind_text(b, room->slug);
    bind_text(b, room->title);
    bind_text(b, room_state_name(room->state));
    bind_i64(b, room->created_ms);
    bind_i64(b, room->start_ms);
    bind_i64(b, room->live_ms);
    bind_i64(b, room->ended_ms);
    bind_i64(b, room->seats);
    bind_i64(b, room->stereo);
    bind_i64(b, room->program_bps);
    bind_i64(b, room->recording_bps);
    bind_text(b, mode_name(room->mode));
    bind_i64(b, room->small_audience_seats);
    bind_i64(b, room->places_per_address);
}

static void bind_invitation(struct binder *b, const struct invitation_record *invitation)
{
    bind_i64(b, invitation->id);
    bind_i64(b, invitation->room);
    bind_i64(b, invitation->host);
    bind_text(b, invitation->name);
    bind_text(b, role_name(invitation->role));
    bind_hash(b, invitation->token_hash);
    bind_i64(b, invitation->revoked);
    bind_i64(b, invitation->created_ms);
}

static void bind_recording(struct binder *b, const struct recording_record *recording)
{
    bind_i64(b, (int64_t)recording->id);
    bind_i64(b, recording->room);
    bind_i64(b, recording->started_ms);
    bind_i64(b, recording->ended_ms);
    bind_i64(b, recording->published_ms);
    bind_i64(b, recording->withdrawn_ms);
    bind_i64(b, recording->parts);
    bind_i64(b, (int64_t)recording->bytes);
    bind_i64(b, (int64_t)recording->duration_samples);
}

static void bind_sample(struct binder *b, const struct sample_record *sample)
{
    bind_i64(b, sample->room);
    bind_i64(b, sample->at_ms);
    bind_i64(b, sample->span_s);
    bind_i64(b, sample->hearing);
    bind_i64(b, sample->connected);
    bind_i64(b, sample->in_line);
    bind_i64(b, sample->turned_away);
    bind_i64(b, sample->seats);
    bind_text(b, mode_name(sample->mode));
    bind_text(b, sample->cause);
    bind_arrivals(b, &sample->arrivals);
}

static void bind_ban(struct binder *b, const struct ban_record *ban)
{
    bind_i64(b, ban->id);
    bind_i64(b, ban->room);
    bind_i64(b, (int64_t)ban->network);
    bind_i64(b, ban->by);
    bind_i64(b, ban->created_ms);
    bind_i64(b, ban->lifted_ms);
}

static void bind_job(struct binder *b, const struct job *job)
{
    switch (job->kind) {
    case WRITE_ROOM:
        bind_room(b, &job->record.room);
        break;
    case WRITE_INVITATION:
        bind_invitation(b, &job->record.invitation);
        break;
    case WRITE_CONSENT:
        bind_i64(b, job->record.consent.invitation);
        bind_text(b, job->record.consent.wording);
        bind_text(b, job->text);
        bind_i64(b, job->record.consent.given_ms);
        break;
    case WRITE_RECORDING:
        bind_recording(b, &job->record.recording);
        break;
    case WRITE_STEM:
        bind_i64(b, (int64_t)job->record.stem.recording);
        bind_i64(b, job->record.stem.host);
        bind_text(b, job->record.stem.name);
        bind_i64(b, (int64_t)job->record.stem.bytes);
        break;
    case WRITE_EVENT:
        bind_i64(b, job->record.event.wall_ms);
        bind_i64(b, job->record.event.room);
        bind_i64(b, job->record.event.host);
        bind_text(b, job->text);
        bind_text(b, job->text + job->second_at);
        break;
    case WRITE_SAMPLE:
        bind_sample(b, &job->record.sample);
        break;
    case WRITE_BAN:
        bind_ban(b, &job->record.ban);
        break;
    case JOB_NETWORKS:
    case JOB_MERGE:
    case JOB_READ:
        b->result = SQLITE_MISUSE; /* have no statement here */
        break;
    }
}

/* One line when writing begins to fail, one when it works again. */
static void note(struct store *store, bool failed)
{
    char reason[LOG_SAFE_MAX];
    if (failed && !store->failing)
        log_error("store.write_failed", "code=%d reason=%s", sqlite3_extended_errcode(store->db),
                  log_safe(reason, sqlite3_errmsg(store->db)));
    else if (!failed && store->failing)
        log_warn("store.writes_again", "%s", "");
    store->failing = failed;
}

static int write_one(struct store *store, const struct job *job)
{
    struct binder binder = {.statement = store->writes[job->kind]};
    bind_job(&binder, job);
    int result = binder.result;
    if (result == SQLITE_OK)
        result = sqlite3_step(binder.statement);
    if (result != SQLITE_DONE)
        note(store, true);
    (void)sqlite3_reset(binder.statement);
    (void)sqlite3_clear_bindings(binder.statement);
    return result == SQLITE_DONE ? 0 : ERR_IO;
}

/* What takes several statements is done as a whole or not at all. */
static int write_several(struct store *store, const struct job *job)
{
    int result = sqlite3_exec(store->db, "SAVEPOINT job", NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = history_write(store, job);
    bool failed = result != SQLITE_OK;
    if (failed)
        note(store, true);
    /* a full disk took the whole transaction back by itself */
    if (failed && !sqlite3_get_autocommit(store->db))
        (void)sqlite3_exec(store->db, "ROLLBACK TO job", NULL, NULL, NULL);
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite3_exec(store->db, "RELEASE job", NULL, NULL, NULL);
    return failed ? ERR_IO : 0;
}

static int write_job(struct store *store, const struct job *job)
{
    return job->kind < WRITE_KINDS ? write_one(store, job) : write_several(store, job);
}

/* ---- one transaction ---- */

static bool run(struct store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* SQLite refuses this inside a transaction, so it decides the whole of the next one. */
static bool set_synchronous(struct store *store, bool full)
{
    if (store->synchronous_full == full)
        return true;
    if (!run(store, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"))
        return false;
    store->synchronous_full = full;
    return true;
}

struct batch {
    struct answer answers[BATCH_MAX];
    size_t count;
};

static void take(struct store *store, struct batch *batch, const struct job *job, int err)
{
    batch->answers[batch->count++] = (struct answer){job->done, job->ctx, err};
    ring_release(store->jobs);
}

/* Control counts what is unanswered and never lets it outgrow the ring. */
static void answer(struct store *store, const struct batch *batch)
{
    bool any = false;
    for (size_t i = 0; i < batch->count; i++) {
        if (!batch->answers[i].done)
            continue;
        int err = ring_push(store->answers, &batch->answers[i], sizeof(batch->answers[i]));
        assert(err == 0);
        (void)err;
        any = true;
    }
    atomic_fetch_add_explicit(&store->finished_count, batch->count, memory_order_release);
    if (any)
        wake_ring(&store->answered);
}

/* No transaction can begin: what waits now is given up, so that nobody waits for ever. */
static void give_up(struct store *store, struct batch *batch)
{
    note(store, true);
    const struct job *job;
    size_t bytes;
    while (batch->count < BATCH_MAX && (job = ring_peek(store->jobs, &bytes)))
        take(store, batch, job, ERR_IO);
}

static void write_batch(struct store *store, struct batch *batch, bool full)
{
    size_t bytes;
    const struct job *job;
    bool whole = true;
    bool rolled_back = false;
    while (!rolled_back && batch->count < BATCH_MAX && (job = ring_peek(store->jobs, &bytes))) {
        if ((job->sync == STORE_FULL && !full) || job->kind == JOB_READ)
            break;
        int err = write_job(store, job);
        whole &= err == 0;
        take(store, batch, job, err);
        /* a full disk takes the whole transaction back by itself */
        rolled_back = sqlite3_get_autocommit(store->db) != 0;
    }
    if (!rolled_back && run(store, "COMMIT")) {
        if (whole)
            note(store, false);
        return;
    }
    note(store, true);
    if (!sqlite3_get_autocommit(store->db))
        (void)run(store, "ROLLBACK");
    for (size_t i = 0; i < batch->count; i++)
        batch->answers[i].err = ERR_IO;
}

static void write_queue(struct store *store)
{
    const struct job *job;
    size_t bytes;
    while ((job = ring_peek(store->jobs, &bytes))) {
        struct batch batch = {.count = 0};
        if (job->kind ==
            JOB_READ) { /* needs no transaction, so it is answered on a full disk, too */
            take(store, &batch, job, history_read(store, job));
            answer(store, &batch);
            continue;
        }
        bool full = job->sync == STORE_FULL;
        if (set_synchronous(store, full) && run(store, "BEGIN IMMEDIATE"))
            write_batch(store, &batch, full);
        else
            give_up(store, &batch);
        answer(store, &batch);
    }
}

/* Called after each commit. Somebody who reads for long keeps the log from being emptied: tell
 * once. */
static int on_commit(void *ctx, sqlite3 *db, const char *name, int wal_pages)
{
    struct store *store = ctx;
    if (wal_pages >= CHECKPOINT_PAGES)
        (void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    bool large = (int64_t)wal_pages * PAGE_BYTES > WAL_WARN_BYTES;
    if (large && !store->wal_warned)
        log_warn("store.wal_large", "pages=%d hint=end_programs_that_read_the_database", wal_pages);
    store->wal_warned = large;
    return SQLITE_OK;
}

void writer_run(void *arg)
{
    struct store *store = arg;
    ASSERT_THREAD(THREAD_STORE);
    (void)sqlite3_busy_timeout(store->db, store->busy_ms);
    (void)sqlite3_wal_hook(store->db, on_commit, store);
    bool stopping;
    do {
        struct pollfd bell = {.fd = store->work.fd, .events = POLLIN};
        (void)poll(&bell, 1, -1);
        wake_hush(&store->work);
        /* read before the queue is: what was put before the stop is written */
        stopping = atomic_load_explicit(&store->stopping, memory_order_acquire);
        write_queue(store);
    } while (!stopping);
    (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}
