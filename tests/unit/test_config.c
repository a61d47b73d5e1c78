#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGS_MAX = 32 };

struct fixture {
    char path[64]; /* of the file */
    struct config config;
    char problem[CONFIG_PROBLEM_MAX];
};

/* Only what a test sets: the variables of whoever runs the tests are taken away. */
static void clear_environment(void)
{
    for (bool again = true; again;) {
        again = false;
        for (char **variable = environ; variable && *variable && !again; variable++) {
            char name[128];
            size_t chars = strcspn(*variable, "=");
            if (strncmp(*variable, "ROSTRUM_", 8) != 0 || chars >= sizeof(name))
                continue;
            memcpy(name, *variable, chars);
            name[chars] = '\0';
            assert_int_equal(unsetenv(name), 0);
            again = true;
        }
    }
}

static int make_file(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    (void)snprintf(f->path, sizeof(f->path), "/tmp/rostrum-config-XXXXXX");
    int fd = mkstemp(f->path);
    if (fd < 0)
        return ERR_IO;
    (void)close(fd);
    clear_environment();
    assert_int_equal(setenv("ROSTRUM_CONFIG", f->path, 1), 0);
    *state = f;
    return 0;
}

static int remove_file(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    clear_environment();
    free(f);
    return 0;
}

static void write_file(struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* args: what follows the program's name, NULL at the end */
static int load(struct fixture *f, const char *const *args)
{
    static char program[] = "rostrumd";
    char *argv[ARGS_MAX] = {program};
    int argc = 1;
    for (; args[argc - 1]; argc++) {
        assert_true(argc < ARGS_MAX - 1);
        argv[argc] = strdup(args[argc - 1]);
        assert_non_null(argv[argc]);
    }
    f->problem[0] = '\0';
    int result = config_load(&f->config, argc, argv, f->problem);
    for (int i = 1; i < argc; i++)
        free(argv[i]);
    return result;
}

static void expect_problem(struct fixture *f, int result, const char *place, const char *word)
{
    assert_int_equal(result, ERR_INVAL);
    if (!strstr(f->problem, place) || !strstr(f->problem, word))
        fail_msg("\"%s\" should name %s and %s", f->problem, place, word);
}

static void test_defaults(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, (const char *const[]){NULL}), CONFIG_RUN);
    assert_string_equal(f->config.state, "/var/lib/rostrum");
    assert_true(f->config.web[0] == '/');
    char http[ADDRESS_TEXT_MAX];
    address_write(&f->config.http, http);
    assert_string_equal(http, "0.0.0.0:8080");
    assert_string_equal(f->config.base_url, "http://localhost:8080");
    assert_int_equal(f->config.media_port, 5004);
    assert_in_range(f->config.workers, 1, 64);
    assert_int_equal(f->config.stages, 1);
    assert_int_equal(f->config.seats, 2000);
    assert_int_equal(f->config.egress_max_bps, 0);
    assert_int_equal(f->config.joins_max_per_s, 0);
    assert_string_equal(f->config.srtp_engine, "auto");
    assert_int_equal(f->config.log_level, LOG_LEVEL_INFO);
    assert_int_equal(f->config.mode, MODE_NORMAL);
    assert_int_equal(f->config.economy_bps, 32000);
    assert_false(f->config.trust_forwarded);
    assert_int_equal(f->config.origin_count, 0);
    assert_in_range(f->config.sockets_max, 1, 20000);
    assert_int_equal(f->config.sockets_per_address, 64);
    unsigned share = f->config.sockets_max / 4;
    assert_int_equal(f->config.sockets_per_network, share > 64 ? share : 64);
    assert_false(f->config.public_addresses_given);
    assert_in_range(f->config.public_address_count, 1, CONFIG_PUBLIC_ADDRESSES_MAX);
}

