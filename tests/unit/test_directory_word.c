#include "tree/directory_word.h"

#include "rostrum/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct cluster_key key = {{1, 2, 3}};
static const struct cluster_key other_key = {{1, 2, 4}};

static struct directory_word node_word(void)
{
    struct directory_word word = {
        .kind = DIRECTORY_WORD_NODE, .sender = "node-a", .boot = 7, .count = 1};
    word.node = (struct node_view){.id = "node-a",
                                   .url = "https://a.example:8443",
                                   .region = "eu-west",
                                   .seats = 2000,
                                   .seats_free = 1999,
                                   .joins_per_s = 300,
                                   .egress_bps = 128000000,
                                   .egress_max_bps = 10000000000,
                                   .load_permille = 250,
                                   .is_draining = true};
    return word;
}

static size_t written(const struct directory_word *word, uint8_t out[DIRECTORY_WORD_BYTES_MAX])
{
    size_t bytes = 0;
    assert_int_equal(directory_word_write(word, &key, out, &bytes), 0);
    return bytes;
}

/* Makes the bytes in front of the last 16 ours. */
static void sign(uint8_t *bytes, size_t count)
{
    assert_int_equal(cluster_mac(&key, slice_of(bytes, count - CLUSTER_MAC_BYTES),
                                 bytes + count - CLUSTER_MAC_BYTES),
                     0);
}

static void test_a_node_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct directory_word word = node_word(), read;
    uint8_t bytes[DIRECTORY_WORD_BYTES_MAX];
    size_t count = written(&word, bytes);
    assert_int_equal(directory_word_parse(&read, &key, slice_of(bytes, count)), 0);
    assert_int_equal(read.kind, DIRECTORY_WORD_NODE);
    assert_string_equal(read.sender, "node-a");
    assert_int_equal(read.boot, 7);
    assert_int_equal(read.count, 1);
    assert_string_equal(read.node.id, "node-a");
    assert_string_equal(read.node.url, "https://a.example:8443");
    assert_string_equal(read.node.region, "eu-west");
    assert_int_equal(read.node.seats, 2000);
    assert_int_equal(read.node.seats_free, 1999);
    assert_int_equal(read.node.joins_per_s, 300);
    assert_int_equal(read.node.egress_bps, 128000000);
    assert_true(read.node.egress_max_bps == 10000000000);
    assert_int_equal(read.node.load_permille, 250);
    assert_true(read.node.is_draining);
}

static void test_rooms_and_events_are_read_as_they_were_written(void **state)
{
    (void)state;
    struct directory_word word = {.kind = DIRECTORY_WORD_ROOMS,
                                  .sender = "a",
                                  .boot = 1,
                                  .count = 2},
                          read;
    word.rooms.count = DIRECTORY_WORD_ROOMS_MAX;
    for (unsigned i = 0; i < DIRECTORY_WORD_ROOMS_MAX; i++) {
        memset(word.rooms.list[i].slug, 'a' + (int)(i % 26), SLUG_MAX);
        word.rooms.list[i].fence = FENCE_MAX - i;
        word.rooms.list[i].is_released = i % 2 == 1;
    }
    uint8_t bytes[DIRECTORY_WORD_BYTES_MAX];
    size_t count = written(&word, bytes);
    assert_int_equal(directory_word_parse(&read, &key, slice_of(bytes, count)), 0);
    assert_int_equal(read.rooms.count, DIRECTORY_WORD_ROOMS_MAX);
    assert_memory_equal(&read.rooms, &word.rooms, sizeof(word.rooms));

    char data[DIRECTORY_EVENT_MAX];
    memset(data, 0, sizeof(data));
    struct directory_word event = {
        .kind = DIRECTORY_WORD_EVENT, .sender = "a", .boot = 1, .count = 3};
    (void)snprintf(event.event.topic, sizeof(event.event.topic), "%s", DIRECTORY_TOPIC_NODES);
    event.event.data = slice_of(data, sizeof(data));
    count = written(&event, bytes);
    assert_int_equal(directory_word_parse(&read, &key, slice_of(bytes, count)), 0);
    assert_string_equal(read.event.topic, DIRECTORY_TOPIC_NODES);
    assert_true(slice_equal(read.event.data, event.event.data));
}

