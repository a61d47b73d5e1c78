#include "config/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct redis_url parsed(const char *text)
{
    struct redis_url url;
    if (redis_url_parse(&url, text) != 0)
        fail_msg("%s should be taken", text);
    return url;
}

static void test_a_host_alone_gets_the_usual_port_and_database(void **state)
{
    (void)state;
    struct redis_url url = parsed("redis://redis.example");
    assert_string_equal(url.host, "redis.example");
    assert_string_equal(url.path, "");
    assert_int_equal(url.port, 6379);
    assert_int_equal(url.db, 0);
    assert_string_equal(url.user, "");
    assert_string_equal(url.password, "");
    assert_int_equal(parsed("redis://h/").db, 0);
}

static void test_user_password_port_and_database_are_read(void **state)
{
    (void)state;
    struct redis_url url = parsed("redis://node:s3c%3Ar%40t%2f@10.0.0.7:6380/3");
    assert_string_equal(url.host, "10.0.0.7");
    assert_string_equal(url.user, "node");
    assert_string_equal(url.password, "s3c:r@t/");
    assert_int_equal(url.port, 6380);
    assert_int_equal(url.db, 3);
    url = parsed("redis://:only@h");
    assert_string_equal(url.user, "");
    assert_string_equal(url.password, "only");
}

static void test_an_ipv6_address_stands_in_brackets(void **state)
{
    (void)state;
    struct redis_url url = parsed("redis://[2001:db8::7]:7000/1");
    assert_string_equal(url.host, "2001:db8::7");
    assert_int_equal(url.port, 7000);
    assert_string_equal(parsed("redis://[::1]").host, "::1");
}

static void test_a_unix_socket_is_a_path(void **state)
{
    (void)state;
    assert_string_equal(parsed("/run/redis.sock").path, "/run/redis.sock");
    struct redis_url url = parsed("unix://u:p@/run/redis.sock?db=15");
    assert_string_equal(url.path, "/run/redis.sock");
    assert_string_equal(url.host, "");
    assert_string_equal(url.user, "u");
    assert_string_equal(url.password, "p");
    assert_int_equal(url.db, 15);
}

static void test_what_is_not_meant_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "redis",
        "redis://",
        "redis:///1",
        "redis://:6379",
        "redis://h:",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:6379x",
        "redis://h/x",
        "redis://h/1/2",
        "redis://h/1024",
        "redis://user@h",
        "redis://user:@h",
        "redis://u:p@q@h",
        "redis://u:p%4@h",
        "redis://u:p%@h",
        "redis://u:p%00@h",
        "redis://u:p%zz@h",
        "redis://u:p/q@h",
        "redis://2001:db8::7",
        "redis://[::1",
        "redis://[]",
        "redis://[x]",
        "redis://h o",
        "redis://h?db=1",
        "http://h",
        "unix://",
        "unix://relative/path",
        "/",
        "unix:///p?db=",
        "unix:///p?x=1",
        "unix:///p?db=1&db=2",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct redis_url url = {.port = 7};
        if (redis_url_parse(&url, bad[i]) != ERR_INVAL)
            fail_msg("%s should be refused", bad[i]);
        assert_int_equal(url.port, 7); /* written only on success */
    }
}

static void test_tls_is_refused_as_such(void **state)
{
    (void)state;
    struct redis_url url;
    assert_int_equal(redis_url_parse(&url, "rediss://h"), ERR_UNSUPPORTED);
}

static void test_nothing_is_longer_than_its_place(void **state)
{
    (void)state;
    struct redis_url url;
    char text[512];
    for (int over = 0; over <= 1; over++) {
        int wanted = over ? ERR_INVAL : 0;
        (void)snprintf(text, sizeof(text), "redis://%0*d", REDIS_HOST_MAX + over, 0);
        assert_int_equal(redis_url_parse(&url, text), wanted);
        (void)snprintf(text, sizeof(text), "redis://:%0*d@h", REDIS_PASSWORD_MAX + over, 0);
        assert_int_equal(redis_url_parse(&url, text), wanted);
        (void)snprintf(text, sizeof(text), "redis://%0*d:p@h", REDIS_USER_MAX + over, 0);
        assert_int_equal(redis_url_parse(&url, text), wanted);
        (void)snprintf(text, sizeof(text), "/%0*d", REDIS_PATH_MAX - 1 + over, 0);
        assert_int_equal(redis_url_parse(&url, text), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_host_alone_gets_the_usual_port_and_database),
        cmocka_unit_test(test_user_password_port_and_database_are_read),
        cmocka_unit_test(test_an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(test_a_unix_socket_is_a_path),
        cmocka_unit_test(test_what_is_not_meant_is_refused),
        cmocka_unit_test(test_tls_is_refused_as_such),
        cmocka_unit_test(test_nothing_is_longer_than_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
