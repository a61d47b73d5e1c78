#include "rostrum/srtp_link.h"

#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct pair {
    struct srtp_link *a, *b;
};

static void open_pair(struct pair *pair, enum srtp_profile profile)
{
    struct srtp_keys keys = {.profile = profile};
    for (unsigned i = 0; i < SRTP_MASTER_KEY_BYTES; i++) {
        keys.send.key[i] = (uint8_t)i;
        keys.receive.key[i] = (uint8_t)(100 + i);
    }
    keys.send.salt[3] = 7;
    struct srtp_keys mirrored = {.profile = profile, .send = keys.receive, .receive = keys.send};
    assert_int_equal(srtp_link_startup(), 0);
    assert_int_equal(srtp_link_startup(), 0);
    assert_int_equal(srtp_link_create(&pair->a, &keys), 0);
    assert_int_equal(srtp_link_create(&pair->b, &mirrored), 0);
}

static void close_pair(struct pair *pair)
{
    srtp_link_destroy(pair->a);
    srtp_link_destroy(pair->b);
}

static size_t write_rtp(uint8_t out[256], uint16_t seq, uint32_t ssrc)
{
    struct rtp_packet packet = {
        .payload_type = 111, .seq = seq, .timestamp = seq * 960u, .ssrc = ssrc};
    struct writer w = writer_of(out, 256);
    assert_int_equal(rtp_write_header(&packet, &w), 0);
    writer_text(&w, "the quick brown fox");
    return w.at;
}

static const enum srtp_profile PROFILES[] = {SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80};

static void test_rtp_comes_out_as_it_went_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        uint8_t clear[256], packet[256];
        open_pair(&pair, PROFILES[i]);
        for (uint16_t seq = 10; seq < 20; seq++) {
            size_t bytes = write_rtp(clear, seq, 5);
            size_t clear_bytes = bytes;
            memcpy(packet, clear, bytes);
            assert_int_equal(srtp_link_protect(pair.a, packet, &bytes), 0);
            assert_int_equal(bytes, clear_bytes + (i == 0 ? 16 : 10));
            assert_memory_not_equal(packet + 12, clear + 12, clear_bytes - 12);
            assert_int_equal(srtp_link_unprotect(pair.b, packet, &bytes), 0);
            assert_int_equal(bytes, clear_bytes);
            assert_memory_equal(packet, clear, bytes);
        }
        close_pair(&pair);
    }
}

static void test_forged_and_replayed_packets_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        uint8_t packet[256], copy[256];
        open_pair(&pair, PROFILES[i]);
        size_t bytes = write_rtp(packet, 10, 5);
        assert_int_equal(srtp_link_protect(pair.a, packet, &bytes), 0);
        size_t copy_bytes = bytes;
        memcpy(copy, packet, bytes);
        copy[14] ^= 1;
        assert_int_equal(srtp_link_unprotect(pair.b, copy, &copy_bytes), ERR_AUTH);
        for (size_t cut = 0; cut < bytes; cut++) {
            copy_bytes = cut;
            memcpy(copy, packet, bytes);
            assert_int_equal(srtp_link_unprotect(pair.b, copy, &copy_bytes), ERR_AUTH);
        }
        memcpy(copy, packet, bytes);
        copy_bytes = bytes;
        assert_int_equal(srtp_link_unprotect(pair.b, copy, &copy_bytes), 0);
        assert_int_equal(srtp_link_unprotect(pair.b, packet, &bytes), ERR_EXIST);
        close_pair(&pair);
    }
}

static void test_the_same_number_may_be_protected_again(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t first[256], second[256];
    open_pair(&pair, SRTP_AEAD_AES_128_GCM);
    size_t first_bytes = write_rtp(first, 10, 5), second_bytes = write_rtp(second, 10, 5);
    assert_int_equal(srtp_link_protect(pair.a, first, &first_bytes), 0);
    assert_int_equal(srtp_link_protect(pair.a, second, &second_bytes), 0);
    assert_memory_equal(first, second, first_bytes);
    close_pair(&pair);
}

static void test_rtcp_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        uint8_t packet[256], clear[256];
        open_pair(&pair, PROFILES[i]);
        struct writer w = writer_of(packet, sizeof(packet) - SRTCP_TRAILER_MAX);
        assert_int_equal(rtcp_write_rr(7, NULL, 0, &w), 0);
        assert_int_equal(rtcp_write_sdes(7, slice_text("me"), &w), 0);
        size_t bytes = w.at;
        memcpy(clear, packet, bytes);
        assert_int_equal(srtp_link_protect_rtcp(pair.b, packet, &bytes), 0);
        assert_int_equal(srtp_link_unprotect_rtcp(pair.a, packet, &bytes), 0);
        assert_int_equal(bytes, w.at);
        assert_memory_equal(packet, clear, bytes);
        close_pair(&pair);
    }
}

static void test_ever_new_sources_are_refused_in_the_end(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t packet[256];
    open_pair(&pair, SRTP_AES128_CM_SHA1_80);
    for (uint32_t ssrc = 1; ssrc <= 17; ssrc++) {
        size_t bytes = write_rtp(packet, 10, ssrc);
        assert_int_equal(srtp_link_protect(pair.a, packet, &bytes), 0);
        assert_int_equal(srtp_link_unprotect(pair.b, packet, &bytes), ssrc <= 16 ? 0 : ERR_AUTH);
    }
    size_t bytes = write_rtp(packet, 11, 1); /* a known one still passes */
    assert_int_equal(srtp_link_protect(pair.a, packet, &bytes), 0);
    assert_int_equal(srtp_link_unprotect(pair.b, packet, &bytes), 0);
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rtp_comes_out_as_it_went_in),
        cmocka_unit_test(test_forged_and_replayed_packets_are_told_apart),
        cmocka_unit_test(test_the_same_number_may_be_protected_again),
        cmocka_unit_test(test_rtcp_both_ways),
        cmocka_unit_test(test_ever_new_sources_are_refused_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
