/* The line against a sorted array that does the same in the simplest way; its memory, and its speed. */
#include "base/clock.h"
#include "line_tools.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBERS = 5000,
    MODEL_MAX = 3000,
    PREFIXES = 1100,
    PER_PREFIX = 3,
    STEPS = 30000,
    TICK_US = 200000,
};

struct person {
    uint64_t number;
    unsigned class;
    uint32_t prefix;
    uint64_t seen_tick;
};

struct model {
    struct person people[MODEL_MAX]; /* in order */
    uint32_t count;
    uint64_t moved;
    uint64_t tick;
};

static uint32_t model_find(const struct model *model, uint64_t number)
{
    uint32_t at = 0;
    while (at < model->count && model->people[at].number != number)
        at++;
    return at;
}

static void model_remove(struct model *model, uint32_t at)
{
    model->count--;
    memmove(&model->people[at], &model->people[at + 1],
            (model->count - at) * sizeof(model->people[0]));
}

static bool is_before(const struct person *a, const struct person *b)
{
    return a->class != b->class ? a->class < b->class : a->number < b->number;
}

static void model_insert(struct model *model, struct person person)
{
    uint32_t at = model->count;
    for (; at > 0 && is_before(&person, &model->people[at - 1]); at--)
        model->people[at] = model->people[at - 1];
    model->people[at] = person;
    model->count++;
}

static bool is_lapsed(const struct model *model, const struct person *person)
{
    return model->tick - person->seen_tick > 600;
}

/* The position of who is within the time; who is not leaves. */
static uint32_t model_touch(struct model *model, uint64_t number)
{
    uint32_t at = model_find(model, number);
    if (at == model->count || !is_lapsed(model, &model->people[at]))
        return at;
    model_remove(model, at);
    model->moved++;
    return model->count;
}

static int model_enter(struct model *model, unsigned class, uint64_t number, uint32_t prefix)
{
    uint32_t at = model_touch(model, number);
    if (at < model->count) {
        struct person person = model->people[at];
        person.seen_tick = model->tick;
        if (class < person.class)
            person.class = class;
        model_remove(model, at);
        model_insert(model, person);
        return 0;
    }
    if (model->count == MODEL_MAX)
        return ERR_FULL;
    uint32_t same = 0;
    for (uint32_t i = 0; i < model->count; i++)
        same += model->people[i].prefix == prefix;
    if (prefix != 0 && same >= PER_PREFIX)
        return ERR_EXIST;
    model_insert(model, (struct person){number, class, prefix, model->tick});
    return 0;
}

static bool model_may_sit(const struct model *model, uint64_t number, uint32_t free_seats)
{
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->tick - model->people[i].seen_tick > 15)
            continue;
        if (model->people[i].number == number)
            return fresh < free_seats;
        fresh++;
    }
    return false;
}

static void model_sweep(struct model *model)
{
    for (uint32_t i = model->count; i > 0; i--)
        if (is_lapsed(model, &model->people[i - 1])) {
            model_remove(model, i - 1);
            model->moved++;
        }
}

static void sweep_both(struct line *line, struct model *model, uint64_t now_us)
{
    for (unsigned i = 0; i < MODEL_MAX / 128 + 8; i++)
        (void)line_sweep(line, now_us);
    model_sweep(model);
    for (uint32_t i = 0; i < model->count; i++)
        assert_int_equal(line_rank(line, model->people[i].number), i);
}

