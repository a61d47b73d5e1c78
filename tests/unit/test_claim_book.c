#include "tree/claim_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000)

struct fixture {
    struct claim_book book;
    struct claim_batch batch;
    unsigned claimed, lost;
    char slug[SLUG_MAX + 1]; /* of the last of them */
    uint64_t fence;
    struct lease winner;
};

static void on_claimed(void *ctx, const char *slug, uint64_t fence)
{
    struct fixture *f = ctx;
    f->claimed++;
    f->fence = fence;
    memcpy(f->slug, slug, strlen(slug) + 1);
}

static void on_lost(void *ctx, const char *slug, const struct lease *winner)
{
    struct fixture *f = ctx;
    f->lost++;
    f->winner = *winner;
    memcpy(f->slug, slug, strlen(slug) + 1);
}

static int open_book(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    struct claim_book_events events = {f, on_claimed, on_lost};
    claim_book_init(&f->book, "self", &events);
    *state = f;
    return 0;
}

static int close_book(void **state)
{
    struct fixture *f = *state;
    claim_book_clear(&f->book);
    free(f);
    return 0;
}

/* Asks for what is due, and answers all of it alike. */
static unsigned answer_due(struct fixture *f, const struct claim_answer *answer, uint64_t now_us)
{
    struct claim_answer answers[CLAIM_BATCH_MAX];
    claim_book_due(&f->book, now_us, &f->batch);
    for (unsigned i = 0; i < f->batch.count; i++)
        answers[i] = *answer;
    claim_book_answer(&f->book, &f->batch, answers, now_us);
    return f->batch.count;
}

static const struct claim_answer granted = {.kind = CLAIM_GRANTED}, wait = {.kind = CLAIM_WAIT};

static struct claim_answer taken_by(const char *node, uint64_t fence)
{
    struct claim_answer answer = {.kind = CLAIM_TAKEN, .owner.fence = fence};
    (void)snprintf(answer.owner.node, sizeof(answer.owner.node), "%s", node);
    return answer;
}

static void test_a_claim_is_new_until_it_is_granted_and_then_renewed(void **state)
{
    struct fixture *f = *state;
    uint64_t fence;
    assert_int_equal(claim_book_claim(&f->book, "monday", 0), 0);
    assert_int_equal(claim_book_claim(&f->book, "monday", 0), 0);
    assert_true(claim_book_find(&f->book, "monday", &fence));
    assert_int_equal(fence, 0);
    assert_int_equal(answer_due(f, &granted, 0), 1);
    assert_true(f->batch.items[0].is_new);
    assert_int_equal(f->batch.items[0].fence, 1);
    assert_int_equal(f->claimed, 1);
    assert_true(claim_book_find(&f->book, "monday", &fence));
    assert_int_equal(fence, 1);
    assert_int_equal(answer_due(f, &granted, (DIRECTORY_RENEW_MS - 1) * MS), 0);
    assert_int_equal(answer_due(f, &granted, DIRECTORY_RENEW_MS * MS), 1);
    assert_false(f->batch.items[0].is_new);
    assert_int_equal(f->batch.items[0].fence, 1);
    assert_int_equal(f->claimed, 1); /* a renewal is no news */
}

static void test_a_known_fence_is_claimed_again_and_not_anew(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(claim_book_claim(&f->book, "monday", 7), 0);
    assert_int_equal(claim_book_claim(&f->book, "tuesday", 0), 0);
    assert_int_equal(answer_due(f, &granted, 0), 2);
    for (unsigned i = 0; i < 2; i++) {
        bool is_monday = strcmp(f->batch.items[i].slug, "monday") == 0;
        assert_int_equal(f->batch.items[i].is_new, !is_monday);
        assert_int_equal(f->batch.items[i].fence, is_monday ? 7 : 8); /* higher than all seen */
    }
    assert_int_equal(claim_book_claim(&f->book, "a", FENCE_MAX + 1), ERR_INVAL);
    assert_int_equal(claim_book_claim(&f->book, "A", 0), ERR_INVAL);
}

static void test_fences_are_higher_than_all_that_was_seen(void **state)
{
    struct fixture *f = *state;
    claim_book_see_fence(&f->book, 41);
    claim_book_see_fence(&f->book, FENCE_MAX + 1); /* nobody's */
    claim_book_see_fence(&f->book, 3);
    assert_int_equal(claim_book_claim(&f->book, "monday", 0), 0);
    struct claim_answer higher = {.kind = CLAIM_HIGHER, .top_fence = 99};
    assert_int_equal(answer_due(f, &higher, 0), 1);
    assert_int_equal(f->batch.items[0].fence, 42);
    assert_int_equal(answer_due(f, &granted, 0), 1); /* at once */
    assert_int_equal(f->batch.items[0].fence, 100);
    assert_int_equal(f->fence, 100);
}

static void test_a_claim_that_waits_is_not_lost(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(claim_book_claim(&f->book, "monday", 0), 0);
    assert_int_equal(answer_due(f, &wait, 0), 1);
    assert_int_equal(answer_due(f, &wait, 0), 0);
    assert_int_equal(answer_due(f, &granted, 1000 * MS), 1);
    assert_int_equal(f->claimed, 1);
    assert_int_equal(f->lost, 0);
}

static void test_a_new_claim_loses_against_whoever_has_the_room(void **state)
{
    struct fixture *f = *state;
    uint64_t fence;
    struct claim_answer taken = taken_by("zz", 1);
    claim_book_see_fence(&f->book, 50);
    assert_int_equal(claim_book_claim(&f->book, "monday", 0), 0);
    assert_int_equal(answer_due(f, &taken, 0), 1);
    assert_int_equal(f->lost, 1);
    assert_string_equal(f->winner.node, "zz");
    assert_false(claim_book_find(&f->book, "monday", &fence));
}