static void test_what_is_out_of_range_is_not_written(void **state)
{
    (void)state;
    uint8_t bytes[DIRECTORY_WORD_BYTES_MAX];
    size_t count;
    struct directory_word word = {.kind = DIRECTORY_WORD_ROOMS, .sender = "a", .count = 1};
    assert_int_equal(directory_word_write(&word, &key, bytes, &count), ERR_INVAL); /* no room */
    word.rooms.count = DIRECTORY_WORD_ROOMS_MAX + 1;
    assert_int_equal(directory_word_write(&word, &key, bytes, &count), ERR_INVAL);
    word.rooms.count = 1;
    word.rooms.list[0] = (struct directory_word_room){.slug = "a", .fence = FENCE_MAX + 1};
    assert_int_equal(directory_word_write(&word, &key, bytes, &count), ERR_INVAL);
    word.rooms.list[0].fence = 0;
    assert_int_equal(directory_word_write(&word, &key, bytes, &count), ERR_INVAL);
    word.rooms.list[0] = (struct directory_word_room){.slug = "A", .fence = 1};
    assert_int_equal(directory_word_write(&word, &key, bytes, &count), ERR_INVAL);
    struct directory_word event = {
        .kind = DIRECTORY_WORD_EVENT, .sender = "a", .count = 1, .event.topic = "a"};
    event.event.data.bytes = DIRECTORY_EVENT_MAX + 1;
    assert_int_equal(directory_word_write(&event, &key, bytes, &count), ERR_INVAL);
    static const char *const urls[] = {"",
                                       "https://",
                                       "ftp://a",
                                       "javascript:alert(1)",
                                       "https://a/b",
                                       "https://a\"b",
                                       "https://u@a",
                                       "https://a b",
                                       "https://a\n"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct directory_word node = node_word();
        (void)snprintf(node.node.url, sizeof(node.node.url), "%s", urls[i]);
        if (directory_word_write(&node, &key, bytes, &count) != ERR_INVAL)
            fail_msg("%s should not be told to anybody", urls[i]);
    }
    struct directory_word node = node_word();
    memcpy(node.node.id, "node-b", 7);
    assert_int_equal(directory_word_write(&node, &key, bytes, &count),
                     ERR_INVAL); /* nobody speaks for another */
}

static void test_nothing_is_believed_without_the_secret(void **state)
{
    (void)state;
    struct directory_word word = node_word(), read = {.boot = 4711};
    uint8_t bytes[DIRECTORY_WORD_BYTES_MAX];
    size_t count = written(&word, bytes);
    assert_int_equal(directory_word_parse(&read, &other_key, slice_of(bytes, count)), ERR_AUTH);
    for (size_t i = 0; i < count; i++) {
        bytes[i] ^= 1;
        int err = directory_word_parse(&read, &key, slice_of(bytes, count));
        assert_int_equal(err, i < 4 ? ERR_PROTO : ERR_AUTH);
        bytes[i] ^= 1;
    }
    assert_int_equal(read.boot, 4711); /* written only on success */
}

static void test_what_is_signed_is_checked_as_strictly(void **state)
{
    (void)state;
    struct directory_word word = node_word(), read;
    uint8_t bytes[DIRECTORY_WORD_BYTES_MAX], short_one[DIRECTORY_WORD_BYTES_MAX];
    size_t count = written(&word, bytes);
    for (size_t cut = 0; cut < count; cut++) { /* each truncation, signed anew */
        memcpy(short_one, bytes, cut);
        if (cut >= CLUSTER_MAC_BYTES)
            sign(short_one, cut);
        assert_int_equal(directory_word_parse(&read, &key, slice_of(short_one, cut)), ERR_PROTO);
    }
    sign(bytes, count + 1); /* one byte more */
    assert_int_equal(directory_word_parse(&read, &key, slice_of(bytes, count + 1)), ERR_PROTO);
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{3, 2}, {4, 0}, {4, 5}, {5, 33}, {5, 0}, {6, '/'}, {6, 0}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        count = written(&word, bytes);
        bytes[wrong[i].at] = wrong[i].value;
        sign(bytes, count);
        assert_int_equal(directory_word_parse(&read, &key, slice_of(bytes, count)), ERR_PROTO);
    }
    count = written(&word, bytes);
    bytes[count - CLUSTER_MAC_BYTES - 1] = 2; /* draining: neither yes nor no */
    sign(bytes, count);
    assert_int_equal(directory_word_parse(&read, &key, slice_of(bytes, count)), ERR_PROTO);
    static uint8_t too_long[DIRECTORY_WORD_BYTES_MAX + 1] = {'R', 'S', 'T', 1};
    assert_int_equal(directory_word_parse(&read, &key, slice_of(too_long, sizeof(too_long))),
                     ERR_PROTO);
}

