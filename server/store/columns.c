#include "store/columns.h"

#include <string.h>

#define ONE(column) +1
_Static_assert(0 ARRIVAL_COLUMNS(ONE) == ARRIVALS, "each arrival has its column");
_Static_assert(sizeof(ARRIVAL_MARKS) == 2 * ARRIVALS, "and its mark");
#undef ONE

/* ---- binding ---- */

static void keep_failure(struct binder *binder, int result)
{
    if (binder->result == SQLITE_OK)
        binder->result = result;
}

void bind_i64(struct binder *binder, int64_t value)
{
    keep_failure(binder, sqlite3_bind_int64(binder->statement, ++binder->index, value));
}

void bind_text(struct binder *binder, const char *text)
{
    keep_failure(binder,
                 sqlite3_bind_text(binder->statement, ++binder->index, text, -1, SQLITE_STATIC));
}

void bind_hash(struct binder *binder, const uint8_t hash[STORE_HASH_BYTES])
{
    keep_failure(binder, sqlite3_bind_blob(binder->statement, ++binder->index, hash,
                                           STORE_HASH_BYTES, SQLITE_STATIC));
}

void bind_arrivals(struct binder *binder, const struct arrival_counts *counts)
{
    for (unsigned i = 0; i < ARRIVALS; i++)
        bind_i64(binder, counts->of[i]);
}

/* ---- reading ---- */

int64_t row_i64(struct row *row)
{
    return sqlite3_column_int64(row->statement, row->column++);
}

uint64_t row_u64(struct row *row)
{
    int64_t value = row_i64(row);
    row->bad |= value < 0;
    return (uint64_t)value;
}

uint32_t row_u32(struct row *row)
{
    int64_t value = row_i64(row);
    row->bad |= value < 0 || value > UINT32_MAX;
    return (uint32_t)value;
}

void row_text(struct row *row, char *out, size_t room)
{
    const unsigned char *text = sqlite3_column_text(row->statement, row->column);
    size_t bytes = (size_t)sqlite3_column_bytes(row->statement, row->column++);
    if (!text || bytes >= room || memchr(text, '\0', bytes)) {
        row->bad = true;
        return;
    }
    memcpy(out, text, bytes + 1);
}

enum mode row_mode(struct row *row)
{
    char name[32] = "";
    row_text(row, name, sizeof(name));
    for (int mode = MODE_NORMAL; mode <= MODE_LIFEBOAT; mode++)
        if (strcmp(name, mode_name((enum mode)mode)) == 0)
            return (enum mode)mode;
    row->bad = true;
    return MODE_NORMAL;
}

/* Sums over a long time may be larger than what is counted at once. */
static uint32_t row_count(struct row *row)
{
    uint64_t value = row_u64(row);
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

void row_arrivals(struct row *row, struct arrival_counts *out)
{
    for (unsigned i = 0; i < ARRIVALS; i++)
        out->of[i] = row_count(row);
}

void row_network(struct row *row, struct arrival_network *out)
{
    out->network = row_u64(row);
    out->attempts = row_u32(row);
    out->too_high = row_u32(row);
    row_arrivals(row, &out->counts);
}

void row_sample(struct row *row, struct sample_record *out)
{
    out->room = row_u32(row);
    out->at_ms = row_i64(row);
    out->span_s = row_u32(row);
    out->hearing = row_u32(row);
    out->connected = row_u32(row);
    out->in_line = row_u32(row);
    out->turned_away = row_u32(row);
    out->seats = row_u32(row);
    out->mode = row_mode(row);
    row_text(row, out->cause, sizeof(out->cause));
    row_arrivals(row, &out->arrivals);
}
