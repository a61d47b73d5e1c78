/* Parents, where people are sent, and counts. Seats: test_branches.c. */
#include "branches_house.h"

#include "tree/placement.h"

/* ---- places ---- */

static void test_a_relay_gets_a_place_and_is_told_it_until_it_shows_it(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 500);
    report_all();
    words = 0;
    for (unsigned i = 0; i < 20; i++) {
        now_us += HOUSE_STEP_US;
        report_all();
        assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
    }
    assert_in_range(words, 4, 6); /* once a second */
    settle(8);
    assert_int_equal(relays[1].report.level, 1);
    assert_string_equal(relays[1].heard_place.parents[0].id, "node-0");
    assert_string_equal(relays[1].heard_place.parents[0].url, "https://node-0.example");
    uint32_t places = relays[1].places;
    settle(40);
    assert_int_equal(relays[1].places, places);
}

static void test_many_relays_hang_flat_and_have_reserves(void **state)
{
    (void)state;
    make_house(200, 4, 1000, 0);
    settle(240);
    for (uint32_t i = 1; i < look.count; i++) {
        struct branches_relay relay = look_at(i);
        assert_in_range(relay.level, 1, TREE_DEPTH_MAX);
        uint32_t parent = number_of(relay.parent);
        assert_true(parent == 0 || look_at(parent).level < relay.level);
        if (relay.level > 2)
            assert_int_equal(relays[i].place.count, TREE_PARENTS_MAX);
    }
    uint32_t places = 0;
    for (uint32_t i = 1; i < look.count; i++)
        places += relays[i].places;
    settle(200);
    for (uint32_t i = 1; i < look.count; i++)
        places -= relays[i].places;
    assert_int_equal(places, 0);
}

static void test_who_hangs_on_a_lost_relay_gets_another_parent(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason < 3; reason++) {
        make_house(60, 1, 1000, 0);
        settle(120);
        uint32_t lost = 1;
        for (uint32_t i = 1; i < look.count; i++)
            if (relays[i].report.parent[0] != '\0' && number_of(relays[i].report.parent) != 0)
                lost = number_of(relays[i].report.parent);
        if (reason == 0)
            branches_lost(book, id_of(lost), now_us);
        else if (reason == 1)
            branches_left(book, id_of(lost), now_us);
        else
            views[lost].is_draining = true;
        ages_ms[lost] = reason == 2 ? 0 : 9999;
        for (unsigned i = 0; i < 8; i++) { /* the first words are lost */
            now_us += HOUSE_STEP_US;
            report_all();
            assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
        }
        settle(8);
        for (uint32_t i = 1; i < look.count; i++)
            assert_true(i == lost || number_of(relays[i].report.parent) != lost);
    }
}

static void test_a_link_that_blinks_moves_nobody(void **state)
{
    (void)state;
    make_house(60, 1, 1000, 0);
    settle(120);
    uint32_t places = 0;
    for (uint32_t i = 1; i < look.count; i++)
        places += relays[i].places;
    for (uint32_t i = 1; i < look.count; i++)
        branches_lost(book, id_of(i), now_us);
    step();
    step();
    settle(8);
    for (uint32_t i = 1; i < look.count; i++)
        places -= relays[i].places;
    assert_int_equal((int32_t)-places, (int32_t)look.count - 1); /* each its own anew */
}

static void test_who_is_not_fed_by_its_first_parent_gets_another_one(void **state)
{
    (void)state;
    make_house(60, 1, 1000, 0);
    settle(120);
    uint32_t unfed = 1;
    while (relays[unfed].report.level < 3)
        unfed++;
    uint32_t before = number_of(relays[unfed].report.parent), places = relays[unfed].places;
    uint32_t tries = 0;
    for (unsigned i = 0; i < 100; i++) {
        relays[unfed].report.parent[0] = '\0';
        relays[unfed].report.is_hearing = false;
        settle(1);
        uint32_t first = number_of(relays[unfed].heard_place.parents[0].id);
        if (relays[unfed].places == places)
            continue;
        assert_int_not_equal(first, before);
        before = first;
        places = relays[unfed].places;
        tries++;
    }
    assert_in_range(tries, 5, 9);
}

