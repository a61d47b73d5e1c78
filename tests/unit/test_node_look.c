#include "rehearse/node_look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char node[] =
    "{\"version\":\"0.1.0\",\"uptime_s\":9,\"mode\":\"economy\",\"cores\":2,\"workers\":2,"
    "\"cpu_ms\":1500,\"rss_bytes\":20000000,\"threads\":[{\"name\":\"control\",\"cpu_ms\":100},"
    "{\"name\":\"worker0\",\"cpu_ms\":600}],\"seats\":{\"max\":2000,\"taken\":7},\"connected\":9,"
    "\"hearing\":8,\"media\":{\"program_sent\":500,\"program_late\":1,\"program_failed\":2,"
    "\"send_failures\":3,\"datagrams_in\":4}}";
static const char room[] = "{\"slug\":\"a\",\"state\":\"live\",\"hearing\":5,\"connected\":6}";

static void test_every_number_of_a_node_is_seen(void **state)
{
    (void)state;
    static const uint64_t wanted[LOOK_GOVERNOR_SEATS] = {2, 2, 1500, 20000000, 2000, 7,
                                                         9, 8, 500,  1,        2,    3};
    struct node_look look = {0};
    assert_int_equal(look_take_node(&look, node, strlen(node)), 0);
    for (unsigned i = 0; i < LOOK_GOVERNOR_SEATS; i++) {
        assert_true(look_has(&look, i));
        assert_int_equal(look.numbers[i], wanted[i]);
    }
    assert_int_equal(look.thread_count, 2);
    assert_string_equal(look.threads[1].name, "worker0");
    assert_int_equal(look.threads[1].cpu_ms, 600);
    assert_string_equal(look.version, "0.1.0");
    assert_string_equal(look.mode, "economy");
}

static void test_the_room_counts_before_the_node(void **state)
{
    (void)state;
    struct node_look look = {0};
    assert_int_equal(look_take_room(&look, room, strlen(room)), 0);
    assert_int_equal(look_take_node(&look, node, strlen(node)), 0);
    assert_int_equal(look.numbers[LOOK_HEARING], 5);
    assert_int_equal(look.numbers[LOOK_CONNECTED], 6);
}

static void test_what_is_missing_or_no_number_is_not_seen(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}",
        "{\"cpu_ms\":-1,\"threads\":7,\"seats\":[],\"media\":null,\"version\":3}",
        "{\"cpu_ms\":\"12\",\"threads\":[1,{},{\"name\":\"a\"},{\"cpu_ms\":-4}],\"seats\":2}",
        "{\"cpu_ms\":1.5,\"rss_bytes\":null,\"media\":{\"program_sent\":{}}}",
        "{\"cpu_ms\":9223372036854775807,\"hearing\":true}",
    };
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct node_look look = {0};
        assert_int_equal(look_take_node(&look, odd[i], strlen(odd[i])), 0);
        assert_int_equal(look.seen, 0);
        assert_int_equal(look.thread_count, 0);
        assert_string_equal(look.version, "");
    }
}

static void test_what_is_no_object_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "[]", "7", "{", "null", "not found"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct node_look look = {0};
        assert_int_equal(look_take_node(&look, bad[i], strlen(bad[i])), ERR_PROTO);
        assert_int_equal(look_take_room(&look, bad[i], strlen(bad[i])), ERR_PROTO);
        assert_int_equal(look.seen, 0);
    }
}

static void test_more_threads_than_there_is_room_for_are_left_out(void **state)
{
    (void)state;
    static char text[64 * (LOOK_THREADS_MAX + 3)];
    size_t used = (size_t)snprintf(text, sizeof(text), "{\"threads\":[");
    for (unsigned i = 0; i <= LOOK_THREADS_MAX; i++)
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%s{\"name\":\"%s\",\"cpu_ms\":1}",
                             i == 0 ? "" : ",", "a very long name indeed, too long");
    (void)snprintf(text + used, sizeof(text) - used, "]}");
    struct node_look look = {0};
    assert_int_equal(look_take_node(&look, text, strlen(text)), 0);
    assert_int_equal(look.thread_count, LOOK_THREADS_MAX);
    assert_int_equal(strlen(look.threads[0].name), LOOK_NAME_CHARS - 1);
}