static void test_every_key_is_read_from_the_file(void **state)
{
    struct fixture *f = *state;
    write_file(
        f, "\xEF\xBB\xBF; a comment\n"
           "[server]\nstate = /srv/r\nweb=/srv/w\nhttp = [::]:9000 ; inline\n"
           "base_url = https://radio.example/\norigins = https://a.example, "
           "http://b.example:81/\n"
           "origins = https://c.example\ntrusted_proxy = loopback\nlog_level = debug\n\n"
           "[media]\n  media_port = 0\n  public_address = 192.0.2.7, 2001:db8::7\n  workers = 3\n"
           "stages = 2\nsrtp_engine = openssl\n[audience]\r\nseats = 10\r\nmode = economy\n"
           "economy_bps = 28000\negress_max_bps = 10000000000\njoins_max_per_s = 250\n"
           "[limits]\nsockets = 300\nsockets_per_address = 5\nsockets_per_network = 9\n"
           "[cluster]\nredis_url = redis://u:p@r.example:7/2\nnode_url = https://n.example/\n"
           "region = eu-west\ncluster_secret_file = /etc/rostrum/cluster.secret");
    assert_int_equal(load(f, (const char *const[]){NULL}), CONFIG_RUN);
    assert_string_equal(f->config.state, "/srv/r");
    assert_string_equal(f->config.web, "/srv/w");
    assert_int_equal(f->config.http.port, 9000);
    assert_string_equal(f->config.base_url, "https://radio.example");
    assert_int_equal(f->config.origin_count, 3);
    assert_string_equal(f->config.origins[0], "https://a.example");
    assert_string_equal(f->config.origins[1], "http://b.example:81");
    assert_string_equal(f->config.origins[2], "https://c.example");
    assert_true(f->config.trust_forwarded);
    assert_int_equal(f->config.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(f->config.media_port, 0);
    assert_int_equal(f->config.public_address_count, 2);
    assert_true(f->config.public_addresses_given);
    char ip[ADDRESS_TEXT_MAX];
    address_write_ip(&f->config.public_addresses[1], ip);
    assert_string_equal(ip, "2001:db8::7");
    assert_int_equal(f->config.workers, 3);
    assert_int_equal(f->config.stages, 2);
    assert_string_equal(f->config.srtp_engine, "openssl");
    assert_int_equal(f->config.seats, 10);
    assert_int_equal(f->config.mode, MODE_ECONOMY);
    assert_int_equal(f->config.economy_bps, 28000);
    assert_true(f->config.egress_max_bps == 10000000000);
    assert_int_equal(f->config.joins_max_per_s, 250);
    assert_int_equal(f->config.sockets_max, 300);
    assert_int_equal(f->config.sockets_per_address, 5);
    assert_int_equal(f->config.sockets_per_network, 9);
    assert_true(f->config.has_redis);
    assert_string_equal(f->config.redis.host, "r.example");
    assert_string_equal(f->config.redis.password, "p");
    assert_string_equal(f->config.node_url, "https://n.example");
    assert_string_equal(f->config.region, "eu-west");
    assert_string_equal(f->config.secret_file, "/etc/rostrum/cluster.secret");
}

static void test_variables_override_the_file_and_flags_override_both(void **state)
{
    struct fixture *f = *state;
    write_file(
        f, "[audience]\nseats = 1\n[media]\nworkers = 1\nstages = 1\npublic_address = 192.0.2.1\n");
    assert_int_equal(setenv("ROSTRUM_WORKERS", "2", 1), 0);
    assert_int_equal(setenv("ROSTRUM_STAGES", "2", 1), 0);
    assert_int_equal(setenv("ROSTRUM_PUBLIC_ADDRESS", "192.0.2.2,192.0.2.3", 1), 0);
    assert_int_equal(setenv("ROSTRUM_SEATS", "", 1),
                     0); /* as a compose file passes what is not set */
    const char *const args[] = {"--stages", "3", "--media-port=6000", NULL};
    assert_int_equal(load(f, args), CONFIG_RUN);
    assert_int_equal(f->config.seats, 1);
    assert_int_equal(f->config.workers, 2);
    assert_int_equal(f->config.stages, 3);
    assert_int_equal(f->config.media_port, 6000);
    assert_int_equal(f->config.public_address_count, 2); /* a list is replaced as a whole */
    const char *const several[] = {"--public-address", "192.0.2.9", "--public-address=192.0.2.10",
                                   NULL};
    assert_int_equal(load(f, several), CONFIG_RUN);
    assert_int_equal(f->config.public_address_count, 2);
    char ip[ADDRESS_TEXT_MAX];
    address_write_ip(&f->config.public_addresses[0], ip);
    assert_string_equal(ip, "192.0.2.9");
}

static void test_unknown_names_are_errors_that_tell_what_there_is(void **state)
{
    struct fixture *f = *state;
    const char *const none[] = {NULL};
    write_file(f, "[server]\n\nhtpp = 1.2.3.4:5\n");
    char place[96];
    (void)snprintf(place, sizeof(place), "%s:3: ", f->path);
    int result = load(f, none);
    expect_problem(f, result, place, "'htpp'");
    expect_problem(f, result, place, "state, web, http, base_url");
    write_file(f, "[serve]\nhost = 1\n");
    result = load(f, none);
    expect_problem(f, result, ":2: ", "[server], [media], [audience], [limits] and [cluster]");
    write_file(f, "[server]\nseats = 1\n");
    result = load(f, none);
    expect_problem(f, result, ":2: ", "[audience]");
    write_file(f, "seats = 1\n");
    result = load(f, none);
    expect_problem(f, result, ":1: ", "[audience]");
    write_file(f, "");
    assert_int_equal(setenv("ROSTRUM_HTPP", "x", 1), 0);
    result = load(f, none);
    expect_problem(f, result, "ROSTRUM_HTPP", "http");
    assert_int_equal(unsetenv("ROSTRUM_HTPP"), 0);
    const char *const flags[][3] = {
        {"--htpp", "x", NULL}, {"--htpp=x", NULL}, {"http", NULL}, {"--", NULL}, {"", NULL}};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        result = load(f, flags[i]);
        expect_problem(f, result, flags[i][0], "base-url");
    }
}

