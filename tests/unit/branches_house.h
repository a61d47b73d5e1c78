/* branches_house.h - a room's origin with its book, and relays that do as branches.h says they do.
 *
 * Owner    the test program: one house
 * Thread   one
 * Units    as in branches.h
 * Errors   none
 * Spec     none
 */
#ifndef UNIT_BRANCHES_HOUSE_H
#define UNIT_BRANCHES_HOUSE_H

#include "tree/branches.h"
#include "tree/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HOUSE_MAX = 256, HOUSE_BPS = 100000, HOUSE_STEP_US = 1000 * BRANCHES_STEP_MS };

struct relay {
    struct word_report report; /* what it says next */
    uint32_t granted;
    bool takes_newcomers;
    struct word_place place;       /* the last one applied */
    uint32_t grants, places;       /* words that came */
    struct word_place heard_place; /* the last that came */
};

static struct branches *book;
static struct node_view views[HOUSE_MAX];
static uint32_t ages_ms[HOUSE_MAX];
static struct branches_look look;
static struct relay relays[HOUSE_MAX]; /* 0 is the origin, and unused */
static uint64_t now_us;

/* "node-12" */
static inline uint32_t number_of(const char *id)
{
    uint32_t number = 0;
    for (const char *at = id + 5; *at != '\0'; at++)
        number = number * 10 + (uint32_t)(*at - '0');
    return number;
}

static inline const char *id_of(uint32_t number)
{
    return views[number].id;
}

static inline void make_book(bool is_restart)
{
    struct branches_params params = {
        .origin = "node-0", .slug = "hall", .room = 4711, .is_restart = is_restart};
    branches_destroy(book);
    book = NULL;
    if (branches_create(&book, &params) != 0)
        book = NULL;
}

static inline void make_relay(uint32_t number)
{
    relays[number] = (struct relay){.report = {.level = WORD_LEVEL_NONE}};
}

/* Of `count` nodes the first is the origin; regions in turn, each with `seats`. */
static inline void make_house(uint32_t count, uint32_t regions, uint32_t seats, uint32_t cap)
{
    now_us = 1000000;
    for (uint32_t i = 0; i < count; i++) {
        struct node_view *view = &views[i];
        *view = (struct node_view){.seats = seats, .seats_free = seats, .joins_per_s = 1000};
        (void)snprintf(view->id, sizeof(view->id), "node-%u", i);
        (void)snprintf(view->url, sizeof(view->url), "https://node-%u.example", i);
        (void)snprintf(view->region, sizeof(view->region), "r%u", i % regions);
        ages_ms[i] = 0;
        make_relay(i);
    }
    look = (struct branches_look){.nodes = views,
                                  .count = count,
                                  .ages_ms = ages_ms,
                                  .cap = cap,
                                  .takes_newcomers = true,
                                  .relay_bps = HOUSE_BPS};
    make_book(false);
}

static inline uint32_t larger_of(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline void relay_hears_word(struct relay *relay, const struct word *word)
{
    struct word_report *report = &relay->report;
    if (word->kind == WORD_GRANT) {
        relay->grants++;
        if (report->grant != 0 && word->grant.number <= report->grant)
            return;
        report->grant = word->grant.number;
        relay->granted = word->grant.seats;
        relay->takes_newcomers = word->grant.takes_newcomers;
        report->seats = larger_of(relay->granted, report->seated);
    } else {
        relay->places++;
        relay->heard_place = word->place;
        if (word->place.number <= report->place)
            return;
        relay->place = word->place;
        report->place = word->place.number;
        report->level = word->place.level;
    }
}

/* Its own seats and what it still has of those that it was told to have fewer of. */
static inline void relay_seats(uint32_t number, uint32_t seated)
{
    struct relay *relay = &relays[number];
    relay->report.seated = seated;
    relay->report.seats = larger_of(relay->granted, seated);
    views[number].seats_free = views[number].seats > seated ? views[number].seats - seated : 0;
}

static inline int relay_reports(uint32_t number)
{
    struct word_report report = relays[number].report;
    report.view = views[number];
    report.view.id[0] = '\0';
    report.view.url[0] = '\0';
    return branches_take_report(book, id_of(number), &report, now_us);
}

/* ---- a house where all goes well ---- */

static uint32_t words; /* that count_only() was told */

/* Every word arrives, and is reported, at once; the first parent feeds. */
static inline void hear(void *ctx, const char *node, const struct word *word)
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

static inline void count_only(void *ctx, const char *node, const struct word *word)
{
    (void)ctx;
    (void)node;
    (void)word;
    words++;
}

static inline void report_all(void)
{
    for (uint32_t i = 1; i < look.count; i++)
        if (ages_ms[i] == 0)
            assert_int_equal(relay_reports(i), 0);
}

static inline void step(void)
{
    now_us += HOUSE_STEP_US;
    assert_int_equal(branches_step(book, &look, now_us, hear, NULL), 0);
}

static inline void settle(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        report_all();
        step();
    }
    report_all();
}

static inline uint32_t grants(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 1; i < look.count; i++)
        sum += relays[i].grants;
    return sum;
}

static inline void sit(uint32_t number, uint32_t more)
{
    relay_seats(number, relays[number].report.seated + more);
}

static inline struct branches_relay look_at(uint32_t number)
{
    struct branches_relay relay = {0};
    size_t at = 0;
    while (branches_next(book, &at, &relay))
        if (number_of(relay.id) == number)
            return relay;
    fail();
    return relay;
}

static inline bool send_one(const char *region, uint64_t dice, uint32_t *number)
{
    struct branches_ask ask = {.region = region, .dice = dice};
    struct branches_target target;
    if (!branches_choose(book, &ask, &target))
        return false;
    *number = number_of(target.id);
    assert_string_equal(target.url, views[*number].url);
    return true;
}

#endif
