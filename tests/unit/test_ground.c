#include "rehearse/ground.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static struct plan plan_of(uint32_t listeners, uint32_t ramp_per_second, unsigned whep_percent)
{
    struct plan_params params = {.listeners = listeners,
                                 .ramp_per_second = ramp_per_second,
                                 .hold_us = 1000000,
                                 .whep_percent = whep_percent};
    struct plan plan;
    char problem[PLAN_PROBLEM_MAX];
    assert_int_equal(plan_make(&plan, &params, problem), 0);
    return plan;
}

static struct ground_need need_of(uint32_t listeners, uint32_t ramp_per_second,
                                  unsigned whep_percent)
{
    struct plan plan = plan_of(listeners, ramp_per_second, whep_percent);
    return ground_need(&plan);
}

static struct ground far_away(void)
{
    struct ground ground = {.files = 20000, .ports = 28232, .cores = 4};
    assert_int_equal(address_parse(&ground.server, "198.51.100.7:8080"), 0);
    return ground;
}

static struct ground on_loopback(void)
{
    struct ground ground = far_away();
    ground.server_is_here = ground.server_is_loopback = true;
    assert_int_equal(address_parse(&ground.server, "127.0.0.1:8080"), 0);
    return ground;
}

static void test_a_websocket_listener_needs_two_files_and_a_whep_listener_one(void **state)
{
    (void)state;
    struct ground_need need = need_of(1000, 100, 0);
    assert_int_equal(need.files, 2000 + GROUND_SPARE_FILES);
    need = need_of(10000, 100, 100);
    assert_int_equal(need.wheps, 10000);
    assert_int_equal(need.files, 10000 + 300 + GROUND_SPARE_FILES); /* and those asking */
    need = need_of(1000, 0, 100);
    assert_int_equal(need.files, 2000 + GROUND_SPARE_FILES); /* all ask at once */
    need = need_of(1000, 100, 50);
    assert_int_equal(need.websockets + need.wheps, 1000);
    assert_in_range(need.wheps, 496, 504);
}

static void test_a_plan_that_fits_passes_without_a_word(void **state)
{
    (void)state;
    struct ground ground = far_away();
    struct ground_need need = need_of(60, 100, 0);
    struct notes notes = {0};
    char problem[PLAN_PROBLEM_MAX] = "";
    assert_int_equal(ground_judge(&ground, &need, 0, &notes, problem), 0);
    assert_int_equal(notes.count, 0);
    assert_string_equal(problem, "");
}

static void test_too_few_files_refuse_with_what_is_allowed(void **state)
{
    (void)state;
    struct ground ground = far_away();
    struct ground_need need = need_of(10000, 100, 0);
    struct notes notes = {0};
    char problem[PLAN_PROBLEM_MAX] = "";
    assert_int_equal(ground_judge(&ground, &need, 100, &notes, problem), ERR_FULL);
    assert_non_null(strstr(problem, "10000 listeners need 20128 open files"));
    assert_non_null(strstr(problem, "allowed: at most 9936 listeners"));
    need = need_of(9936, 100, 0);
    assert_int_equal(ground_judge(&ground, &need, 200, &notes, problem), 0);
    need = need_of(9937, 100, 0);
    assert_int_equal(ground_judge(&ground, &need, 200, &notes, problem), ERR_FULL);
    ground.files = 10;
    assert_int_equal(ground_judge(&ground, &need, 200, &notes, problem), ERR_FULL);
    assert_non_null(strstr(problem, "at most 0 listeners"));
}

static void test_too_few_ports_refuse_with_what_is_allowed(void **state)
{
    (void)state;
    struct ground ground = far_away();
    ground.files = 1000000;
    struct ground_need need = need_of(27208, 1000, 0);
    struct notes notes = {0};
    char problem[PLAN_PROBLEM_MAX] = "";
    assert_int_equal(ground_judge(&ground, &need, 1, &notes, problem), 0);
    need = need_of(27209, 1000, 0);
    assert_int_equal(ground_judge(&ground, &need, 0, &notes, problem), ERR_FULL);
    assert_non_null(strstr(problem, "from 1 source address need"));
    assert_non_null(strstr(problem, "allowed: at most 27208 listeners"));
    assert_int_equal(ground_judge(&ground, &need, 2, &notes, problem), 0);
}

static void test_a_crowd_on_the_servers_machine_is_told(void **state)
{
    (void)state;
    struct ground ground = on_loopback();
    struct ground_need need = need_of(60, 100, 0);
    struct notes notes = {0};
    char problem[PLAN_PROBLEM_MAX] = "";
    assert_int_equal(ground_judge(&ground, &need, 2, &notes, problem), 0);
    assert_int_equal(notes.count, 1);
    assert_non_null(strstr(notes.list[0], "shares its 4 cores"));
}

