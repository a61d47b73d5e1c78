#include "rehearse/progress.h"
#include "rehearse/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

enum { SECONDS = 12 };

static struct row rows[SECONDS];
static struct tally tally;
static struct costs costs;
static struct truth truth;
static struct verdict verdict;
static struct plan plan;
static struct notes notes;
static struct node_look node;
static struct stands stands;
static struct report report;

static void rehearse_quietly(void)
{
    struct plan_params params = {.listeners = 1000, .ramp_per_second = 500, .hold_us = 10000000};
    char problem[PLAN_PROBLEM_MAX];
    assert_int_equal(plan_make(&plan, &params, problem), 0);
    memset(rows, 0, sizeof(rows));
    memset(&tally, 0, sizeof(tally));
    notes = (struct notes){0};
    node = (struct node_look){0};
    note(&notes, "The hall is \"large\".");
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i] = (struct row){.crowd = {.hearing = i == 0 ? 500 : 1000, .packets = 50000},
                               .has_others = i < 6,
                               .others_permille = 120};
    tally = (struct tally){
        .attempts = 1003, .joined = 1000, .refused = 3, .disconnects = 2, .packets = 500000};
    tally_reason(&tally.reasons, "full", 3);
    tally_reason(&tally.losses, "silence", 2);
    for (unsigned i = 0; i < 100; i++)
        histogram_add(&tally.first_sound, 20000 + i * 100);
    report = (struct report){.slug = "evening",
                             .server = "http://127.0.0.1:8080",
                             .started_ms = 1700000000000,
                             .plan = &plan,
                             .sources = 20,
                             .threads = 1,
                             .notes = &notes,
                             .blind_spot = "",
                             .node = &node,
                             .tally = &tally,
                             .stands = &stands,
                             .rows = rows,
                             .row_count = SECONDS,
                             .own_cpu_us = 6000000,
                             .elapsed_us = 12000000,
                             .costs = &costs,
                             .truth = &truth,
                             .verdict = &verdict};
}

static void see_the_server(void)
{
    static const char text[] = "{\"version\":\"1.2.3\",\"mode\":\"normal\",\"cores\":2}";
    assert_int_equal(look_take_node(&node, text, strlen(text)), 0);
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server = (struct server_second){.is_seen = true,
                                                .interval_us = 1000000,
                                                .has_cpu = true,
                                                .cpu_permille = 430,
                                                .has_busiest = true,
                                                .busiest_permille = 310,
                                                .busiest = "worker1",
                                                .has_sent = true,
                                                .sent = 50000,
                                                .has_failures = true,
                                                .has_hearing = true,
                                                .hearing = rows[i].crowd.hearing,
                                                .has_rss = true,
                                                .rss_bytes = 30000000};
}

static void conclude(void)
{
    static const struct server_second rest = {
        .has_cpu = true, .cpu_permille = 40, .has_rss = true, .rss_bytes = 20000000};
    struct verdict_params params = {.tried = 1000, .crowd_cores = 1, .server_cores = 2};
    costs_make(&costs, rows, SECONDS, &rest);
    truth_make(&truth, rows, SECONDS, 0, false);
    verdict_make(&verdict, &params, rows, SECONDS, &costs);
}

/* What is written; the caller frees it. */
static char *written(int (*write)(const struct report *report, FILE *out))
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    assert_int_equal(write(&report, out), 0);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_says(const char *text, const char *wanted)
{
    if (strstr(text, wanted) == NULL)
        fail_msg("'%s' is not said in:\n%s", wanted, text);
}

/* ---- for people ---- */

