#include "base/slabs.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 20000, ROUNDS = 200000, LIVE = 500 };

static void *blocks[MANY];

static size_t size_of(unsigned i)
{
    return i * 37u % SLAB_BLOCK_MAX + 1;
}

static void take_many(void)
{
    for (unsigned i = 0; i < MANY; i++) {
        blocks[i] = slabs_malloc(size_of(i));
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        memset(blocks[i], (int)(i % 251), size_of(i));
    }
}

static void assert_content(unsigned i, size_t bytes)
{
    const uint8_t *block = blocks[i];
    for (size_t k = 0; k < bytes; k++)
        assert_int_equal(block[k], i % 251);
}

static void free_many(void)
{
    for (unsigned i = 0; i < MANY; i++)
        slabs_free(blocks[i]);
}

static int enter(void **state)
{
    (void)state;
    assert_true(slabs_startup());
    slabs_enter();
    return 0;
}

static int leave(void **state)
{
    (void)state;
    slabs_leave();
    return 0;
}

static void test_blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    take_many();
    for (unsigned i = 0; i < MANY; i++)
        assert_content(i, size_of(i));
    free_many();
}

static void test_empty_pages_go_back_but_for_a_few(void **state)
{
    (void)state;
    take_many();
    size_t full = slabs_page_count();
    assert_true(full > MANY / 10);
    free_many();
    assert_true(slabs_page_count() < 50);
    take_many(); /* fresh pages, and some of those kept */
    assert_int_equal(slabs_page_count(), full);
    for (unsigned i = 0; i < MANY; i++)
        assert_content(i, size_of(i));
    free_many();
}

static void test_blocks_come_and_go_in_any_order(void **state)
{
    (void)state;
    memset(blocks, 0, sizeof(blocks));
    uint32_t dice = 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        dice = dice * 1664525u + 1013904223u;
        unsigned at = (dice >> 8) % LIVE;
        if (blocks[at]) {
            assert_content(at, size_of(at));
            slabs_free(blocks[at]);
            blocks[at] = NULL;
        } else {
            blocks[at] = slabs_malloc(size_of(at));
            memset(blocks[at], (int)(at % 251), size_of(at));
        }
    }
    for (unsigned i = 0; i < LIVE; i++)
        slabs_free(blocks[i]);
    assert_true(slabs_page_count() < 50);
}

static void test_a_block_grows_and_keeps_its_content(void **state)
{
    (void)state;
    char *block = slabs_realloc(NULL, 4);
    memcpy(block, "abc", 4);
    for (size_t bytes = 8; bytes <= 4u * SLAB_BLOCK_MAX; bytes *= 2) { /* and beyond, to malloc() */
        block = slabs_realloc(block, bytes);
        assert_non_null(block);
        assert_string_equal(block, "abc");
        memset(block + 4, 0x5A, bytes - 4);
    }
    slabs_free(slabs_realloc(block, 16));
    slabs_free(NULL);
    block = slabs_malloc(100);
    assert_null(slabs_realloc(block, 0));
}

static void *free_all(void *arg)
{
    (void)arg;
    free_many();
    return NULL;
}

static void test_another_thread_may_free(void **state)
{
    (void)state;
    take_many();
    size_t full = slabs_page_count();
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, free_all, NULL), 0);
    void *mine[LIVE]; /* while ours goes on */
    for (unsigned i = 0; i < LIVE; i++)
        mine[i] = slabs_malloc(size_of(i));
    for (unsigned i = 0; i < LIVE; i++)
        slabs_free(mine[i]);
    assert_int_equal(pthread_join(other, NULL), 0);
    take_many(); /* of what came back */
    assert_true(slabs_page_count() <= full + 100);
    free_many();
}

static void *take_and_leave(void *arg)
{
    (void)arg;
    slabs_enter();
    take_many();
    slabs_leave();
    return NULL;
}

static void test_blocks_outlive_their_thread(void **state)
{
    (void)state;
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, take_and_leave, NULL), 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    for (unsigned i = 0; i < MANY; i++)
        assert_content(i, size_of(i));
    free_many();
}

static void test_who_did_not_enter_is_served_by_malloc(void **state)
{
    (void)state;
    slabs_leave();
    size_t before = slabs_page_count();
    take_many();
    assert_int_equal(slabs_page_count(), before);
    free_many();
    free(slabs_malloc(10));
    slabs_free(malloc(10));
    slabs_enter();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_and_apart),
        cmocka_unit_test(test_empty_pages_go_back_but_for_a_few),
        cmocka_unit_test(test_blocks_come_and_go_in_any_order),
        cmocka_unit_test(test_a_block_grows_and_keeps_its_content),
        cmocka_unit_test(test_another_thread_may_free),
        cmocka_unit_test(test_blocks_outlive_their_thread),
        cmocka_unit_test(test_who_did_not_enter_is_served_by_malloc),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