static void test_who_reports_another_level_than_told_is_told_anew(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 0);
    settle(10);
    uint32_t number = relays[1].report.place, level = relays[1].report.level;
    relays[1].report.level = 4;
    settle(6);
    assert_true(relays[1].report.place > number);
    assert_int_equal(relays[1].report.level, level);
}

static void test_who_feeds_others_keeps_its_level(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 0);
    relays[1].report = (struct word_report){
        .level = 4, .parent = "node-77", .children = 1, .place = 12, .is_hearing = false};
    relays[2].report = (struct word_report){
        .level = 4, .parent = "node-77", .children = 0, .place = 12, .is_hearing = false};
    settle(4);
    assert_int_equal(relays[1].report.level, 4);
    assert_in_range(relays[2].report.level, 1, 2);
    assert_true(relays[1].report.place > 12);
}

static void place_under_origin(void *ctx, const char *node, const struct word *word)
{
    (void)ctx;
    (void)node;
    words += word->kind == WORD_PLACE;
    if (word->kind == WORD_PLACE)
        assert_string_equal(word->place.parents[0].id, "node-0");
}

static void test_nobody_is_placed_under_who_does_not_show_its_place(void **state)
{
    (void)state;
    make_house(60, 1, 1000, 0);
    words = 0;
    for (unsigned i = 0; i < 12; i++) { /* the others try again after a second */
        report_all();
        now_us += HOUSE_STEP_US;
        assert_int_equal(branches_step(book, &look, now_us, place_under_origin, NULL), 0);
        if (i < 3)
            assert_int_equal(words, TREE_CHILDREN_MAX - TREE_CHILDREN_KEPT);
    }
}

/* ---- people ---- */

static void test_people_are_sent_to_relays_that_hear_and_have_seats(void **state)
{
    (void)state;
    make_house(4, 1, 1000, 300);
    look.own_taken = 75;
    settle(4);
    relays[3].report.is_hearing = false;
    assert_int_equal(relay_reports(3), 0);
    uint32_t sent[4] = {0}, number = 0, free = branches_free_elsewhere(book);
    assert_int_equal(free, relays[1].granted + relays[2].granted);
    for (uint32_t i = 0; i < 1000; i++) {
        if (send_one("r0", i * 2654435761u, &number)) {
            sent[number]++;
            assert_int_equal(branches_free_elsewhere(book), --free);
        }
    }
    assert_int_equal(free, 0); /* each seat once */
    assert_int_equal(sent[1], relays[1].granted);
    assert_int_equal(sent[2], relays[2].granted);
    assert_int_equal(sent[3], 0);
}

static void test_a_promise_lapses_or_is_kept(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 100);
    look.own_taken = 50;
    settle(4);
    uint32_t number = 0, free = branches_free_elsewhere(book);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(send_one(NULL, i, &number));
    assert_int_equal(branches_free_elsewhere(book), free - 4);
    sit(1, 3);
    assert_int_equal(relay_reports(1), 0);
    assert_int_equal(branches_free_elsewhere(book), free - 4); /* three sit, one is on the way */
    settle(10);
    assert_int_equal(look_at(1).block - 3 - branches_free_elsewhere(book), 1);
    settle(4);
    assert_int_equal(look_at(1).block - 3 - branches_free_elsewhere(book), 0);
}

static void test_nobody_is_sent_to_who_fell_silent_or_left(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 100);
    settle(4);
    uint32_t number = 0;
    branches_lost(book, id_of(1), now_us);
    for (uint32_t i = 0; i < 20; i++)
        if (send_one(NULL, i * 77777777u, &number))
            assert_int_equal(number, 2);
    branches_left(book, id_of(2), now_us);
    assert_false(send_one(NULL, 5, &number));
    assert_int_equal(branches_free_elsewhere(book), 0);
}

