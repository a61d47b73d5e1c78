#include "room_house.h"

#include "base/address.h"

static uint64_t network_of(const char *text)
{
    uint64_t network = 0;
    assert_int_equal(address_network_parse(&network, text), 0);
    return network;
}

static int ban(struct room *room, const char *network, uint32_t *id)
{
    char problem[ROOM_PROBLEM_MAX] = "";
    int err = room_ban(room, network_of(network), 0, NULL, NULL, id, problem);
    assert_true((err == 0 || err == ERR_EXIST) == (problem[0] == '\0'));
    return err;
}

static void on_done(void *ctx, int err)
{
    assert_int_equal(err, 0);
    ++*(unsigned *)ctx;
}

static int connect_from(struct room *room, const char *from, uint32_t host, struct house_ear *ear,
                        struct connection **out, struct refusal *refusal)
{
    static char answer[ANSWER_MAX];
    struct connection_params params = {
        .host = host,
        .offer = slice_text(house_offer(host == 0 ? SDP_RECVONLY : SDP_SENDRECV, false)),
        .origin = {.network = network_of(from)},
        .on_event = house_on_event,
        .owner = ear};
    *out = NULL;
    *refusal = (struct refusal){0};
    return connection_open(out, room, &params, answer, refusal);
}

static struct room *open_room(struct house *house)
{
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    return room;
}

struct witness {
    unsigned times;
    uint64_t network;
};

static void on_banned(void *ctx, struct room *room, uint64_t network)
{
    struct witness *witness = ctx;
    (void)room;
    witness->times++;
    witness->network = network;
}

static void test_listeners_of_a_network_are_ended_and_no_others(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    struct house_ear ears[3] = {{0}};
    struct connection *seats[3];
    struct refusal refusal;
    uint32_t id = 0;
    struct witness witness = {0};
    rooms_observe(house->rooms, &(struct rooms_observer){.ctx = &witness, .on_banned = on_banned});
    assert_int_equal(connect_from(room, "203.0.113.1", 0, &ears[0], &seats[0], &refusal), 0);
    assert_int_equal(connect_from(room, "203.0.114.1", 0, &ears[1], &seats[1], &refusal), 0);
    assert_int_equal(connect_from(room, "203.0.113.200", 0, &ears[2], &seats[2], &refusal), 0);
    assert_int_equal(admission_seats_taken(house->admission), 3);
    assert_int_equal(ban(room, "203.0.113.77", &id), 0);
    assert_int_equal(witness.times, 1);
    assert_true(witness.network == network_of("203.0.113.0/24"));
    assert_int_equal(ears[0].lost, 1);
    assert_string_equal(ears[0].cause, "banned");
    assert_int_equal(ears[1].lost, 0);
    assert_int_equal(ears[2].lost, 1);
    assert_int_equal(admission_seats_taken(house->admission), 1);
    for (unsigned i = 0; i < 3; i++)
        connection_close(seats[i]);
}

static void test_nobody_of_a_banned_network_is_let_in(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    struct house_ear ear = {0};
    struct connection *seat;
    struct refusal refusal;
    uint32_t id = 0;
    struct asker_origin origin = {.network = network_of("2001:db8:1::/48")};
    char held[TICKET_CHARS + 1];
    assert_int_equal(ban(room, "2001:db8:1::5", &id), 0);
    assert_int_not_equal(connect_from(room, "2001:db8:1:2::9", 0, &ear, &seat, &refusal), 0);
    assert_int_equal(refusal.reason, REFUSAL_BANNED);
    assert_int_equal(refusal.retry_after_ms, 0);
    refusal = (struct refusal){0};
    assert_int_not_equal(room_check_in(room, slice_of(NULL, 0), &origin, held, &refusal), 0);
    assert_int_equal(refusal.reason, REFUSAL_BANNED);
    assert_int_equal(admission_seats_taken(house->admission), 0);
    assert_int_equal(connect_from(room, "2001:db8:2::9", 0, &ear, &seat, &refusal), 0);
    connection_close(seat);
    /* before anything else: also of a room that is not open any more */
    assert_int_equal(house_steer(room, STEER_CANCEL), 0);
    assert_int_not_equal(room_check_in(room, slice_of(NULL, 0), &origin, held, &refusal), 0);
    assert_int_equal(refusal.reason, REFUSAL_BANNED);
}

