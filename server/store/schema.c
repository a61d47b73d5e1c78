#include "store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    APPLICATION_ID = 0x5273746D, /* "Rstm" */
    OPEN_BUSY_MS = 5000,
};

/* Append only: a released entry never changes. */
static const char *const migrations[] = {
    "CREATE TABLE room("
    "  id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, title TEXT NOT NULL, state TEXT NOT NULL,"
    "  created_ms INTEGER NOT NULL, start_ms INTEGER NOT NULL, live_ms INTEGER NOT NULL,"
    "  ended_ms INTEGER NOT NULL, seats INTEGER NOT NULL, stereo INTEGER NOT NULL,"
    "  program_bps INTEGER NOT NULL, recording_bps INTEGER NOT NULL) STRICT;"
    "CREATE TABLE invitation("
    "  id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES room(id), host INTEGER NOT NULL,"
    "  name TEXT NOT NULL, role TEXT NOT NULL,"
    "  token_hash BLOB NOT NULL UNIQUE CHECK(length(token_hash) = 32),"
    "  revoked INTEGER NOT NULL, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX invitation_room ON invitation(room);"
    "CREATE TABLE consent("
    "  invitation INTEGER NOT NULL REFERENCES invitation(id), wording TEXT NOT NULL,"
    "  text TEXT NOT NULL, given_ms INTEGER NOT NULL, PRIMARY KEY(invitation, wording)) STRICT;"
    "CREATE TABLE recording("
    "  id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES room(id),"
    "  started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, published_ms INTEGER NOT NULL,"
    "  withdrawn_ms INTEGER NOT NULL, parts INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  duration_samples INTEGER NOT NULL) STRICT;"
    "CREATE INDEX recording_room ON recording(room);"
    "CREATE TABLE stem("
    "  recording INTEGER NOT NULL REFERENCES recording(id), host INTEGER NOT NULL,"
    "  name TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY(recording, host)) STRICT;"
    "CREATE TABLE event("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, wall_ms INTEGER NOT NULL, room INTEGER NOT NULL,"
    "  host INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL) STRICT;"
    "CREATE INDEX event_room ON event(room, number);"
    "CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON event"
    "  BEGIN SELECT RAISE(ABORT, 'events are only appended'); END;"
    "CREATE TRIGGER event_is_not_deleted BEFORE DELETE ON event"
    "  BEGIN SELECT RAISE(ABORT, 'events are only appended'); END;",
    "ALTER TABLE room ADD COLUMN mode TEXT NOT NULL DEFAULT 'normal';",
    "ALTER TABLE room ADD COLUMN small_audience_seats INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE room ADD COLUMN places_per_address INTEGER NOT NULL DEFAULT 0;",
    "CREATE TABLE sample("
    "  room INTEGER NOT NULL REFERENCES room(id), at_ms INTEGER NOT NULL, span_s INTEGER NOT NULL,"
    "  hearing INTEGER NOT NULL, connected INTEGER NOT NULL, in_line INTEGER NOT NULL,"
    "  turned_away INTEGER NOT NULL, seats INTEGER NOT NULL, mode TEXT NOT NULL, cause TEXT NOT "
    "NULL,"
    "  ask INTEGER NOT NULL, ask_again INTEGER NOT NULL, refused_rate INTEGER NOT NULL,"
    "  ticket_valid INTEGER NOT NULL, ticket_bad INTEGER NOT NULL, seated INTEGER NOT NULL,"
    "  lined INTEGER NOT NULL, refused_full INTEGER NOT NULL, refused_here INTEGER NOT NULL,"
    "  refused_closed INTEGER NOT NULL, handshake_done INTEGER NOT NULL,"
    "  handshake_failed INTEGER NOT NULL, lapsed INTEGER NOT NULL, gave_up INTEGER NOT NULL,"
    "  PRIMARY KEY(room, at_ms)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE network("
    "  room INTEGER NOT NULL REFERENCES room(id), network INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL, too_high INTEGER NOT NULL,"
    "  ask INTEGER NOT NULL, ask_again INTEGER NOT NULL, refused_rate INTEGER NOT NULL,"
    "  ticket_valid INTEGER NOT NULL, ticket_bad INTEGER NOT NULL, seated INTEGER NOT NULL,"
    "  lined INTEGER NOT NULL, refused_full INTEGER NOT NULL, refused_here INTEGER NOT NULL,"
    "  refused_closed INTEGER NOT NULL, handshake_done INTEGER NOT NULL,"
    "  handshake_failed INTEGER NOT NULL, lapsed INTEGER NOT NULL, gave_up INTEGER NOT NULL,"
    "  PRIMARY KEY(room, network)) STRICT, WITHOUT ROWID;",
    "CREATE TABLE ban("
    "  id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES room(id),"
    "  network INTEGER NOT NULL, by_host INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    "  lifted_ms INTEGER NOT NULL) STRICT;",
    "ALTER TABLE sample ADD COLUMN put_off INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE network ADD COLUMN put_off INTEGER NOT NULL DEFAULT 0;",
};

