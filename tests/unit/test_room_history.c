#include "room_house.h"

#include "room/room_internal.h"
#include "store/store_internal.h"

/* A moment at which ten seconds begin, and three minutes. */
enum { SPAN_MS = 10000 };
static const int64_t BEGIN_MS = 1800000000000;

struct reading {
    struct sample_record samples[16];
    struct arrival_network networks[16];
    size_t sample_count, network_count;
    uint64_t asks;
    bool is_done;
};

static void read_all(void *ctx, const struct store_history *history)
{
    struct reading *reading = ctx;
    reading->sample_count = history->sample_count;
    reading->network_count = history->network_count;
    for (size_t i = 0; i < history->sample_count; i++) {
        reading->asks += history->samples[i].arrivals.of[ARRIVAL_ASK];
        if (i < 16)
            reading->samples[i] = history->samples[i];
    }
    for (size_t i = 0; i < history->network_count && i < 16; i++)
        reading->networks[i] = history->networks[i];
}

static void on_read(void *ctx, int err)
{
    assert_int_equal(err, 0);
    ((struct reading *)ctx)->is_done = true;
}

/* As house_pump(), without the time that passes. */
static void drain(struct house *house)
{
    struct pollfd bell = {.fd = store_events_fd(house->store), .events = POLLIN};
    (void)poll(&bell, 1, 50);
    store_drain(house->store);
}

static void settle(struct house *house, struct room *room)
{
    uint64_t end_us = clock_now_us() + HOUSE_WAIT_US;
    while (room->history.is_saving || room->history.is_saving_networks) {
        assert_true(clock_now_us() < end_us);
        drain(house);
    }
}

static struct reading *stored(struct house *house, struct room *room)
{
    static struct reading reading;
    reading = (struct reading){.sample_count = 0};
    assert_int_equal(store_read_history(house->store, room->record.id, read_all, on_read, &reading),
                     0);
    while (!reading.is_done)
        drain(house);
    return &reading;
}

static void count(struct room *room, enum arrival arrival, uint64_t network, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        room_count_arrival(room, arrival, network);
}

static struct room *open_room(struct house *house)
{
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    return room;
}

