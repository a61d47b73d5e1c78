/* What a node remembers of the others: node_book.h, room_book.h, slug_table.h. */
#include "tree/node_book.h"
#include "tree/room_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000)
#define TTL_US (DIRECTORY_NODE_TTL_MS * MS)

static struct node_book nodes;
static struct room_book rooms;

static int open_books(void **state)
{
    (void)state;
    struct node_view self = {.id = "self", .url = "http://self"};
    node_book_init(&nodes, &self, 1);
    room_book_init(&rooms);
    return 0;
}

static int close_books(void **state)
{
    (void)state;
    room_book_clear(&rooms);
    return 0;
}

static struct directory_word word_of(const char *sender, enum directory_word_kind kind,
                                     uint64_t boot, uint64_t count)
{
    struct directory_word word = {.kind = kind, .boot = boot, .count = count};
    (void)snprintf(word.sender, sizeof(word.sender), "%s", sender);
    if (kind == DIRECTORY_WORD_NODE) {
        memcpy(word.node.id, word.sender, sizeof(word.node.id));
        word.node.seats_free = (uint32_t)count;
    }
    return word;
}

static int hear(const char *sender, enum directory_word_kind kind, uint64_t boot, uint64_t count,
                uint64_t now_us)
{
    struct directory_word word = word_of(sender, kind, boot, count);
    return node_book_hear(&nodes, &word, now_us);
}

static void test_who_did_not_say_who_they_are_is_not_believed(void **state)
{
    (void)state;
    assert_int_equal(hear("a", DIRECTORY_WORD_EVENT, 5, 1, 0), ERR_AGAIN);
    assert_int_equal(hear("a", DIRECTORY_WORD_BYE, 5, 1, 0), ERR_AGAIN);
    assert_int_equal(hear("a", DIRECTORY_WORD_NODE, 5, 2, 0), 0);
    assert_int_equal(hear("a", DIRECTORY_WORD_EVENT, 5, 3, 0), 0);
    assert_int_equal(nodes.count, 2);
}

static void test_what_is_repeated_is_not_believed(void **state)
{
    (void)state;
    assert_int_equal(hear("a", DIRECTORY_WORD_NODE, 5, 2, 0), 0);
    assert_int_equal(hear("a", DIRECTORY_WORD_NODE, 5, 2, 0), ERR_AGAIN);
    assert_int_equal(hear("a", DIRECTORY_WORD_NODE, 5, 1, 0), ERR_AGAIN);
    assert_int_equal(hear("a", DIRECTORY_WORD_NODE, 5, 9, 0), 0);
    assert_int_equal(nodes.views[1].seats_free, 9);
    /* A new start of its process is told first by who it is. */
    assert_int_equal(hear("a", DIRECTORY_WORD_EVENT, 6, 10, 0), ERR_AGAIN);
    assert_int_equal(hear("a", DIRECTORY_WORD_NODE, 6, 1, 0), 0);
    assert_int_equal(nodes.count, 2);
    assert_int_equal(nodes.views[1].seats_free, 1);
}

static void test_who_is_silent_is_gone_but_not_while_nothing_can_be_heard(void **state)
{
    (void)state;
    assert_int_equal(hear("a", DIRECTORY_WORD_NODE, 5, 1, 0), 0);
    assert_int_equal(hear("b", DIRECTORY_WORD_NODE, 5, 1, 1000 * MS), 0);
    node_book_expire(&nodes, 0, TTL_US);
    assert_int_equal(nodes.count, 3);
    node_book_expire(&nodes, UINT64_MAX, 100 * TTL_US); /* Redis is away */
    assert_int_equal(nodes.count, 3);
    node_book_expire(&nodes, 100 * TTL_US,
                     101 * TTL_US); /* it is there again: all get their time */
    assert_int_equal(nodes.count, 3);
    node_book_expire(&nodes, 0, TTL_US + 1);
    assert_int_equal(nodes.count, 2);
    assert_string_equal(nodes.views[1].id, "b");
    assert_int_equal(node_book_find(&nodes, "a"), DIRECTORY_NODES_MAX);
    assert_int_equal(hear("b", DIRECTORY_WORD_BYE, 5, 2, 0), 0);
    assert_int_equal(nodes.count, 1);
    node_book_expire(&nodes, 0, UINT64_MAX);
    assert_int_equal(nodes.count, 1); /* oneself is always there */
}

static void test_one_node_too_many_is_left_out(void **state)
{
    (void)state;
    char id[16];
    for (unsigned i = 1; i < DIRECTORY_NODES_MAX; i++) {
        (void)snprintf(id, sizeof(id), "n%u", i);
        assert_int_equal(hear(id, DIRECTORY_WORD_NODE, 1, 1, 0), 0);
    }
    assert_int_equal(hear("more", DIRECTORY_WORD_NODE, 1, 1, 0), ERR_FULL);
    assert_int_equal(hear("n7", DIRECTORY_WORD_BYE, 1, 2, 0), 0);
    assert_int_equal(hear("more", DIRECTORY_WORD_NODE, 1, 1, 0), 0);
    assert_int_equal(hear("n255", DIRECTORY_WORD_NODE, 1, 2, 0),
                     0); /* the one that took the free place */
}

/* ---- rooms ---- */

static int tell(const char *node, const char *slug, uint64_t fence, uint64_t now_us)
{
    struct directory_word_room room = {.fence = fence};
    (void)snprintf(room.slug, sizeof(room.slug), "%s", slug);
    return room_book_hear(&rooms, node, &room, now_us);
}

