/* What happens to nodes when Redis, or the way to it, does not do what it should. */
#include "redis_house.h"

#include <arpa/inet.h>

static void test_a_redis_that_comes_back_empty_is_told_everything_again(void **state)
{
    struct house *house = *state;
    struct house_node *a = &house->nodes[0], *b = &house->nodes[1];
    uint64_t fence = house_settle(house), held = 0;
    redis_kill(&house->redis);
    HOUSE_UNTIL(house, 1000, !house_is_up(house, 1) && !house_is_up(house, 2));
    HOUSE_UNTIL(house, 2000, directory_state(b->directory) == DIRECTORY_DOWN);
    assert_true(house_owns(a, "monday"));
    assert_true(house_finds(b, "monday", DIRECTORY_FOUND, "node-0")); /* from memory */
    assert_true(house_finds(b, "tuesday", DIRECTORY_UNKNOWN, ""));
    assert_int_equal(house_sees(b), 2);
    redis_start(&house->redis);
    HOUSE_UNTIL(house, 5000, house_is_up(house, 2));
    /* A node that knows nothing asks for the room in the first moment, and does not get it. */
    struct house_node *c = house_join(house, 2);
    assert_int_equal(directory_claim(c->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 5000, house_heard(c, HEARD_LOST, "monday") == 1);
    HOUSE_UNTIL(house, 5000, house_finds(c, "monday", DIRECTORY_FOUND, "node-0"));
    assert_true(directory_owns(a->directory, "monday", &held));
    assert_true(held == fence);
    assert_int_equal(a->heard_count, 1); /* it never noticed */
}

static void test_a_flushed_redis_is_filled_again_by_itself(void **state)
{
    struct house *house = *state;
    struct house_node *a = &house->nodes[0];
    (void)house_settle(house);
    redis_do(&house->redis, "flushall");
    struct house_node *c = house_join(house, 2);
    assert_int_equal(directory_claim(c->directory, "monday", 0), 0);
    assert_int_equal(directory_claim(c->directory, "tuesday", 0), 0);
    HOUSE_UNTIL(house, 5000, house_heard(c, HEARD_LOST, "monday") == 1);
    HOUSE_UNTIL(house, 5000, house_heard(c, HEARD_CLAIMED, "tuesday") == 1);
    assert_int_equal(house_heard(c, HEARD_CLAIMED, "monday"), 0);
    assert_true(house_owns(a, "monday"));
    assert_int_equal(a->heard_count, 1);
}

static void test_an_origin_that_is_late_at_an_empty_redis_keeps_its_room(void **state)
{
    struct house *house = *state;
    struct house_node *a = &house->nodes[0];
    (void)house_settle(house);
    a->wire.is_refused = true;
    redis_kill(&house->redis);
    redis_start(&house->redis);
    struct house_node *c = house_join(house, 2); /* it knows nothing, and is the first */
    assert_int_equal(directory_claim(c->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 5000, directory_state(c->directory) == DIRECTORY_UP);
    a->wire.is_refused = false;
    HOUSE_UNTIL(house, 5000, house_heard(c, HEARD_LOST, "monday") == 1);
    assert_int_equal(house_heard(c, HEARD_CLAIMED, "monday"), 0);
    assert_true(house_owns(a, "monday"));
    assert_int_equal(a->heard_count, 1);
}

static void test_a_redis_that_hangs_holds_nobody_up(void **state)
{
    struct house *house = *state;
    struct house_node *a = &house->nodes[0], *b = &house->nodes[1];
    (void)house_settle(house);
    assert_int_equal(kill(house->redis.pid, SIGSTOP), 0);
    uint64_t worst_us = 0, stopped_us = clock_now_us(), before_us = stopped_us;
    while (clock_now_us() < stopped_us + 8u * 1000 * 1000) {
        (void)uv_run(&house->loop, UV_RUN_ONCE);
        uint64_t now_us = clock_now_us();
        if (now_us - before_us > worst_us)
            worst_us = now_us - before_us;
        before_us = now_us;
        if (now_us > stopped_us + 4u * 1000 * 1000)
            assert_int_equal(directory_state(a->directory), DIRECTORY_DOWN);
    }
    if (worst_us > 1000u * 1000)
        fail_msg("the loop stood still for %llu us", (unsigned long long)worst_us);
    assert_true(house_owns(a, "monday"));
    assert_true(house_finds(b, "monday", DIRECTORY_FOUND, "node-0"));
    assert_true(house_finds(b, "tuesday", DIRECTORY_UNKNOWN, ""));
    assert_int_equal(directory_publish(a->directory, "monday", slice_text("x")), ERR_AGAIN);
    assert_int_equal(directory_claim(b->directory, "tuesday", 0),
                     0); /* waits, and is granted later */
    assert_int_equal(kill(house->redis.pid, SIGCONT), 0);
    HOUSE_UNTIL(house, 5000, house_is_up(house, 2));
    HOUSE_UNTIL(house, 5000, house_heard(b, HEARD_CLAIMED, "tuesday") == 1);
    assert_int_equal(a->heard_count, 1);
}

static void test_odd_data_in_redis_is_put_right(void **state)
{
    struct house *house = *state;
    struct house_node *a = &house->nodes[0], *b = &house->nodes[1];
    (void)house_settle(house);
    static const char *const odd[] = {
        "del rostrum:fence",
        "lpush rostrum:fence x",
        "set rostrum:awake x",           /* for ever */
        "set rostrum:settling x",        /* for ever: it is bounded */
        "set rostrum:room:tuesday junk", /* for ever */
        "set rostrum:room:wednesday '99 node-9 00000000000000000000000000000000'",
        "sadd rostrum:room:thursday a b",
        "set rostrum:room:friday '4503599627370496 node-9 00'",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        redis_do(&house->redis, odd[i]);
    static const char *const rooms[] = {"tuesday", "wednesday", "thursday", "friday"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(directory_claim(b->directory, rooms[i], 0), 0);
    for (size_t i = 0; i < 4; i++)
        HOUSE_UNTIL(house, 15000, house_heard(b, HEARD_CLAIMED, rooms[i]) == 1);
    for (int i = 0; i < 3; i++) /* damaged while it is held */
        redis_do(&house->redis, "set rostrum:room:monday '9999 node-1 x'");
    redis_do(&house->redis, "set rostrum:fence inf");
    assert_int_equal(directory_claim(b->directory, "sunday", 0), 0);
    HOUSE_UNTIL(house, 10000, house_heard(b, HEARD_CLAIMED, "sunday") == 1);
    redis_do(&house->redis,
             "set rostrum:fence 4503599627370495"); /* the highest: none is above it */
    redis_do(&house->redis, "publish rostrum:3:words junk");
    redis_do(&house->redis, "publish rostrum:3:words ''");
    struct directory_counts counts = {.words_bad = 0};
    while (counts.words_bad < 2) {
        (void)uv_run(&house->loop, UV_RUN_ONCE);
        directory_counts(a->directory, &counts);
    }
    assert_int_equal(directory_claim(a->directory, "saturday", 0), 0);
    HOUSE_UNTIL(house, 10000, house_heard(a, HEARD_CLAIMED, "saturday") == 1);
    assert_true(house_owns(a, "monday"));
    assert_int_equal(house_heard(a, HEARD_LOST, "monday"), 0);
}

static void test_a_redis_that_only_reads_is_left(void **state)
{
    struct house *house = *state;
    struct house_node *a = &house->nodes[0];
    (void)house_settle(house);
    struct directory_counts counts;
    directory_counts(a->directory, &counts);
    uint64_t connects = counts.connects;
    redis_do(&house->redis, "replicaof 127.0.0.1 1"); /* demoted, and it tells nobody */
    while (counts.connects < connects + 2) {
        (void)uv_run(&house->loop, UV_RUN_ONCE);
        directory_counts(a->directory, &counts);
    }
    redis_do(&house->redis, "replicaof no one");
    assert_int_equal(directory_claim(a->directory, "saturday", 0), 0);
    HOUSE_UNTIL(house, 15000, house_heard(a, HEARD_CLAIMED, "saturday") == 1);
}

static void test_a_wrong_password_is_no_connection_until_it_is_right(void **state)
{
    struct house *house = *state;
    redis_do(&house->redis, "config set requirepass another");
    struct house_node *a = house_join(house, 0);
    HOUSE_UNTIL(house, 5000, a->wire.connections >= 6);
    assert_int_equal(directory_state(a->directory), DIRECTORY_DOWN);
    char right[32];
    memcpy(right, house->redis.password, sizeof(right));
    (void)snprintf(house->redis.password, sizeof(house->redis.password), "another");
    char command[96];
    (void)snprintf(command, sizeof(command), "config set requirepass '%s'", right);
    redis_do(&house->redis, command);
    memcpy(house->redis.password, right, sizeof(right));
    HOUSE_UNTIL(house, 5000, house_is_up(house, 1));
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static struct directory *join_by_name(struct house *house, const char *host, uint16_t port)
{
    struct redis_url url = {.port = port};
    (void)snprintf(url.host, sizeof(url.host), "%s", host);
    (void)snprintf(url.password, sizeof(url.password), "%s", house->redis.password);
    struct node_view view = {.id = "named", .url = "http://n"};
    struct directory_params params = {
        .self = &view, .loop = &house->loop, .redis = &url, .key = &house->key};
    struct directory *directory;
    assert_int_equal(directory_create(&directory, &params), 0);
    return directory;
}

static void test_a_name_is_looked_up_and_an_unknown_one_holds_nobody_up(void **state)
{
    struct house *house = *state;
    uint16_t port = free_port();
    redis_kill(&house->redis);
    (void)snprintf(house->redis.port, sizeof(house->redis.port), "%u", port);
    redis_start(&house->redis);
    struct directory *named = join_by_name(house, "localhost", port);
    struct directory *numbered = join_by_name(house, "127.0.0.1", port);
    struct directory *nowhere = join_by_name(house, "nowhere.invalid", port);
    HOUSE_UNTIL(house, 5000, directory_state(named) == DIRECTORY_UP);
    HOUSE_UNTIL(house, 5000, directory_state(numbered) == DIRECTORY_UP);
    assert_int_equal(directory_state(nowhere), DIRECTORY_DOWN);
    directory_destroy(named);
    directory_destroy(numbered);
    directory_destroy(nowhere);
}

static void test_no_redis_at_the_start_is_no_reason_to_wait(void **state)
{
    struct house *house = *state;
    redis_kill(&house->redis);
    struct house_node *a = house_join(house, 0);
    assert_int_equal(directory_claim(a->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 5000, a->wire.connections >= 6);
    assert_true(house_finds(a, "monday", DIRECTORY_FOUND, "node-0"));
    assert_false(house_owns(a, "monday"));
    assert_true(house_finds(a, "tuesday", DIRECTORY_UNKNOWN, ""));
    redis_start(&house->redis);
    HOUSE_UNTIL(house, 5000, house_is_up(house, 1));
    HOUSE_UNTIL(house, 5000, house_owns(a, "monday"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(test_a_redis_that_comes_back_empty_is_told_everything_again),
        HOUSE_TEST(test_a_flushed_redis_is_filled_again_by_itself),
        HOUSE_TEST(test_an_origin_that_is_late_at_an_empty_redis_keeps_its_room),
        HOUSE_TEST(test_a_redis_that_hangs_holds_nobody_up),
        HOUSE_TEST(test_odd_data_in_redis_is_put_right),
        HOUSE_TEST(test_a_redis_that_only_reads_is_left),
        HOUSE_TEST(test_a_wrong_password_is_no_connection_until_it_is_right),
        HOUSE_TEST(test_a_name_is_looked_up_and_an_unknown_one_holds_nobody_up),
        HOUSE_TEST(test_no_redis_at_the_start_is_no_reason_to_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