static void test_the_account_says_what_happened(void **state)
{
    (void)state;
    rehearse_quietly();
    see_the_server();
    conclude();
    char *text = written(report_text);
    assert_says(text, "rehearsal of 'evening' at http://127.0.0.1:8080: 1,000 listeners, 500 a "
                      "second, 12 s\n");
    assert_says(text, "joined          1000 of 1003 attempts\n");
    assert_says(text, "refused, failed 3, 0\n");
    assert_says(text, "                3 full\n");
    assert_says(text, "disconnected    2 times after sound had come\n                2 silence\n");
    assert_says(text, "first sound     p50 2");
    assert_says(text, "packets         500000 came, 0 lost (0.0000 %)");
    assert_says(text,
                "hearing         1,000 at most, the server counted 1,000; too many by 0 at most, "
                "and off by 0.0 % after 10 s\n");
    assert_null(strstr(text, "not seen"));
    assert_says(text, "server          43.0 % of a core, at rest 4.00 %, its busiest thread 31.0 % "
                      "(worker1)");
    assert_says(text, "430.0 us per listener and second");
    assert_says(text, "server sent     600000 packets, 0 dropped as too late, 0 not sent");
    assert_says(text, "server memory   9.8 KiB more per seat");
    assert_says(text, "crowd           50.0 % of a core here, 1 thread; other programs 12.0 %\n");
    assert_says(text, "note            The hall is \"large\".\n");
    size_t sentence = strlen(verdict.sentence), chars = strlen(text);
    assert_memory_equal(text + chars - sentence - 1, verdict.sentence, sentence);
    free(text);
}

static void test_of_an_unseen_server_nothing_is_invented(void **state)
{
    (void)state;
    rehearse_quietly();
    conclude();
    report.blind_spot = "it was dark";
    char *text = written(report_text);
    assert_says(text, "1,000 at most; the server's count was not seen");
    assert_says(text, "not seen        it was dark\n");
    assert_null(strstr(text, "of a core, at rest"));
    assert_null(strstr(text, "server sent"));
    assert_null(strstr(text, "KiB"));
    assert_says(text, "not seen        12 of 12 seconds: the server did not answer in time\n");
    free(text);
}

static void test_a_rehearsal_that_was_cut_short_says_so(void **state)
{
    (void)state;
    rehearse_quietly();
    conclude();
    report.is_cut_short = true;
    char *text = written(report_text);
    assert_says(text, "12 s (cut short)\n");
    free(text);
}

/* ---- for machines ---- */

static json_t *object_written(void)
{
    char *text = written(report_json);
    size_t chars = strlen(text);
    assert_true(chars > 0 && text[chars - 1] == '\n');
    assert_ptr_equal(strchr(text, '\n'), text + chars - 1); /* one line */
    json_t *object = json_loads(text, 0, NULL);
    assert_true(json_is_object(object));
    free(text);
    return object;
}

static double real_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_number(value))
        fail_msg("'%s' is no number", name);
    return json_number_value(value);
}

static void test_the_object_holds_all_of_it(void **state)
{
    (void)state;
    rehearse_quietly();
    see_the_server();
    conclude();
    json_t *object = object_written();
    assert_string_equal(json_string_value(json_object_get(object, "room")), "evening");
    assert_true(real_of(object, "attempts") == 1003 && real_of(object, "joined") == 1000);
    assert_true(real_of(object, "disconnects") == 2);
    assert_true(real_of(json_object_get(object, "reasons"), "full") == 3);
    assert_true(real_of(json_object_get(object, "disconnect_reasons"), "silence") == 2);
    assert_true(real_of(json_object_get(object, "first_sound_ms"), "count") == 100);
    assert_true(real_of(json_object_get(object, "first_sound_ms"), "max") == 29.9);
    assert_true(real_of(json_object_get(object, "plan"), "ramp_per_second") == 500);
    assert_true(real_of(json_object_get(object, "plan"), "hold_s") == 10);
    assert_true(real_of(json_object_get(object, "hearing"), "server_max") == 1000);
    const json_t *server = json_object_get(object, "server");
    assert_true(real_of(server, "cpu_percent") == 43 && real_of(server, "cores") == 2);
    assert_true(real_of(server, "packets_sent") == 600000);
    assert_true(real_of(server, "us_per_packet") == 8.6);
    assert_true(real_of(server, "seconds_not_seen") == 0);
    assert_string_equal(json_string_value(json_object_get(server, "version")), "1.2.3");
    const json_t *result = json_object_get(object, "verdict");
    assert_string_equal(json_string_value(json_object_get(result, "sentence")), verdict.sentence);
    assert_true(real_of(result, "held") == 1000 && real_of(result, "holds") == verdict.holds);
    assert_true(json_is_null(json_object_get(result, "broke")));
    assert_true(json_is_true(json_object_get(result, "extrapolated")));
    const json_t *seconds = json_object_get(object, "per_second");
    assert_int_equal(json_array_size(seconds), SECONDS);
    const json_t *second = json_array_get(seconds, 5);
    assert_true(real_of(second, "second") == 5 && real_of(second, "hearing") == 1000);
    assert_true(json_is_true(json_object_get(second, "clean")));
    assert_true(real_of(json_object_get(second, "server"), "rss_bytes") == 30000000);
    json_decref(object);
}

