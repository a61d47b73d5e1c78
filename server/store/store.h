/* store.h - the SQLite database behind its one writer thread: what must outlive the process.
 *
 * Control keeps rooms, invitations and recordings in memory and is their truth; it loads them once at start
 * and writes every change behind itself. Writes are done in the order they were put.
 *
 * Owner    main; created and loaded before, stopped after everything that writes
 * Thread   control; the writer thread is inside. done callbacks run in store_drain() on control
 * Units    milliseconds since 1970 UTC; numbers (ids) are given by control, never reused
 * Errors   store_create tells in words what is wrong with the file and what to do
 * Spec     SQLite, WAL mode. synchronous=NORMAL for most, FULL for bans, consent and withdrawals (STORE_FULL)
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arrival.h"
#include "base/mode.h"
#include "rostrum/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STORE_SLUG_MAX = 64,
    STORE_TITLE_MAX = 800, /* bytes: 200 characters of UTF-8 */
    STORE_NAME_MAX = 320,  /* bytes: 80 characters */
    STORE_WORDING_MAX = 32,
    STORE_CONSENT_TEXT_MAX = 16384, /* bytes, as the next two */
    STORE_KIND_MAX = 64,
    STORE_DETAIL_MAX = 2000,
    STORE_HASH_BYTES = 32, /* SHA-256 */
    STORE_CAUSE_MAX = 32,
    STORE_CHANGES_MAX = 1000, /* of one room that are read at once */
    STORE_QUEUE_MAX = 4096,
    STORE_PROBLEM_MAX = 400,
    STORE_BUSY_MS = 20000,
};

enum room_state {
    ROOM_SCHEDULED,
    ROOM_DOORS_OPEN,
    ROOM_LIVE,
    ROOM_ENDED,
    ROOM_PUBLISHED,
    ROOM_WITHDRAWN,
    ROOM_CANCELLED,
};
/* "scheduled", "doors_open", ... as in the protocol; lends a constant. */
const char *room_state_name(enum room_state state);

enum role { ROLE_OWNER, ROLE_SPEAKER, ROLE_MODERATOR };
const char *role_name(enum role role);
MUST_CHECK int role_parse(enum role *out, const char *name); /* ERR_INVAL */

struct room_record {
    uint32_t id;
    char slug[STORE_SLUG_MAX + 1];
    char title[STORE_TITLE_MAX + 1];
    enum room_state state;
    int64_t created_ms, start_ms, live_ms, ended_ms; /* 0: not (yet) */
    uint32_t seats;                                  /* cap; 0: the node's */
    bool stereo;
    uint32_t program_bps, recording_bps;
    enum mode mode;                /* that the room asks for */
    uint32_t small_audience_seats; /* cap in that mode; 0: what the node serves well */
    uint32_t places_per_address;   /* in line; 0: the default */
};

struct invitation_record {
    uint32_t id; /* over the whole node */
    uint32_t room;
    uint32_t host; /* number within the room, from 1 */
    char name[STORE_NAME_MAX + 1];
    enum role role;
    uint8_t token_hash[STORE_HASH_BYTES];
    bool revoked;
    int64_t created_ms;
};

struct consent_record {
    uint32_t invitation;
    char wording[STORE_WORDING_MAX + 1];
    const char *text; /* the full wording agreed to; copied. NULL when loaded */
    int64_t given_ms;
};

struct recording_record {
    uint64_t id;
    uint32_t room;
    int64_t started_ms, ended_ms, published_ms, withdrawn_ms; /* 0: not (yet) */
    uint32_t parts; /* 1, and one more for each restart while live */
    uint64_t bytes, duration_samples;
};

/* Somebody excluded a network from a room. One that is lifted stays, so that its number is not given again. */
struct ban_record {
    uint32_t id; /* over the whole node */
    uint32_t room;
    uint64_t network;              /* address_network() */
    uint32_t by;                   /* a host of the room; 0: the admin */
    int64_t created_ms, lifted_ms; /* lifted_ms 0: in force */
};

struct stem_record {
    uint64_t recording;
    uint32_t host;
    char name[STORE_NAME_MAX + 1];
    uint64_t bytes;
};

struct event_record {
    uint32_t room;
    uint32_t host; /* 0: nobody in particular */
    int64_t wall_ms;
    const char *kind;   /* copied; "room.live", "host.joined", "recording.part", ... */
    const char *detail; /* copied; may be "" */
};

/* One line of a room's history: ten seconds, or more where it was merged. */
struct sample_record {
    uint32_t room;
    int64_t at_ms; /* when its time ended, a multiple of the usual span */
    uint32_t span_s;
    uint32_t hearing, connected, in_line; /* the most at one time */
    uint32_t turned_away;                 /* until then, since the room began */
    uint32_t seats;                       /* allowed; 0: no limit but the node's */
    enum mode mode;
    char cause[STORE_CAUSE_MAX + 1]; /* of the mode; "" in normal */
    struct arrival_counts arrivals;
};

