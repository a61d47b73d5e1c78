/* The rules of the door, and that no order of events ever seats one too many. */
#include "door_world.h"

/* ---- the cap ---- */

static void test_seats_go_to_whom_asks_and_then_there_is_a_line(void **state)
{
    (void)state;
    struct world world;
    start(&world, 2);
    struct door_reply first = seat_one(&world), second = seat_one(&world);
    struct door_reply third = ask(&world, ""), fourth = ask(&world, "");
    assert_int_equal(third.answer, DOOR_LINE);
    assert_int_equal(third.place, 1);
    assert_int_equal(fourth.place, 2);
    assert_int_equal(fourth.in_line, 2);
    assert_true(fourth.again_ms > 0);
    assert_int_equal(door_taken(world.door), 2);

    door_leave(world.door, first.number, world.now_us);
    assert_int_equal(ask(&world, fourth.ticket).answer, DOOR_LINE); /* the other one is first */
    struct door_reply held = check_in(&world, third.ticket);
    assert_int_equal(held.answer, DOOR_HELD);
    assert_int_equal(check_in(&world, third.ticket).answer, DOOR_HELD); /* still */
    assert_int_equal(door_taken(world.door), 2);
    assert_int_equal(ask(&world, held.ticket).answer, DOOR_SEAT);
    assert_int_equal(door_taken(world.door), 2);
    assert_int_equal(door_in_line(world.door), 1);
    assert_int_equal(door_turned_away(world.door), 0);
    door_leave(world.door, second.number, world.now_us);
    door_leave(world.door, third.number, world.now_us);
    stop(&world);
}

static void test_the_nodes_cap_holds_over_rooms(void **state)
{
    (void)state;
    struct world world;
    start(&world, DOOR_NO_CAP);
    admission_set_limits(world.admission, 3, 100);
    admission_hold(world.admission); /* another room's */
    struct door_reply first = seat_one(&world), second = seat_one(&world);
    assert_int_equal(ask(&world, "").answer, DOOR_LINE);
    admission_return_seat(world.admission, false);
    assert_int_equal(admission_free(world.admission), 1);
    door_leave(world.door, first.number, world.now_us);
    door_leave(world.door, second.number, world.now_us);
    stop(&world);
}

/* Random events, whatever their order: what is taken is what is there, and never more than the cap. */
static void test_the_cap_is_never_exceeded(void **state)
{
    (void)state;
    enum { PEOPLE = 300, EVENTS = 60000, CAP = 40 };
    struct world world;
    static char tickets[PEOPLE][TICKET_CHARS + 1];
    static uint64_t numbers[PEOPLE]; /* of the seat, 0: none */
    start(&world, CAP);
    srand(20);
    unsigned seated = 0, most = 0, seatings = 0;
    for (unsigned e = 0; e < EVENTS; e++) {
        unsigned who = (unsigned)rand() % PEOPLE;
        unsigned what = (unsigned)rand() % 8;
        if (what == 0) {
            pass_time(&world, (uint64_t)rand() % (2 * SECOND_US));
        } else if (what < 3 && numbers[who] != 0) {
            door_leave(world.door, numbers[who], world.now_us);
            numbers[who] = 0;
            seated--;
        } else if (what == 3 && numbers[who] == 0) {
            (void)door_give_up(world.door, slice_text(tickets[who]), world.wall_ms);
        } else {
            struct door_reply reply = ask_as(&world, tickets[who], what > 4, 0);
            if (reply.ticket[0] != '\0')
                memcpy(tickets[who], reply.ticket, sizeof(reply.ticket));
            if (reply.answer == DOOR_SEAT) {
                assert_true(reply.number != 0);
                seated += numbers[who] == 0;
                seatings += numbers[who] == 0;
                numbers[who] = reply.number;
            }
        }
        assert_true(door_taken(world.door) >= seated);
        assert_true(door_taken(world.door) <= CAP);
        assert_int_equal(door_taken(world.door), admission_seats_taken(world.admission));
        most = door_taken(world.door) > most ? door_taken(world.door) : most;
    }
    assert_int_equal(most, CAP); /* it was reached */
    assert_true(seatings > 1000);
    for (unsigned i = 0; i < PEOPLE; i++)
        if (numbers[i] != 0)
            door_leave(world.door, numbers[i], world.now_us);
    stop(&world);
}

static void test_a_seat_that_is_held_in_vain_is_free_again(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    assert_int_equal(check_in(&world, "").answer, DOOR_HELD);
    assert_int_equal(ask(&world, "").answer, DOOR_LINE);
    pass_time(&world, GUEST_HOLD_US - 1);
    assert_int_equal(door_taken(world.door), 1);
    pass_time(&world, 1);
    assert_int_equal(door_taken(world.door), 0);
    assert_int_equal(door_turned_away(world.door), 1);
    stop(&world);
}

