/* columns.h - values bound to a statement and read from a row, one after the other; errors stick and are looked at once.
 *
 * Owner    the statement is the caller's
 * Thread   whoever has the connection
 * Units    none
 * Errors   binder.result, row.bad
 * Spec     none
 */
#ifndef STORE_COLUMNS_H
#define STORE_COLUMNS_H

#include "store/store.h"

#include <sqlite3.h>

/* The arrivals' columns in the order of enum arrival, as they stand in the schema. */
#define ARRIVAL_COLUMNS(X)                                                                         \
    X(ask)                                                                                         \
    X(ask_again)                                                                                   \
    X(refused_rate)                                                                                \
    X(ticket_valid)                                                                                \
    X(ticket_bad)                                                                                  \
    X(seated)                                                                                      \
    X(lined)                                                                                       \
    X(refused_full)                                                                                \
    X(refused_here)                                                                                \
    X(refused_closed)                                                                              \
    X(handshake_done)                                                                              \
    X(handshake_failed)                                                                            \
    X(lapsed)                                                                                      \
    X(gave_up)                                                                                     \
    X(put_off)
#define ARRIVAL_LISTED(column) ", " #column
#define ARRIVAL_MARKS "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"
#define NETWORK_COLUMNS "network, attempts, too_high" ARRIVAL_COLUMNS(ARRIVAL_LISTED)
#define SAMPLE_COLUMNS                                                                             \
    "room, at_ms, span_s, hearing, connected, in_line, turned_away, seats, mode, "                 \
    "cause" ARRIVAL_COLUMNS(ARRIVAL_LISTED)

struct binder {
    sqlite3_stmt *statement;
    int index;
    int result; /* the first failure stays */
};

void bind_i64(struct binder *binder, int64_t value);
void bind_text(struct binder *binder, const char *text);
void bind_hash(struct binder *binder, const uint8_t hash[STORE_HASH_BYTES]);
void bind_arrivals(struct binder *binder, const struct arrival_counts *counts);

/* What does not fit its field marks the row bad, checked once at its end. */
struct row {
    sqlite3_stmt *statement;
    int column;
    bool bad;
};

int64_t row_i64(struct row *row);
uint64_t row_u64(struct row *row);
uint32_t row_u32(struct row *row);
void row_text(struct row *row, char *out, size_t room);
enum mode row_mode(struct row *row);                            /* any mode */
void row_arrivals(struct row *row, struct arrival_counts *out); /* ARRIVAL_COLUMNS */
void row_network(struct row *row, struct arrival_network *out); /* NETWORK_COLUMNS */
void row_sample(struct row *row, struct sample_record *out);    /* SAMPLE_COLUMNS */

#endif
