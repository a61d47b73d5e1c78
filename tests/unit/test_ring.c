#include "base/ring.h"
#include "base/thread.h"
#include "base/wake.h"

#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_capacity_is_a_power_of_two_in_range(void **state)
{
    (void)state;
    struct ring *ring = NULL;
    assert_int_equal(ring_create(&ring, 2048), ERR_INVAL);
    assert_int_equal(ring_create(&ring, 5000), ERR_INVAL);
    assert_int_equal(ring_create(&ring, (size_t)1 << 31), ERR_INVAL);
    assert_null(ring);
    assert_int_equal(ring_create(&ring, 4096), 0);
    ring_destroy(ring);
    ring_destroy(NULL);
}

static void test_records_come_out_in_order_and_aligned(void **state)
{
    (void)state;
    struct ring *ring;
    size_t bytes = 0;
    assert_int_equal(ring_create(&ring, 4096), 0);
    assert_null(ring_peek(ring, &bytes));
    assert_int_equal(ring_push(ring, "one", 3), 0);
    assert_int_equal(ring_push(ring, "three", 5), 0);
    const void *record = ring_peek(ring, &bytes);
    assert_int_equal((uintptr_t)record % 16, 0);
    assert_int_equal(bytes, 3);
    assert_memory_equal(record, "one", 3);
    assert_ptr_equal(ring_peek(ring, &bytes), record);
    ring_release(ring);
    record = ring_peek(ring, &bytes);
    assert_int_equal((uintptr_t)record % 16, 0);
    assert_int_equal(bytes, 5);
    assert_memory_equal(record, "three", 5);
    ring_release(ring);
    assert_null(ring_peek(ring, &bytes));
    ring_destroy(ring);
}

static void test_full_ring_refuses_and_counts(void **state)
{
    (void)state;
    struct ring *ring;
    uint8_t record[1024] = {0};
    size_t bytes;
    assert_int_equal(ring_create(&ring, 4096), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ring_push(ring, record, sizeof(record)), 0);
    assert_int_equal(ring_push(ring, record, sizeof(record)), ERR_FULL);
    assert_null(ring_reserve(ring, sizeof(record)));
    assert_int_equal(ring_refused(ring), 2);
    /* the rest (976 bytes) still takes a smaller one, to the last byte */
    assert_int_equal(ring_push(ring, record, 960), 0);
    assert_int_equal(ring_push(ring, record, 1), ERR_FULL);
    assert_non_null(ring_peek(ring, &bytes));
    ring_release(ring);
    assert_int_equal(ring_push(ring, record, sizeof(record)), 0);
    ring_destroy(ring);
}

static void test_second_reserve_takes_the_first_back(void **state)
{
    (void)state;
    struct ring *ring;
    size_t bytes;
    assert_int_equal(ring_create(&ring, 4096), 0);
    void *first = ring_reserve(ring, 100);
    void *second = ring_reserve(ring, 200);
    assert_ptr_equal(first, second);
    memcpy(second, "cut", 3);
    ring_commit(ring, 3);
    assert_memory_equal(ring_peek(ring, &bytes), "cut", 3);
    assert_int_equal(bytes, 3);
    ring_release(ring);
    assert_null(ring_peek(ring, &bytes));
    ring_destroy(ring);
}

static void test_records_wrap_in_one_piece(void **state)
{
    (void)state;
    struct ring *ring;
    uint8_t record[700];
    assert_int_equal(ring_create(&ring, 4096), 0);
    for (unsigned i = 0; i < 1000; i++) {
        size_t sent = 1 + i * 37 % sizeof(record);
        size_t bytes;
        memset(record, (int)(i & 0xFF), sent);
        assert_int_equal(ring_push(ring, record, sent), 0);
        const void *got = ring_peek(ring, &bytes);
        assert_int_equal(bytes, sent);
        assert_memory_equal(got, record, sent);
        ring_release(ring);
    }
    ring_destroy(ring);
}

/* So that a ring touches no more memory than has waited in it. */
static void test_an_empty_ring_begins_again_at_its_start(void **state)
{
    (void)state;
    struct ring *ring;
    uint8_t record[700];
    const uint8_t *first = NULL;
    assert_int_equal(ring_create(&ring, 65536), 0);
    for (unsigned i = 0; i < 1000; i++) {
        size_t sent = 1 + i * 37 % sizeof(record);
        size_t bytes;
        memset(record, (int)(i & 0xFF), sent);
        assert_int_equal(ring_push(ring, record, sent), 0);
        const uint8_t *got = ring_peek(ring, &bytes);
        assert_int_equal(bytes, sent);
        assert_memory_equal(got, record, sent);
        first = first ? first : got;
        assert_true(got >= first && got < first + 4096);
        ring_release(ring);
    }
    ring_destroy(ring);
}