static const char *const out_of_range[][2] = {
    {"http", "8080"},
    {"http", "0.0.0.0"},
    {"http", "0.0.0.0:65536"},
    {"http", "[::]"},
    {"http", "::1"},
    {"http", "localhost:80"},
    {"http", "::"},
    {"http", ""},
    {"base_url", "radio.example"},
    {"base_url", "ftp://x"},
    {"base_url", "http://"},
    {"base_url", "http://x?y"},
    {"base_url", "http://u@x"},
    {"base_url", "https://x/live"},
    {"base_url", "http:///"},
    {"origins", "https://a.example/path"},
    {"origins", "*"},
    {"origins", "https://a,,https://b"},
    {"trusted_proxy", "10.0.0.1"},
    {"log_level", "INFO"},
    {"log_level", "warning"},
    {"media_port", "65536"},
    {"media_port", "-1"},
    {"media_port", "0x10"},
    {"media_port", "80 "},
    {"public_address", "192.0.2.1:80"},
    {"public_address", "192.0.2.256"},
    {"public_address", "0.0.0.0"},
    {"public_address", "::"},
    {"public_address", "[2001:db8::1]"},
    {"public_address", "224.0.0.1"},
    {"public_address", "ff02::1"},
    {"public_address", "a b"},
    {"public_address", "192.0.2.1:0"},
    {"workers", "0"},
    {"workers", "65"},
    {"stages", "0"},
    {"stages", "17"},
    {"stages", "99999999999999999999"},
    {"srtp_engine", "OpenSSL!"},
    {"srtp_engine", "averyveryverylongname"},
    {"seats", "0"},
    {"seats", "1000001"},
    {"egress_max_bps", "999999"},
    {"egress_max_bps", "1000000000001"},
    {"egress_max_bps", "18446744073709551617"},
    {"egress_max_bps", "1G"},
    {"joins_max_per_s", "100001"},
    {"joins_max_per_s", "-1"},
    {"mode", "Economy"},
    {"mode", "small-audience"},
    {"mode", "lifeboat"},
    {"economy_bps", "23999"},
    {"economy_bps", "256001"},
    {"economy_bps", "32"},
    {"economy_bps", "32k"},
    {"economy_bps", "-32000"},
    {"sockets", "15"},
    {"sockets_per_address", "0"},
    {"sockets_per_network", "0"},
    {"sockets_per_network", "1000001"},
    {"redis_url", "redis"},
    {"redis_url", "rediss://h"},
    {"redis_url", "redis://u@h"},
    {"node_url", "https://n.example/path"},
    {"region", "eu west"},
    {"region", "a23456789012345678901234567890123"},
    {"state", "\"/var\""},
    {"state", "a\nb"},
    {"state", ""},
};