static void one_step(struct line *line, struct model *model, uint64_t now_us)
{
    uint64_t number = 1 + chance_below(NUMBERS) * UINT64_C(0x9E3779B97F) % (UINT64_C(1) << 50);
    uint32_t what = chance_below(100);
    if (what < 45) {
        unsigned class = chance_below(10) < 7 ? LINE_CLASS_ANONYMOUS : chance_below(3);
        uint32_t prefix = chance_below(PREFIXES);
        assert_int_equal(line_enter(line, class, number, prefix, now_us),
                         model_enter(model, class, number, prefix));
    } else if (what < 70) {
        uint32_t at = model_touch(model, number);
        bool is_there = at < model->count;
        if (is_there)
            model->people[at].seen_tick = model->tick;
        assert_int_equal(line_seen(line, number, now_us), is_there ? 0 : ERR_NOENT);
        (void)line_again_ms(line, number, now_us);
    } else if (what < 85) {
        uint32_t free_seats = chance_below(chance_below(8) == 0 ? MODEL_MAX : 20);
        assert_int_equal(line_may_sit(line, number, free_seats, now_us),
                         model_may_sit(model, number, free_seats));
    } else if (what < 92) {
        uint32_t at = model_find(model, number);
        bool is_there = at < model->count;
        assert_int_equal(
            line_leave(line, number, chance_below(2) ? LINE_WHY_SEATED : LINE_WHY_GAVE_UP),
            is_there);
        if (is_there) {
            model_remove(model, at);
            model->moved++;
        }
    } else {
        uint32_t at = model_find(model, number);
        assert_int_equal(line_rank(line, number), at < model->count ? at : UINT32_MAX);
    }
}

static void test_it_agrees_with_a_sorted_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        chance = seed;
        struct line *line = make_line(MODEL_MAX, PER_PREFIX);
        struct model *model = calloc(1, sizeof(*model));
        assert_non_null(model);
        uint64_t now_us = chance_below(100) * SECOND_US;
        uint32_t most = 0;
        for (unsigned step = 0; step < STEPS; step++) {
            now_us += chance_below(2 * TICK_US / 40);
            if (chance_below(10000) == 0)
                now_us += chance_below(150) * SECOND_US;
            model->tick = now_us / TICK_US;
            one_step(line, model, now_us);
            if (chance_below(2000) == 0)
                sweep_both(line, model, now_us);
            assert_int_equal(line_count(line), model->count);
            assert_int_equal(line_moved(line), model->moved);
            most = model->count > most ? model->count : most;
        }
        sweep_both(line, model, now_us);
        assert_in_range(most, 1500, MODEL_MAX); /* several blocks */
        free(model);
        line_destroy(line);
    }
}

/* Numbers 1 to LINE_PLACES_MAX, each once, in an order that looks like chance. */
static uint64_t shuffled(uint32_t i)
{
    return 1 + (uint64_t)i * 61843 % LINE_PLACES_MAX;
}

static void fill(struct line *line, bool in_order, uint64_t now_us)
{
    for (uint32_t i = 0; i < LINE_PLACES_MAX; i++)
        assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, in_order ? i + 1 : shuffled(i),
                                    1 + (uint64_t)i, now_us),
                         0);
    assert_int_equal(line_enter(line, LINE_CLASS_SEATED, LINE_PLACES_MAX + 1, 0, now_us), ERR_FULL);
}

static void test_a_hundred_thousand_places_take_four_megabytes(void **state)
{
    (void)state;
    enum { MOST_BYTES = 4 * 1024 * 1024 };
    chance = 1;
    for (int in_order = 0; in_order <= 1; in_order++) {
        struct line *line = make_line(LINE_PLACES_MAX, LINE_PER_PREFIX);
        fill(line, in_order, SECOND_US);
        print_message("100,000 places, asked %s: %zu bytes\n",
                      in_order ? "in order" : "in any order", line_bytes(line));
        assert_in_range(line_bytes(line), 1, MOST_BYTES);
        /* half of them go and others come between those who stay, many times */
        for (unsigned round = 0; round < 3; round++) {
            for (uint32_t i = 0; i < LINE_PLACES_MAX; i++)
                if (chance_below(2) == 0)
                    (void)line_leave(line, shuffled(i), LINE_WHY_GAVE_UP);
            for (uint32_t i = 0; line_count(line) < LINE_PLACES_MAX; i++)
                assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, shuffled(i), 0, SECOND_US),
                                 0);
            assert_in_range(line_bytes(line), 1, MOST_BYTES);
        }
        print_message("... and after many came and went: %zu bytes\n", line_bytes(line));
        for (uint32_t i = 0; i < LINE_PLACES_MAX; i += 7)
            assert_int_equal(line_rank(line, i + 1), i);
        line_destroy(line);
    }
}