/* Four asked one after the other; the third was seated last, and the last one waited thrice as long as
 * it was told. */
static void stand_in_line(void)
{
    static const uint64_t waited_s[] = {10, 20, 50, 40};
    for (uint64_t i = 0; i < 4; i++) {
        uint64_t ask_us = (i + 1) * 100000;
        struct stand stand = {.since_us = ask_us,
                              .since_answer_us = ask_us + 10,
                              .ask_us = ask_us,
                              .answer_us = ask_us + 10,
                              .placed_us = ask_us + 10,
                              .shown_us = ask_us,
                              .has_wait = i > 0,
                              .from_s = i == 3 ? 10 : 20,
                              .to_s = i == 3 ? 15 : 60,
                              .seat_ask_us = ask_us + waited_s[i] * 1000000 - 10,
                              .seat_us = ask_us + waited_s[i] * 1000000};
        assert_int_equal(stands_open(&stands, &stand), i);
    }
    tally.asks[0] = (struct tally_asks){
        .asked = 99, .answered = 97, .check_ins = 90, .late = 3, .unanswered = 2};
}

static void test_the_line_is_told_when_somebody_stood_there(void **state)
{
    (void)state;
    rehearse_quietly();
    conclude();
    char *text = written(report_text);
    assert_null(strstr(text, "in line"));
    free(text);
    stand_in_line();
    text = written(report_text);
    assert_says(text, "in line         4 stood there; the wait that was shown was right for 2 of 3 "
                      "(unknown to 1)\n");
    assert_says(text, "90 check-ins; of 6 pairs 1 sat against their order\n");
    assert_says(text, "3 after more than 1 s, 2 never, of 99\n");
    free(text);
    json_t *object = object_written();
    const json_t *line = json_object_get(object, "line");
    assert_true(real_of(line, "places") == 4 && real_of(line, "waits_right") == 2);
    assert_true(real_of(line, "waits_wrong") == 1 && real_of(line, "waits_unknown") == 1);
    assert_true(real_of(line, "pairs") == 6 && real_of(line, "inversions") == 1);
    assert_true(real_of(line, "check_ins") == 90 && real_of(object, "asked") == 99);
    assert_true(real_of(object, "answered_late") == 3 && real_of(object, "unanswered") == 2);
    json_decref(object);
    stands_clear(&stands);
}

static void test_who_lost_the_sound_and_came_back_is_told(void **state)
{
    (void)state;
    rehearse_quietly();
    conclude();
    char *text = written(report_text);
    assert_null(strstr(text, "came back"));
    free(text);
    for (uint32_t i = 0; i < 3; i++) {
        struct stand stand = {.number = i,
                              .who = STAND_RETURNING,
                              .lost_us = 1000000,
                              .sound_us = i < 2 ? 1000000 + (i + 1) * 700000 : 0};
        assert_int_equal(stands_open(&stands, &stand), i);
    }
    text = written(report_text);
    assert_says(text,
                "came back       2 of 3 who lost the sound: p50 1.4 s, p95 never, longest never\n");
    free(text);
    json_t *object = object_written();
    const json_t *back = json_object_get(object, "reconnect");
    assert_true(real_of(back, "lost") == 3 && real_of(back, "heard") == 2);
    assert_true(real_of(back, "p50_s") == 1.4 && json_is_null(json_object_get(back, "p95_s")));
    json_decref(object);
    stands_clear(&stands);
}

