#include "simulate/cost_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct costs costs;
static char problem[COST_PROBLEM_MAX];

static const char GOOD[] =
    "{\"format\":\"rostrum costs 1\",\"machine\":\"m\",\"measured\":\"d\",\"how\":\"h\","
    "\"room_us_per_s\":70000,\"listener_us_per_s\":200.5,\"join_us\":1000,\"answer_us\":300,"
    "\"first_sound_ms\":50,\"listener_bps\":70000,\"relay_us_per_s\":null,\"hop_ms\":null}";

/* GOOD with one part of it replaced. */
static int parse_with(const char *part, const char *by)
{
    char text[1024];
    const char *at = strstr(GOOD, part);
    assert_non_null(at);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD, by, at + strlen(part));
    problem[0] = '\0';
    return costs_parse(&costs, text, problem);
}

static void test_a_measured_file_is_read(void **state)
{
    (void)state;
    assert_int_equal(parse_with("\"hop_ms\":null", "\"hop_ms\":1.5"), 0);
    assert_true(costs.listener_us_per_s == 200.5 && costs.hop_ms == 1.5);
    assert_true(costs.hop_is_measured);
    assert_string_equal(costs.machine, "m");
}

static void test_what_is_not_measured_costs_the_most_that_it_may(void **state)
{
    (void)state;
    assert_int_equal(costs_parse(&costs, GOOD, problem), 0);
    assert_false(costs.relay_is_measured || costs.hop_is_measured);
    assert_true(costs.relay_us_per_s == 401 && costs.hop_ms == 5);
    assert_true(fabs(costs.relay_bps - 168000) < 1);
}

static void assert_refused(const char *part, const char *by, const char *wanted)
{
    struct costs before = costs;
    assert_int_equal(parse_with(part, by), ERR_DAMAGED);
    assert_memory_equal(&costs, &before, sizeof(costs));
    if (strstr(problem, wanted) == NULL || strstr(problem, "costs.mjs") == NULL)
        fail_msg("'%s' instead of '%s' says '%s'", by, part, problem);
}

static void test_what_is_wrong_is_told_and_how_the_file_is_made(void **state)
{
    (void)state;
    assert_refused("costs 1", "costs 2", "format");
    assert_refused("200.5", "\"many\"", "listener_us_per_s");
    assert_refused("200.5", "0", "listener_us_per_s");
    assert_refused("\"join_us\":1000,", "", "join_us");
    assert_refused("\"machine\":\"m\"", "\"machine\":\"\"", "machine");
    assert_refused("\"hop_ms\":null", "\"hop_ms\":-1", "hop_ms");
    assert_refused("\"hop_ms\":null", "\"hop_ms\":\"1\"", "hop_ms");
    assert_refused("{", "", "line 1");
}

static void test_every_cut_of_a_good_file_is_refused(void **state)
{
    (void)state;
    char text[sizeof(GOOD)];
    for (size_t bytes = 0; bytes < sizeof(GOOD) - 1; bytes++) {
        memcpy(text, GOOD, bytes);
        text[bytes] = '\0';
        assert_int_equal(costs_parse(&costs, text, problem), ERR_DAMAGED);
    }
}

static void test_a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    assert_int_equal(costs_read(&costs, "/nowhere/costs.json", problem), ERR_IO);
    assert_non_null(strstr(problem, "/nowhere/costs.json"));
    assert_non_null(strstr(problem, "costs.mjs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_measured_file_is_read),
        cmocka_unit_test(test_what_is_not_measured_costs_the_most_that_it_may),
        cmocka_unit_test(test_what_is_wrong_is_told_and_how_the_file_is_made),
        cmocka_unit_test(test_every_cut_of_a_good_file_is_refused),
        cmocka_unit_test(test_a_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
