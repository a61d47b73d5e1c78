#include "store/store.h"

#include "store_fixture.h"

enum { LOADED_MAX = 8 };
struct loaded {
    struct room_record rooms[LOADED_MAX];
    struct invitation_record invitations[LOADED_MAX];
    struct consent_record consents[LOADED_MAX];
    struct recording_record recordings[LOADED_MAX];
    struct stem_record stems[LOADED_MAX];
    struct ban_record bans[LOADED_MAX];
    unsigned room_count, invitation_count, consent_count, recording_count, stem_count, ban_count;
};

static int keep_room(void *ctx, const struct room_record *record)
{
    struct loaded *loaded = ctx;
    if (loaded->room_count == LOADED_MAX)
        return ERR_FULL;
    loaded->rooms[loaded->room_count++] = *record;
    return 0;
}

static int keep_invitation(void *ctx, const struct invitation_record *record)
{
    struct loaded *loaded = ctx;
    assert_true(loaded->room_count > 0);
    loaded->invitations[loaded->invitation_count++] = *record;
    return 0;
}

static int keep_consent(void *ctx, const struct consent_record *record)
{
    struct loaded *loaded = ctx;
    loaded->consents[loaded->consent_count++] = *record;
    return 0;
}

static int keep_recording(void *ctx, const struct recording_record *record)
{
    struct loaded *loaded = ctx;
    loaded->recordings[loaded->recording_count++] = *record;
    return 0;
}

static int keep_stem(void *ctx, const struct stem_record *record)
{
    struct loaded *loaded = ctx;
    loaded->stems[loaded->stem_count++] = *record;
    return 0;
}

static int keep_ban(void *ctx, const struct ban_record *record)
{
    struct loaded *loaded = ctx;
    loaded->bans[loaded->ban_count++] = *record;
    return 0;
}

static const struct store_loader keep_all = {
    keep_room, keep_invitation, keep_consent, keep_recording, keep_stem, NULL, NULL, keep_ban};

static struct loaded *reload(struct fixture *f)
{
    static struct loaded loaded;
    memset(&loaded, 0, sizeof(loaded));
    close_store(f);
    open_store(f);
    assert_int_equal(store_load(f->store, &keep_all, &loaded), 0);
    return &loaded;
}

static void test_everything_is_there_after_reopening(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    assert_int_equal(store_start(f->store), 0);
    struct room_record second = room_of(2, "later");
    struct room_record room = room_of(1, "evening");
    room.state = ROOM_LIVE;
    room.start_ms = 7;
    room.live_ms = 8;
    room.ended_ms = 9;
    room.seats = 50;
    room.stereo = true;
    room.program_bps = 64000;
    room.recording_bps = 128000;
    room.mode = MODE_ECONOMY;
    struct invitation_record ann = invitation_of(1, 1, "Ann");
    struct consent_record consent = {
        .invitation = 1, .wording = "2026-11", .text = "I agree", .given_ms = 77};
    struct recording_record recording = {.id = INT64_MAX,
                                         .room = 1,
                                         .started_ms = 10,
                                         .parts = 2,
                                         .bytes = 1u << 31,
                                         .duration_samples = 48000};
    struct stem_record stem = {.recording = INT64_MAX, .host = 1, .name = "Ann", .bytes = 5};
    assert_int_equal(store_put_room(f->store, &second, STORE_NORMAL, NULL, NULL), 0);
    assert_int_equal(store_put_room(f->store, &room, STORE_FULL, on_answer, NULL), 0);
    assert_int_equal(store_put_invitation(f->store, &ann, STORE_NORMAL, NULL, NULL), 0);
    ann.revoked = true; /* the same id again replaces */
    assert_int_equal(store_put_invitation(f->store, &ann, STORE_NORMAL, NULL, NULL), 0);
    assert_int_equal(store_put_consent(f->store, &consent, on_answer, NULL), 0);
    consent.text = NULL; /* keeps the text that is there */
    assert_int_equal(store_put_consent(f->store, &consent, NULL, NULL), 0);
    assert_int_equal(store_put_recording(f->store, &recording, STORE_NORMAL, NULL, NULL), 0);
    assert_int_equal(store_put_stem(f->store, &stem, on_answer, NULL), 0);
    wait_for_answers(f, 3);
    assert_int_equal(f->failed, 0);
    struct loaded *loaded = reload(f);
    assert_int_equal(loaded->room_count, 2);
    assert_string_equal(loaded->rooms[0].slug, "evening");
    assert_string_equal(loaded->rooms[0].title, room.title);
    assert_int_equal(loaded->rooms[0].state, ROOM_LIVE);
    assert_int_equal(loaded->rooms[0].start_ms, 7);
    assert_int_equal(loaded->rooms[0].live_ms, 8);
    assert_int_equal(loaded->rooms[0].ended_ms, 9);
    assert_int_equal(loaded->rooms[0].seats, 50);
    assert_true(loaded->rooms[0].stereo);
    assert_int_equal(loaded->rooms[0].program_bps, 64000);
    assert_int_equal(loaded->rooms[0].recording_bps, 128000);
    assert_int_equal(loaded->rooms[0].mode, MODE_ECONOMY);
    assert_int_equal(loaded->rooms[1].mode, MODE_NORMAL);
    assert_string_equal(loaded->rooms[1].slug, "later");
    assert_int_equal(loaded->invitation_count, 1);
    assert_string_equal(loaded->invitations[0].name, "Ann");
    assert_int_equal(loaded->invitations[0].role, ROLE_MODERATOR);
    assert_true(loaded->invitations[0].revoked);
    assert_memory_equal(loaded->invitations[0].token_hash, ann.token_hash, STORE_HASH_BYTES);
    assert_int_equal(loaded->consent_count, 1);
    assert_string_equal(loaded->consents[0].wording, "2026-11");
    assert_int_equal(loaded->consents[0].given_ms, 77);
    assert_int_equal(loaded->recording_count, 1);
    assert_int_equal(loaded->recordings[0].id, INT64_MAX);
    assert_int_equal(loaded->recordings[0].parts, 2);
    assert_int_equal(loaded->recordings[0].bytes, 1u << 31);
    assert_int_equal(loaded->recordings[0].duration_samples, 48000);
    assert_int_equal(loaded->stem_count, 1);
    assert_string_equal(loaded->stems[0].name, "Ann");
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM consent WHERE text = 'I agree'"), 1);
}