static void test_values_out_of_range_are_refused(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(out_of_range) / sizeof(out_of_range[0]); i++) {
        char flag[64];
        (void)snprintf(flag, sizeof(flag), "--%s", out_of_range[i][0]);
        for (char *c = flag; *c; c++)
            if (*c == '_')
                *c = '-';
        const char *const args[] = {flag, out_of_range[i][1], NULL};
        f->config.seats = 4711;
        int result = load(f, args);
        expect_problem(f, result, flag, "must be");
        assert_int_equal(f->config.seats, 4711); /* written only on success */
    }
}

static void test_values_at_their_limits_are_taken(void **state)
{
    static const char *const good[][2] = {
        {"--http", "127.0.0.1:0"},
        {"--http", "[::1]:65535"},
        {"--media-port", "65535"},
        {"--workers", "64"},
        {"--stages", "16"},
        {"--seats", "1000000"},
        {"--egress-max-bps", "0"},
        {"--egress-max-bps", "1000000"},
        {"--egress-max-bps", "1000000000000"},
        {"--joins-max-per-s", "0"},
        {"--joins-max-per-s", "100000"},
        {"--economy-bps", "24000"},
        {"--economy-bps", "256000"},
        {"--sockets", "16"},
        {"--sockets-per-address", "1000000"},
        {"--base-url", "http://x"},
        {"--public-address", "localhost"},
        {"--srtp-engine", "fifteen-letters"},
        {"--log-level", "error"},
        {"--trusted-proxy", "none"},
        {"--state", "relative/folder"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *const args[] = {good[i][0], good[i][1], NULL};
        if (load(f, args) != CONFIG_RUN)
            fail_msg("%s %s: %s", good[i][0], good[i][1], f->problem);
    }
}

static void test_limits_of_lists_and_paths(void **state)
{
    struct fixture *f = *state;
    char list[256] = "192.0.2.1";
    for (unsigned i = 2; i <= CONFIG_PUBLIC_ADDRESSES_MAX; i++) {
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, ",192.0.2.%u", i);
    }
    const char *const args[] = {"--public-address", list, NULL};
    assert_int_equal(load(f, args), CONFIG_RUN);
    assert_int_equal(f->config.public_address_count, CONFIG_PUBLIC_ADDRESSES_MAX);
    size_t used = strlen(list);
    (void)snprintf(list + used, sizeof(list) - used, ",192.0.2.99");
    int result = load(f, args);
    expect_problem(f, result, "--public-address", "at most 8");
    char path[CONFIG_PATH_MAX + 1];
    memset(path, 'p', sizeof(path));
    path[CONFIG_PATH_MAX] = '\0';
    const char *const state_args[] = {"--state", path, NULL};
    result = load(f, state_args);
    expect_problem(f, result, "--state", "511");
    path[CONFIG_PATH_MAX - 1] = '\0';
    assert_int_equal(load(f, state_args), CONFIG_RUN);
    assert_int_equal(strlen(f->config.state), CONFIG_PATH_MAX - 1);
}