static void test_many_from_one_address_far_away_are_told_of_its_limit(void **state)
{
    (void)state;
    struct ground ground = far_away();
    struct ground_need need = need_of(130, 100, 0);
    struct notes notes = {0};
    char problem[PLAN_PROBLEM_MAX] = "";
    assert_int_equal(ground_judge(&ground, &need, 2, &notes, problem), 0);
    assert_int_equal(notes.count, 1);
    assert_non_null(strstr(notes.list[0], "65 listeners come from each source address"));
    need = need_of(128, 100, 0); /* 64 of each are allowed */
    assert_int_equal(ground_judge(&ground, &need, 2, &notes, problem), 0);
    assert_int_equal(notes.count, 1);
}

/* ---- source addresses ---- */

static void test_on_loopback_fifty_listeners_share_an_address(void **state)
{
    (void)state;
    struct ground ground = on_loopback();
    struct ground_need need = need_of(51, 100, 0);
    assert_int_equal(ground_source_count(&ground, &need, 0), 2);
    need = need_of(50, 100, 0);
    assert_int_equal(ground_source_count(&ground, &need, 0), 1);
    assert_int_equal(ground_source_count(&ground, &need, 7), 7);
}

static void test_elsewhere_the_system_chooses(void **state)
{
    (void)state;
    struct ground ground = far_away();
    struct ground_need need = need_of(5000, 100, 0);
    assert_int_equal(ground_source_count(&ground, &need, 0), 0);
    ground = on_loopback();
    assert_int_equal(address_parse(&ground.server, "[::1]:8080"), 0);
    assert_int_equal(ground_source_count(&ground, &need, 0), 0);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 4);
}

static void test_no_loopback_source_comes_twice(void **state)
{
    (void)state;
    enum { COUNT = PLAN_LISTENERS_MAX / GROUND_LISTENERS_PER_SOURCE };
    static uint8_t ips[COUNT][4];
    for (uint32_t i = 0; i < COUNT; i++) {
        struct address source = ground_loopback_source(i);
        assert_true(address_is_ipv4(&source) && source.port == 0);
        memcpy(ips[i], source.ip + 12, 4);
        assert_int_equal(ips[i][0], 127);
        assert_in_range(ips[i][3], 1, 254);
    }
    qsort(ips, COUNT, 4, compare);
    for (uint32_t i = 1; i < COUNT; i++)
        assert_int_not_equal(memcmp(ips[i - 1], ips[i], 4), 0);
}

static void test_a_source_must_be_ours_and_fit_the_server(void **state)
{
    (void)state;
    struct ground ground = on_loopback();
    struct address source = ground_loopback_source(12345);
    assert_int_equal(ground_check_source(&ground, &source), 0);
    assert_int_equal(address_parse(&source, "::1"), 0);
    assert_int_equal(ground_check_source(&ground, &source), ERR_INVAL);
    assert_int_equal(address_parse(&source, "198.51.100.8"), 0);
    assert_int_equal(ground_check_source(&ground, &source), ERR_INVAL);
    ground = far_away();
    assert_int_equal(ground_check_source(&ground, &source), ERR_INVAL); /* nobody's */
}

/* ---- the system ---- */

static void test_the_machine_is_seen(void **state)
{
    (void)state;
    struct ground ground;
    assert_int_equal(ground_look(&ground, "127.0.0.1", 8080, NULL), 0);
    assert_true(ground.server_is_here && ground.server_is_loopback);
    assert_true(ground.files > 0 && ground.ports > 0 && ground.cores > 0);
    assert_int_equal(ground.server.port, 8080);
    assert_int_equal(ground_look(&ground, "198.51.100.7", 8080, NULL), 0);
    assert_false(ground.server_is_here || ground.server_is_loopback);
}

static void test_localhost_means_ipv4_unless_the_source_says_otherwise(void **state)
{
    (void)state;
    struct ground ground;
    assert_int_equal(ground_look(&ground, "localhost", 80, NULL), 0);
    assert_true(ground.server_is_loopback && address_is_ipv4(&ground.server));
}

static void test_a_name_without_address_is_told(void **state)
{
    (void)state;
    struct ground ground;
    assert_int_equal(ground_look(&ground, "no-such-name.invalid", 80, NULL), ERR_NOENT);
}