static void expect(const char *slug, enum directory_answer answer, const char *node, uint64_t fence)
{
    struct lease lease = {.fence = 0};
    assert_int_equal(room_book_find(&rooms, slug, &lease), answer);
    assert_string_equal(lease.node, node);
    assert_int_equal(lease.fence, fence);
}

static void test_who_has_not_listened_for_long_does_not_know(void **state)
{
    (void)state;
    expect("monday", DIRECTORY_UNKNOWN, "", 0);
    room_book_expire(&rooms, 1000 * MS, 3900 * MS);
    expect("monday", DIRECTORY_UNKNOWN, "", 0);
    room_book_expire(&rooms, 1000 * MS, 4100 * MS);
    expect("monday", DIRECTORY_NONE, "", 0);
    room_book_expire(&rooms, UINT64_MAX, 4100 * MS);
    expect("monday", DIRECTORY_UNKNOWN, "", 0);
}

static void test_the_owner_with_the_higher_fence_is_found(void **state)
{
    (void)state;
    room_book_expire(&rooms, 0, 100);
    assert_int_equal(tell("a", "monday", 5, 100), 0);
    expect("monday", DIRECTORY_FOUND, "a", 5);
    assert_int_equal(tell("b", "monday", 4, 100), 0);
    expect("monday", DIRECTORY_FOUND, "a", 5);
    assert_int_equal(tell("b", "monday", 5, 100), 0);
    expect("monday", DIRECTORY_FOUND, "a", 5);
    assert_int_equal(tell("b", "monday", 6, 100), 0);
    expect("monday", DIRECTORY_FOUND, "b", 6);
    assert_int_equal(tell("b", "monday", 2, 100), 0); /* its own word counts, whatever the number */
    expect("monday", DIRECTORY_FOUND, "b", 2);
}

static void test_an_owner_that_is_silent_is_away_and_then_forgotten(void **state)
{
    (void)state;
    room_book_expire(&rooms, 0, 0);
    assert_int_equal(tell("a", "monday", 5, 0), 0);
    room_book_expire(&rooms, 0, TTL_US);
    expect("monday", DIRECTORY_FOUND, "a", 5);
    room_book_expire(&rooms, 0, TTL_US + 1);
    expect("monday", DIRECTORY_AWAY, "a", 5);
    room_book_expire(&rooms, UINT64_MAX, TTL_US + 1); /* nothing can be heard: it is as it was */
    expect("monday", DIRECTORY_FOUND, "a", 5);
    room_book_expire(&rooms, 0, DIRECTORY_AWAY_MS * MS);
    assert_int_equal(tell("b", "monday", 3, DIRECTORY_AWAY_MS * MS),
                     0); /* who is away does not count */
    expect("monday", DIRECTORY_FOUND, "b", 3);
    room_book_expire(&rooms, 0, 2 * DIRECTORY_AWAY_MS * MS + 1);
    expect("monday", DIRECTORY_NONE, "", 0);
    assert_int_equal(rooms.table.count, 0);
}

static void test_only_its_owner_releases_a_room(void **state)
{
    (void)state;
    struct directory_word_room release = {.slug = "monday", .fence = 5, .is_released = true};
    assert_int_equal(tell("a", "monday", 5, 0), 0);
    assert_int_equal(room_book_hear(&rooms, "b", &release, 0), 0);
    assert_int_equal(rooms.table.count, 1);
    release.fence = 4; /* an old word */
    assert_int_equal(room_book_hear(&rooms, "a", &release, 0), 0);
    assert_int_equal(rooms.table.count, 1);
    release.fence = 5;
    assert_int_equal(room_book_hear(&rooms, "a", &release, 0), 0);
    assert_int_equal(rooms.table.count, 0);
    assert_int_equal(room_book_hear(&rooms, "a", &release, 0), 0);
}

static void test_one_room_too_many_makes_none_uncertain_and_the_silent_make_way(void **state)
{
    (void)state;
    char slug[16];
    room_book_expire(&rooms, 0, 10000 * MS);
    for (unsigned i = 0; i < DIRECTORY_ROOMS_MAX; i++) {
        (void)snprintf(slug, sizeof(slug), "r%u", i);
        assert_int_equal(tell("a", slug, 1, i == 77 ? 1 : 10000 * MS), 0);
    }
    expect("monday", DIRECTORY_NONE, "", 0);
    assert_int_equal(tell("a", "monday", 1, 10000 * MS), 0); /* r77 was silent for too long */
    expect("r77", DIRECTORY_NONE, "", 0);
    assert_int_equal(tell("a", "tuesday", 1, 10000 * MS), ERR_FULL);
    expect("tuesday", DIRECTORY_UNKNOWN, "", 0);
    expect("monday", DIRECTORY_FOUND, "a", 1);
    expect("r78", DIRECTORY_FOUND, "a", 1);
}

#define BOOKS_TEST(name) cmocka_unit_test_setup_teardown(name, open_books, close_books)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOKS_TEST(test_who_did_not_say_who_they_are_is_not_believed),
        BOOKS_TEST(test_what_is_repeated_is_not_believed),
        BOOKS_TEST(test_who_is_silent_is_gone_but_not_while_nothing_can_be_heard),
        BOOKS_TEST(test_one_node_too_many_is_left_out),
        BOOKS_TEST(test_who_has_not_listened_for_long_does_not_know),
        BOOKS_TEST(test_the_owner_with_the_higher_fence_is_found),
        BOOKS_TEST(test_an_owner_that_is_silent_is_away_and_then_forgotten),
        BOOKS_TEST(test_only_its_owner_releases_a_room),
        BOOKS_TEST(test_one_room_too_many_makes_none_uncertain_and_the_silent_make_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