static void sql(const struct house *house, const char *text)
{
    char path[128];
    house_path(house, "rostrum.db", path);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_ten_seconds_are_told_by_their_largest_numbers_and_all_arrivals(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    history_tick(room, BEGIN_MS + 100);
    count(room, ARRIVAL_ASK, 1, 3);
    room->hearing = 5;
    room->connected = 7;
    history_tick(room, BEGIN_MS + 5000);
    room->hearing = 3;
    count(room, ARRIVAL_SEATED, 1, 2);
    history_tick(room, BEGIN_MS + SPAN_MS - 1);
    assert_int_equal(stored(house, room)->sample_count, 0);
    history_tick(room, BEGIN_MS + SPAN_MS + 200);
    settle(house, room);
    count(room, ARRIVAL_ASK, 1, 1);
    history_tick(room, BEGIN_MS + 2 * SPAN_MS);
    settle(house, room);
    const struct reading *reading = stored(house, room);
    assert_int_equal(reading->sample_count, 2);
    const struct sample_record *first = &reading->samples[0], *second = &reading->samples[1];
    assert_int_equal(first->at_ms, BEGIN_MS + SPAN_MS);
    assert_int_equal(first->span_s, 10);
    assert_int_equal(first->hearing, 5);
    assert_int_equal(first->connected, 7);
    assert_int_equal(first->arrivals.of[ARRIVAL_ASK], 3);
    assert_int_equal(first->arrivals.of[ARRIVAL_SEATED], 2);
    assert_int_equal(first->mode, MODE_NORMAL);
    assert_string_equal(first->cause, "");
    assert_int_equal(second->at_ms, BEGIN_MS + 2 * SPAN_MS);
    assert_int_equal(second->hearing, 3);
    assert_int_equal(second->arrivals.of[ARRIVAL_ASK], 1);
    assert_int_equal(second->arrivals.of[ARRIVAL_SEATED], 0);
}

static void test_before_the_doors_open_only_arrivals_are_worth_a_sample(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    for (unsigned i = 0; i < 5; i++)
        history_tick(room, BEGIN_MS + i * SPAN_MS);
    count(room, ARRIVAL_ASK, 1, 1);
    for (unsigned i = 5; i < 9; i++) {
        history_tick(room, BEGIN_MS + i * SPAN_MS);
        settle(house, room);
    }
    const struct reading *reading = stored(house, room);
    assert_int_equal(reading->sample_count, 1);
    assert_int_equal(reading->samples[0].at_ms, BEGIN_MS + 5 * SPAN_MS);
    assert_int_equal(reading->samples[0].span_s, 10);
}

static void test_what_could_not_be_stored_is_told_with_the_next_sample(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    history_tick(room, BEGIN_MS);
    count(room, ARRIVAL_ASK, 1, 3);
    room->hearing = 9;
    history_tick(room, BEGIN_MS + 100);
    room->hearing = 1;
    (void)stored(house, room); /* what was put before is done */
    sql(house, "CREATE TRIGGER no BEFORE INSERT ON sample BEGIN SELECT RAISE(ABORT, 'no'); END;"
               "CREATE TRIGGER nor BEFORE INSERT ON network BEGIN SELECT RAISE(ABORT, 'no'); END");
    history_tick(room, BEGIN_MS + SPAN_MS);
    settle(house, room);
    sql(house, "DROP TRIGGER no; DROP TRIGGER nor");
    count(room, ARRIVAL_ASK, 0, 4); /* of nobody knows where */
    history_tick(room, BEGIN_MS + 2 * SPAN_MS);
    settle(house, room);
    const struct reading *reading = stored(house, room);
    assert_int_equal(reading->sample_count, 1);
    assert_int_equal(reading->samples[0].at_ms, BEGIN_MS + 2 * SPAN_MS);
    assert_int_equal(reading->samples[0].span_s, 20);
    assert_int_equal(reading->samples[0].hearing, 9);
    assert_int_equal(reading->asks, 7);
    assert_int_equal(reading->network_count, 0); /* a minute later */
    history_tick(room, BEGIN_MS + 8 * SPAN_MS);
    settle(house, room);
    reading = stored(house, room);
    assert_int_equal(reading->network_count, 1);
    assert_int_equal(reading->networks[0].attempts, 3);
}

static void test_a_restart_goes_on_in_the_same_ten_seconds(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    history_tick(room, BEGIN_MS);
    count(room, ARRIVAL_ASK, 1, 3);
    count(room, ARRIVAL_ASK_AGAIN, 2, 1);
    room->hearing = 4;
    room->turned_away_before = 6;
    house_stop(house);
    house_start(house);
    room = rooms_find(house->rooms, "one");
    assert_non_null(room);
    struct room_crowd crowd;
    room_crowd(room, &crowd);
    assert_int_equal(crowd.turned_away, 6);
    count(room, ARRIVAL_ASK, 1, 2);
    room->hearing = 2;
    history_tick(room, BEGIN_MS + 5000);
    history_tick(room, BEGIN_MS + SPAN_MS);
    settle(house, room);
    const struct reading *reading = stored(house, room);
    assert_int_equal(reading->sample_count, 1);
    assert_int_equal(reading->samples[0].hearing, 4);
    assert_int_equal(reading->asks, 5);
    assert_int_equal(reading->network_count, 2); /* went on with what was there before */
    assert_int_equal(reading->networks[0].network, 1);
    assert_int_equal(reading->networks[0].attempts, 5);
}

/* Twice as long as samples fit: nobody who came is lost, and there are never more of them. */
static void test_a_room_that_never_ends_has_a_bounded_history(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    unsigned longest = 2 * HISTORY_SAMPLES_MAX + 5;
    for (unsigned i = 0; i <= longest; i++) {
        history_tick(room, BEGIN_MS + i * (int64_t)SPAN_MS);
        settle(house, room);
        assert_true(room->history.samples <= HISTORY_SAMPLES_MAX);
        count(room, ARRIVAL_ASK, 1, 1);
    }
    assert_int_equal(room->history.span_s, 40);
    const struct reading *reading = stored(house, room);
    assert_in_range(reading->sample_count, HISTORY_SAMPLES_MAX / 2, HISTORY_SAMPLES_MAX / 2 + 5);
    assert_in_range(reading->asks, longest - 4, longest);
    assert_int_equal(reading->samples[0].span_s, 40);
    assert_int_equal(reading->samples[1].arrivals.of[ARRIVAL_ASK], 4);
    /* an estimate that is never too low */
    assert_in_range(room->history.samples, reading->sample_count, reading->sample_count + 2);
}

static void test_the_end_is_told_and_then_nothing_more(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    history_tick(room, BEGIN_MS);
    history_tick(room, BEGIN_MS + SPAN_MS);
    settle(house, room);
    count(room, ARRIVAL_ASK, 1, 2);
    assert_int_equal(house_steer(room, STEER_CANCEL), 0);
    count(room, ARRIVAL_ASK, 1, 1); /* too late: there is nothing to come to */
    assert_non_null(room->history.arrivals.networks);
    for (unsigned i = 0; i < 20; i++) {
        history_tick(room, BEGIN_MS + SPAN_MS + 300 * (i + 1));
        settle(house, room);
    }
    assert_null(room->history.arrivals.networks);
    assert_int_equal(house->rooms->network_tables, 0);
    const struct reading *reading = stored(house, room);
    assert_int_equal(reading->sample_count, 2);
    assert_int_equal(reading->samples[1].at_ms, BEGIN_MS + 2 * SPAN_MS);
    assert_int_equal(reading->asks, 2);
    assert_int_equal(reading->network_count, 1);
    assert_int_equal(reading->networks[0].attempts, 2);
}

/* Who is still in line when the room closes was turned away: only then is that known. */
static void test_the_last_sample_waits_for_the_door_to_close(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    char held[TICKET_CHARS + 1];
    static const struct asker_origin origin = {.prefix = 1};
    struct refusal refusal;
    history_tick(room, BEGIN_MS);
    assert_true(room_check_in(room, slice_text(""), &origin, held, &refusal) != 0); /* in line */
    history_tick(room, BEGIN_MS + 1000);
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    assert_int_equal(house_steer(room, STEER_LIVE), 0);
    assert_non_null(room->door);
    assert_int_equal(house_steer(room, STEER_END), 0);
    history_tick(room, BEGIN_MS + 2000);
    assert_true(room->history.from_ms != 0);
    room_close_door(room);
    history_tick(room, BEGIN_MS + 3000);
    settle(house, room);
    assert_int_equal(room->history.from_ms, 0);
    const struct reading *reading = stored(house, room);
    assert_int_equal(reading->samples[0].at_ms, BEGIN_MS + SPAN_MS);
    assert_int_equal(reading->samples[0].in_line, 1);
    assert_int_equal(reading->samples[0].turned_away, 1);
}

static void test_a_report_has_what_was_counted_a_moment_ago(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    history_tick(room, BEGIN_MS);
    struct reading reading;
    for (unsigned asks = 1; asks <= 3; asks++) {
        count(room, ARRIVAL_ASK, 1, 1);
        reading = (struct reading){.sample_count = 0};
        assert_int_equal(room_read_history(room, read_all, on_read, &reading), 0);
        while (!reading.is_done)
            drain(house);
        settle(house, room);
        assert_int_equal(reading.sample_count, 1);
        assert_int_equal(reading.asks, asks);
        assert_int_equal(reading.network_count, 1);
        assert_int_equal(reading.networks[0].attempts, asks);
    }
}

static void test_rooms_that_are_not_open_yet_cannot_take_much_memory(void **state)
{
    enum { ROOMS = 70, KEPT = 64 };
    struct house *house = *state;
    struct room *rooms[ROOMS];
    for (unsigned i = 0; i < ROOMS; i++) {
        char slug[16];
        (void)snprintf(slug, sizeof(slug), "r%u", i);
        rooms[i] = house_room(house, slug);
        count(rooms[i], ARRIVAL_ASK, 1, 1);
        assert_int_equal(rooms[i]->history.arrivals.counts.of[ARRIVAL_ASK], 1);
    }
    assert_int_equal(house->rooms->network_tables, KEPT);
    assert_null(rooms[ROOMS - 1]->history.arrivals.networks);
    assert_int_equal(house_steer(rooms[ROOMS - 1], STEER_OPEN), 0);
    count(rooms[ROOMS - 1], ARRIVAL_ASK, 1, 1);
    assert_non_null(rooms[ROOMS - 1]->history.arrivals.networks);
}

static void test_the_crowd_is_who_is_here_and_how_many_may(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    struct room_crowd crowd;
    room->hearing = 3;
    room->connected = 4;
    room_crowd(room, &crowd);
    assert_int_equal(crowd.hearing, 3);
    assert_int_equal(crowd.connected, 4);
    assert_int_equal(crowd.seats, HOUSE_SEATS);
    assert_string_equal(crowd.mode_cause, "");
    room->record.seats = HOUSE_SEATS - 1;
    rooms_set_mode(house->rooms, MODE_ECONOMY, &(struct mode_reason){.cause = "test"});
    room_crowd(room, &crowd);
    assert_int_equal(crowd.seats, HOUSE_SEATS - 1);
    assert_string_equal(crowd.mode_cause, "test");
    char problem[ROOM_PROBLEM_MAX];
    assert_int_equal(room_set_mode(room, MODE_SMALL_AUDIENCE, 2, 0, problem), 0);
    room_crowd(room, &crowd);
    assert_int_equal(crowd.seats, 2);
    assert_string_equal(crowd.mode_cause, "owner");
}

#define HISTORY_TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(test_ten_seconds_are_told_by_their_largest_numbers_and_all_arrivals),
        HISTORY_TEST(test_before_the_doors_open_only_arrivals_are_worth_a_sample),
        HISTORY_TEST(test_what_could_not_be_stored_is_told_with_the_next_sample),
        HISTORY_TEST(test_a_restart_goes_on_in_the_same_ten_seconds),
        HISTORY_TEST(test_a_room_that_never_ends_has_a_bounded_history),
        HISTORY_TEST(test_the_end_is_told_and_then_nothing_more),
        HISTORY_TEST(test_the_last_sample_waits_for_the_door_to_close),
        HISTORY_TEST(test_a_report_has_what_was_counted_a_moment_ago),
        HISTORY_TEST(test_rooms_that_are_not_open_yet_cannot_take_much_memory),
        HISTORY_TEST(test_the_crowd_is_who_is_here_and_how_many_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
