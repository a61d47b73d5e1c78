#include "telemetry/bounds.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

static void test_the_group_that_bounds_memory_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path; /* NULL: it is another line */
        bool is_v1;
    } cases[] = {
        {"0::/system.slice/rostrumd.service\n", "/system.slice/rostrumd.service", false},
        {"0::/\n", "/", false},
        {"0::/no newline", "/no newline", false},
        {"4:memory:/docker/ab\n", "/docker/ab", true},
        {"12:cpu,memory:/x:y\n", "/x:y", true},
        {"12:memory,cpu:/x\n", "/x", true},
        {"9:name=systemd:/x\n", NULL, false},
        {"3:cpu,memorytoo,mem:/x\n", NULL, false},
        {"1::/x\n", NULL, false},
        {"0::x\n", NULL, false},
        {"0::\n", NULL, false},
        {"0:\n", NULL, false},
        {"::/x\n", NULL, false},
        {"\n", NULL, false},
        {"", NULL, false},
        {"4:memory\n", NULL, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[BOUNDS_PATH_MAX] = "kept";
        bool is_v1 = false;
        if (bounds_parse_group(path, &is_v1, cases[i].line) != (cases[i].path != NULL))
            fail_msg("'%s'", cases[i].line);
        assert_string_equal(path, cases[i].path ? cases[i].path : "kept");
        assert_int_equal(is_v1, cases[i].is_v1);
    }
}

static void test_a_path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char line[2 * BOUNDS_PATH_MAX] = "0::/", path[BOUNDS_PATH_MAX];
    bool is_v1;
    memset(line + 4, 'x', BOUNDS_PATH_MAX - 2);
    assert_true(bounds_parse_group(path, &is_v1, line));
    assert_int_equal(strlen(path), BOUNDS_PATH_MAX - 1);
    memset(line + 4, 'x', BOUNDS_PATH_MAX - 1);
    assert_false(bounds_parse_group(path, &is_v1, line));
}

static void test_a_bound_is_a_number_of_bytes_or_max(void **state)
{
    (void)state;
    uint64_t bytes = 7;
    static const char *const bad[] = {
        "",     "\n",   "maximum\n", "ma",   "-1\n",
        " 5\n", "5 \n", "0x10\n",    "5M\n", "99999999999999999999\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bounds_parse_bytes(&bytes, bad[i]));
    assert_int_equal(bytes, 7);
    assert_true(bounds_parse_bytes(&bytes, "max\n"));
    assert_true(bytes == BOUNDS_NONE);
    assert_true(bounds_parse_bytes(&bytes, "536870912\n"));
    assert_int_equal(bytes, 536870912);
    assert_true(bounds_parse_bytes(&bytes, "0"));
    assert_int_equal(bytes, 0);
}

/* ---- a kernel of paper ---- */

struct paper {
    char root[64];
};

static int set_up(void **state)
{
    struct paper *paper = calloc(1, sizeof(*paper));
    assert_non_null(paper);
    (void)snprintf(paper->root, sizeof(paper->root), "/tmp/test_bounds_XXXXXX");
    assert_non_null(mkdtemp(paper->root));
    *state = paper;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static int tear_down(void **state)
{
    struct paper *paper = *state;
    assert_int_equal(nftw(paper->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(paper);
    return 0;
}

static void write_file(const struct paper *paper, const char *path, const char *text)
{
    char full[512];
    int chars = snprintf(full, sizeof(full), "%s%s", paper->root, path);
    assert_in_range(chars, 1, sizeof(full) - 1);
    for (char *slash = strchr(full + strlen(paper->root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static uint64_t memory_of(const struct paper *paper)
{
    struct bounds bounds;
    bounds_read(&bounds, paper->root);
    return bounds.memory_bytes;
}

static void test_the_tightest_group_above_bounds_the_memory(void **state)
{
    const struct paper *paper = *state;
    uint64_t machine = memory_of(paper);
    assert_true(machine > 1000000 && machine != BOUNDS_NONE);
    write_file(paper, "/proc/self/cgroup", "1:name=systemd:/y\n0::/a/b\n");
    assert_true(memory_of(paper) == machine);
    write_file(paper, "/sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_true(memory_of(paper) == machine);
    write_file(paper, "/sys/fs/cgroup/a/memory.max", "700000\n");
    assert_int_equal(memory_of(paper), 700000);
    write_file(paper, "/sys/fs/cgroup/a/b/memory.max", "600000\n");
    assert_int_equal(memory_of(paper), 600000);
    write_file(paper, "/sys/fs/cgroup/memory.max", "500000\n"); /* a container's root */
    assert_int_equal(memory_of(paper), 500000);
    write_file(paper, "/sys/fs/cgroup/a/b/c/memory.max", "400000\n"); /* not ours */
    write_file(paper, "/sys/fs/cgroup/memory.max", "rubbish\n");
    assert_int_equal(memory_of(paper), 600000);
}

static void test_groups_of_the_old_version_bound_it_too(void **state)
{
    const struct paper *paper = *state;
    write_file(paper, "/proc/self/cgroup", "4:memory:/docker/ab\n0::/\n");
    write_file(paper, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "800000\n");
    assert_int_equal(memory_of(paper), 800000);
    write_file(paper, "/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes", "300000\n");
    assert_int_equal(memory_of(paper), 300000);
}

static void test_the_limits_of_the_process_are_read(void **state)
{
    (void)state;
    struct rlimit limit;
    struct bounds bounds;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit lower = {.rlim_cur = 123, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
    bounds_read(&bounds, "");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(bounds.descriptors, 123);
    assert_true(bounds.memory_bytes > 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_group_that_bounds_memory_is_found),
        cmocka_unit_test(test_a_path_that_is_too_long_is_refused),
        cmocka_unit_test(test_a_bound_is_a_number_of_bytes_or_max),
        cmocka_unit_test_setup_teardown(test_the_tightest_group_above_bounds_the_memory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_groups_of_the_old_version_bound_it_too, set_up,
                                        tear_down),
        cmocka_unit_test(test_the_limits_of_the_process_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
