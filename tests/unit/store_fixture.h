/* store_fixture.h - a store in a folder of its own, and its answers awaited: for the store's tests.
 *
 * Owner    the running test
 * Thread   control
 * Units    none
 * Errors   a failing step fails the test
 * Spec     none
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "store/store_internal.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 }; /* a test that waits so long has failed */

struct fixture {
    char folder[64];
    char path[96];
    char problem[STORE_PROBLEM_MAX];
    struct store *store;
    unsigned answered;
    unsigned failed;
    uintptr_t next; /* ctx of the answer that must come next; 0: any */
};

static inline int make_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/rostrum-store-XXXXXX");
    if (!mkdtemp(f->folder))
        return ERR_IO;
    (void)snprintf(f->path, sizeof(f->path), "%s/rostrum.db", f->folder);
    *state = f;
    return 0;
}

static inline int remove_folder(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fixture *f = *state;
    store_destroy(f->store);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        (void)unlink(path);
    }
    (void)rmdir(f->folder);
    free(f);
    return 0;
}

static inline void open_store(struct fixture *f)
{
    assert_int_equal(store_create(&f->store, f->path, f->problem), 0);
}

static inline void close_store(struct fixture *f)
{
    store_destroy(f->store);
    f->store = NULL;
}

static inline int run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    int result = sqlite3_open(path, &db);
    if (result == SQLITE_OK)
        result = sqlite3_exec(db, sql, NULL, NULL, NULL);
    (void)sqlite3_close(db);
    return result;
}

static inline int count_rows(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int count = -1;
    if (sqlite3_open(path, &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        count = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    return count;
}

static struct fixture *answering; /* the running test's: ctx carries the order */

static inline void on_answer(void *ctx, int err)
{
    struct fixture *f = answering;
    if (f->next != 0) {
        assert_int_equal((uintptr_t)ctx, f->next);
        f->next++;
    }
    f->answered++;
    f->failed += err != 0;
    assert_true(err == 0 || err == ERR_IO);
}

static inline void wait_for_answers(struct fixture *f, unsigned count)
{
    answering = f;
    while (f->answered < count) {
        struct pollfd bell = {.fd = store_events_fd(f->store), .events = POLLIN};
        assert_int_equal(poll(&bell, 1, PATIENCE_MS), 1);
        store_drain(f->store);
    }
}

static inline struct room_record room_of(uint32_t id, const char *slug)
{
    struct room_record room = {.id = id, .state = ROOM_SCHEDULED, .created_ms = 1000 + id};
    (void)snprintf(room.slug, sizeof(room.slug), "%s", slug);
    (void)snprintf(room.title, sizeof(room.title), "Title of %s", slug);
    return room;
}

static inline struct invitation_record invitation_of(uint32_t id, uint32_t room, const char *name)
{
    struct invitation_record invitation = {
        .id = id, .room = room, .host = id, .role = ROLE_MODERATOR, .created_ms = 5};
    (void)snprintf(invitation.name, sizeof(invitation.name), "%s", name);
    invitation.token_hash[0] = (uint8_t)id;
    invitation.token_hash[31] = (uint8_t)(id >> 8);
    return invitation;
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

#endif