static void test_who_held_a_seat_or_a_place_gives_it_up(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    struct refusal refusal = {0};
    struct asker_origin origin = {.network = network_of("203.0.113.1")};
    char held[HOUSE_SEATS][TICKET_CHARS + 1], place[TICKET_CHARS + 1];
    uint32_t id = 0;
    for (unsigned i = 0; i < HOUSE_SEATS; i++)
        assert_int_equal(room_check_in(room, slice_of(NULL, 0), &origin, held[i], &refusal), 0);
    assert_int_not_equal(room_check_in(room, slice_of(NULL, 0), &origin, place, &refusal), 0);
    assert_int_equal(refusal.reason, REFUSAL_LINE);
    memcpy(place, refusal.standing.ticket, sizeof(place));
    assert_int_equal(ban(room, "203.0.113.0/24", &id), 0);
    struct room_crowd crowd;
    assert_int_not_equal(room_check_in(room, slice_text(held[0]), &origin, place, &refusal), 0);
    assert_int_equal(admission_seats_taken(house->admission), HOUSE_SEATS - 1);
    char again[TICKET_CHARS + 1];
    assert_int_not_equal(room_check_in(room, slice_text(place), &origin, again, &refusal), 0);
    room_crowd(room, &crowd);
    assert_int_equal(crowd.in_line, 0);
}

static void test_hosts_are_not_concerned_and_protect_where_they_are(void **state)
{
    struct house *house = *state;
    struct room *room = open_room(house);
    struct house_ear ear = {0};
    struct connection *seat;
    struct refusal refusal;
    char token[TOKEN_CHARS + 1];
    uint32_t id = 0, host = house_invite(room, "Ada", ROLE_OWNER, token);
    house_agree(house, room, host);
    assert_int_equal(ban(room, "203.0.113.0/24", &id), 0);
    assert_int_equal(connect_from(room, "203.0.113.1", host, &ear, &seat, &refusal), 0);
    connection_close(seat);
    assert_int_equal(connect_from(room, "203.0.114.1", host, &ear, &seat, &refusal), 0);
    assert_int_equal(ban(room, "203.0.114.9", &id), ERR_AUTH);
    assert_int_equal(ear.lost, 0);
    connection_close(seat);
    assert_int_equal(ban(room, "203.0.114.9", &id), 0);
    assert_int_equal(ban(room, "127.0.0.1", &id), ERR_AUTH);
    assert_int_equal(ban(room, "127.255.0.1", &id), ERR_AUTH);
    assert_int_equal(ban(room, "::1", &id), ERR_AUTH);
    assert_int_equal(ban(room, "::ffff:127.0.0.1", &id), ERR_AUTH);
}

static void test_a_ban_outlives_the_process_until_it_is_lifted(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    uint32_t first = 0, second = 0, again = 0;
    unsigned done = 0, count = 0;
    char problem[ROOM_PROBLEM_MAX];
    assert_int_equal(
        room_ban(room, network_of("203.0.113.0/24"), 0, on_done, &done, &first, problem), 0);
    assert_int_equal(
        room_ban(room, network_of("203.0.114.0/24"), 3, on_done, &done, &second, problem), 0);
    assert_int_equal(ban(room, "203.0.113.4", &again), ERR_EXIST);
    assert_int_equal(again, first);
    HOUSE_UNTIL(house, done == 2);
    house_stop(house);
    house_start(house);
    room = rooms_find(house->rooms, "one");
    const struct ban_record *bans = room_bans(room, &count);
    assert_int_equal(count, 2);
    assert_int_equal(bans[1].id, second);
    assert_int_equal(bans[1].by, 3);
    assert_true(bans[1].created_ms > 0);
    assert_int_equal(room_lift_ban(room, second, on_done, &done), 0);
    assert_int_equal(room_lift_ban(room, 99, on_done, &done), ERR_NOENT);
    HOUSE_UNTIL(house, done == 3);
    assert_false(room_is_banned(room, network_of("203.0.114.1")));
    house_stop(house);
    house_start(house);
    room = rooms_find(house->rooms, "one");
    assert_true(room_is_banned(room, network_of("203.0.113.1")));
    assert_false(room_is_banned(room, network_of("203.0.114.1")));
    assert_int_equal(ban(room, "203.0.114.1", &again), 0);
    assert_true(again > second); /* a number is given once */
}

static void test_a_room_excludes_so_many_networks_and_no_more(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    uint32_t id = 0;
    char text[32];
    for (unsigned i = 0; i < ROOM_BANS_MAX; i++) {
        (void)snprintf(text, sizeof(text), "198.51.%u.0/24", i);
        assert_int_equal(ban(room, text, &id), 0);
    }
    assert_int_equal(ban(room, "203.0.113.1", &id), ERR_FULL);
    assert_int_equal(ban(room, "198.51.0.9", &id), ERR_EXIST);
    assert_int_equal(house_steer(room, STEER_CANCEL), 0);
    assert_int_equal(ban(room, "203.0.113.1", &id), ERR_BADSTATE);
}

int main(void)
{
#define HOUSE_TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(test_listeners_of_a_network_are_ended_and_no_others),
        HOUSE_TEST(test_nobody_of_a_banned_network_is_let_in),
        HOUSE_TEST(test_who_held_a_seat_or_a_place_gives_it_up),
        HOUSE_TEST(test_hosts_are_not_concerned_and_protect_where_they_are),
        HOUSE_TEST(test_a_ban_outlives_the_process_until_it_is_lifted),
        HOUSE_TEST(test_a_room_excludes_so_many_networks_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