static void test_bans_are_kept_lifted_ones_too(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    assert_int_equal(store_start(f->store), 0);
    struct room_record room = room_of(1, "evening");
    struct ban_record ban = {.id = 1, .room = 1, .network = INT64_MAX, .by = 2, .created_ms = 3};
    struct ban_record other = {.id = 2, .room = 1, .network = 7};
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, NULL, NULL), 0);
    assert_int_equal(store_put_ban(f->store, &ban, on_answer, NULL), 0);
    assert_int_equal(store_put_ban(f->store, &other, on_answer, NULL), 0);
    other.lifted_ms = 9;
    assert_int_equal(store_put_ban(f->store, &other, on_answer, NULL), 0);
    struct ban_record bad[] = {{.room = 1, .network = 7},
                               {.id = 3, .network = 7},
                               {.id = 3, .room = 1},
                               {.id = 3, .room = 1, .network = (uint64_t)INT64_MAX + 1}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(store_put_ban(f->store, &bad[i], NULL, NULL), ERR_INVAL);
    wait_for_answers(f, 3);
    assert_int_equal(f->failed, 0);
    struct loaded *loaded = reload(f);
    assert_int_equal(loaded->ban_count, 2);
    assert_memory_equal(&loaded->bans[0], &ban, sizeof(ban));
    assert_memory_equal(&loaded->bans[1], &other, sizeof(other));
}

static void test_a_callbacks_error_ends_the_load(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    assert_int_equal(store_start(f->store), 0);
    for (uint32_t id = 1; id <= LOADED_MAX + 1; id++) {
        char slug[16];
        (void)snprintf(slug, sizeof(slug), "r%u", id);
        struct room_record room = room_of(id, slug);
        assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, NULL, NULL), 0);
    }
    store_stop(f->store);
    struct loaded loaded = {.room_count = 0};
    assert_int_equal(store_load(f->store, &keep_all, &loaded), ERR_FULL);
    assert_int_equal(loaded.room_count, LOADED_MAX);
}

