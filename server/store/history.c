/* A room's history on the store's thread: what takes more than one statement. */
#include "store/columns.h"
#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

#define SUM_OF(column) ", sum(" #column ") AS " #column
#define FROM_SUM(column) ", " #column " = new." #column

/* A time t belongs to the span that ends at the next multiple of it, t itself included. The last sample of a span takes
 * the others in: it says how it was at the end of that time, but for numbers of people, where the largest counts. */
static const char *const history_sql[HISTORY_STATEMENTS] = {
    [HISTORY_DROP_NETWORKS] = "DELETE FROM network WHERE room = ?",
    [HISTORY_PUT_NETWORK] = "INSERT INTO network VALUES(?,?,?,?," ARRIVAL_MARKS ")",
    [HISTORY_MERGE] =
        ("UPDATE sample SET at_ms = ((new.last_ms - 1) / ?2 + 1) * ?2, span_s = ?2 / 1000,"
         " hearing = new.hearing, connected = new.connected, in_line = new.in_line" ARRIVAL_COLUMNS(
             FROM_SUM) " FROM (SELECT max(at_ms) AS last_ms, max(hearing) AS hearing,"
                       " max(connected) AS connected, max(in_line) AS in_line" ARRIVAL_COLUMNS(
                           SUM_OF) " FROM sample WHERE room = ?1 GROUP BY (at_ms - 1) / ?2) AS new"
                                   " WHERE room = ?1 AND at_ms = new.last_ms"),
    [HISTORY_DROP_MERGED] = "DELETE FROM sample WHERE room = ?1 AND at_ms % ?2 <> 0",
    [HISTORY_SAMPLES] = "SELECT " SAMPLE_COLUMNS " FROM sample WHERE room = ? ORDER BY at_ms",
    [HISTORY_NETWORKS] =
        "SELECT " NETWORK_COLUMNS " FROM network WHERE room = ? ORDER BY attempts DESC, network",
    [HISTORY_CHANGES] =
        ("SELECT host, wall_ms, kind, detail FROM (SELECT number, host, wall_ms, kind, detail FROM"
         " event WHERE room = ? AND kind IN ('room.state', 'room.mode') ORDER BY number DESC"
         " LIMIT ?) ORDER BY number"),
};

int history_prepare(struct store *store)
{
    for (int i = 0; i < HISTORY_STATEMENTS; i++) {
        int result = sqlite3_prepare_v3(store->db, history_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                        &store->history[i], NULL);
        if (result != SQLITE_OK)
            return store_error_of(result);
    }
    return 0;
}

/* ---- writing ---- */

/* Runs a statement that gives no rows. */
static int finish(struct binder *binder)
{
    int result = binder->result;
    if (result == SQLITE_OK)
        result = sqlite3_step(binder->statement);
    (void)sqlite3_reset(binder->statement);
    (void)sqlite3_clear_bindings(binder->statement);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int put_networks(struct store *store, const struct job *job)
{
    struct binder drop = {.statement = store->history[HISTORY_DROP_NETWORKS]};
    bind_i64(&drop, job->record.history.room);
    int result = finish(&drop);
    for (uint32_t i = 0; i < job->record.history.network_count && result == SQLITE_OK; i++) {
        struct arrival_network network; /* the job's bytes are not aligned for it */
        memcpy(&network, job->text + i * sizeof(network), sizeof(network));
        struct binder put = {.statement = store->history[HISTORY_PUT_NETWORK]};
        bind_i64(&put, job->record.history.room);
        bind_i64(&put, (int64_t)network.network);
        bind_i64(&put, network.attempts);
        bind_i64(&put, network.too_high);
        bind_arrivals(&put, &network.counts);
        result = finish(&put);
    }
    return result;
}

static int merge(struct store *store, const struct job *job)
{
    static const enum history_statement steps[] = {HISTORY_MERGE, HISTORY_DROP_MERGED};
    int result = SQLITE_OK;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && result == SQLITE_OK; i++) {
        struct binder binder = {.statement = store->history[steps[i]]};
        bind_i64(&binder, job->record.history.room);
        bind_i64(&binder, (int64_t)job->record.history.span_s * 1000);
        result = finish(&binder);
    }
    return result;
}