static void test_only_so_many_come_in_a_second(void **state)
{
    (void)state;
    struct world world;
    start(&world, DOOR_NO_CAP);
    admission_set_limits(world.admission, SEATS, 25);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(check_in(&world, "").answer, DOOR_HELD);
    struct door_reply next = check_in(&world, "");
    assert_int_equal(next.answer, DOOR_LINE);
    pass_time(&world, SECOND_US);
    assert_int_equal(check_in(&world, next.ticket).answer, DOOR_HELD);
    stop(&world);
}

/* ---- who is who ---- */

static void test_the_same_person_takes_the_seat_over(void **state)
{
    (void)state;
    struct world world;
    int first_socket, second_socket;
    start(&world, 1);
    struct door_reply first = seat_one(&world);
    door_sit(world.door, first.number, &first_socket);
    assert_int_equal(ask(&world, "").answer, DOOR_LINE);
    struct door_reply again = ask(&world, first.ticket);
    assert_int_equal(again.answer, DOOR_SEAT);
    assert_ptr_equal(again.former, &first_socket);
    assert_int_equal(again.number, first.number);
    door_sit(world.door, again.number, &second_socket);
    assert_int_equal(door_taken(world.door), 1);
    assert_int_equal(admission_joining(world.admission), 1);
    door_leave(world.door, again.number, world.now_us); /* before its handshake was done */
    assert_int_equal(admission_joining(world.admission), 0);
    stop(&world);
}

static void test_who_vanished_finds_the_seat_for_a_moment(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply first = seat_one(&world), stranger = ask(&world, "");
    door_lose(world.door, first.number, world.now_us);
    assert_int_equal(door_taken(world.door), 1);
    assert_int_equal(check_in(&world, stranger.ticket).answer, DOOR_LINE);
    struct door_reply back = ask(&world, first.ticket);
    assert_int_equal(back.answer, DOOR_SEAT);
    assert_null(back.former);
    assert_false(back.took_seat);
    door_joined(world.door, back.number);
    door_lose(world.door, back.number, world.now_us);
    pass_time(&world, GUEST_AWAY_US);
    assert_int_equal(door_taken(world.door), 0);
    assert_int_equal(check_in(&world, stranger.ticket).answer, DOOR_HELD);
    struct door_reply late = ask(&world, first.ticket); /* the seat is gone, but not the turn */
    assert_int_equal(late.answer, DOOR_LINE);
    assert_int_equal(late.place, 1);
    stop(&world);
}

static void test_a_seat_is_not_kept_for_who_never_had_sound(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply first = ask(&world, "");
    door_lose(world.door, first.number, world.now_us);
    assert_int_equal(door_taken(world.door), 0);
    stop(&world);
}

static void test_nobody_hoards_seats_without_coming_in(void **state)
{
    (void)state;
    struct world world;
    start(&world, DOOR_NO_CAP);
    for (unsigned i = 0; i < LINE_PER_PREFIX; i++)
        assert_int_equal(ask_as(&world, "", false, 99).answer, DOOR_HELD);
    struct door_reply next = ask_as(&world, "", false, 99);
    assert_int_equal(next.answer, DOOR_LINE);
    assert_int_equal(ask_as(&world, "", false, 98).answer, DOOR_HELD);
    pass_time(&world, GUEST_HOLD_US);
    assert_int_equal(ask_as(&world, next.ticket, false, 99).answer, DOOR_HELD);
    stop(&world);
}

static void test_who_left_a_moment_ago_comes_before_strangers(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply first = seat_one(&world);
    struct door_reply stranger = ask(&world, "");
    door_leave(world.door, first.number, world.now_us);
    pass_time(&world, SECOND_US);
    struct door_reply back = ask(&world, first.ticket);
    assert_int_equal(back.answer, DOOR_SEAT);
    assert_int_equal(back.number, first.number);
    assert_int_equal(check_in(&world, stranger.ticket).answer, DOOR_LINE);
    door_leave(world.door, back.number, world.now_us);
    stop(&world);
}

static void test_who_left_long_ago_stands_where_the_first_ask_puts_them(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply first = seat_one(&world);
    door_leave(world.door, first.number, world.now_us);
    struct door_reply second = seat_one(&world);
    pass_time(&world, GUEST_RETURN_US);
    struct door_reply stranger = ask(&world, "");
    assert_int_equal(stranger.place, 1);
    assert_int_equal(ask(&world, first.ticket).place, 1); /* asked before the stranger did */
    assert_int_equal(check_in(&world, stranger.ticket).place, 2);
    door_leave(world.door, second.number, world.now_us);
    stop(&world);
}