static void test_the_database_is_for_its_owner_only(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

/* ---- order and limits of the queue ---- */

static void test_writes_are_done_and_answered_in_order(void **state)
{
    enum { WRITES = 5000 };
    struct fixture *f = *state;
    open_store(f);
    assert_int_equal(store_start(f->store), 0);
    answering = f;
    f->next = 1;
    struct room_record room = room_of(1, "one");
    for (unsigned i = 1; i <= WRITES; i++) {
        room.seats = i;
        enum store_sync sync = i % 100 == 0 ? STORE_FULL : STORE_NORMAL;
        while (store_put_room(f->store, &room, sync, on_answer, (void *)(uintptr_t)i) == ERR_FULL)
            wait_for_answers(f, f->answered + 1);
        char detail[32];
        (void)snprintf(detail, sizeof(detail), "%u", i);
        struct event_record event = {.room = 1, .wall_ms = i, .kind = "test", .detail = detail};
        while (store_put_event(f->store, &event) == ERR_FULL)
            wait_for_answers(f, f->answered + 1);
    }
    wait_for_answers(f, WRITES);
    assert_int_equal(f->failed, 0);
    struct loaded *loaded = reload(f);
    assert_int_equal(loaded->room_count, 1);
    assert_int_equal(loaded->rooms[0].seats, WRITES);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM event"), WRITES);
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM event WHERE number <> wall_ms OR "
                                         "detail <> CAST(number AS TEXT)"),
                     0);
}

static void test_a_full_queue_refuses(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    struct event_record event = {.room = 1, .wall_ms = 1, .kind = "test", .detail = ""};
    for (unsigned i = 0; i < STORE_QUEUE_MAX; i++)
        assert_int_equal(store_put_event(f->store, &event), 0);
    assert_int_equal(store_put_event(f->store, &event), ERR_FULL);
    assert_int_equal(store_start(f->store), 0);
    store_stop(f->store); /* writes all of them */
    assert_int_equal(count_rows(f->path, "SELECT count(*) FROM event"), STORE_QUEUE_MAX);
    assert_int_equal(store_put_event(f->store, &event), 0);
}

static void test_answers_that_nobody_drains_fill_the_queue(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    struct room_record room = room_of(1, "one");
    for (unsigned i = 0; i < STORE_QUEUE_MAX; i++)
        assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
    assert_int_equal(store_start(f->store), 0);
    store_stop(f->store);
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), ERR_FULL);
    wait_for_answers(f, STORE_QUEUE_MAX);
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, on_answer, NULL), 0);
}

static void test_longest_texts_fit_and_longer_ones_are_refused(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    static char text[STORE_CONSENT_TEXT_MAX + 2];
    memset(text, 'x', sizeof(text) - 1);
    struct room_record room = room_of(1, "one");
    memset(room.title, 'T', sizeof(room.title)); /* without an end */
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, NULL, NULL), ERR_INVAL);
    room.title[STORE_TITLE_MAX] = '\0';
    memset(room.slug, 's', STORE_SLUG_MAX);
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, NULL, NULL), 0);
    struct invitation_record invitation = invitation_of(1, 1, "");
    memset(invitation.name, 'n', sizeof(invitation.name));
    assert_int_equal(store_put_invitation(f->store, &invitation, STORE_NORMAL, NULL, NULL),
                     ERR_INVAL);
    invitation.name[STORE_NAME_MAX] = '\0';
    assert_int_equal(store_put_invitation(f->store, &invitation, STORE_NORMAL, NULL, NULL), 0);
    struct consent_record consent = {.invitation = 1, .wording = "w", .text = text};
    assert_int_equal(store_put_consent(f->store, &consent, NULL, NULL), ERR_INVAL);
    text[STORE_CONSENT_TEXT_MAX] = '\0';
    assert_int_equal(store_put_consent(f->store, &consent, NULL, NULL), 0);
    struct event_record event = {.kind = text, .detail = ""};
    text[STORE_KIND_MAX] = 'x';
    assert_int_equal(store_put_event(f->store, &event), ERR_INVAL);
    event = (struct event_record){.kind = "k",
                                  .detail = text + STORE_CONSENT_TEXT_MAX - STORE_DETAIL_MAX - 1};
    assert_int_equal(store_put_event(f->store, &event), ERR_INVAL);
    event.detail++;
    assert_int_equal(store_put_event(f->store, &event), 0);
    struct recording_record recording = {.id = (uint64_t)INT64_MAX + 1, .room = 1};
    assert_int_equal(store_put_recording(f->store, &recording, STORE_NORMAL, NULL, NULL),
                     ERR_INVAL);
    assert_int_equal(store_start(f->store), 0);
    store_stop(f->store);
    struct loaded *loaded = reload(f);
    assert_int_equal(strlen(loaded->rooms[0].slug), STORE_SLUG_MAX);
    assert_int_equal(strlen(loaded->rooms[0].title), STORE_TITLE_MAX);
    assert_int_equal(strlen(loaded->invitations[0].name), STORE_NAME_MAX);
    assert_int_equal(count_rows(f->path, "SELECT length(text) FROM consent"),
                     STORE_CONSENT_TEXT_MAX);
}

