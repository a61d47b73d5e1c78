#include "room_house.h"

#include "store/store_internal.h"

static void test_only_the_arrows_of_the_diagram_are_allowed(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_END), ERR_BADSTATE);
    assert_int_equal(house_steer(room, STEER_WITHDRAW), ERR_BADSTATE);
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    assert_int_equal(house_steer(room, STEER_OPEN), ERR_BADSTATE);
    assert_int_equal(house_steer(room, STEER_LIVE), 0);
    assert_true(room_is_recording(room));
    assert_int_equal(house_steer(room, STEER_CANCEL), ERR_BADSTATE);
    HOUSE_UNTIL(house, room_steer(room, STEER_END, NULL, NULL, (char[ROOM_PROBLEM_MAX]){0}) == 0);
    HOUSE_UNTIL(house, room_record(room)->state == ROOM_PUBLISHED);
    assert_non_null(room_publication(room));
    assert_int_equal(house_steer(room, STEER_LIVE), ERR_BADSTATE);
    char path[256];
    assert_int_equal(room_file(room, 0, path, sizeof(path)), 0);
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(house_steer(room, STEER_WITHDRAW), 0);
    assert_int_equal(room_file(room, 0, path, sizeof(path)), ERR_NOENT);
    assert_null(room_publication(room));
    HOUSE_UNTIL(house, access(path, F_OK) != 0);
    struct room *other = house_room(house, "two");
    assert_int_equal(house_steer(other, STEER_CANCEL), 0);
    assert_int_equal(house_steer(other, STEER_OPEN), ERR_BADSTATE);
}

static void test_a_bad_draft_is_refused_with_a_reason(void **state)
{
    struct house *house = *state;
    static const char *const slugs[] = {
        "",  "-a",  "a-", "a--b",
        "A", "a b", "ä",  "a123456789012345678901234567890123456789012345678901234567890123"};
    char problem[ROOM_PROBLEM_MAX];
    struct room *room;
    for (size_t i = 0; i < sizeof(slugs) / sizeof(slugs[0]); i++) {
        struct room_draft draft = {.slug = slugs[i], .title = "t"};
        problem[0] = '\0';
        assert_int_equal(rooms_add(house->rooms, &draft, NULL, NULL, &room, problem), ERR_INVAL);
        assert_non_null(strstr(problem, "slug"));
    }
    struct room_draft untitled = {.slug = "a", .title = ""};
    assert_int_equal(rooms_add(house->rooms, &untitled, NULL, NULL, &room, problem), ERR_INVAL);
    struct room_draft loud = {.slug = "a", .title = "t", .program_bps = 15999};
    assert_int_equal(rooms_add(house->rooms, &loud, NULL, NULL, &room, problem), ERR_INVAL);
    (void)house_room(house, "a");
    struct room_draft again = {.slug = "a", .title = "t"};
    assert_int_equal(rooms_add(house->rooms, &again, NULL, NULL, &room, problem), ERR_EXIST);
    assert_int_equal(rooms_count(house->rooms), 1);
}

static void test_tokens_open_their_own_room_until_revoked(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one"), *other = house_room(house, "two");
    char ada[TOKEN_CHARS + 1], ben[TOKEN_CHARS + 1];
    uint32_t first = house_invite(room, "Ada", ROLE_OWNER, ada);
    uint32_t second = house_invite(room, "Ben", ROLE_SPEAKER, ben);
    uint32_t host = 0;
    assert_int_equal(room_find_host(room, ada, &host), 0);
    assert_int_equal(host, first);
    assert_int_equal(room_find_host(other, ada, &host), ERR_AUTH);
    ben[5] ^= 1;
    assert_int_equal(room_find_host(room, ben, &host), ERR_AUTH);
    ben[5] ^= 1;
    assert_int_equal(room_revoke(room, second, NULL, NULL), 0);
    assert_int_equal(room_find_host(room, ben, &host), ERR_BADSTATE);
    assert_int_equal(room_revoke(room, 99, NULL, NULL), ERR_NOENT);
    assert_true(room_may_steer(room, first));
    assert_false(room_may_steer(room, second));
}