/* Blocks that are just more than half full cannot be merged; a line of them only needs the most. */
static void test_the_worst_order_takes_no_more(void **state)
{
    (void)state;
    enum { MOST_BYTES = 4 * 1024 * 1024, BLOCK = 504, KEPT = 255 };
    chance = 1;
    struct line *line = make_line(LINE_PLACES_MAX, LINE_PER_PREFIX);
    uint64_t next = 1;
    for (unsigned round = 0; round < 8; round++) {
        uint64_t first = next;
        while (line_count(line) < LINE_PLACES_MAX)
            assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, next++, 0, SECOND_US), 0);
        for (uint64_t number = first; number < next; number++)
            if ((number - first) % BLOCK >= KEPT)
                assert_true(line_leave(line, number, LINE_WHY_GAVE_UP));
    }
    print_message("... in blocks that are half full: %zu bytes\n", line_bytes(line));
    assert_in_range(line_bytes(line), 1, MOST_BYTES);
    line_destroy(line);
}

static void print_ns(const char *what, uint64_t begun_us, uint32_t times)
{
    print_message("%-34s %6.0f ns\n", what,
                  (double)(clock_now_us() - begun_us) * 1000.0 / (double)times);
}

/* Measured, not asserted: it is for whoever changes the structure. */
static void test_the_time_of_an_operation_is_printed(void **state)
{
    (void)state;
    chance = 1;
    uint64_t now_us = SECOND_US;
    uint32_t found = 0;
    struct line *line = make_line(LINE_PLACES_MAX, LINE_PER_PREFIX);
    uint64_t begun_us = clock_now_us();
    fill(line, false, now_us);
    print_ns("enter, any order, 0 to 100,000", begun_us, LINE_PLACES_MAX);
    begun_us = clock_now_us();
    for (uint32_t i = 0; i < LINE_PLACES_MAX; i++) /* a second takes 1,500 of them */
        found += line_seen(line, shuffled(i), now_us += 667) == 0;
    print_ns("check in", begun_us, LINE_PLACES_MAX);
    begun_us = clock_now_us();
    for (uint32_t i = 0; i < LINE_PLACES_MAX; i++)
        found += line_may_sit(line, shuffled(i), LINE_PLACES_MAX, now_us);
    print_ns("may sit", begun_us, LINE_PLACES_MAX);
    begun_us = clock_now_us();
    for (uint32_t i = 0; i < LINE_PLACES_MAX; i++)
        found += line_rank(line, shuffled(i)) > 0;
    print_ns("rank", begun_us, LINE_PLACES_MAX);
    for (uint32_t i = 0; i < 1000; i++) {
        now_us += SECOND_US / 100;
        assert_int_equal(line_seen(line, shuffled(i), now_us), 0);
        assert_true(line_leave(line, shuffled(i), LINE_WHY_SEATED));
    }
    begun_us = clock_now_us();
    for (uint32_t i = 1000; i < LINE_PLACES_MAX; i++) {
        uint32_t from_s;
        uint32_t to_s;
        found += line_wait(line, shuffled(i), now_us, &from_s, &to_s);
    }
    print_ns("wait", begun_us, LINE_PLACES_MAX - 1000);
    begun_us = clock_now_us();
    for (uint32_t i = 1000; i < LINE_PLACES_MAX; i++)
        found += line_again_ms(line, shuffled(i), now_us) > 0;
    print_ns("again", begun_us, LINE_PLACES_MAX - 1000);
    begun_us = clock_now_us();
    for (uint32_t i = 0; i < 10000; i++)
        found += line_sweep(line, now_us);
    print_ns("sweep, nobody lapses", begun_us, 10000);
    begun_us = clock_now_us();
    for (uint32_t i = 1000; i < LINE_PLACES_MAX / 2; i++)
        found += line_leave(line, shuffled(i), LINE_WHY_GAVE_UP);
    print_ns("leave", begun_us, LINE_PLACES_MAX / 2 - 1000);
    now_us += 200 * SECOND_US;
    begun_us = clock_now_us();
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(line_sweep(line, now_us), 128);
    print_ns("sweep, 128 lapse", begun_us, 300);
    assert_true(found > 0);
    line_destroy(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_agrees_with_a_sorted_array),
        cmocka_unit_test(test_a_hundred_thousand_places_take_four_megabytes),
        cmocka_unit_test(test_the_worst_order_takes_no_more),
        cmocka_unit_test(test_the_time_of_an_operation_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