/* Full when the tables of this step were made. */
static void test_a_seat_that_has_just_come_free_is_found(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 100);
    settle(4);
    look.own_taken = branches_own_cap(book, 100);
    settle(1);
    uint32_t number = 0, block = relays[1].report.seats;
    relay_seats(1, block);
    assert_int_equal(relay_reports(1), 0);
    now_us += HOUSE_STEP_US;
    assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
    assert_false(send_one("r0", 5, &number));
    assert_int_equal(branches_free_elsewhere(book), 0);
    relay_seats(1, block - 1);
    assert_int_equal(relay_reports(1), 0);
    assert_int_equal(branches_free_elsewhere(book), 1);
    assert_true(send_one("r0", 5, &number));
    assert_false(send_one("r0", 5, &number));
}

/* Until relays have said that their blocks are smaller. */
static void test_nobody_is_sent_to_a_seat_above_a_lower_cap(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    sit(1, 20);
    report_all();
    uint32_t number = 0;
    look.cap = 22;
    now_us += HOUSE_STEP_US;
    assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
    assert_int_equal(branches_free_elsewhere(book), 2);
    assert_true(send_one("r0", 5, &number) && send_one("r0", 6, &number));
    assert_int_equal(branches_free_elsewhere(book), 0);
    assert_false(send_one("r0", 7, &number));
}

/* Else somebody leaves the line for a seat that nobody can name. */
static void test_what_nobody_is_sent_to_is_not_said_to_be_free(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason < 4; reason++) {
        make_house(2, 1, 1000, 100);
        settle(4);
        uint32_t number = 0;
        assert_true(branches_free_elsewhere(book) > 0);
        views[1].load_permille = reason == 0 ? TREE_LOAD_ORPHAN_MAX : 0;
        views[1].joins_per_s = reason == 1 ? 0 : 1000;
        views[1].is_draining = reason == 2;
        report_all();
        look.count = reason == 3 ? 1 : 2; /* the directory does not know it, and never did: */
        if (reason == 3) {
            make_book(false);
            assert_int_equal(relay_reports(1), 0);
        }
        now_us += HOUSE_STEP_US;
        assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
        assert_int_equal(branches_free_elsewhere(book), 0);
        assert_false(send_one("r0", 5, &number));
    }
}

static void test_who_can_sit_here_is_kept_while_there_is_a_share(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 900);
    settle(4);
    struct branches_ask ask = {.region = "r0", .can_keep = true, .dice = 9};
    struct branches_target target;
    assert_false(branches_choose(book, &ask, &target));
    ask.is_returning = true; /* they are not for the origin while there are others */
    assert_true(branches_choose(book, &ask, &target));
}

static void test_nodes_are_wanted_where_seats_run_short(void **state)
{
    (void)state;
    make_house(4, 1, 1000, 5000);
    struct branches_ask ask = {.region = "r0", .can_keep = true};
    struct branches_target target;
    look.count = 2; /* the relay of before is none of them */
    settle(3);
    look.count = 4;
    ages_ms[2] = ages_ms[3] = 1;
    assert_false(branches_choose(book, &ask, &target));
    step();
    assert_false(branches_choose(book, &ask, &target));
    assert_false(branches_wants(book, id_of(2)) || branches_wants(book, id_of(3)));
    views[0].seats_free = 520;
    sit(1, 900);
    settle(2);
    (void)branches_choose(book, &ask, &target);
    assert_true(branches_wants(book, id_of(2)) || branches_wants(book, id_of(3)));
    assert_false(branches_wants(book, id_of(1)));
    uint32_t wanted = branches_wants(book, id_of(2)) ? 2 : 3;
    ages_ms[wanted] = 0;
    settle(1);
    assert_false(branches_wants(book, id_of(wanted)));
}