/* What control must know of a room's history to go on with it. */
struct history_summary {
    uint32_t room;
    uint32_t samples, span_s; /* lines, and the shortest of their spans */
    uint32_t turned_away;
    uint32_t connected; /* the most at one time */
};

/* A room's history as read, on the store's thread. */
struct store_history {
    const struct sample_record *samples; /* lent, as all; the oldest first */
    size_t sample_count;
    const struct arrival_network *networks; /* the busiest first */
    size_t network_count;
    const struct event_record *changes; /* of state and mode, the oldest first */
    size_t change_count;
    bool has_all_changes; /* else the oldest are left out */
};

struct store;

/* Opens or makes the database at path (its folder exists), migrates it. On failure `problem` says in one or two
 * sentences what is wrong and what to do. ERR_DAMAGED (never replaced by an empty one), ERR_IO, ERR_NOMEM,
 * ERR_UNSUPPORTED (made by a newer version, or by another program). */
MUST_CHECK int store_create(struct store **out, const char *path, char problem[STORE_PROBLEM_MAX]);
void store_destroy(struct store *store); /* NULL is fine */

/* Everything that is there, parents before children, in order of id. Before store_start(). Records are lent.
 * A callback's error ends the load and is returned. */
struct store_loader {
    int (*on_room)(void *ctx, const struct room_record *record);
    int (*on_invitation)(void *ctx, const struct invitation_record *record);
    int (*on_consent)(void *ctx, const struct consent_record *record);
    int (*on_recording)(void *ctx, const struct recording_record *record);
    int (*on_stem)(void *ctx, const struct stem_record *record);
    /* Of rooms that are not over yet; the busiest network first. */
    int (*on_history)(void *ctx, const struct history_summary *summary);
    int (*on_network)(void *ctx, uint32_t room, const struct arrival_network *record);
    int (*on_ban)(void *ctx, const struct ban_record *record); /* lifted ones, too */
};
MUST_CHECK int store_load(struct store *store, const struct store_loader *loader, void *ctx);

MUST_CHECK int store_start(struct store *store);
/* Writes what is queued, checkpoints, joins. store_drain() may follow for the last answers. */
void store_stop(struct store *store);

/* err: 0, or why the write failed (ERR_IO: disk). Runs on control, in order. */
typedef void store_done(void *ctx, int err);
enum store_sync { STORE_NORMAL, STORE_FULL /* survives power loss once done() ran */ };

/* Insert or replace by id (1 and up; parents were put before). They copy; done may be NULL. ERR_FULL: STORE_QUEUE_MAX
 * writes, or answers that nobody drained, wait already. ERR_INVAL: a number or text out of range. A write that could
 * not be done is given up and answered ERR_IO; writes queued with it may share its fate, and are answered so too. A
 * database locked by another program is waited for, STORE_BUSY_MS. */
MUST_CHECK int store_put_room(struct store *store, const struct room_record *record,
                              enum store_sync sync, store_done *done, void *ctx);
MUST_CHECK int store_put_invitation(struct store *store, const struct invitation_record *record,
                                    enum store_sync sync, store_done *done, void *ctx);
MUST_CHECK int store_put_consent(struct store *store, const struct consent_record *record,
                                 store_done *done, void *ctx); /* always STORE_FULL */
MUST_CHECK int store_put_recording(struct store *store, const struct recording_record *record,
                                   enum store_sync sync, store_done *done, void *ctx);
MUST_CHECK int store_put_stem(struct store *store, const struct stem_record *record,
                              store_done *done, void *ctx);
MUST_CHECK int store_put_ban(struct store *store, const struct ban_record *record, store_done *done,
                             void *ctx); /* always STORE_FULL */
MUST_CHECK int store_put_event(struct store *store, const struct event_record *record);
/* A second sample of the same room and moment is merged with the first: the larger values, the sum of the arrivals. */
MUST_CHECK int store_put_sample(struct store *store, const struct sample_record *record,
                                store_done *done, void *ctx);
/* Replaces all networks of the room. */
MUST_CHECK int store_put_networks(struct store *store, uint32_t room,
                                  const struct arrival_network *records, size_t count,
                                  store_done *done, void *ctx);
/* Makes one sample of all those that ended within the same span_s. */
MUST_CHECK int store_merge_samples(struct store *store, uint32_t room, uint32_t span_s,
                                   store_done *done, void *ctx);

/* Runs on the store's thread, so that long texts are made there; touches nothing that control may touch. */
typedef void store_read(void *ctx, const struct store_history *history);
/* Reads what was put before, on the store's thread, which has the one connection; then done runs on control with the
 * same ctx. Not after a failure: then only done. ERR_FULL. */
MUST_CHECK int store_read_history(struct store *store, uint32_t room, store_read *read,
                                  store_done *done, void *ctx);

int store_events_fd(const struct store *store); /* readable when callbacks wait */
void store_drain(struct store *store);

#endif