static void test_names_and_the_number_of_invitations_are_bounded(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    char token[TOKEN_CHARS + 1], problem[ROOM_PROBLEM_MAX], name[90];
    uint32_t host;
    memset(name, 'x', 81);
    name[81] = '\0';
    assert_int_equal(room_invite(room, name, ROLE_SPEAKER, token, &host, problem), ERR_INVAL);
    assert_int_equal(room_invite(room, "", ROLE_SPEAKER, token, &host, problem), ERR_INVAL);
    assert_int_equal(room_invite(room, "a\nb", ROLE_SPEAKER, token, &host, problem), ERR_INVAL);
    for (unsigned i = 0; i < ROOM_HOSTS_MAX; i++)
        (void)house_invite(room, "Somebody", ROLE_SPEAKER, token);
    assert_int_equal(room_invite(room, "x", ROLE_SPEAKER, token, &host, problem), ERR_FULL);
}

static void test_a_moderators_mute_is_lifted_by_moderators_only(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    char token[TOKEN_CHARS + 1];
    uint32_t owner = house_invite(room, "Ada", ROLE_OWNER, token);
    uint32_t speaker = house_invite(room, "Ben", ROLE_SPEAKER, token);
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    assert_int_equal(room_mute(room, speaker, owner, true), ERR_AUTH);
    assert_int_equal(room_mute(room, speaker, speaker, true), 0);
    assert_int_equal(room_mute(room, speaker, speaker, false), 0);
    assert_int_equal(room_mute(room, owner, speaker, true), 0);
    assert_true(room_host(room, speaker)->muted_by_moderator);
    assert_int_equal(room_mute(room, speaker, speaker, false), ERR_AUTH);
    assert_true(room_host(room, speaker)->muted);
    assert_int_equal(room_mute(room, owner, speaker, false), 0);
    assert_false(room_host(room, speaker)->muted);
    assert_int_equal(room_mute(room, owner, 77, true), ERR_NOENT);
}

static void test_muting_oneself_does_not_shake_off_a_moderators_mute(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    char token[TOKEN_CHARS + 1];
    uint32_t owner = house_invite(room, "Ada", ROLE_OWNER, token);
    uint32_t speaker = house_invite(room, "Ben", ROLE_SPEAKER, token);
    const struct roster_entry *entry = room_host(room, speaker);
    assert_int_equal(room_mute(room, owner, speaker, true), 0);
    assert_int_equal(room_mute(room, speaker, speaker, true), 0);
    assert_true(entry->muted_by_moderator);
    assert_int_equal(room_mute(room, speaker, speaker, false), ERR_AUTH);
    assert_true(entry->muted);
    assert_int_equal(room_mute(room, owner, speaker, false), 0);
    assert_false(entry->muted); /* the speaker's own was lifted by the speaker */
    assert_int_equal(room_mute(room, speaker, speaker, true), 0);
    assert_int_equal(room_mute(room, owner, speaker, true), 0);
    assert_int_equal(room_mute(room, owner, speaker, false), 0);
    assert_true(entry->muted); /* nobody opens somebody else's microphone */
    assert_false(entry->muted_by_moderator);
}

static void test_an_end_right_after_the_start_waits_for_the_recorder(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_LIVE), 0);
    assert_int_equal(house_steer(room, STEER_END), 0);
    assert_int_equal(room_record(room)->state, ROOM_ENDED);
    rooms_tick(house->rooms, clock_now_us());
    rooms_tick(house->rooms, clock_now_us() + HOUSE_WAIT_US); /* the media close only afterwards */
    HOUSE_UNTIL(house, room_record(room)->state == ROOM_PUBLISHED);
    assert_false(room_is_recording(room));
}

static void test_no_host_connects_before_consent_and_open_doors(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    char token[TOKEN_CHARS + 1];
    uint32_t host = house_invite(room, "Ada", ROLE_OWNER, token);
    struct connection *connection = NULL;
    struct house_ear ear = {0};
    struct refusal refusal;
    assert_int_not_equal(house_connect(room, host, &ear, &connection, &refusal), 0);
    assert_int_equal(refusal.reason, REFUSAL_NOT_OPEN);
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    assert_int_not_equal(house_connect(room, host, &ear, &connection, &refusal), 0);
    assert_int_equal(refusal.reason, REFUSAL_CONSENT_FIRST);
    assert_int_equal(room_agree(room, host, "1999-01", NULL, NULL), ERR_INVAL);
    house_agree(house, room, host);
    assert_int_equal(house_connect(room, host, &ear, &connection, &refusal), 0);
    assert_int_equal(room_revoke(room, host, NULL, NULL), 0);
    assert_int_equal(ear.lost, 1);
    assert_string_equal(ear.cause, "removed");
    connection_close(connection);
    assert_int_not_equal(house_connect(room, host, &ear, &connection, &refusal), 0);
}

