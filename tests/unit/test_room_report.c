#include "base/address.h"
#include "signalling/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static const struct report_subject subject = {.room = {.slug = "evening",
                                                       .title = "Ein \"Abend\" \xE2\x9D\xA4",
                                                       .state = ROOM_PUBLISHED,
                                                       .live_ms = 1000,
                                                       .ended_ms = 2000},
                                              .now_ms = 3000};

static json_t *read_report(const struct store_history *history)
{
    char *text = report_json(&subject, history);
    assert_non_null(text);
    json_t *report = json_loads(text, 0, NULL);
    assert_non_null(report);
    free(text);
    return report;
}

/* Of a path like "totals.by_cause.ask". */
static json_int_t number(const json_t *object, const char *path)
{
    char copy[64], *rest = NULL;
    (void)snprintf(copy, sizeof(copy), "%s", path);
    for (char *part = strtok_r(copy, ".", &rest); part; part = strtok_r(NULL, ".", &rest))
        object = json_object_get(object, part);
    assert_true(json_is_integer(object));
    return json_integer_value(object);
}

static const char *string(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    assert_non_null(value);
    return value;
}

static uint64_t network_of(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(&address, text), 0);
    return address_network(&address);
}

static void test_sums_and_peaks_are_those_of_the_history(void **state)
{
    (void)state;
    struct sample_record samples[] = {
        {.at_ms = 1800000010000,
         .span_s = 10,
         .hearing = 5,
         .connected = 9,
         .in_line = 1,
         .turned_away = 2,
         .seats = 50,
         .arrivals = {.of = {[ARRIVAL_ASK] = 7, [ARRIVAL_ASK_AGAIN] = 3, [ARRIVAL_SEATED] = 6}}},
        {.at_ms = 1800000020000,
         .span_s = 10,
         .hearing = 8,
         .connected = 8,
         .in_line = 0,
         .turned_away = 4,
         .seats = 50,
         .mode = MODE_SMALL_AUDIENCE,
         .cause = "late_ticks",
         .arrivals = {.of = {[ARRIVAL_ASK] = 2,
                             [ARRIVAL_REFUSED_RATE] = 1,
                             [ARRIVAL_PUT_OFF] = 4,
                             [ARRIVAL_TICKET_VALID] = 3,
                             [ARRIVAL_HANDSHAKE_DONE] = 5,
                             [ARRIVAL_HANDSHAKE_FAILED] = 1}}},
        {.at_ms = 1800000030000, .span_s = 10, .hearing = 8, .turned_away = 4}};
    struct store_history history = {.samples = samples, .sample_count = 3, .has_all_changes = true};
    json_t *report = read_report(&history);
    assert_string_equal(string(report, "slug"), "evening");
    assert_string_equal(string(report, "title"), subject.room.title);
    assert_string_equal(string(report, "state"), "published");
    assert_int_equal(number(report, "live_ms"), 1000);
    assert_null(json_object_get(report, "start_ms"));
    assert_int_equal(number(report, "generated_ms"), 3000);
    assert_int_equal(number(report, "totals.attempts"), 17);
    assert_int_equal(number(report, "totals.people"), 9);
    assert_int_equal(number(report, "totals.turned_away"), 4);
    assert_int_equal(number(report, "totals.by_cause.seated"), 6);
    assert_int_equal(number(report, "totals.by_cause.gave_up"), 0);
    assert_int_equal(
        json_object_size(json_object_get(json_object_get(report, "totals"), "by_cause")), ARRIVALS);
    assert_int_equal(number(report, "peak.hearing"), 8);
    assert_int_equal(number(report, "peak.hearing_ms"), 1800000020000); /* the first time */
    assert_int_equal(number(report, "peak.connected"), 9);
    assert_int_equal(number(report, "peak.in_line"), 1);
    const json_t *told = json_object_get(report, "history");
    assert_int_equal(json_array_size(told), 3);
    assert_int_equal(number(json_array_get(told, 0), "arrivals.ask"), 7);
    assert_int_equal(json_object_size(json_object_get(json_array_get(told, 0), "arrivals")), 3);
    assert_null(json_object_get(json_array_get(told, 0), "cause"));
    assert_null(json_object_get(json_array_get(told, 2), "arrivals"));
    assert_string_equal(string(json_array_get(told, 1), "mode"), "small_audience");
    assert_string_equal(string(json_array_get(told, 1), "cause"), "late_ticks");
    assert_string_equal(string(json_object_get(report, "facts"), "text"),
                        "17 attempts, 9 of them first asks; 3 valid tickets, 0 that were not; 5 "
                        "handshakes completed, 1 failed.");
    json_decref(report);
}