int store_error_of(int sqlite_result)
{
    switch (sqlite_result & 0xFF) { /* the low byte is the primary code */
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_DAMAGED;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

static int run(sqlite3 *db, const char *sql)
{
    return store_error_of(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* The first column of the first row: a number into *number, a text into text[room] (either may be
 * NULL). */
static int ask(sqlite3 *db, const char *sql, int *number, char *text, size_t room)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW && number)
        *number = sqlite3_column_int(statement, 0);
    if (result == SQLITE_ROW && text) {
        const unsigned char *value = sqlite3_column_text(statement, 0);
        (void)snprintf(text, room, "%s", value ? (const char *)value : "");
    }
    (void)sqlite3_finalize(statement);
    return store_error_of(result);
}

static int migrate_one(sqlite3 *db, const char *sql, int version)
{
    char number[64];
    (void)snprintf(number, sizeof(number), "PRAGMA user_version = %d", version);
    int err = run(db, "BEGIN IMMEDIATE");
    if (err == 0)
        err = run(db, sql);
    if (err == 0)
        err = run(db, number);
    if (err == 0)
        err = run(db, "COMMIT");
    if (err != 0 && !sqlite3_get_autocommit(db))
        (void)run(db, "ROLLBACK");
    return err;
}

int schema_migrate(sqlite3 *db, const char *const *steps, int count)
{
    int version = 0;
    int err = ask(db, "PRAGMA user_version", &version, NULL, 0);
    if (err != 0)
        return err;
    if (version < 0 || version > count)
        return ERR_UNSUPPORTED;
    for (; version < count && err == 0; version++)
        err = migrate_one(db, steps[version], version + 1);
    return err;
}

/* ---- words for the operator ---- */

static int fail_damaged(char *problem, const char *path, const char *why)
{
    (void)snprintf(
        problem, STORE_PROBLEM_MAX,
        "The database %.100s is damaged (%.60s); it was left as it is. Move it away together "
        "with its -wal and -shm files and put a backup in its place, or save what is readable: "
        "sqlite3 DAMAGED .recover | sqlite3 NEW",
        path, why);
    for (char *c = problem; *c; c++)
        if (*c == '\n')
            *c = ' ';
    return ERR_DAMAGED;
}

static int fail(char *problem, const char *path, sqlite3 *db, int err)
{
    if (err == ERR_DAMAGED)
        return fail_damaged(problem, path, sqlite3_errmsg(db));
    bool busy = db && (sqlite3_errcode(db) & 0xFF) == SQLITE_BUSY;
    (void)snprintf(problem, STORE_PROBLEM_MAX, "The database %.200s cannot be used: %.100s.%s",
                   path, db ? sqlite3_errmsg(db) : error_name(err),
                   busy ? " Another program has it open; end that one." : "");
    return err;
}

/* ---- opening ---- */

/* A new database is only made where nothing is: an empty file, or a write-ahead log without its
 * database, are what is left of one. */
static int check_file(const char *path, char *problem)
{
    char wal[PATH_MAX];
    struct stat info;
    if (stat(path, &info) == 0) {
        if (S_ISREG(info.st_mode) && info.st_size == 0)
            return fail_damaged(problem, path, "it is empty");
        if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0)
            return 0;
    } else if (errno == ENOENT) {
        int chars = snprintf(wal, sizeof(wal), "%s-wal", path);
        if (chars > 0 && (size_t)chars < sizeof(wal) && stat(wal, &info) == 0 && info.st_size > 0)
            return fail_damaged(problem, path, "only its -wal file is there");
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) {
            (void)close(fd);
            return 0;
        }
    }
    (void)snprintf(problem, STORE_PROBLEM_MAX, "The database %.200s cannot be opened or made: %s.",
                   path, strerror(errno));
    return ERR_IO;
}

