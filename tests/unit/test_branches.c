#include "branches_house.h"

#include "tree/placement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint32_t words;

/* Every word arrives, and is reported, at once; the first parent feeds. */
static void hear(void *ctx, const char *node, const struct word *word)
{
    (void)ctx;
    uint32_t number = number_of(node);
    assert_string_equal(word->slug, "hall");
    assert_true(number > 0 && number < look.count);
    relay_hears_word(&relays[number], word);
    if (word->kind != WORD_PLACE)
        return;
    assert_in_range(word->place.count, 1, TREE_PARENTS_MAX);
    memcpy(relays[number].report.parent, word->place.parents[0].id, NODE_ID_MAX + 1);
    relays[number].report.is_hearing = true;
}

static void count_only(void *ctx, const char *node, const struct word *word)
{
    (void)ctx;
    (void)node;
    (void)word;
    words++;
}

static void report_all(void)
{
    for (uint32_t i = 1; i < look.count; i++)
        if (ages_ms[i] == 0)
            assert_int_equal(relay_reports(i), 0);
}

static void step(void)
{
    now_us += HOUSE_STEP_US;
    assert_int_equal(branches_step(book, &look, now_us, hear, NULL), 0);
}

static void settle(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        report_all();
        step();
    }
    report_all();
}

static uint32_t grants(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 1; i < look.count; i++)
        sum += relays[i].grants;
    return sum;
}

static void sit(uint32_t number, uint32_t more)
{
    relay_seats(number, relays[number].report.seated + more);
}

static struct branches_relay look_at(uint32_t number)
{
    struct branches_relay relay = {0};
    size_t at = 0;
    while (branches_next(book, &at, &relay))
        if (number_of(relay.id) == number)
            return relay;
    fail();
    return relay;
}

static bool send_one(const char *region, uint64_t dice, uint32_t *number)
{
    struct branches_ask ask = {.region = region, .dice = dice};
    struct branches_target target;
    if (!branches_choose(book, &ask, &target))
        return false;
    *number = number_of(target.id);
    assert_string_equal(target.url, views[*number].url);
    return true;
}

/* ---- seats ---- */

static void test_a_room_without_relays_has_all_seats_at_its_origin(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 600);
    assert_int_equal(branches_own_cap(book, 600), 600);
    assert_int_equal(branches_own_cap(book, 0), UINT32_MAX);
    assert_int_equal(branches_free_elsewhere(book), 0);
}

static void test_free_seats_are_shared_by_what_each_can_take(void **state)
{
    (void)state;
    make_house(4, 1, 1000, 1400);
    views[3].seats_free = 500; /* the origin keeps back 500 of its 1000 */
    look.own_taken = 150;
    settle(4);
    assert_in_range(relays[1].granted, 416, 417); /* 1250 * 1000 / 3000 */
    assert_in_range(relays[2].granted, 416, 417);
    assert_in_range(relays[3].granted, 208, 209);
    assert_int_equal(branches_own_cap(book, 1400),
                     1400 - relays[1].granted - relays[2].granted - relays[3].granted);
    assert_int_equal(grants(), 3);
    assert_true(relays[1].takes_newcomers);
}

static void test_a_seat_that_is_taken_is_no_reason_for_a_grant(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 1000);
    settle(4);
    uint32_t before = grants();
    for (unsigned i = 0; i < 150; i++) {
        sit(1, 1);
        settle(1);
    }
    assert_int_equal(grants(), before);
    for (unsigned i = 0; i < 700; i++) {
        struct word_report *report = &relays[1].report;
        if (report->seated < report->seats)
            sit(1, 1);
        settle(1);
    }
    assert_in_range(relays[1].report.seated, 840, 1000); /* halves of what is left */
    assert_true(grants() < before + 50);
}

static void test_a_few_seats_over_some_nodes_stay_where_they_are(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 7);
    settle(8);
    uint32_t before = grants();
    assert_true(relays[1].granted >= 2 && relays[2].granted >= 2);
    assert_true(branches_own_cap(book, 7) >= 1);
    for (unsigned i = 0; i < 40; i++) {
        views[1].seats_free = 1000 - i % 7 * 30; /* what they could take changes a little */
        views[2].seats_free = 1000 - i % 5 * 40;
        settle(1);
    }
    assert_int_equal(grants(), before);
}

static void test_one_seat_is_never_moved_between_those_who_can_give_it(void **state)
{
    (void)state;
    make_house(6, 1, 1000, 1);
    for (unsigned i = 0; i < 60; i++) {
        views[1 + i % 5].seats_free = 1000 - i * 10;
        look.takes_newcomers = i % 2 == 0;
        settle(1);
    }
    assert_int_equal(grants(), 0);
    assert_int_equal(branches_own_cap(book, 1), 1);
}

static void test_a_seat_that_the_origin_cannot_give_goes_to_a_relay(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 1);
    views[0].seats_free = 400; /* less than it keeps back */
    settle(4);
    assert_int_equal(branches_own_cap(book, 1), 0);
    assert_int_equal(branches_free_elsewhere(book), 1);
}