static void test_shares_say_what_is_certain_and_what_is_possible(void **state)
{
    (void)state;
    static struct arrival_network networks[120];
    struct sample_record sample = {
        .at_ms = 10000, .span_s = 10, .arrivals = {.of = {[ARRIVAL_ASK] = 1000}}};
    for (unsigned i = 0; i < 120; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "10.0.%u.7", i);
        networks[i] = (struct arrival_network){.network = network_of(text), .attempts = 4};
        networks[i].counts.of[ARRIVAL_ASK] = 2;
    }
    networks[0].attempts = 600;
    networks[119].network = 5; /* nothing that we can have written */
    for (unsigned i = 1; i < 10; i++)
        networks[i].attempts = 20;
    for (unsigned i = 2; i < 10; i++)
        networks[i].too_high = 3;
    struct store_history history = {.samples = &sample,
                                    .sample_count = 1,
                                    .networks = networks,
                                    .network_count = 120,
                                    .has_all_changes = true};
    json_t *report = read_report(&history);
    assert_int_equal(number(report, "facts.busiest"), 10);
    assert_int_equal(number(report, "facts.busiest_share_permille.from"), 780 - 24);
    assert_int_equal(number(report, "facts.busiest_share_permille.to"), 780);
    assert_int_equal(number(report, "networks.kept"), 120);
    assert_int_equal(number(report, "networks.missed"), 3);
    const json_t *list = json_object_get(json_object_get(report, "networks"), "list");
    assert_int_equal(json_array_size(list), REPORT_NETWORKS_MAX);
    assert_string_equal(string(json_array_get(list, 0), "network"), "10.0.0.0/24");
    assert_int_equal(number(json_array_get(list, 0), "attempts"), 600);
    assert_int_equal(number(json_array_get(list, 2), "too_high"), 3);
    assert_int_equal(number(json_array_get(list, 2), "arrivals.ask"), 2);
    assert_non_null(strstr(string(json_object_get(report, "facts"), "text"),
                           "the 10 busiest of at least 120 networks made 75 to 78 % of"));
    json_decref(report);
}

static void test_attempts_of_unknown_networks_may_be_anybodys(void **state)
{
    (void)state;
    struct sample_record sample = {
        .at_ms = 10000, .span_s = 10, .arrivals = {.of = {[ARRIVAL_ASK] = 1000}}};
    struct arrival_network network = {.network = network_of("10.0.0.7"), .attempts = 600};
    struct store_history history = {.samples = &sample,
                                    .sample_count = 1,
                                    .networks = &network,
                                    .network_count = 1,
                                    .has_all_changes = true};
    json_t *report = read_report(&history);
    assert_int_equal(number(report, "facts.busiest_share_permille.from"), 600);
    assert_int_equal(number(report, "facts.busiest_share_permille.to"), 1000);
    assert_int_equal(number(report, "networks.missed"), 400);
    json_decref(report);
}