static void test_a_room_says_who_waits_and_in_which_mode_it_is(void **state)
{
    (void)state;
    static const char full[] =
        "{\"hearing\":7,\"connected\":9,\"in_line\":300,\"turned_away\":4,\"seats\":50,"
        "\"small_audience_seats\":40,\"mode\":\"small_audience\",\"mode_cause\":\"program_late\"}";
    static const char whole[] = "{\"mode\":\"economy\",\"governor\":{\"seats\":1234}}";
    struct node_look before = {.at_us = 1}, look = {.at_us = 2};
    struct server_second second;
    assert_int_equal(look_take_room(&look, full, strlen(full)), 0);
    assert_int_equal(look_take_node(&look, whole, strlen(whole)), 0);
    server_second_make(&second, &before, &look);
    assert_string_equal(second.mode, "small_audience"); /* the room's, which is what people have */
    assert_string_equal(second.cause, "program_late");
    assert_int_equal(second.in_line, 300);
    assert_int_equal(second.turned_away, 4);
    assert_int_equal(second.room_seats, 50);
    assert_int_equal(second.small_seats, 40);
    assert_int_equal(second.governor_seats, 1234);
    assert_true(second.has_connected && !second.has_taken);
}

/* ---- between two looks ---- */

static void taken(struct node_look *look, const char *text, uint64_t at_us)
{
    *look = (struct node_look){.at_us = at_us};
    assert_int_equal(look_take_node(look, text, strlen(text)), 0);
}

static void test_a_second_is_what_grew_between_two_looks(void **state)
{
    (void)state;
    static const char later[] =
        "{\"cpu_ms\":2300,\"rss_bytes\":30000000,\"threads\":[{\"name\":\"control\","
        "\"cpu_ms\":200},{\"name\":\"worker0\",\"cpu_ms\":1000}],\"seats\":{\"max\":2000,"
        "\"taken\":10},\"connected\":12,\"hearing\":11,\"media\":{\"program_sent\":1000,"
        "\"program_late\":5,\"program_failed\":3,\"send_failures\":5}}";
    struct node_look before, after;
    struct server_second second;
    taken(&before, node, 1000000);
    taken(&after, later, 3000000);
    server_second_make(&second, &before, &after);
    assert_true(second.is_seen && second.has_cpu && second.has_busiest && second.has_sent &&
                second.has_failures && second.has_hearing && second.has_rss);
    assert_int_equal(second.cpu_permille, 400); /* 800 ms in two seconds */
    assert_int_equal(second.busiest_permille, 200);
    assert_string_equal(second.busiest, "worker0");
    assert_int_equal(second.sent, 500);
    assert_int_equal(second.late, 4);
    assert_int_equal(second.failures, 3);
    assert_int_equal(second.hearing, 11);
    assert_int_equal(second.connected, 12);
    assert_int_equal(second.seats_taken, 10);
    assert_int_equal(second.rss_bytes, 30000000);
}

static void test_the_busiest_thread_need_not_be_the_last(void **state)
{
    (void)state;
    static const char early[] = "{\"threads\":[{\"name\":\"a\",\"cpu_ms\":0},{\"name\":\"b\","
                                "\"cpu_ms\":0},{\"name\":\"c\",\"cpu_ms\":0}]}";
    static const char later[] = "{\"threads\":[{\"name\":\"a\",\"cpu_ms\":10},{\"name\":\"b\","
                                "\"cpu_ms\":70},{\"name\":\"c\",\"cpu_ms\":30}]}";
    struct node_look before, after;
    struct server_second second;
    taken(&before, early, 1000000);
    taken(&after, later, 2000000);
    server_second_make(&second, &before, &after);
    assert_string_equal(second.busiest, "b");
    assert_int_equal(second.busiest_permille, 70);
}