static void test_broken_files_are_refused_with_their_line(void **state)
{
    struct fixture *f = *state;
    const char *const none[] = {NULL};
    write_file(f, "[server]\nhttp 1\n");
    int result = load(f, none);
    expect_problem(f, result, ":2: ", "key = value");
    write_file(f, "[server\nhttp = 127.0.0.1:1\n");
    result = load(f, none);
    expect_problem(f, result, ":1: ", "[section]");
    write_file(f, "[audience]\nseats = 1\nseats = 2\n");
    result = load(f, none);
    expect_problem(f, result, ":3: ", "second time");
    write_file(f, "[audience]\nseats = 1\n  2\n"); /* no value goes on in a second line */
    result = load(f, none);
    expect_problem(f, result, ":3: ", "key = value");
    write_file(f, "[audience]\nseats = many\n");
    result = load(f, none);
    expect_problem(f, result, ":2: ", "must be a number from 1 to 1000000");
    char text[600] = "[server]\nstate = /";
    memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
    text[sizeof(text) - 1] = '\0';
    write_file(f, text);
    result = load(f, none);
    expect_problem(f, result, ":2: ", "too long");
}

static void test_the_file_asked_for_must_exist(void **state)
{
    struct fixture *f = *state;
    const char *const args[] = {"--config", "/nowhere/rostrum.ini", NULL};
    int result = load(f, args);
    expect_problem(f, result, "/nowhere/rostrum.ini", "No such file");
    const char *const missing[] = {"--seats", "5", "--config", NULL};
    result = load(f, missing);
    expect_problem(f, result, "--config", "missing");
    write_file(f, "[audience]\nseats = 7\n");
    const char *const other[] = {"--config=/dev/null", NULL};
    assert_int_equal(load(f, other), CONFIG_RUN); /* the flag wins over ROSTRUM_CONFIG */
    assert_int_equal(f->config.seats, 2000);
    assert_int_equal(setenv("ROSTRUM_CONFIG", "/nowhere/else", 1), 0);
    result = load(f, (const char *const[]){NULL});
    expect_problem(f, result, "/nowhere/else", "No such file");
}

static void test_questions_come_before_everything_else(void **state)
{
    struct fixture *f = *state;
    write_file(f, "nonsense");
    const char *const help[] = {"--seats", "x", "--help", NULL};
    const char *const version[] = {"--version", NULL};
    const char *const example[] = {"--print-config", NULL};
    assert_int_equal(load(f, help), CONFIG_SHOW_HELP);
    assert_int_equal(load(f, version), CONFIG_SHOW_VERSION);
    assert_int_equal(load(f, example), CONFIG_SHOW_EXAMPLE);
    const char *text = config_help();
    assert_non_null(strstr(text, "--public-address HOST"));
    assert_non_null(strstr(text, "[2000]"));
    assert_non_null(strstr(text, "--help\n"));
}

static void test_the_example_is_a_file_that_can_be_read(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->path, "w+");
    assert_non_null(file);
    config_write_example(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(load(f, (const char *const[]){NULL}), CONFIG_RUN);
    /* and with every ready-made value switched on */
    char text[8192];
    file = fopen(f->path, "r+");
    assert_non_null(file);
    size_t bytes = fread(text, 1, sizeof(text) - 1, file);
    text[bytes] = '\0';
    char *seats = strstr(text, "\n;seats = 2000\n");
    assert_non_null(seats);
    seats[1] = ' ';
    assert_int_equal(fclose(file), 0);
    write_file(f, text);
    assert_int_equal(load(f, (const char *const[]){NULL}), CONFIG_RUN);
    assert_int_equal(f->config.seats, 2000);
}