static void test_nodes_are_told_when_more_than_one_was_heard(void **state)
{
    (void)state;
    rehearse_quietly();
    conclude();
    tally.hops = 5;
    tally.moved = 2;
    tally_node(&tally.nodes, "http://a.example", 7);
    char *text = written(report_text);
    assert_null(strstr(text, "nodes"));
    free(text);
    json_t *object = object_written();
    assert_null(json_object_get(object, "heard_by_node"));
    assert_null(json_object_get(object, "hops"));
    json_decref(object);
    tally_node(&tally.nodes, "http://b.example", 3);
    text = written(report_text);
    assert_says(text, "nodes           2 were heard; sent on 5 times\n");
    assert_says(text, "moved           2 times, hearing all the time\n");
    assert_says(text, "7 heard by http://a.example\n");
    assert_says(text, "3 heard by http://b.example\n");
    free(text);
    object = object_written();
    assert_true(real_of(object, "hops") == 5 && real_of(object, "moved") == 2);
    assert_true(real_of(json_object_get(object, "heard_by_node"), "http://b.example") == 3);
    json_decref(object);
}

static void test_what_is_not_known_is_null(void **state)
{
    (void)state;
    rehearse_quietly();
    conclude();
    report.blind_spot = "it was dark";
    json_t *object = object_written();
    const json_t *server = json_object_get(object, "server");
    static const char *const unknown[] = {"cores",         "cpu_percent",  "us_per_listener_second",
                                          "us_per_packet", "ms_per_join",  "rss_bytes_per_seat",
                                          "packets_sent",  "packets_late", "packets_failed"};
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_true(json_is_null(json_object_get(server, unknown[i])));
    assert_string_equal(json_string_value(json_object_get(server, "not_seen")), "it was dark");
    assert_true(json_is_null(json_object_get(json_object_get(object, "hearing"), "server_max")));
    const json_t *second = json_array_get(json_object_get(object, "per_second"), 0);
    assert_true(json_is_null(json_object_get(second, "server")));
    assert_true(real_of(second, "others_cpu_percent") == 12);
    second = json_array_get(json_object_get(object, "per_second"), 6);
    assert_true(json_is_null(json_object_get(second, "others_cpu_percent")));
    json_decref(object);
}

static void test_where_some_do_not_read_the_count_is_not_called_wrong(void **state)
{
    (void)state;
    rehearse_quietly();
    see_the_server();
    conclude();
    truth_make(&truth, rows, SECONDS, 0, true);
    char *text = written(report_text);
    assert_says(text, "too many by 0 at most\n");
    free(text);
    json_t *object = object_written();
    const json_t *hearing = json_object_get(object, "hearing");
    assert_true(real_of(hearing, "overcount_max") == 0);
    assert_true(json_is_null(json_object_get(hearing, "error_after_10s")));
    assert_true(json_is_null(json_object_get(hearing, "error_after_10s_percent")));
    json_decref(object);
}

static void test_a_break_is_told_with_its_signs(void **state)
{
    (void)state;
    rehearse_quietly();
    see_the_server();
    for (unsigned i = 1; i < SECONDS; i++) {
        rows[i].crowd.lost = 1;
        rows[i].server.late = 1;
    }
    conclude();
    json_t *object = object_written();
    const json_t *broke = json_object_get(json_object_get(object, "verdict"), "broke");
    assert_true(real_of(broke, "listeners") == 1000 && real_of(broke, "second") == 1);
    const json_t *signs = json_object_get(broke, "signs");
    assert_int_equal(json_array_size(signs), 2);
    assert_string_equal(json_string_value(json_array_get(signs, 0)), "loss");
    assert_string_equal(json_string_value(json_array_get(signs, 1)), "dropped_by_server");
    json_decref(object);
}