static void test_a_change_of_mode_is_told_with_all_that_is_known(void **state)
{
    (void)state;
    struct event_record changes[] = {
        {.wall_ms = 5, .kind = "room.state", .detail = "live"},
        {.wall_ms = 6,
         .host = 2,
         .kind = "room.mode",
         .detail =
             "mode=economy wanted=normal cause=late_ticks value=31 limit=20 at_ms=1 odd x=-1"}};
    struct store_history history = {.changes = changes, .change_count = 2};
    json_t *report = read_report(&history);
    assert_true(json_is_false(json_object_get(report, "changes_complete")));
    const json_t *list = json_object_get(report, "changes");
    const json_t *state_change = json_array_get(list, 0), *mode = json_array_get(list, 1);
    assert_string_equal(string(state_change, "kind"), "state");
    assert_string_equal(string(state_change, "state"), "live");
    assert_null(json_object_get(state_change, "host"));
    assert_string_equal(string(mode, "kind"), "mode");
    assert_string_equal(string(mode, "mode"), "economy");
    assert_string_equal(string(mode, "wanted"), "normal");
    assert_string_equal(string(mode, "cause"), "late_ticks");
    assert_int_equal(number(mode, "value"), 31);
    assert_int_equal(number(mode, "limit"), 20);
    assert_int_equal(number(mode, "host"), 2);
    assert_int_equal(number(mode, "at_ms"), 6); /* no word of the log stands for ours */
    assert_string_equal(string(mode, "x"), "-1");
    assert_int_equal(json_object_size(mode), 9);
    json_decref(report);
}

static void test_the_table_has_a_line_for_each_sample(void **state)
{
    (void)state;
    struct sample_record samples[] = {{.at_ms = 1800000010000,
                                       .span_s = 10,
                                       .hearing = 5,
                                       .connected = 6,
                                       .in_line = 7,
                                       .turned_away = 8,
                                       .seats = 9,
                                       .mode = MODE_ECONOMY,
                                       .cause = "=1+1",
                                       .arrivals = {.of = {3, 2, 1}}}};
    struct store_history history = {.samples = samples, .sample_count = 1};
    char *text = report_csv(&history);
    assert_non_null(text);
    assert_string_equal(
        text,
        "until,span_s,hearing,connected,in_line,turned_away,seats,mode,cause,ask,ask_again,"
        "refused_rate,ticket_valid,ticket_bad,seated,lined,refused_full,refused_here,"
        "refused_closed,handshake_done,handshake_failed,lapsed,gave_up,put_off\r\n"
        "2027-01-15T08:00:10Z,10,5,6,7,8,9,economy,\"'=1+1\",3,2,1,0,0,0,0,0,0,0,0,0,0,0,0\r\n");
    free(text);
}

static void test_no_cell_is_a_formula(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"late_ticks", "late_ticks"},
                                           {"=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""},
                                           {"+1", "\"'+1\""},
                                           {"-1", "\"'-1\""},
                                           {"@SUM(1)", "\"'@SUM(1)\""},
                                           {"\t=1", "\"'\t=1\""},
                                           {"\r=1", "\"'\r=1\""},
                                           {"a,b", "\"a,b\""},
                                           {"say \"so\"", "\"say \"\"so\"\"\""},
                                           {"two\nlines", "\"two\nlines\""}};
    char cell[64];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        report_cell(cell, sizeof(cell), cases[i][0]);
        assert_string_equal(cell, cases[i][1]);
    }
    char small[8];
    report_cell(small, sizeof(small), "=\"\"\"\"\"\"");
    assert_true(strlen(small) < sizeof(small));
    assert_int_equal(small[strlen(small) - 1], '"'); /* cut, but closed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_and_peaks_are_those_of_the_history),
        cmocka_unit_test(test_shares_say_what_is_certain_and_what_is_possible),
        cmocka_unit_test(test_attempts_of_unknown_networks_may_be_anybodys),
        cmocka_unit_test(test_a_change_of_mode_is_told_with_all_that_is_known),
        cmocka_unit_test(test_the_table_has_a_line_for_each_sample),
        cmocka_unit_test(test_no_cell_is_a_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