static void test_seats_do_not_stay_at_a_relay_that_cannot_give_them(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason < 4; reason++) {
        make_house(3, 1, 1000, 900);
        settle(4);
        sit(1, 10);
        assert_true(relays[1].granted > 300);
        look.takes_newcomers = false; /* also while people wait */
        views[1].is_draining = reason == 0;
        relays[1].report.is_hearing = reason != 1;
        views[1].seats_free = reason == 2 ? 0 : views[1].seats_free;
        views[1].joins_per_s = reason == 3 ? 0 : views[1].joins_per_s;
        uint32_t seats_free = views[1].seats_free;
        for (unsigned i = 0; i < 1000; i++) {
            settle(1);
            views[1].seats_free = seats_free;
            look.own_taken += look.own_taken < branches_own_cap(book, 900);
            if (relays[2].report.seated < relays[2].report.seats)
                sit(2, 1);
        }
        assert_int_equal(relays[1].granted, 10);
        assert_int_equal(look.own_taken + relays[2].report.seated, 890);
    }
}

static void test_a_lower_cap_evicts_nobody(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 900);
    settle(4);
    sit(1, 300);
    sit(2, 100);
    look.own_taken = 50;
    settle(4);
    look.cap = 200;
    assert_int_equal(branches_own_cap(book, 200), 0);
    settle(8);
    assert_int_equal(relays[1].granted, 300);
    assert_int_equal(relays[2].granted, 100);
    assert_int_equal(branches_own_cap(book, 200), 0);
    relay_seats(1, 20);
    settle(8);
    struct branches_counts counts;
    branches_counts(book, now_us, &counts);
    assert_int_equal(counts.granted + branches_own_cap(book, 200), 200);
}

static void test_a_block_counts_until_a_report_says_that_it_is_less(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 900);
    settle(4);
    uint32_t block = relays[1].granted;
    look.cap = 100;
    now_us += HOUSE_STEP_US;
    assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
    assert_int_equal(look_at(1).block, block);
    assert_int_equal(branches_own_cap(book, 900), 900 - block);
    assert_int_equal(relay_reports(1), 0); /* of before */
    assert_int_equal(look_at(1).block, block);
    settle(6); /* said again */
    assert_true(look_at(1).block < 100);
}

static void test_a_grant_on_the_way_counts_when_the_link_is_lost(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 0);
    settle(4);
    assert_true(relays[1].granted >= 1000);
    make_house(2, 1, 1000, 600);
    report_all();
    step();
    relays[1].report.is_hearing = true;
    report_all();
    now_us += HOUSE_STEP_US;
    assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
    uint32_t block = look_at(1).block;
    assert_true(block > 300);
    branches_lost(book, id_of(1), now_us);
    assert_int_equal(branches_own_cap(book, 600), 600 - block);
    branches_left(book, id_of(1), now_us);
    assert_int_equal(branches_own_cap(book, 600), 600 - block); /* it may come, and it with it */
    now_us += 20 * 1000 * 1000;
    step();
    assert_int_equal(branches_own_cap(book, 600), 600);
}

static void test_the_block_of_a_silent_relay_is_kept_for_those_who_return(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    sit(1, 100);
    settle(1);
    uint32_t own = branches_own_cap(book, 300), block = look_at(1).block;
    branches_lost(book, id_of(1), now_us);
    ages_ms[1] = 9999;
    settle(4);
    assert_int_equal(look_at(1).block, block);
    assert_true(look_at(1).is_silent);
    assert_false(branches_take_back(book, id_of(2)));
    own = branches_own_cap(book, 300);
    for (uint32_t i = 1; i <= 30; i++) {
        assert_true(branches_take_back(book, i % 2 == 0 ? id_of(1) : NULL));
        assert_int_equal(branches_own_cap(book, 300), own + i);
    }
    settle(70);
    assert_int_equal(look_at(1).block, block - 30);
    settle(10);
    size_t at = 0;
    struct branches_relay relay;
    assert_true(branches_next(book, &at, &relay));
    assert_string_equal(relay.id, id_of(2));
    assert_false(branches_next(book, &at, &relay));
    ages_ms[1] = 0; /* and is back, with those who stayed: */
    relay_seats(1, 70);
    uint32_t number = relays[1].report.grant;
    settle(4);
    assert_true(relays[1].report.grant > number);
    assert_true(relays[1].granted >= 70);
    assert_int_equal(look_at(1).seated, 70);
}

