#include "signalling/whip_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct sdpfrag trickle = {
    .ufrag = "old1", .pwd = "p", .candidates = {.count = 1, .list = {{.priority = 1}}}};
static const struct sdpfrag anew = {.ufrag = "new1", .pwd = "p"};

static enum whip_patch kind(const char *if_match, const struct sdpfrag *fragment)
{
    return whip_patch_kind(if_match, "tag", strcmp(fragment->ufrag, "old1") == 0, fragment);
}

static void test_types_are_compared_without_parameters(void **state)
{
    (void)state;
    assert_true(whip_type_is("application/sdp", "application/sdp"));
    assert_true(whip_type_is("Application/SDP; charset=utf-8", "application/sdp"));
    assert_true(whip_type_is("application/sdp ;x", "application/sdp"));
    assert_false(whip_type_is("application/sdpx", "application/sdp"));
    assert_false(whip_type_is("application", "application/sdp"));
    assert_false(whip_type_is("", "application/sdp"));
}

static void test_a_candidate_needs_the_present_tag(void **state)
{
    (void)state;
    assert_int_equal(kind("\"tag\"", &trickle), WHIP_TRICKLE);
    assert_int_equal(kind("tag", &trickle), WHIP_TRICKLE);
    assert_int_equal(kind("", &trickle), WHIP_TAG_MISSING);
    assert_int_equal(kind("\"other\"", &trickle), WHIP_TAG_WRONG);
    assert_int_equal(kind("\"tag", &trickle), WHIP_TAG_WRONG);
    assert_int_equal(kind("W/\"tag\"", &trickle), WHIP_TAG_WRONG);
    const struct sdpfrag end = {.end_of_candidates = true};
    assert_int_equal(kind("\"tag\"", &end), WHIP_TRICKLE);
    struct sdpfrag no_credentials = trickle;
    no_credentials.ufrag[0] = '\0';
    assert_int_equal(kind("\"tag\"", &no_credentials), WHIP_TRICKLE);
}

static void test_new_credentials_are_a_restart(void **state)
{
    (void)state;
    assert_int_equal(kind("*", &anew), WHIP_RESTART);
    assert_int_equal(kind("\"*\"", &anew), WHIP_RESTART);
    assert_int_equal(kind("\"tag\"", &anew), WHIP_RESTART);
    assert_int_equal(kind("\"stale\"", &anew), WHIP_TAG_WRONG);
}

static void test_other_patches_are_unknown(void **state)
{
    (void)state;
    const struct sdpfrag empty = {0};
    const struct sdpfrag half = {.ufrag = "new1"};
    assert_int_equal(kind("\"tag\"", &empty), WHIP_PATCH_UNKNOWN);
    assert_int_equal(kind("*", &trickle), WHIP_PATCH_UNKNOWN);
    assert_int_equal(kind("*", &half), WHIP_PATCH_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_are_compared_without_parameters),
        cmocka_unit_test(test_a_candidate_needs_the_present_tag),
        cmocka_unit_test(test_new_credentials_are_a_restart),
        cmocka_unit_test(test_other_patches_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