static void test_a_lease_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct lease lease = {.fence = FENCE_MAX, .node = "abcdefghijklmnopqrstuvwxyz-01234"}, read;
    char text[LEASE_CHARS_MAX + 1];
    assert_int_equal(lease_write(&lease, &key, "monday", text), 0);
    assert_int_equal(strlen(text), LEASE_CHARS_MAX);
    assert_int_equal(lease_parse(&read, &key, "monday", slice_text(text)), 0);
    assert_true(read.fence == FENCE_MAX);
    assert_string_equal(read.node, lease.node);
    lease.fence = FENCE_MAX + 1;
    assert_int_equal(lease_write(&lease, &key, "monday", text), ERR_INVAL);
    lease.fence = 0;
    assert_int_equal(lease_write(&lease, &key, "monday", text), ERR_INVAL);
}

static void test_a_lease_is_of_one_room_and_one_cluster(void **state)
{
    (void)state;
    struct lease lease = {.fence = 5, .node = "node-a"}, read;
    char text[LEASE_CHARS_MAX + 1];
    assert_int_equal(lease_write(&lease, &key, "monday", text), 0);
    assert_int_equal(lease_parse(&read, &key, "tuesday", slice_text(text)), ERR_AUTH);
    assert_int_equal(lease_parse(&read, &other_key, "monday", slice_text(text)), ERR_AUTH);
    size_t chars = strlen(text);
    for (size_t cut = 0; cut < chars; cut++)
        assert_int_equal(lease_parse(&read, &key, "monday", slice_of(text, cut)), ERR_PROTO);
    for (size_t i = 0; i < chars; i++) {
        text[i] ^= 1;
        assert_int_not_equal(lease_parse(&read, &key, "monday", slice_of(text, chars)), 0);
        text[i] ^= 1;
    }
    static const char *const bad[] = {"",
                                      " ",
                                      "5",
                                      "5 ",
                                      "05 node-a 0",
                                      "x node-a 0",
                                      "5  0",
                                      "-5 a 0",
                                      "99999999999999999 a 0",
                                      "9999999999999999 a 0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(lease_parse(&read, &key, "monday", slice_text(bad[i])), ERR_PROTO);
}

static void test_the_higher_fence_wins_and_of_equal_ones_the_smaller_id(void **state)
{
    (void)state;
    struct lease a5 = {.fence = 5, .node = "a"}, b5 = {.fence = 5, .node = "b"};
    struct lease a6 = {.fence = 6, .node = "a"};
    assert_true(lease_beats(&a6, &b5));
    assert_false(lease_beats(&b5, &a6));
    assert_true(lease_beats(&a5, &b5));
    assert_false(lease_beats(&b5, &a5));
    assert_false(lease_beats(&a5, &a5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_node_is_read_as_it_was_written),
        cmocka_unit_test(test_rooms_and_events_are_read_as_they_were_written),
        cmocka_unit_test(test_what_is_out_of_range_is_not_written),
        cmocka_unit_test(test_nothing_is_believed_without_the_secret),
        cmocka_unit_test(test_what_is_signed_is_checked_as_strictly),
        cmocka_unit_test(test_a_lease_is_read_as_it_was_written),
        cmocka_unit_test(test_a_lease_is_of_one_room_and_one_cluster),
        cmocka_unit_test(test_the_higher_fence_wins_and_of_equal_ones_the_smaller_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