static void test_the_limit_of_files_is_raised_as_far_as_it_goes(void **state)
{
    (void)state;
    struct rlimit limit, now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = {.rlim_cur = 64, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    ground_raise_files(100);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(now.rlim_cur, 100);
    ground_raise_files(50); /* never down */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(now.rlim_cur, 100);
    ground_raise_files(UINT64_MAX / 2);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_true(now.rlim_cur >= limit.rlim_cur && now.rlim_cur <= limit.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_a_line_of_ipv6_is_found_by_its_name(void **state)
{
    (void)state;
    static const char text[] = "Ip6InReceives                   \t9\n"
                               "UdpLite6RcvbufErrors            \t5\n"
                               "Udp6RcvbufErrors                \t123\n";
    uint64_t value = 0;
    assert_true(ground_parse_udp6(text, "Udp6RcvbufErrors", &value));
    assert_int_equal(value, 123);
    assert_true(ground_parse_udp6(text, "Ip6InReceives", &value));
    assert_int_equal(value, 9);
    assert_false(ground_parse_udp6(text, "Udp6Rcvbuf", &value));
    assert_false(ground_parse_udp6(text, "RcvbufErrors", &value));
    assert_false(ground_parse_udp6("Udp6RcvbufErrors \n", "Udp6RcvbufErrors", &value));
    assert_false(ground_parse_udp6("", "Udp6RcvbufErrors", &value));
    assert_int_equal(value, 9);
}

static void test_a_column_of_the_udp_lines_is_found_by_its_name(void **state)
{
    (void)state;
    static const char text[] = "Tcp: A B\nTcp: 1 2\nUdp: InDatagrams NoPorts RcvbufErrors\n"
                               "Udp: 10 20 30\nUdpLite: InDatagrams\nUdpLite: 5\n";
    uint64_t value = 0;
    assert_true(ground_parse_udp(text, "RcvbufErrors", &value));
    assert_int_equal(value, 30);
    assert_true(ground_parse_udp(text, "InDatagrams", &value));
    assert_int_equal(value, 10);
    assert_false(ground_parse_udp(text, "Rcvbuf", &value));
    assert_false(ground_parse_udp("Udp: A B\nUdp: 1\n", "B", &value));
    assert_false(ground_parse_udp("Udp: A\n", "A", &value));
    assert_false(ground_parse_udp("", "A", &value));
}

static void test_the_kernels_own_work_is_told_apart(void **state)
{
    (void)state;
    struct machine_time time = {0};
    assert_true(ground_parse_stat(&time, "cpu  100 20 30 4000 500 6 7 8 0 0\n", 100));
    assert_int_equal(time.kernel_us, 130000);
    assert_int_equal(time.busy_us, 1710000);
    assert_false(ground_parse_stat(&time, "cpu  100 20 30 4000\n", 100));
    assert_false(ground_parse_stat(&time, "cpu0 100 20 30 4000 500 6 7 8\n", 100));
    assert_false(ground_parse_stat(&time, "", 100));
    assert_true(ground_machine_time(&time));
    assert_true(time.busy_us >= time.kernel_us);
}

static void test_notes_beyond_the_last_place_are_dropped(void **state)
{
    (void)state;
    struct notes notes = {0};
    for (unsigned i = 0; i <= GROUND_NOTES_MAX; i++)
        note(&notes, "note %u", i);
    assert_int_equal(notes.count, GROUND_NOTES_MAX);
    assert_string_equal(notes.list[GROUND_NOTES_MAX - 1], "note 7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_websocket_listener_needs_two_files_and_a_whep_listener_one),
        cmocka_unit_test(test_a_plan_that_fits_passes_without_a_word),
        cmocka_unit_test(test_too_few_files_refuse_with_what_is_allowed),
        cmocka_unit_test(test_too_few_ports_refuse_with_what_is_allowed),
        cmocka_unit_test(test_a_crowd_on_the_servers_machine_is_told),
        cmocka_unit_test(test_many_from_one_address_far_away_are_told_of_its_limit),
        cmocka_unit_test(test_on_loopback_fifty_listeners_share_an_address),
        cmocka_unit_test(test_elsewhere_the_system_chooses),
        cmocka_unit_test(test_no_loopback_source_comes_twice),
        cmocka_unit_test(test_a_source_must_be_ours_and_fit_the_server),
        cmocka_unit_test(test_the_machine_is_seen),
        cmocka_unit_test(test_localhost_means_ipv4_unless_the_source_says_otherwise),
        cmocka_unit_test(test_a_name_without_address_is_told),
        cmocka_unit_test(test_the_limit_of_files_is_raised_as_far_as_it_goes),
        cmocka_unit_test(test_a_line_of_ipv6_is_found_by_its_name),
        cmocka_unit_test(test_a_column_of_the_udp_lines_is_found_by_its_name),
        cmocka_unit_test(test_the_kernels_own_work_is_told_apart),
        cmocka_unit_test(test_notes_beyond_the_last_place_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