static void test_a_pass_comes_before_those_who_have_none(void **state)
{
    (void)state;
    struct world world;
    char pass[TICKET_CHARS + 1];
    start(&world, 1);
    struct door_reply first = seat_one(&world);
    assert_int_equal(ask(&world, "").place, 1);
    assert_int_equal(door_write_pass(world.door, world.wall_ms, pass), 0);
    struct door_reply invited = ask(&world, pass);
    assert_int_equal(invited.place, 1);
    assert_string_equal(invited.ticket, pass);
    door_leave(world.door, first.number, world.now_us);
    invited = ask(&world, invited.ticket);
    assert_int_equal(invited.answer, DOOR_SEAT);
    struct door_reply other = ask(&world, pass); /* it is in use: as anybody else */
    assert_int_equal(other.answer, DOOR_LINE);
    assert_int_not_equal(other.number, invited.number);
    assert_int_equal(other.place, 2);
    door_leave(world.door, invited.number, world.now_us);
    stop(&world);
}

static void test_tickets_of_other_rooms_and_forged_ones_are_none(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply first = seat_one(&world);
    door_leave(world.door, first.number, world.now_us);
    char forged[TICKET_CHARS + 1];
    memcpy(forged, first.ticket, sizeof(forged));
    forged[30] = forged[30] == 'A' ? 'B' : 'A';
    struct door_reply reply = check_in(&world, forged);
    assert_true(reply.is_new);
    assert_false(reply.had_ticket);
    assert_int_not_equal(reply.number, first.number);
    assert_true(door_give_up(world.door, slice_text(reply.ticket), world.wall_ms));
    assert_int_equal(door_taken(world.door), 0);

    door_destroy(world.door);
    struct door_params params = {.admission = world.admission, .room = ROOM + 1};
    assert_int_equal(door_create(&world.door, &params), 0);
    assert_true(check_in(&world, first.ticket).is_new);
    stop(&world);
}

static void test_who_was_put_off_stands_where_the_first_ask_puts_them(void **state)
{
    (void)state;
    struct world world;
    char asked[TICKET_CHARS + 1];
    start(&world, 1);
    struct door_reply seat = seat_one(&world);
    assert_int_equal(admission_write_asked(world.admission, world.wall_ms, asked), 0);
    pass_time(&world, SECOND_US);
    struct door_reply later = ask(&world, "");
    struct door_reply first = ask(&world, asked);
    assert_int_equal(later.place, 1);
    assert_int_equal(first.place, 1); /* now before the other */
    assert_true(first.is_new && first.had_ticket && first.came_into_line);
    assert_true(first.number < later.number);
    assert_string_not_equal(first.ticket, asked); /* what keeps a place is another one */
    struct door_reply again = ask(&world, first.ticket);
    assert_true(again.number == first.number && !again.is_new);

    door_leave(world.door, seat.number, world.now_us);
    assert_int_equal(check_in(&world, later.ticket).answer, DOOR_LINE);
    assert_int_equal(check_in(&world, first.ticket).answer, DOOR_HELD);
    assert_int_equal(door_in_line(world.door), 1);
    pass_time(&world, UINT64_C(2) * (ADMISSION_ASKED_S + TICKET_SKEW_S) * SECOND_US);
    assert_false(ask(&world, asked).had_ticket);
    stop(&world);
}

static void test_after_a_restart_seats_are_for_those_who_had_one(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply before = seat_one(&world);
    door_leave(world.door, before.number, world.now_us);
    door_destroy(world.door);

    world.now_us += 3 * SECOND_US;
    world.wall_ms += 3000;
    world.started_us = world.now_us;
    world.started_wall_ms = world.wall_ms;
    open_door(&world);
    world.rules.returning_only = true;
    struct door_reply stranger = ask(&world, "");
    assert_int_equal(stranger.answer, DOOR_LINE);
    struct door_reply back = ask(&world, before.ticket);
    assert_int_equal(back.answer, DOOR_SEAT);
    door_leave(world.door, back.number, world.now_us);
    world.rules.returning_only = false;
    assert_int_equal(ask(&world, stranger.ticket).answer, DOOR_SEAT);
    door_leave(world.door, stranger.number, world.now_us);
    stop(&world);
}

/* ---- the line ---- */

