#include "store/columns.h"
#include "store/store_internal.h"

#include <string.h>

static enum room_state row_state(struct row *row)
{
    char name[32] = "";
    row_text(row, name, sizeof(name));
    for (int state = ROOM_SCHEDULED; state <= ROOM_CANCELLED; state++)
        if (strcmp(name, room_state_name((enum room_state)state)) == 0)
            return (enum room_state)state;
    row->bad = true;
    return ROOM_SCHEDULED;
}

typedef int read_row(struct row *row, const struct store_loader *loader, void *ctx);

static int read_room(struct row *row, const struct store_loader *loader, void *ctx)
{
    struct room_record record = {.id = row_u32(row)};
    row_text(row, record.slug, sizeof(record.slug));
    row_text(row, record.title, sizeof(record.title));
    record.state = row_state(row);
    record.created_ms = row_i64(row);
    record.start_ms = row_i64(row);
    record.live_ms = row_i64(row);
    record.ended_ms = row_i64(row);
    record.seats = row_u32(row);
    record.stereo = row_u32(row) != 0;
    record.program_bps = row_u32(row);
    record.recording_bps = row_u32(row);
    record.mode = row_mode(row);
    record.small_audience_seats = row_u32(row);
    record.places_per_address = row_u32(row);
    row->bad |= record.mode == MODE_LIFEBOAT; /* nobody asks for it */
    if (row->bad)
        return ERR_DAMAGED;
    return loader->on_room ? loader->on_room(ctx, &record) : 0;
}

static int read_invitation(struct row *row, const struct store_loader *loader, void *ctx)
{
    struct invitation_record record = {.id = row_u32(row)};
    record.room = row_u32(row);
    record.host = row_u32(row);
    row_text(row, record.name, sizeof(record.name));
    char role[32] = "";
    row_text(row, role, sizeof(role));
    row->bad |= role_parse(&record.role, role) != 0;
    const void *hash = sqlite3_column_blob(row->statement, row->column);
    if (hash && sqlite3_column_bytes(row->statement, row->column) == STORE_HASH_BYTES)
        memcpy(record.token_hash, hash, STORE_HASH_BYTES);
    else
        row->bad = true;
    row->column++;
    record.revoked = row_u32(row) != 0;
    record.created_ms = row_i64(row);
    if (row->bad)
        return ERR_DAMAGED;
    return loader->on_invitation ? loader->on_invitation(ctx, &record) : 0;
}

static int read_consent(struct row *row, const struct store_loader *loader, void *ctx)
{
    struct consent_record record = {.invitation = row_u32(row)};
    row_text(row, record.wording, sizeof(record.wording));
    record.given_ms = row_i64(row);
    if (row->bad)
        return ERR_DAMAGED;
    return loader->on_consent ? loader->on_consent(ctx, &record) : 0;
}

static int read_recording(struct row *row, const struct store_loader *loader, void *ctx)
{
    struct recording_record record = {.id = row_u64(row)};
    record.room = row_u32(row);
    record.started_ms = row_i64(row);
    record.ended_ms = row_i64(row);
    record.published_ms = row_i64(row);
    record.withdrawn_ms = row_i64(row);
    record.parts = row_u32(row);
    record.bytes = row_u64(row);
    record.duration_samples = row_u64(row);
    if (row->bad)
        return ERR_DAMAGED;
    return loader->on_recording ? loader->on_recording(ctx, &record) : 0;
}

static int read_stem(struct row *row, const struct store_loader *loader, void *ctx)
{
    struct stem_record record = {.recording = row_u64(row)};
    record.host = row_u32(row);
    row_text(row, record.name, sizeof(record.name));
    record.bytes = row_u64(row);
    if (row->bad)
        return ERR_DAMAGED;
    return loader->on_stem ? loader->on_stem(ctx, &record) : 0;
}

static int read_summary(struct row *row, const struct store_loader *loader, void *ctx)
{
    struct history_summary summary = {.room = row_u32(row)};
    summary.samples = row_u32(row);
    summary.span_s = row_u32(row);
    summary.turned_away = row_u32(row);
    summary.connected = row_u32(row);
    if (row->bad)
        return ERR_DAMAGED;
    return loader->on_history ? loader->on_history(ctx, &summary) : 0;
}

static int read_network(struct row *row, const struct store_loader *loader, void *ctx)
{
    uint32_t room = row_u32(row);
    struct arrival_network record;
    row_network(row, &record);
    if (row->bad)
        return ERR_DAMAGED;
    return loader->on_network ? loader->on_network(ctx, room, &record) : 0;
}

static int read_ban(struct row *row, const struct store_loader *loader, void *ctx)
{
    struct ban_record record = {.id = row_u32(row)};
    record.room = row_u32(row);
    record.network = row_u64(row);
    record.by = row_u32(row);
    record.created_ms = row_i64(row);
    record.lifted_ms = row_i64(row);
    if (row->bad)
        return ERR_DAMAGED;
    return loader->on_ban ? loader->on_ban(ctx, &record) : 0;
}

#define UNFINISHED                                                                                 \
    "room IN (SELECT id FROM room WHERE state IN ('scheduled', 'doors_open', 'live'))"

/* Parents before children. */
static const struct {
    const char *sql;
    read_row *read;
} tables[] = {
    {"SELECT id, slug, title, state, created_ms, start_ms, live_ms, ended_ms, seats, stereo,"
     " program_bps, recording_bps, mode, small_audience_seats, places_per_address FROM room ORDER "
     "BY id",
     read_room},
    {"SELECT id, room, host, name, role, token_hash, revoked, created_ms FROM invitation ORDER BY "
     "id",
     read_invitation},
    {"SELECT invitation, wording, given_ms FROM consent ORDER BY invitation, given_ms, wording",
     read_consent},
    {"SELECT id, room, started_ms, ended_ms, published_ms, withdrawn_ms, parts, bytes,"
     " duration_samples FROM recording ORDER BY id",
     read_recording},
    {"SELECT recording, host, name, bytes FROM stem ORDER BY recording, host", read_stem},
    {"SELECT room, count(*), min(span_s), max(turned_away), max(connected) FROM sample "
     "WHERE " UNFINISHED " GROUP BY room",
     read_summary},
    {"SELECT room, " NETWORK_COLUMNS " FROM network WHERE " UNFINISHED
     " ORDER BY room, attempts DESC",
     read_network},
    {"SELECT id, room, network, by_host, created_ms, lifted_ms FROM ban ORDER BY id", read_ban},
};
#undef UNFINISHED

int store_load(struct store *store, const struct store_loader *loader, void *ctx)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (store->running)
        return ERR_BADSTATE;
    int err = 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && err == 0; i++) {
        sqlite3_stmt *statement = NULL;
        int result = sqlite3_prepare_v2(store->db, tables[i].sql, -1, &statement, NULL);
        while (result == SQLITE_OK && err == 0) {
            int step = sqlite3_step(statement);
            if (step != SQLITE_ROW) {
                result = step;
                break;
            }
            struct row row = {.statement = statement};
            err = tables[i].read(&row, loader, ctx);
        }
        if (err == 0)
            err = store_error_of(result);
        (void)sqlite3_finalize(statement);
    }
    return err;
}