static int check_content(sqlite3 *db, const char *path, char *problem)
{
    char verdict[80] = "";
    int err = ask(db, "PRAGMA quick_check(1)", NULL, verdict, sizeof(verdict));
    if (err != 0)
        return fail(problem, path, db, err);
    if (strcmp(verdict, "ok") != 0)
        return fail_damaged(problem, path, verdict);
    int id = 0;
    int tables = 0;
    err = ask(db, "PRAGMA application_id", &id, NULL, 0);
    if (err == 0)
        err = ask(db, "SELECT count(*) FROM sqlite_schema", &tables, NULL, 0);
    if (err != 0)
        return fail(problem, path, db, err);
    if (id == APPLICATION_ID || (id == 0 && tables == 0))
        return 0;
    (void)snprintf(
        problem, STORE_PROBLEM_MAX,
        "The database %.200s was made by another program. Give --state a folder of its own.", path);
    return ERR_UNSUPPORTED;
}

static int set_up(sqlite3 *db, const char *path, char *problem)
{
    char mode[16] = "";
    char pragmas[160];
    (void)snprintf(
        pragmas, sizeof(pragmas),
        "PRAGMA application_id = %d; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
        "PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF",
        APPLICATION_ID);
    int err = ask(db, "PRAGMA journal_mode = WAL", NULL, mode, sizeof(mode));
    if (err == 0 && strcmp(mode, "wal") != 0) {
        (void)snprintf(
            problem, STORE_PROBLEM_MAX,
            "The database %.200s cannot keep a write-ahead log; --state must be on a local disk.",
            path);
        return ERR_IO;
    }
    if (err == 0)
        err = run(db, pragmas);
    const int newest = (int)(sizeof(migrations) / sizeof(migrations[0]));
    if (err == 0)
        err = schema_migrate(db, migrations, newest);
    if (err == ERR_UNSUPPORTED) {
        (void)snprintf(
            problem, STORE_PROBLEM_MAX,
            "The database %.200s was made by a newer rostrumd than this one, which knows version "
            "%d. Install the newer one, or put the backup of before the upgrade in its place.",
            path, newest);
        return err;
    }
    return err == 0 ? 0 : fail(problem, path, db, err);
}

int schema_open(sqlite3 **out, const char *path, char problem[STORE_PROBLEM_MAX])
{
    int err = check_file(path, problem);
    if (err != 0)
        return err;
    sqlite3 *db = NULL;
    int result = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK) {
        err = fail(problem, path, db, store_error_of(result));
    } else {
        (void)sqlite3_extended_result_codes(db, 1);
        (void)sqlite3_busy_timeout(db, OPEN_BUSY_MS);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        err = check_content(db, path, problem);
        if (err == 0)
            err = set_up(db, path, problem);
    }
    if (err != 0) {
        /* closing would copy the log into the file: a damaged one is left alone */
        if (db)
            (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        (void)sqlite3_close(db);
        return err;
    }
    *out = db;
    return 0;
}