static void test_before_the_doors_open_all_wait_and_know_their_slot(void **state)
{
    (void)state;
    struct world world;
    start(&world, DOOR_NO_CAP);
    admission_set_limits(world.admission, SEATS, 10);
    world.rules = (struct door_rules){.cap = DOOR_NO_CAP,
                                      .is_open = false,
                                      .knows_opening = true,
                                      .opens_us = world.now_us + 600 * SECOND_US};
    struct door_reply last = {0};
    for (unsigned i = 0; i < 100; i++)
        last = check_in(&world, "");
    assert_int_equal(last.answer, DOOR_LINE);
    assert_int_equal(last.place, 100);
    assert_true(last.knows_wait);
    assert_in_range(last.from_s, 600, 610);
    assert_in_range(last.to_s, 610, 625);
    assert_in_range(last.again_ms, 30000, 60000);
    world.rules.knows_opening = false;
    assert_false(check_in(&world, last.ticket).knows_wait);
    stop(&world);
}

static void test_too_many_of_one_address_are_told_so(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply first = seat_one(&world);
    for (unsigned i = 0; i < LINE_PER_PREFIX; i++)
        assert_int_equal(ask_as(&world, "", false, 99).answer, DOOR_LINE);
    struct door_reply refused = ask_as(&world, "", false, 99);
    assert_int_equal(refused.answer, DOOR_TOO_MANY_HERE);
    assert_true(refused.again_ms > 0);
    assert_int_equal(ask_as(&world, "", false, 98).answer, DOOR_LINE);
    assert_int_equal(door_turned_away(world.door), 1);
    door_set_places_per_prefix(world.door, 100);
    assert_int_equal(ask_as(&world, "", false, 99).answer, DOOR_LINE);
    door_leave(world.door, first.number, world.now_us);
    stop(&world);
}

/* They were told when to come: a seat that comes free before is not for who comes by chance. */
static void test_a_newcomer_does_not_pass_those_who_are_expected(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply first = seat_one(&world), last = {0};
    for (unsigned i = 0; i < 500; i++)
        last = ask(&world, "");
    assert_true(last.again_ms > 5000);
    pass_time(&world, 4 * SECOND_US);
    door_leave(world.door, first.number, world.now_us);
    assert_int_equal(ask(&world, "").answer, DOOR_LINE);
    assert_int_equal(check_in(&world, last.ticket).answer, DOOR_HELD);
    stop(&world);
}

static void test_who_is_not_seen_loses_the_place(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply first = seat_one(&world);
    struct door_reply away = ask(&world, ""), here = ask(&world, "");
    for (unsigned i = 0; i < 60; i++) {
        pass_time(&world, 2 * SECOND_US);
        here = check_in(&world, here.ticket);
    }
    pass_time(&world, 4 * SECOND_US);
    assert_int_equal(check_in(&world, here.ticket).place, 1);
    assert_int_equal(door_turned_away(world.door), 1);
    assert_int_equal(door_moved(world.door), 1);
    assert_int_equal(check_in(&world, away.ticket).place, 1); /* by the time of the first ask */
    door_leave(world.door, first.number, world.now_us);
    stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seats_go_to_whom_asks_and_then_there_is_a_line),
        cmocka_unit_test(test_the_nodes_cap_holds_over_rooms),
        cmocka_unit_test(test_the_cap_is_never_exceeded),
        cmocka_unit_test(test_a_seat_that_is_held_in_vain_is_free_again),
        cmocka_unit_test(test_only_so_many_come_in_a_second),
        cmocka_unit_test(test_the_same_person_takes_the_seat_over),
        cmocka_unit_test(test_who_vanished_finds_the_seat_for_a_moment),
        cmocka_unit_test(test_a_seat_is_not_kept_for_who_never_had_sound),
        cmocka_unit_test(test_nobody_hoards_seats_without_coming_in),
        cmocka_unit_test(test_who_left_a_moment_ago_comes_before_strangers),
        cmocka_unit_test(test_who_left_long_ago_stands_where_the_first_ask_puts_them),
        cmocka_unit_test(test_a_pass_comes_before_those_who_have_none),
        cmocka_unit_test(test_tickets_of_other_rooms_and_forged_ones_are_none),
        cmocka_unit_test(test_who_was_put_off_stands_where_the_first_ask_puts_them),
        cmocka_unit_test(test_after_a_restart_seats_are_for_those_who_had_one),
        cmocka_unit_test(test_before_the_doors_open_all_wait_and_know_their_slot),
        cmocka_unit_test(test_too_many_of_one_address_are_told_so),
        cmocka_unit_test(test_a_newcomer_does_not_pass_those_who_are_expected),
        cmocka_unit_test(test_who_is_not_seen_loses_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