static void test_sql_in_names_stays_text(void **state)
{
    static const char *const names[] = {"'; DROP TABLE room; --", "%s%n%p", "\"x\" OR 1=1",
                                        "?1 :a @b $c", "\xF0\x9F\x8E\x99 \\' \x01"};
    enum { NAMES = sizeof(names) / sizeof(names[0]) };
    struct fixture *f = *state;
    open_store(f);
    struct room_record room = room_of(1, names[0]);
    (void)snprintf(room.title, sizeof(room.title), "%s", names[0]);
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, NULL, NULL), 0);
    for (uint32_t i = 0; i < NAMES; i++) {
        struct invitation_record invitation = invitation_of(i + 1, 1, names[i]);
        struct event_record event = {.room = 1, .kind = "k", .detail = names[i]};
        assert_int_equal(store_put_invitation(f->store, &invitation, STORE_NORMAL, NULL, NULL), 0);
        assert_int_equal(store_put_event(f->store, &event), 0);
    }
    assert_int_equal(store_start(f->store), 0);
    store_stop(f->store);
    struct loaded *loaded = reload(f);
    assert_string_equal(loaded->rooms[0].title, names[0]);
    assert_int_equal(loaded->invitation_count, NAMES);
    for (unsigned i = 0; i < NAMES; i++)
        assert_string_equal(loaded->invitations[i].name, names[i]);
}

static void test_events_cannot_be_changed_or_deleted(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    struct event_record event = {.room = 1, .kind = "room.live", .detail = ""};
    assert_int_equal(store_put_event(f->store, &event), 0);
    assert_int_equal(store_start(f->store), 0);
    store_stop(f->store);
    close_store(f);
    assert_int_equal(run_sql(f->path, "UPDATE event SET kind = 'x'"), SQLITE_CONSTRAINT);
    assert_int_equal(run_sql(f->path, "DELETE FROM event"), SQLITE_CONSTRAINT);
}

static void test_a_row_that_we_cannot_have_written_is_refused(void **state)
{
    static const char *const rows[] = {"1,'a','b','asleep',0,0,0,0,0,0,0,0,'normal',0,0",
                                       "1,'a','b','live',0,0,0,0,0,0,0,0,'lively',0,0"};
    struct fixture *f = *state;
    open_store(f);
    close_store(f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char sql[160];
        (void)snprintf(sql, sizeof(sql), "DELETE FROM room; INSERT INTO room VALUES(%s)", rows[i]);
        assert_int_equal(run_sql(f->path, sql), SQLITE_OK);
        open_store(f);
        struct loaded loaded = {.room_count = 0};
        assert_int_equal(store_load(f->store, &keep_all, &loaded), ERR_DAMAGED);
        close_store(f);
    }
}

static void test_names_go_in_and_out(void **state)
{
    (void)state;
    enum role role = ROLE_OWNER;
    assert_string_equal(room_state_name(ROOM_DOORS_OPEN), "doors_open");
    assert_string_equal(role_name(ROLE_MODERATOR), "moderator");
    assert_int_equal(role_parse(&role, "speaker"), 0);
    assert_int_equal(role, ROLE_SPEAKER);
    assert_int_equal(role_parse(&role, "Speaker"), ERR_INVAL);
    assert_int_equal(role, ROLE_SPEAKER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_everything_is_there_after_reopening),
        STORE_TEST(test_bans_are_kept_lifted_ones_too),
        STORE_TEST(test_a_callbacks_error_ends_the_load),
        STORE_TEST(test_the_database_is_for_its_owner_only),
        STORE_TEST(test_writes_are_done_and_answered_in_order),
        STORE_TEST(test_a_full_queue_refuses),
        STORE_TEST(test_answers_that_nobody_drains_fill_the_queue),
        STORE_TEST(test_longest_texts_fit_and_longer_ones_are_refused),
        STORE_TEST(test_sql_in_names_stays_text),
        STORE_TEST(test_events_cannot_be_changed_or_deleted),
        STORE_TEST(test_a_row_that_we_cannot_have_written_is_refused),
        cmocka_unit_test(test_names_go_in_and_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