static void test_links_begin_with_what_listeners_can_reach(void **state)
{
    static const char *const cases[][3] = {
        {"127.0.0.1:8080", "192.0.2.1", "http://127.0.0.1:8080"},
        {"0.0.0.0:8080", "192.0.2.1", "http://192.0.2.1:8080"},
        {"[::]:80", "2001:db8::1", "http://[2001:db8::1]"},
        {"[2001:db8::2]:81", "192.0.2.1", "http://[2001:db8::2]:81"},
        {"127.0.0.1:0", "192.0.2.1", ""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const args[] = {"--http", cases[i][0], "--public-address", cases[i][1], NULL};
        assert_int_equal(load(f, args), CONFIG_RUN);
        assert_string_equal(f->config.base_url, cases[i][2]);
    }
    char url[CONFIG_URL_MAX];
    config_write_base_url(&f->config, 4321, url);
    assert_string_equal(url, "http://127.0.0.1:4321");
    const char *const given[] = {"--http", "127.0.0.1:0", "--base-url", "https://x/", NULL};
    assert_int_equal(load(f, given), CONFIG_RUN);
    config_write_base_url(&f->config, 4321, url);
    assert_string_equal(url, "https://x");
}

static void test_local_addresses_are_told_apart(void **state)
{
    struct fixture *f = *state;
    const char *const local[] = {"--public-address", "192.168.1.2,::1", NULL};
    const char *const global[] = {"--public-address", "192.168.1.2,192.0.2.1", NULL};
    assert_int_equal(load(f, local), CONFIG_RUN);
    assert_true(config_only_local_addresses(&f->config));
    assert_int_equal(load(f, global), CONFIG_RUN);
    assert_false(config_only_local_addresses(&f->config));
}

static void test_half_a_cluster_is_an_error(void **state)
{
    struct fixture *f = *state;
    static const char *const whole[] = {"--redis-url",           "redis://h", "--node-url",
                                        "https://n.example",     "--region",  "eu",
                                        "--cluster-secret-file", "/s",        NULL};
    assert_int_equal(load(f, whole), CONFIG_RUN);
    assert_true(f->config.has_redis);
    for (unsigned without = 0; without < 8; without += 2) {
        const char *some[9] = {NULL};
        unsigned count = 0;
        for (unsigned i = 0; i < 8; i++)
            if (i / 2 != without / 2)
                some[count++] = whole[i];
        int result = load(f, some);
        if (strcmp(whole[without], "--region") == 0)
            assert_int_equal(result, CONFIG_RUN); /* the one that may be missing */
        else
            expect_problem(f, result, "redis_url", without == 0 ? "node_url" : "must be, too");
    }
    assert_int_equal(load(f, (const char *const[]){NULL}), CONFIG_RUN);
    assert_false(f->config.has_redis);
    const char *const region[] = {"--region", "eu", NULL};
    expect_problem(f, load(f, region), "region", "no redis_url");
}

static void test_the_password_of_redis_is_not_shown(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {"redis://u:opensesame@", "rediss://u:opensesame@h",
                                        "u:opensesame@h", "redis://u:opensesame@h\n"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *const args[] = {"--redis-url", wrong[i], NULL};
        expect_problem(f, load(f, args), "--redis-url", "must be redis://");
        assert_null(strstr(f->problem, "opensesame"));
    }
}

static void test_sockets_leave_descriptors_for_others(void **state)
{
    struct fixture *f = *state;
    struct rlimit descriptors;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
    const char *const args[] = {"--sockets", "1000000", NULL};
    assert_int_equal(load(f, args), CONFIG_RUN);
    if (descriptors.rlim_max <= 1000000)
        assert_int_equal(f->config.sockets_max, descriptors.rlim_max - 512);
    else
        assert_in_range(f->config.sockets_max, 64, 1000000);
}

#define CONFIG_TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(test_defaults),
        CONFIG_TEST(test_every_key_is_read_from_the_file),
        CONFIG_TEST(test_variables_override_the_file_and_flags_override_both),
        CONFIG_TEST(test_unknown_names_are_errors_that_tell_what_there_is),
        CONFIG_TEST(test_values_out_of_range_are_refused),
        CONFIG_TEST(test_values_at_their_limits_are_taken),
        CONFIG_TEST(test_limits_of_lists_and_paths),
        CONFIG_TEST(test_broken_files_are_refused_with_their_line),
        CONFIG_TEST(test_the_file_asked_for_must_exist),
        CONFIG_TEST(test_questions_come_before_everything_else),
        CONFIG_TEST(test_the_example_is_a_file_that_can_be_read),
        CONFIG_TEST(test_links_begin_with_what_listeners_can_reach),
        CONFIG_TEST(test_local_addresses_are_told_apart),
        CONFIG_TEST(test_half_a_cluster_is_an_error),
        CONFIG_TEST(test_the_password_of_redis_is_not_shown),
        CONFIG_TEST(test_sockets_leave_descriptors_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