static void test_the_cap_is_exact_and_seats_come_back(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    struct connection *seats[HOUSE_SEATS + 1] = {NULL};
    struct house_ear ear = {0};
    struct refusal refusal;
    for (unsigned i = 0; i < HOUSE_SEATS; i++)
        assert_int_equal(house_connect(room, 0, &ear, &seats[i], &refusal), 0);
    assert_int_not_equal(house_connect(room, 0, &ear, &seats[HOUSE_SEATS], &refusal), 0);
    assert_int_equal(refusal.reason, REFUSAL_LINE);
    assert_true(refusal.retry_after_ms > 0);
    assert_int_equal(refusal.standing.place, 1);
    static const struct asker_origin nowhere;
    struct slice place = slice_text(refusal.standing.ticket);
    connection_close(seats[2]);
    char held[TICKET_CHARS + 1];
    struct refusal next;
    assert_int_equal(room_check_in(room, place, &nowhere, held, &next), 0);
    assert_int_equal(admission_seats_taken(house->admission), HOUSE_SEATS);
    assert_int_not_equal(house_connect(room, 0, &ear, &seats[2], &next), 0);
    assert_int_equal(next.reason, REFUSAL_LINE);
    struct room_line line;
    room_line(room, &line);
    assert_int_equal(line.in_line, 1);
    assert_false(line.seats_free);
    room_give_up(room, slice_text(held), &nowhere);
    room_give_up(room, slice_text(next.standing.ticket), &nowhere);
    room_line(room, &line);
    assert_int_equal(line.in_line, 0);
    assert_int_equal(line.turned_away, 2);
    assert_true(line.seats_free);
    assert_int_equal(house_connect(room, 0, &ear, &seats[2], &refusal), 0);
    for (unsigned i = 0; i < HOUSE_SEATS; i++)
        connection_close(seats[i]);
    assert_int_equal(admission_seats_taken(house->admission), 0);
}

static void test_the_same_endpoint_restarts_ice_another_does_not(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    struct connection *connection = NULL;
    struct house_ear ear = {0};
    struct refusal refusal;
    static char answer[ANSWER_MAX];
    assert_int_equal(house_connect(room, 0, &ear, &connection, &refusal), 0);
    char tag[16];
    (void)snprintf(tag, sizeof(tag), "%s", connection_ice_tag(connection));
    struct slice again = slice_text(house_offer(SDP_RECVONLY, true));
    assert_int_equal(connection_reoffer(connection, again, answer, &refusal), 0);
    assert_string_not_equal(tag, connection_ice_tag(connection));
    struct slice other = slice_text(house_offer(SDP_RECVONLY, false));
    assert_int_equal(connection_reoffer(connection, other, answer, &refusal), ERR_UNSUPPORTED);
    struct slice broken = slice_text("v=0\r\n");
    assert_int_equal(connection_reoffer(connection, broken, answer, &refusal), ERR_PROTO);
    assert_int_equal(refusal.reason, REFUSAL_BAD_SDP);
    connection_close(connection);
}

static void test_everything_is_there_after_a_restart(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    char token[TOKEN_CHARS + 1];
    uint32_t host = house_invite(room, "Ada", ROLE_OWNER, token), found = 0;
    house_agree(house, room, host);
    assert_int_equal(house_steer(room, STEER_LIVE), 0);
    HOUSE_UNTIL(house, room_is_recording(room));
    house_stop(house);
    house_start(house);
    room = rooms_find(house->rooms, "one");
    assert_non_null(room);
    assert_int_equal(room_record(room)->state, ROOM_LIVE);
    assert_int_equal(room_find_host(room, token, &found), 0);
    assert_int_equal(found, host);
    assert_true(room_host(room, host)->agreed);
    assert_true(room_is_recording(room));
    HOUSE_UNTIL(house, room_steer(room, STEER_END, NULL, NULL, (char[ROOM_PROBLEM_MAX]){0}) == 0);
    HOUSE_UNTIL(house, room_record(room)->state == ROOM_PUBLISHED);
    assert_int_equal(room_publication(room)->parts, 2);
}