static void test_a_server_name_that_is_no_utf8_spoils_nothing(void **state)
{
    (void)state;
    rehearse_quietly();
    conclude();
    report.server = "http://\xff\xfe";
    json_t *object = object_written();
    assert_true(json_is_null(json_object_get(object, "address")));
    json_decref(object);
}

/* ---- while it runs ---- */

static void test_progress_is_one_line(void **state)
{
    (void)state;
    char line[PROGRESS_LINE_CHARS];
    struct crowd_now crowd = {
        .waiting = 1, .joining = 2, .hearing = 3, .refused = 4, .failed = 5, .lost = 6};
    struct server_second server = {0};
    progress_line(line, 7, 40, &crowd, &server);
    assert_string_equal(line,
                        "7/40 s: 3 hearing, 2 joining, 1 waiting, 4 refused, 5 failed, 6 lost");
    server.has_cpu = true;
    server.cpu_permille = 432;
    progress_line(line, 7, 40, &crowd, &server);
    assert_says(line, "6 lost, server 43 % of a core");
}

static void test_where_there_is_no_terminal_a_line_comes_every_five_seconds(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = tmpfile();
    assert_non_null(out);
    struct progress progress;
    struct crowd_now crowd = {0};
    struct server_second server = {0};
    progress_begin(&progress, out);
    for (uint32_t second = 1; second <= 12; second++)
        progress_show(&progress, second, 12, &crowd, &server);
    progress_end(&progress);
    rewind(out);
    assert_true(getline(&text, &bytes, out) > 0);
    assert_memory_equal(text, "5/12 s: ", 8);
    assert_true(getline(&text, &bytes, out) > 0);
    assert_memory_equal(text, "10/12 s: ", 9);
    assert_true(getline(&text, &bytes, out) < 0);
    free(text);
    assert_int_equal(fclose(out), 0);
}

static void test_on_a_terminal_one_line_is_redrawn(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes = 0;
    struct crowd_now crowd = {0};
    struct server_second server = {0};
    struct progress progress = {.out = open_memstream(&text, &bytes), .is_terminal = true};
    assert_non_null(progress.out);
    progress_show(&progress, 1, 2, &crowd, &server);
    progress_show(&progress, 2, 2, &crowd, &server);
    progress_end(&progress);
    assert_int_equal(fclose(progress.out), 0);
    assert_memory_equal(text, "\r1/2 s: ", 8);
    assert_says(text, "\033[K\r2/2 s: ");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_account_says_what_happened),
        cmocka_unit_test(test_of_an_unseen_server_nothing_is_invented),
        cmocka_unit_test(test_a_rehearsal_that_was_cut_short_says_so),
        cmocka_unit_test(test_the_object_holds_all_of_it),
        cmocka_unit_test(test_the_line_is_told_when_somebody_stood_there),
        cmocka_unit_test(test_who_lost_the_sound_and_came_back_is_told),
        cmocka_unit_test(test_nodes_are_told_when_more_than_one_was_heard),
        cmocka_unit_test(test_what_is_not_known_is_null),
        cmocka_unit_test(test_where_some_do_not_read_the_count_is_not_called_wrong),
        cmocka_unit_test(test_a_break_is_told_with_its_signs),
        cmocka_unit_test(test_a_server_name_that_is_no_utf8_spoils_nothing),
        cmocka_unit_test(test_progress_is_one_line),
        cmocka_unit_test(test_where_there_is_no_terminal_a_line_comes_every_five_seconds),
        cmocka_unit_test(test_on_a_terminal_one_line_is_redrawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