static void test_a_full_room_wants_nobody(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 500);
    ages_ms[1] = ages_ms[2] = 1;
    look.own_taken = 500;
    views[0].seats_free = 500;
    uint32_t number = 0;
    for (unsigned i = 0; i < 4; i++) {
        assert_false(send_one("r0", 3, &number));
        step();
    }
    assert_false(branches_wants(book, id_of(1)) || branches_wants(book, id_of(2)));
}

static void test_counts_are_of_those_that_are_heard(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    sit(1, 10);
    sit(2, 20);
    relays[1].report.hearing = 9;
    relays[2].report.hearing = 19;
    relays[1].report.turned_away = 5;
    report_all();
    struct branches_counts counts;
    branches_counts(book, now_us, &counts);
    assert_int_equal(counts.seated, 30);
    assert_int_equal(counts.hearing, 28);
    branches_lost(book, id_of(2), now_us);
    make_relay(1);
    relays[1].report.turned_away = 2; /* since it was started anew */
    assert_int_equal(relay_reports(1), 0);
    branches_counts(book, now_us, &counts);
    assert_int_equal(counts.relays, 2);
    assert_int_equal(counts.silent, 1);
    assert_int_equal(counts.seated, 0);
    assert_int_equal(counts.turned_away, 7);
    branches_counts(book, now_us + 3000 * 1000, &counts);
    assert_int_equal(counts.silent, 2);
}

static void test_the_table_of_relays_has_an_end(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 300);
    struct word_report report = {.level = WORD_LEVEL_NONE};
    char id[NODE_ID_MAX + 8];
    for (unsigned i = 0; i < BRANCHES_MAX; i++) {
        (void)snprintf(id, sizeof(id), "relay-%u", i * 7919 % BRANCHES_MAX);
        assert_int_equal(branches_take_report(book, id, &report, now_us), 0);
    }
    assert_int_equal(branches_take_report(book, "another", &report, now_us), ERR_FULL);
    assert_int_equal(branches_take_report(book, "node-0", &report, now_us), ERR_INVAL);
    assert_int_equal(branches_take_report(book, "", &report, now_us), ERR_INVAL);
    memset(id, 'a', NODE_ID_MAX + 1);
    id[NODE_ID_MAX + 1] = '\0';
    assert_int_equal(branches_take_report(book, id, &report, now_us), ERR_INVAL);
    assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_relay_gets_a_place_and_is_told_it_until_it_shows_it),
        cmocka_unit_test(test_many_relays_hang_flat_and_have_reserves),
        cmocka_unit_test(test_who_hangs_on_a_lost_relay_gets_another_parent),
        cmocka_unit_test(test_a_link_that_blinks_moves_nobody),
        cmocka_unit_test(test_who_is_not_fed_by_its_first_parent_gets_another_one),
        cmocka_unit_test(test_who_reports_another_level_than_told_is_told_anew),
        cmocka_unit_test(test_who_feeds_others_keeps_its_level),
        cmocka_unit_test(test_nobody_is_placed_under_who_does_not_show_its_place),
        cmocka_unit_test(test_people_are_sent_to_relays_that_hear_and_have_seats),
        cmocka_unit_test(test_a_promise_lapses_or_is_kept),
        cmocka_unit_test(test_nobody_is_sent_to_who_fell_silent_or_left),
        cmocka_unit_test(test_a_seat_that_has_just_come_free_is_found),
        cmocka_unit_test(test_what_nobody_is_sent_to_is_not_said_to_be_free),
        cmocka_unit_test(test_nobody_is_sent_to_a_seat_above_a_lower_cap),
        cmocka_unit_test(test_who_can_sit_here_is_kept_while_there_is_a_share),
        cmocka_unit_test(test_nodes_are_wanted_where_seats_run_short),
        cmocka_unit_test(test_a_full_room_wants_nobody),
        cmocka_unit_test(test_counts_are_of_those_that_are_heard),
        cmocka_unit_test(test_the_table_of_relays_has_an_end),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    branches_destroy(book);
    return failed;
}