static void on_stored(void *ctx, int err)
{
    *(int *)ctx = err;
}

/* A disk without room: the database may have as many pages as it has. */
static void limit_pages(struct house *house, const char *pragma)
{
    store_stop(house->store);
    assert_int_equal(sqlite3_exec(house->store->db, pragma, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_start(house->store), 0);
}

static void test_a_full_disk_leaves_no_gap_that_stops_the_next_start(void **state)
{
    struct house *house = *state;
    char token[TOKEN_CHARS + 1], problem[ROOM_PROBLEM_MAX], title[STORE_TITLE_MAX + 1];
    memset(title, 't', 200);
    title[200] = '\0';
    struct room *kept = house_room(house, "kept"), *room;
    limit_pages(house, "PRAGMA max_page_count = 1");
    int err = 0;
    char slug[16];
    for (unsigned i = 0; err == 0 && i < 1000; i++) { /* until it is full */
        (void)snprintf(slug, sizeof(slug), "full-%u", i);
        struct room_draft draft = {.slug = slug, .title = title};
        err = 1;
        assert_int_equal(rooms_add(house->rooms, &draft, on_stored, &err, &room, problem), 0);
        HOUSE_UNTIL(house, err != 1);
    }
    assert_int_not_equal(err, 0);
    assert_null(rooms_find(house->rooms, slug)); /* what was refused can be asked for again */
    uint32_t ben = house_invite(kept, title + 130, ROLE_SPEAKER, token);
    assert_int_equal(house_steer(kept, STEER_OPEN), 0);
    store_stop(house->store);
    store_drain(house->store);
    limit_pages(house, "PRAGMA max_page_count = 100000");
    uint32_t found = 0;
    char later[TOKEN_CHARS + 1];
    assert_int_equal(house_invite(kept, "Cy", ROLE_SPEAKER, later), ben + 1);
    struct room *after = house_room(house, slug);
    assert_non_null(after);
    house_stop(house);
    house_start(house);
    assert_non_null(rooms_find(house->rooms, slug));
    kept = rooms_find(house->rooms, "kept");
    assert_int_equal(room_find_host(kept, later, &found), 0);
    assert_int_equal(found, ben + 1);
}

static void test_what_a_full_disk_refused_is_written_later(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    char token[TOKEN_CHARS + 1];
    uint32_t found = 0;
    HOUSE_UNTIL(house, house->store->unanswered == 0);
    limit_pages(house, "PRAGMA query_only = 1");
    uint32_t host = house_invite(room, "Ada", ROLE_OWNER, token);
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    store_stop(house->store);
    store_drain(house->store);
    limit_pages(house, "PRAGMA query_only = 0");
    rooms_tick(house->rooms, clock_now_us() + HOUSE_WAIT_US);
    house_stop(house);
    house_start(house);
    room = rooms_find(house->rooms, "one");
    assert_int_equal(room_record(room)->state, ROOM_DOORS_OPEN);
    assert_int_equal(room_find_host(room, token, &found), 0);
    assert_int_equal(found, host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define HOUSE_TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
        HOUSE_TEST(test_only_the_arrows_of_the_diagram_are_allowed),
        HOUSE_TEST(test_a_bad_draft_is_refused_with_a_reason),
        HOUSE_TEST(test_tokens_open_their_own_room_until_revoked),
        HOUSE_TEST(test_names_and_the_number_of_invitations_are_bounded),
        HOUSE_TEST(test_a_moderators_mute_is_lifted_by_moderators_only),
        HOUSE_TEST(test_muting_oneself_does_not_shake_off_a_moderators_mute),
        HOUSE_TEST(test_an_end_right_after_the_start_waits_for_the_recorder),
        HOUSE_TEST(test_no_host_connects_before_consent_and_open_doors),
        HOUSE_TEST(test_the_cap_is_exact_and_seats_come_back),
        HOUSE_TEST(test_the_same_endpoint_restarts_ice_another_does_not),
        HOUSE_TEST(test_everything_is_there_after_a_restart),
        HOUSE_TEST(test_a_full_disk_leaves_no_gap_that_stops_the_next_start),
        HOUSE_TEST(test_what_a_full_disk_refused_is_written_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