static void test_a_held_room_is_lost_to_a_higher_fence_only(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(claim_book_claim(&f->book, "monday", 5), 0);
    assert_int_equal(answer_due(f, &granted, 0), 1);
    struct lease lease = {.fence = 4, .node = "a"};
    claim_book_hear(&f->book, "monday", &lease);
    lease = (struct lease){.fence = 5, .node = "zz"};
    claim_book_hear(&f->book, "monday", &lease);
    struct claim_answer odd = taken_by("zz", 4); /* no script says this */
    assert_int_equal(answer_due(f, &odd, DIRECTORY_RENEW_MS * MS), 1);
    assert_int_equal(f->lost, 0);
    lease = (struct lease){.fence = 5, .node = "a"};
    claim_book_hear(&f->book, "monday", &lease);
    assert_int_equal(f->lost, 1);
    assert_int_equal(claim_book_claim(&f->book, "monday", 6), 0);
    assert_int_equal(answer_due(f, &granted, 0), 1);
    struct claim_answer taken = taken_by("zz", 7);
    assert_int_equal(answer_due(f, &taken, DIRECTORY_RENEW_MS * MS), 1);
    assert_int_equal(f->lost, 2);
    assert_int_equal(f->winner.fence, 7);
}

static void test_ones_own_lease_of_before_a_restart_is_taken_up(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(claim_book_claim(&f->book, "monday", 3), 0);
    struct claim_answer own = taken_by("self", 9);
    assert_int_equal(answer_due(f, &own, 0), 1);
    assert_int_equal(f->lost, 0);
    assert_int_equal(answer_due(f, &granted, 0), 1);
    assert_int_equal(f->batch.items[0].fence, 9);
    assert_int_equal(f->fence, 9);
}

static void test_an_answer_to_a_claim_that_is_over_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct claim_answer answers[CLAIM_BATCH_MAX] = {granted};
    struct claim_batch first;
    assert_int_equal(claim_book_claim(&f->book, "monday", 0), 0);
    claim_book_due(&f->book, 0, &first);
    assert_int_equal(first.count, 1);
    assert_int_equal(claim_book_release(&f->book, "monday"), 0);
    assert_int_equal(claim_book_claim(&f->book, "monday", 0), 0);
    claim_book_answer(&f->book, &first, answers, 0);
    assert_int_equal(f->claimed, 0);
    claim_book_answer(&f->book, &first, NULL, 0);
    assert_int_equal(answer_due(f, &granted, 0), 1);
    assert_int_equal(f->claimed, 1);
    assert_int_equal(claim_book_release(&f->book, "monday"), f->fence);
    assert_int_equal(claim_book_release(&f->book, "monday"), 0);
}

static void test_a_batch_that_is_lost_is_due_again(void **state)
{
    struct fixture *f = *state;
    struct claim_batch batch;
    assert_int_equal(claim_book_claim(&f->book, "monday", 0), 0);
    claim_book_due(&f->book, 0, &batch);
    assert_int_equal(answer_due(f, &granted, 9999 * MS), 0); /* it is under way */
    claim_book_answer(&f->book, &batch, NULL, 0);
    assert_int_equal(answer_due(f, &granted, 0), 1);
    claim_book_hurry(&f->book); /* a new connection: all is due */
    assert_int_equal(answer_due(f, &granted, 0), 1);
}

static void test_many_claims_go_in_batches_and_all_are_told(void **state)
{
    struct fixture *f = *state;
    char slug[16];
    struct directory_word_room told[DIRECTORY_WORD_ROOMS_MAX];
    for (unsigned i = 0; i < DIRECTORY_CLAIMS_MAX; i++) {
        (void)snprintf(slug, sizeof(slug), "r%u", i);
        assert_int_equal(claim_book_claim(&f->book, slug, 0), 0);
    }
    assert_int_equal(claim_book_claim(&f->book, "more", 0), ERR_FULL);
    assert_int_equal(claim_book_untold(&f->book, 0, told), 0); /* none is held */
    unsigned answered = 0;
    for (unsigned count; (count = answer_due(f, &granted, 0)) > 0;)
        answered += count;
    assert_int_equal(answered, DIRECTORY_CLAIMS_MAX);
    assert_int_equal(f->claimed, DIRECTORY_CLAIMS_MAX);
    unsigned said = 0;
    for (unsigned count; (count = claim_book_untold(&f->book, 1, told)) > 0;)
        said += count;
    assert_int_equal(said, DIRECTORY_CLAIMS_MAX);
    assert_int_equal(claim_book_untold(&f->book, DIRECTORY_RENEW_MS * MS, told), 0);
    assert_true(claim_book_untold(&f->book, DIRECTORY_RENEW_MS * MS + 1, told) > 0);
}

#define BOOK_TEST(name) cmocka_unit_test_setup_teardown(name, open_book, close_book)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOK_TEST(test_a_claim_is_new_until_it_is_granted_and_then_renewed),
        BOOK_TEST(test_a_known_fence_is_claimed_again_and_not_anew),
        BOOK_TEST(test_fences_are_higher_than_all_that_was_seen),
        BOOK_TEST(test_a_claim_that_waits_is_not_lost),
        BOOK_TEST(test_a_new_claim_loses_against_whoever_has_the_room),
        BOOK_TEST(test_a_held_room_is_lost_to_a_higher_fence_only),
        BOOK_TEST(test_ones_own_lease_of_before_a_restart_is_taken_up),
        BOOK_TEST(test_an_answer_to_a_claim_that_is_over_changes_nothing),
        BOOK_TEST(test_a_batch_that_is_lost_is_due_again),
        BOOK_TEST(test_many_claims_go_in_batches_and_all_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