static void test_a_server_started_anew_has_not_worked_backwards(void **state)
{
    (void)state;
    static const char anew[] = "{\"cpu_ms\":10,\"threads\":[{\"name\":\"control\",\"cpu_ms\":10}],"
                               "\"media\":{\"program_sent\":0,\"program_late\":0}}";
    struct node_look before, after;
    struct server_second second;
    taken(&before, node, 1000000);
    taken(&after, anew, 2000000);
    server_second_make(&second, &before, &after);
    assert_int_equal(second.cpu_permille, 0);
    assert_int_equal(second.sent, 0);
    assert_int_equal(second.late, 0);
    assert_false(second.has_busiest);
}

static void test_threads_that_changed_places_are_not_compared(void **state)
{
    (void)state;
    static const char swapped[] = "{\"threads\":[{\"name\":\"worker0\",\"cpu_ms\":5000},"
                                  "{\"name\":\"control\",\"cpu_ms\":5000}]}";
    struct node_look before, after;
    struct server_second second;
    taken(&before, node, 1000000);
    taken(&after, swapped, 2000000);
    server_second_make(&second, &before, &after);
    assert_false(second.has_busiest);
}

static void test_two_looks_at_the_same_moment_make_no_rates(void **state)
{
    (void)state;
    struct node_look look;
    struct server_second second;
    taken(&look, node, 1000000);
    server_second_make(&second, &look, &look);
    assert_true(second.is_seen && second.has_hearing);
    assert_false(second.has_cpu || second.has_sent || second.has_busiest);
}

static void test_a_look_that_saw_nothing_makes_no_second(void **state)
{
    (void)state;
    struct node_look before = {.at_us = 1}, after = {.at_us = 1000001};
    struct server_second second;
    server_second_make(&second, &before, &after);
    assert_false(second.is_seen || second.has_cpu || second.has_busiest || second.has_sent ||
                 second.has_failures || second.has_hearing || second.has_rss);
}

static void test_numbers_beyond_reason_do_not_overflow(void **state)
{
    (void)state;
    static const char huge[] = "{\"cpu_ms\":10000000000000,\"hearing\":10000000000000,"
                               "\"connected\":9999999999999,\"seats\":{\"taken\":9999999999999}}";
    static const char none[] = "{\"cpu_ms\":0}";
    struct node_look before, after;
    struct server_second second;
    taken(&before, none, 1);
    taken(&after, huge, 2);
    server_second_make(&second, &before, &after);
    assert_true(second.cpu_permille == UINT32_MAX && second.hearing == UINT32_MAX);
    assert_true(second.connected == UINT32_MAX && second.seats_taken == UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_of_a_node_is_seen),
        cmocka_unit_test(test_the_room_counts_before_the_node),
        cmocka_unit_test(test_what_is_missing_or_no_number_is_not_seen),
        cmocka_unit_test(test_what_is_no_object_is_refused),
        cmocka_unit_test(test_more_threads_than_there_is_room_for_are_left_out),
        cmocka_unit_test(test_a_room_says_who_waits_and_in_which_mode_it_is),
        cmocka_unit_test(test_a_second_is_what_grew_between_two_looks),
        cmocka_unit_test(test_the_busiest_thread_need_not_be_the_last),
        cmocka_unit_test(test_a_server_started_anew_has_not_worked_backwards),
        cmocka_unit_test(test_threads_that_changed_places_are_not_compared),
        cmocka_unit_test(test_two_looks_at_the_same_moment_make_no_rates),
        cmocka_unit_test(test_a_look_that_saw_nothing_makes_no_second),
        cmocka_unit_test(test_numbers_beyond_reason_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
