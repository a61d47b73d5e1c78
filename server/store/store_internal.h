/* store_internal.h - what the store's own files share: the object, the jobs in its ring, the
 * schema.
 *
 * Owner    store.c; the connection and its statements belong to the writer thread while it runs
 * Thread   as each field says
 * Units    as store.h
 * Errors   as store.h
 * Spec     none
 */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include "base/ring.h"
#include "base/thread.h"
#include "base/wake.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdatomic.h>

enum job_kind {
    /* one statement, once */
    WRITE_ROOM,
    WRITE_INVITATION,
    WRITE_CONSENT,
    WRITE_RECORDING,
    WRITE_STEM,
    WRITE_EVENT,
    WRITE_SAMPLE,
    WRITE_BAN,
    WRITE_KINDS,
    /* history.c */
    JOB_NETWORKS = WRITE_KINDS,
    JOB_MERGE,
    JOB_READ,
};

enum history_statement {
    HISTORY_DROP_NETWORKS,
    HISTORY_PUT_NETWORK,
    HISTORY_MERGE,
    HISTORY_DROP_MERGED,
    HISTORY_SAMPLES,
    HISTORY_NETWORKS,
    HISTORY_CHANGES,
    HISTORY_STATEMENTS,
};

/* One record in the ring from control to the writer. */
struct job {
    enum job_kind kind;
    enum store_sync sync;
    store_done *done; /* may be NULL */
    void *ctx;
    union {
        struct room_record room;
        struct invitation_record invitation;
        struct consent_record consent;
        struct recording_record recording;
        struct stem_record stem;
        struct event_record event;
        struct sample_record sample;
        struct ban_record ban;
        struct {
            uint32_t room, span_s, network_count;
            store_read *read;
        } history;
    } record;           /* its pointers are not valid: */
    uint32_t second_at; /* the second text begins at text[second_at] */
    /* consent: the wording. event: kind, detail. Each ends with a zero. networks: their records */
    char text[];
};

/* One record in the ring back. */
struct answer {
    store_done *done; /* never NULL */
    void *ctx;
    int err;
};

struct store {
    sqlite3 *db; /* owned; control before start and after stop, writer in between */
    sqlite3_stmt *writes[WRITE_KINDS];         /* owned; as db */
    sqlite3_stmt *history[HISTORY_STATEMENTS]; /* owned; as db */
    struct ring *jobs;                         /* owned; control produces */
    struct ring *answers;                      /* owned; the writer produces */
    struct wake work;                          /* rung by control */
    struct wake answered;                      /* rung by the writer */
    struct thread thread;
    int busy_ms;                     /* how long the writer waits for a locked database */
    bool running;                    /* control */
    uint64_t put_count;              /* control: jobs ever put */
    uint32_t unanswered;             /* control: of those with a done, not drained yet */
    _Atomic uint64_t finished_count; /* the writer's: jobs ever finished */
    _Atomic bool stopping;           /* control's */
    bool synchronous_full;           /* writer */
    bool failing;                    /* writer: the last write failed, the log knows */
    bool wal_warned;                 /* writer */
};

/* schema.c */
/* Opens path for reading and writing, makes it (0600) if nothing is there, checks it, migrates it.
 */
MUST_CHECK int schema_open(sqlite3 **out, const char *path, char problem[STORE_PROBLEM_MAX]);
/* Brings a database at version n to `count` by migrations[n]..., each in its own transaction
 * together with its number. ERR_UNSUPPORTED: it is newer. ERR_IO. */
MUST_CHECK int schema_migrate(sqlite3 *db, const char *const *migrations, int count);
int store_error_of(int sqlite_result);

/* history.c: runs on the store's thread */
MUST_CHECK int history_prepare(struct store *store);
/* JOB_NETWORKS, JOB_MERGE: several statements within a transaction. An SQLite result. */
int history_write(struct store *store, const struct job *job);
MUST_CHECK int history_read(struct store *store, const struct job *job);

/* writer.c */
MUST_CHECK int writer_prepare(struct store *store);
void writer_run(void *arg);

#endif