int history_write(struct store *store, const struct job *job)
{
    return job->kind == JOB_MERGE ? merge(store, job) : put_networks(store, job);
}

/* ---- reading ---- */

struct reading {
    struct sample_record *samples;
    size_t sample_count, sample_room;
    struct arrival_network networks[ARRIVAL_NETWORKS_MAX];
    size_t network_count;
    struct event_record changes[STORE_CHANGES_MAX + 1];
    struct change_text {
        char kind[STORE_KIND_MAX + 1], detail[STORE_DETAIL_MAX + 1];
    } texts[STORE_CHANGES_MAX + 1];
    size_t change_count;
};

static int take_sample(struct reading *reading, struct row *row)
{
    if (reading->sample_count == reading->sample_room) {
        size_t more = reading->sample_room * 2 + 256;
        struct sample_record *grown = reallocarray(reading->samples, more, sizeof(*grown));
        if (!grown)
            return ERR_NOMEM;
        reading->samples = grown;
        reading->sample_room = more;
    }
    row_sample(row, &reading->samples[reading->sample_count++]);
    return 0;
}

static int take_network(struct reading *reading, struct row *row)
{
    if (reading->network_count == ARRIVAL_NETWORKS_MAX)
        return ERR_DAMAGED;
    row_network(row, &reading->networks[reading->network_count++]);
    return 0;
}

static int take_change(struct reading *reading, struct row *row)
{
    struct change_text *text = &reading->texts[reading->change_count];
    struct event_record *change = &reading->changes[reading->change_count++];
    *change = (struct event_record){.host = row_u32(row), .kind = text->kind};
    change->wall_ms = row_i64(row);
    row_text(row, text->kind, sizeof(text->kind));
    row_text(row, text->detail, sizeof(text->detail));
    change->detail = text->detail;
    return 0;
}

static int read_rows(struct store *store, enum history_statement which, const struct job *job,
                     struct reading *reading, int (*take)(struct reading *, struct row *))
{
    sqlite3_stmt *statement = store->history[which];
    struct binder binder = {.statement = statement};
    bind_i64(&binder, job->record.history.room);
    if (which == HISTORY_CHANGES)
        bind_i64(&binder, STORE_CHANGES_MAX + 1);
    int err = 0;
    int result = binder.result;
    while (result == SQLITE_OK && err == 0) {
        int step = sqlite3_step(statement);
        if (step != SQLITE_ROW) {
            err = store_error_of(step);
            break;
        }
        struct row row = {.statement = statement};
        err = take(reading, &row);
        if (err == 0 && row.bad)
            err = ERR_DAMAGED;
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return err != 0 ? err : store_error_of(result);
}

int history_read(struct store *store, const struct job *job)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    if (!reading)
        return ERR_NOMEM;
    int err = read_rows(store, HISTORY_SAMPLES, job, reading, take_sample);
    if (err == 0)
        err = read_rows(store, HISTORY_NETWORKS, job, reading, take_network);
    if (err == 0)
        err = read_rows(store, HISTORY_CHANGES, job, reading, take_change);
    bool has_all = reading->change_count <= STORE_CHANGES_MAX;
    struct store_history history = {.samples = reading->samples,
                                    .sample_count = reading->sample_count,
                                    .networks = reading->networks,
                                    .network_count = reading->network_count,
                                    .changes = reading->changes + !has_all,
                                    .change_count = reading->change_count - !has_all,
                                    .has_all_changes = has_all};
    if (err == 0)
        job->record.history.read(job->ctx, &history);
    free(reading->samples);
    free(reading);
    return err;
}