static void test_a_ring_that_is_never_empty_wraps(void **state)
{
    (void)state;
    struct ring *ring;
    uint8_t record[700] = {0};
    size_t bytes;
    assert_int_equal(ring_create(&ring, 16384), 0);
    for (unsigned i = 0; i < 20; i++) /* consumed, so that the start lies somewhere */
        assert_int_equal(ring_push(ring, record, 100), 0);
    while (ring_peek(ring, &bytes))
        ring_release(ring);
    for (unsigned i = 0; i < 1000; i++) {
        memset(record, (int)(i & 0xFF), sizeof(record));
        assert_int_equal(ring_push(ring, record, 1 + i * 37 % sizeof(record)), 0);
        if (i < 5)
            continue; /* five stay in it */
        unsigned oldest = i - 5;
        const uint8_t *got = ring_peek(ring, &bytes);
        assert_int_equal(bytes, 1 + oldest * 37 % sizeof(record));
        assert_int_equal(got[0], oldest & 0xFF);
        assert_int_equal(got[bytes - 1], oldest & 0xFF);
        ring_release(ring);
    }
    ring_destroy(ring);
}

enum { CROSSING_RECORDS = 200000 };

struct crossing {
    struct ring *ring;
    struct wake wake;
};

static size_t crossing_bytes(uint32_t i)
{
    return sizeof(uint32_t) + i * 7919u % 300u;
}

static void produce(void *arg)
{
    struct crossing *crossing = arg;
    ASSERT_THREAD(THREAD_WORKER);
    for (uint32_t i = 0; i < CROSSING_RECORDS;) {
        size_t bytes = crossing_bytes(i);
        uint8_t *room = ring_reserve(crossing->ring, bytes);
        if (!room) {
            sched_yield();
            continue;
        }
        memset(room, (int)(i & 0xFF), bytes);
        memcpy(room, &i, sizeof(i));
        ring_commit(crossing->ring, bytes);
        wake_ring(&crossing->wake);
        i++;
    }
}

static void check_crossed(const uint8_t *record, size_t bytes, uint32_t i)
{
    uint32_t number;
    memcpy(&number, record, sizeof(number));
    assert_int_equal(number, i);
    assert_int_equal(bytes, crossing_bytes(i));
    for (size_t at = sizeof(number); at < bytes; at++)
        assert_int_equal(record[at], i & 0xFF);
}

static void test_two_threads_lose_and_tear_nothing(void **state)
{
    (void)state;
    struct crossing crossing;
    struct thread producer;
    assert_int_equal(ring_create(&crossing.ring, 8192), 0);
    assert_int_equal(wake_init(&crossing.wake), 0);
    assert_int_equal(thread_start(&producer, "producer", THREAD_WORKER, produce, &crossing), 0);
    for (uint32_t i = 0; i < CROSSING_RECORDS;) {
        struct pollfd waiting = {.fd = crossing.wake.fd, .events = POLLIN};
        assert_int_equal(poll(&waiting, 1, 10000), 1);
        wake_hush(&crossing.wake);
        size_t bytes;
        const uint8_t *record;
        while ((record = ring_peek(crossing.ring, &bytes)) != NULL) {
            check_crossed(record, bytes, i++);
            ring_release(crossing.ring);
        }
    }
    thread_join(&producer);
    wake_clear(&crossing.wake);
    wake_clear(&crossing.wake);
    ring_destroy(crossing.ring);
}

static void test_many_rings_of_the_bell_count_as_one(void **state)
{
    (void)state;
    struct wake wake;
    assert_int_equal(wake_init(&wake), 0);
    struct pollfd waiting = {.fd = wake.fd, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 0), 0);
    wake_ring(&wake);
    wake_ring(&wake);
    assert_int_equal(poll(&waiting, 1, 0), 1);
    wake_hush(&wake);
    assert_int_equal(poll(&waiting, 1, 0), 0);
    wake_hush(&wake);
    wake_clear(&wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity_is_a_power_of_two_in_range),
        cmocka_unit_test(test_records_come_out_in_order_and_aligned),
        cmocka_unit_test(test_full_ring_refuses_and_counts),
        cmocka_unit_test(test_second_reserve_takes_the_first_back),
        cmocka_unit_test(test_records_wrap_in_one_piece),
        cmocka_unit_test(test_an_empty_ring_begins_again_at_its_start),
        cmocka_unit_test(test_a_ring_that_is_never_empty_wraps),
        cmocka_unit_test(test_two_threads_lose_and_tear_nothing),
        cmocka_unit_test(test_many_rings_of_the_bell_count_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
