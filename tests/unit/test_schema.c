#include "store_fixture.h"

static void overwrite(const char *path, long at, size_t bytes)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(fputc(0xA5, file), 0xA5);
    assert_int_equal(fclose(file), 0);
}

static off_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size : -1;
}

static void expect_refusal(struct fixture *f, int err, const char *word)
{
    off_t size = size_of(f->path);
    assert_int_equal(store_create(&f->store, f->path, f->problem), err);
    assert_null(f->store);
    assert_non_null(strstr(f->problem, f->path));
    assert_non_null(strstr(f->problem, word));
    assert_int_equal(size_of(f->path), size);
}

static void test_a_damaged_page_is_refused(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    close_store(f);
    overwrite(f->path, 4096, 4096);
    expect_refusal(f, ERR_DAMAGED, "backup");
}

static void test_a_file_that_is_no_database_is_refused(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    close_store(f);
    overwrite(f->path, 0, 100);
    expect_refusal(f, ERR_DAMAGED, "backup");
}

static void test_an_empty_file_is_not_taken_for_a_new_one(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    close_store(f);
    assert_int_equal(truncate(f->path, 0), 0);
    expect_refusal(f, ERR_DAMAGED, "empty");
    char wal[128];
    (void)snprintf(wal, sizeof(wal), "%s-wal", f->path);
    assert_int_equal(rename(f->path, wal), 0);
    overwrite(wal, 0, 32);
    expect_refusal(f, ERR_DAMAGED, "-wal");
}

static void test_a_torn_log_costs_only_its_end(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    struct room_record room = {.id = 1, .slug = "one"};
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, NULL, NULL), 0);
    assert_int_equal(store_start(f->store), 0);
    close_store(f);
    char wal[128];
    (void)snprintf(wal, sizeof(wal), "%s-wal", f->path);
    FILE *file = fopen(wal, "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    overwrite(wal, 0, 5000);
    open_store(f);
    close_store(f);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM room"), 1);
}

static void test_a_newer_database_is_refused(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    close_store(f);
    assert_int_equal(run_sql(f->path, "PRAGMA user_version = 1000"), SQLITE_OK);
    expect_refusal(f, ERR_UNSUPPORTED, "newer");
}

/* As version 1 left it: a room that never heard of modes. */
static void test_a_database_of_the_first_version_is_brought_up(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    close_store(f);
    assert_int_equal(run_sql(f->path, "DROP TABLE sample; DROP TABLE network; DROP TABLE ban;"
                                      "ALTER TABLE room DROP COLUMN mode;"
                                      "ALTER TABLE room DROP COLUMN small_audience_seats;"
                                      "ALTER TABLE room DROP COLUMN places_per_address;"
                                      "PRAGMA user_version = 1;"
                                      "INSERT INTO room VALUES(1,'a','b','live',0,0,0,0,0,0,0,0)"),
                     SQLITE_OK);
    open_store(f);
    close_store(f);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM room WHERE mode = 'normal'"), 1);
}

static void test_another_programs_database_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run_sql(f->path, "CREATE TABLE t(x); INSERT INTO t VALUES(1)"), SQLITE_OK);
    expect_refusal(f, ERR_UNSUPPORTED, "another program");
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM t"), 1);
}

static void test_a_missing_folder_is_named(void **state)
{
    struct fixture *f = *state;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/missing/rostrum.db", f->folder);
    assert_int_equal(store_create(&f->store, path, f->problem), ERR_IO);
    assert_non_null(strstr(f->problem, path));
    assert_non_null(strstr(f->problem, "No such file or directory"));
}

static void test_migrations_run_once_each_and_whole(void **state)
{
    static const char *const steps[] = {"CREATE TABLE a(x)",
                                        "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES(1,2)"};
    static const char *const broken[] = {"CREATE TABLE a(x)",
                                         "CREATE TABLE b(x); CREATE TABLE nonsense("};
    (void)state;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(schema_migrate(db, steps, 1), 0);
    assert_int_equal(schema_migrate(db, broken, 2), ERR_IO);
    assert_int_equal(sqlite3_exec(db, "SELECT * FROM b", NULL, NULL, NULL), SQLITE_ERROR);
    assert_int_equal(schema_migrate(db, steps, 2), 0);
    assert_int_equal(schema_migrate(db, steps, 2), 0);
    assert_int_equal(schema_migrate(db, steps, 1), ERR_UNSUPPORTED);
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*), sum(y) FROM a", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 1);
    assert_int_equal(sqlite3_column_int(statement, 1), 2);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_damaged_page_is_refused),
        STORE_TEST(test_a_file_that_is_no_database_is_refused),
        STORE_TEST(test_an_empty_file_is_not_taken_for_a_new_one),
        STORE_TEST(test_a_torn_log_costs_only_its_end),
        STORE_TEST(test_a_newer_database_is_refused),
        STORE_TEST(test_a_database_of_the_first_version_is_brought_up),
        STORE_TEST(test_another_programs_database_is_refused),
        STORE_TEST(test_a_missing_folder_is_named),
        cmocka_unit_test(test_migrations_run_once_each_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
