#include "tree/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct heard {
    unsigned claimed, lost;
    uint64_t fence;
};

static void on_claimed(void *ctx, const char *slug, uint64_t fence)
{
    struct heard *heard = ctx;
    assert_string_equal(slug, "monday");
    heard->claimed++;
    heard->fence = fence;
}

static void on_lost(void *ctx, const char *slug, const struct directory_origin *origin)
{
    struct heard *heard = ctx;
    (void)slug;
    (void)origin;
    heard->lost++;
}

static struct directory *open_directory(void)
{
    struct node_view self = {.id = "alone", .url = ""};
    struct directory_params params = {.self = &self};
    struct directory *directory;
    assert_int_equal(directory_create(&directory, &params), 0);
    return directory;
}

static void test_a_node_alone_gets_every_room_at_once(void **state)
{
    (void)state;
    struct directory *directory = open_directory();
    struct heard heard = {.claimed = 0};
    struct directory_observer observer = {&heard, on_claimed, on_lost, NULL};
    struct directory_origin origin;
    directory_observe(directory, &observer);
    assert_int_equal(directory_state(directory), DIRECTORY_LOCAL);
    assert_string_equal(directory_state_name(DIRECTORY_LOCAL), "local");
    assert_int_equal(directory_find(directory, "monday", &origin), DIRECTORY_NONE);
    assert_int_equal(directory_claim(directory, "monday", 5), 0);
    assert_int_equal(heard.claimed, 1);
    assert_int_equal(heard.fence, 5);
    assert_int_equal(directory_claim(directory, "monday", 0), 0);
    assert_int_equal(heard.claimed, 1);
    assert_int_equal(directory_find(directory, "monday", &origin), DIRECTORY_FOUND);
    assert_true(origin.is_self);
    assert_string_equal(origin.node, "alone");
    uint64_t fence = 0;
    assert_true(directory_owns(directory, "monday", &fence));
    assert_int_equal(fence, 5);
    directory_release(directory, "monday");
    assert_false(directory_owns(directory, "monday", NULL));
    assert_int_equal(directory_find(directory, "monday", &origin), DIRECTORY_NONE);
    directory_release(directory, "monday");
    assert_int_equal(directory_claim(directory, "Monday", 0), ERR_INVAL);
    assert_int_equal(heard.lost, 0);
    directory_destroy(directory);
    directory_destroy(NULL);
}

static void test_a_node_alone_sees_itself_and_speaks_to_nobody(void **state)
{
    (void)state;
    struct directory *directory = open_directory();
    struct node_view view = {.id = "other", .seats = 9};
    size_t count;
    directory_announce(directory, &view);
    const struct node_view *nodes = directory_nodes(directory, &count);
    assert_int_equal(count, 1);
    assert_string_equal(nodes[0].id, "alone"); /* who it is never changes */
    assert_int_equal(nodes[0].seats, 9);
    assert_ptr_equal(directory_node(directory, "alone"), nodes);
    assert_null(directory_node(directory, "other"));
    assert_int_equal(directory_node_age_ms(directory, "alone"), 0);
    assert_int_equal(directory_publish(directory, "monday", slice_text("x")), 0);
    assert_int_equal(directory_publish(directory, "", slice_text("x")), ERR_INVAL);
    directory_destroy(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_node_alone_gets_every_room_at_once),
        cmocka_unit_test(test_a_node_alone_sees_itself_and_speaks_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
