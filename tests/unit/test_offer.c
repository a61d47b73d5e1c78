#include "rehearse/offer.h"

#include "rostrum/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sdp_session session;
static struct fingerprint fingerprint;

static int setup(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 32; i++)
        fingerprint.bytes[i] = (uint8_t)(i * 7);
    return 0;
}

static struct sdp_choice choose(bool nack)
{
    static char text[OFFER_BYTES_MAX];
    struct offer_params params = {.session_id = 42,
                                  .ufrag = "abcdefgh",
                                  .pwd = "abcdefghijklmnopqrstuvwx",
                                  .fingerprint = &fingerprint,
                                  .nack = nack};
    struct writer out = writer_of(text, sizeof(text));
    struct sdp_error error;
    struct sdp_choice choice;
    assert_int_equal(offer_write(&params, &out), 0);
    assert_int_equal(sdp_parse(&session, writer_slice(&out), &error), 0);
    assert_int_equal(sdp_select(&session, SDP_PEER_RECEIVES, &choice, &error), 0);
    return choice;
}

static void test_it_is_an_offer_to_listen(void **state)
{
    (void)state;
    struct sdp_choice choice = choose(false);
    assert_int_equal(choice.direction, SDP_RECVONLY);
    assert_int_equal(choice.setup, SDP_ACTPASS);
    assert_string_equal(choice.ufrag, "abcdefgh");
    assert_string_equal(choice.pwd, "abcdefghijklmnopqrstuvwx");
    assert_int_equal(choice.fingerprint.hash, SDP_SHA256);
    assert_memory_equal(choice.fingerprint.digest, fingerprint.bytes, 32);
    assert_int_equal(choice.opus_payload_type, 111);
    assert_false(choice.opus_stereo);
    assert_true(choice.has_red);
    assert_false(choice.red_first);
    assert_false(choice.has_ssrc);
}

static void test_nack_is_offered_only_by_those_who_use_it(void **state)
{
    (void)state;
    assert_false(choose(false).opus_nack);
    assert_true(choose(true).opus_nack);
}

static void test_what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    char text[500];
    struct offer_params params = {.ufrag = "abcdefgh", .pwd = "x", .fingerprint = &fingerprint};
    struct writer out = writer_of(text, sizeof(text));
    writer_text(&out, "before");
    assert_int_equal(offer_write(&params, &out), ERR_FULL);
    assert_int_equal(out.at, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_it_is_an_offer_to_listen, setup),
        cmocka_unit_test_setup(test_nack_is_offered_only_by_those_who_use_it, setup),
        cmocka_unit_test_setup(test_what_does_not_fit_is_not_written, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