static void test_a_report_raises_no_block(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    uint32_t block = look_at(1).block;
    relays[1].report.seats = UINT32_MAX;
    relays[1].report.grant = UINT32_MAX;
    relays[1].report.children = UINT32_MAX;
    relays[1].report.turned_away = UINT64_MAX;
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(relay_reports(1), 0);
        assert_int_equal(relay_reports(2), 0);
        now_us += HOUSE_STEP_US;
        assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
        assert_true(look_at(1).block + look_at(2).block + branches_own_cap(book, 300) <= 300);
        if (i < 15)
            assert_int_equal(look_at(1).block, block);
        else
            relays[1].report.seated = UINT32_MAX; /* it gets a share of what is free, no more */
    }
}

static void test_a_relay_that_was_started_anew_is_told_anew(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    uint32_t number = relays[1].report.grant;
    make_relay(1);
    settle(6);
    assert_true(relays[1].report.grant > number);
    assert_true(relays[1].report.place > 0);
    assert_true(relays[1].report.seats > 100);
}

static void test_an_origin_that_was_started_anew_learns_blocks_first(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    uint32_t place = relays[1].report.place, blocks = relays[1].granted + relays[2].granted;
    make_book(true);
    look.own_taken = 5;
    assert_int_equal(branches_own_cap(book, 300), 0);
    step();
    assert_int_equal(branches_own_cap(book, 300), 5);
    assert_int_equal(relay_reports(1), 0);
    step();
    assert_int_equal(relays[1].report.seats, relays[1].granted);
    settle(16);
    assert_true(relays[1].report.place > place);
    assert_true(relays[1].granted + relays[2].granted >= blocks / 2);
    assert_int_equal(branches_own_cap(book, 300), 300 - relays[1].granted - relays[2].granted);
}

static void test_without_a_cap_a_block_is_what_the_node_can_take(void **state)
{
    (void)state;
    make_house(2, 1, 800, 0);
    settle(4);
    assert_in_range(relays[1].granted, 800, 1000);
    uint32_t before = grants();
    for (unsigned i = 0; i < 20; i++) {
        views[1].seats = 700 + i * 10;
        settle(1);
    }
    assert_int_equal(grants(), before);
}

static void test_relays_hear_when_a_line_begins_and_not_of_each_moment_without(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 500);
    settle(4);
    uint32_t before = grants();
    for (unsigned i = 0; i < 40; i++) {
        look.takes_newcomers = i % 2 == 1;
        settle(1);
        assert_true(look.takes_newcomers || !relays[1].takes_newcomers);
    }
    assert_true(grants() <= before + 11); /* two in two seconds */
    look.takes_newcomers = true;
    settle(10);
    assert_true(relays[1].takes_newcomers);
}

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
    uint32_t before = number_of(relays[unfed].report.parent);
    for (unsigned i = 0; i < 20; i++) {
        relays[unfed].report.parent[0] = '\0';
        relays[unfed].report.is_hearing = false;
        settle(1);
    }
    assert_int_not_equal(number_of(relays[unfed].heard_place.parents[0].id), before);
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
        cmocka_unit_test(test_a_room_without_relays_has_all_seats_at_its_origin),
        cmocka_unit_test(test_free_seats_are_shared_by_what_each_can_take),
        cmocka_unit_test(test_a_seat_that_is_taken_is_no_reason_for_a_grant),
        cmocka_unit_test(test_a_few_seats_over_some_nodes_stay_where_they_are),
        cmocka_unit_test(test_one_seat_is_never_moved_between_those_who_can_give_it),
        cmocka_unit_test(test_a_seat_that_the_origin_cannot_give_goes_to_a_relay),
        cmocka_unit_test(test_seats_do_not_stay_at_a_relay_that_cannot_give_them),
        cmocka_unit_test(test_a_lower_cap_evicts_nobody),
        cmocka_unit_test(test_a_block_counts_until_a_report_says_that_it_is_less),
        cmocka_unit_test(test_a_grant_on_the_way_counts_when_the_link_is_lost),
        cmocka_unit_test(test_the_block_of_a_silent_relay_is_kept_for_those_who_return),
        cmocka_unit_test(test_a_report_raises_no_block),
        cmocka_unit_test(test_a_relay_that_was_started_anew_is_told_anew),
        cmocka_unit_test(test_an_origin_that_was_started_anew_learns_blocks_first),
        cmocka_unit_test(test_without_a_cap_a_block_is_what_the_node_can_take),
        cmocka_unit_test(test_relays_hear_when_a_line_begins_and_not_of_each_moment_without),
        cmocka_unit_test(test_a_relay_gets_a_place_and_is_told_it_until_it_shows_it),
        cmocka_unit_test(test_many_relays_hang_flat_and_have_reserves),
        cmocka_unit_test(test_who_hangs_on_a_lost_relay_gets_another_parent),
        cmocka_unit_test(test_a_link_that_blinks_moves_nobody),
        cmocka_unit_test(test_who_is_not_fed_by_its_first_parent_gets_another_one),
        cmocka_unit_test(test_people_are_sent_to_relays_that_hear_and_have_seats),
        cmocka_unit_test(test_a_promise_lapses_or_is_kept),
        cmocka_unit_test(test_nobody_is_sent_to_who_fell_silent_or_left),
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
