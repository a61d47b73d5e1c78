#include "store_fixture.h"

static void test_one_refused_write_does_not_harm_its_neighbours(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    struct room_record room = room_of(1, "one");
    struct invitation_record orphan = invitation_of(1, 99, "of no room");
    struct room_record other = room_of(2, "two");
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
    assert_int_equal(store_put_invitation(f->store, &orphan, STORE_NORMAL, on_answer, NULL), 0);
    assert_int_equal(store_put_room(f->store, &other, STORE_NORMAL, on_answer, NULL), 0);
    assert_int_equal(store_start(f->store), 0);
    wait_for_answers(f, 3);
    assert_int_equal(f->failed, 1);
    close_store(f);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM room"), 2);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM invitation"), 0);
}

static void test_nothing_is_lost_while_another_program_locks(void **state)
{
    enum { WRITES = 20 };
    struct fixture *f = *state;
    open_store(f);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_start(f->store), 0);
    for (uint32_t i = 1; i <= WRITES; i++) {
        char slug[16];
        (void)snprintf(slug, sizeof(slug), "r%u", i);
        struct room_record room = room_of(i, slug);
        assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
    }
    /* nothing may be answered while the lock is held; however short the wait, it proves no less */
    struct pollfd bell = {.fd = store_events_fd(f->store), .events = POLLIN};
    assert_int_equal(poll(&bell, 1, 50), 0);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(other);
    wait_for_answers(f, WRITES);
    assert_int_equal(f->failed, 0);
    close_store(f);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM room"), WRITES);
}

static void test_a_lock_that_never_ends_is_answered(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    f->store->busy_ms = 1;
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    struct room_record room = room_of(1, "one");
    assert_int_equal(store_put_room(f->store, &room, STORE_FULL, on_answer, NULL), 0);
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
    assert_int_equal(store_start(f->store), 0);
    wait_for_answers(f, 2);
    assert_int_equal(f->failed, 2);
    (void)sqlite3_close(other);
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
    wait_for_answers(f, 3);
    assert_int_equal(f->failed, 2);
}

static void test_a_full_disk_is_answered_and_survived(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    /* as many pages as there are: the same as a disk without room */
    assert_int_equal(sqlite3_exec(f->store->db, "PRAGMA max_page_count = 1", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(store_start(f->store), 0);
    static char text[STORE_CONSENT_TEXT_MAX + 1];
    memset(text, 'x', sizeof(text) - 1);
    struct room_record room = room_of(1, "one");
    struct invitation_record invitation = invitation_of(1, 1, "Ann");
    struct consent_record consent = {.invitation = 1, .wording = "w", .text = text};
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
    wait_for_answers(f, 1);
    assert_int_equal(store_put_invitation(f->store, &invitation, STORE_NORMAL, on_answer, NULL), 0);
    wait_for_answers(f, 2);
    assert_int_equal(f->failed, 0);
    assert_int_equal(store_put_consent(f->store, &consent, on_answer, NULL), 0);
    wait_for_answers(f, 3);
    assert_int_equal(f->failed, 1);
    store_stop(f->store);
    assert_int_equal(sqlite3_exec(f->store->db, "PRAGMA max_page_count = 100000", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(store_start(f->store), 0);
    assert_int_equal(store_put_consent(f->store, &consent, on_answer, NULL), 0);
    wait_for_answers(f, 4);
    assert_int_equal(f->failed, 1);
    close_store(f);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM room"), 1);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM consent"), 1);
}

static int refuse_commit(void *ctx)
{
    unsigned *left = ctx;
    return *left > 0 && (*left)-- > 0;
}

static void test_a_commit_that_fails_fails_all_its_writes(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    unsigned failures = 1; /* only the writer thread looks at it */
    (void)sqlite3_commit_hook(f->store->db, refuse_commit, &failures);
    for (uint32_t i = 1; i <= 3; i++) {
        char slug[16];
        (void)snprintf(slug, sizeof(slug), "r%u", i);
        struct room_record room = room_of(i, slug);
        assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
    }
    assert_int_equal(store_start(f->store), 0);
    wait_for_answers(f, 3);
    assert_int_equal(f->failed, 3);
    struct room_record room = room_of(4, "r4");
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
    wait_for_answers(f, 4);
    assert_int_equal(f->failed, 3);
    close_store(f);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM room"), 1);
}

static void test_a_write_that_takes_its_transaction_back_fails_what_went_before(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    assert_int_equal(sqlite3_exec(f->store->db,
                                  "CREATE TRIGGER gone BEFORE INSERT ON room WHEN new.id = 2"
                                  " BEGIN SELECT RAISE(ROLLBACK, 'gone'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    for (uint32_t i = 1; i <= 3; i++) {
        char slug[16];
        (void)snprintf(slug, sizeof(slug), "r%u", i);
        struct room_record room = room_of(i, slug);
        assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
    }
    assert_int_equal(store_start(f->store), 0);
    wait_for_answers(f, 3);
    assert_int_equal(f->failed, 2);
    close_store(f);
    assert_int_equal(count_rows(f->path, "SELECT sum(id) FROM room"), 3);
}

static void test_a_full_write_commits_what_waits_before_it_apart(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    unsigned failures = 1;
    (void)sqlite3_commit_hook(f->store->db, refuse_commit, &failures);
    struct room_record one = room_of(1, "one");
    struct room_record two = room_of(2, "two");
    assert_int_equal(store_put_room(f->store, &one, STORE_NORMAL, on_answer, NULL), 0);
    assert_int_equal(store_put_room(f->store, &two, STORE_FULL, on_answer, NULL), 0);
    assert_int_equal(store_start(f->store), 0);
    wait_for_answers(f, 2);
    assert_int_equal(f->failed, 1);
    store_stop(f->store);
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(f->store->db, "PRAGMA synchronous", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 2); /* FULL */
    (void)sqlite3_finalize(statement);
    close_store(f);
    assert_int_equal(count_rows(f->path, "SELECT id FROM room"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_one_refused_write_does_not_harm_its_neighbours),
        STORE_TEST(test_nothing_is_lost_while_another_program_locks),
        STORE_TEST(test_a_lock_that_never_ends_is_answered),
        STORE_TEST(test_a_full_disk_is_answered_and_survived),
        STORE_TEST(test_a_commit_that_fails_fails_all_its_writes),
        STORE_TEST(test_a_write_that_takes_its_transaction_back_fails_what_went_before),
        STORE_TEST(test_a_full_write_commits_what_waits_before_it_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
