#include "sdp_fixture.h"

static struct address candidates[2];

static struct sdp_local local_side(enum sdp_direction direction)
{
    assert_int_equal(address_parse(&candidates[0], "192.0.2.1:5004"), 0);
    assert_int_equal(address_parse(&candidates[1], "[2001:db8::1]:5004"), 0);
    struct sdp_local local = {.session_id = 42,
                              .direction = direction,
                              .setup = SDP_PASSIVE,
                              .ice_lite = true,
                              .ufrag = "srvr",
                              .pwd = "0123456789012345678901",
                              .fingerprint = {.hash = SDP_SHA256, .bytes = 32},
                              .candidates = candidates,
                              .candidate_count = 2,
                              .cname = "rostrum",
                              .ssrc = 7,
                              .stream_id = "program",
                              .track_id = "audio",
                              .nack = true,
                              .red = true,
                              .stereo = true,
                              .max_average_bitrate_bps = 64000};
    for (unsigned i = 0; i < 32; i++)
        local.fingerprint.digest[i] = (uint8_t)(i * 9);
    return local;
}

static char answer[8192];

static void answer_recorded(const char *name, unsigned want, const struct sdp_local *local)
{
    select_recorded(name, want);
    struct writer w = writer_of(answer, sizeof(answer));
    assert_int_equal(sdp_write_answer(&session, &choice, local, &w), 0);
    assert_int_equal(strlen(answer), w.at);
}

static void expect_lines(const char *const *lines, size_t count, bool present)
{
    for (size_t i = 0; i < count; i++) {
        if ((strstr(answer, lines[i]) != NULL) != present)
            print_error("%s: %s\n%s", present ? "missing" : "unwanted", lines[i], answer);
        assert_int_equal(strstr(answer, lines[i]) != NULL, present);
    }
}

#define EXPECT(...)                                                                                \
    expect_lines((const char *const[]){__VA_ARGS__},                                               \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), true)
#define REFUSE(...)                                                                                \
    expect_lines((const char *const[]){__VA_ARGS__},                                               \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), false)

static void test_answer_to_a_listener(void **state)
{
    (void)state;
    struct sdp_local local = local_side(SDP_SENDONLY);
    answer_recorded("chromium_recvonly", SDP_PEER_RECEIVES, &local);
    EXPECT("v=0\r\n", "a=group:BUNDLE 0\r\n", "a=ice-lite\r\n",
           "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\n", "a=mid:0\r\n",
           "a=sendonly\r\n", "a=rtcp-mux\r\n", "a=rtcp-rsize\r\n", "a=setup:passive\r\n",
           "a=ice-ufrag:srvr\r\n", "a=fingerprint:sha-256 00:09:12:",
           "a=candidate:1 1 udp 2130706431 192.0.2.1 5004 typ host\r\n"
           "a=candidate:2 1 udp 2130706175 2001:db8::1 5004 typ host\r\na=end-of-candidates\r\n",
           "a=fmtp:111 minptime=10;useinbandfec=1\r\n", "a=fmtp:63 111/111\r\n",
           "a=msid:program audio\r\n", "a=ssrc:7 cname:rostrum\r\n");
    /* not offered: nack, stereo; of no use to one who only receives: ptime, extensions */
    REFUSE("nack", "stereo", "a=ptime", "extmap", "maxaveragebitrate");
    /* with stereo=1 in the offer a stereo program is announced, a mono one is not */
    answer_recorded("firefox_recvonly", SDP_PEER_RECEIVES, &local);
    EXPECT("m=audio 9 UDP/TLS/RTP/SAVPF 109\r\n", ";stereo=1;sprop-stereo=1\r\n");
    local.stereo = false;
    answer_recorded("firefox_recvonly", SDP_PEER_RECEIVES, &local);
    REFUSE("stereo", "red/48000", "rtcp-rsize");
}

static void test_answer_to_a_host(void **state)
{
    (void)state;
    struct sdp_local local = local_side(SDP_SENDRECV);
    local.stereo = false;
    local.red_first = true;
    answer_recorded("firefox_sendrecv", 3, &local);
    EXPECT("a=sendrecv\r\n", "a=ptime:20\r\n",
           "a=fmtp:109 minptime=10;useinbandfec=1;usedtx=0;maxaveragebitrate=64000\r\n",
           "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n");
    REFUSE("stereo");
    answer_recorded("chromium_sendrecv", 3, &local);
    EXPECT("m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n");

    local = local_side(SDP_RECVONLY);
    local.cname = NULL;
    answer_recorded("whip_bundle_only", SDP_PEER_SENDS, &local);
    EXPECT("a=group:BUNDLE 1\r\n", "a=rtcp-fb:111 nack\r\n", "a=recvonly\r\n",
           "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n"
           "m=audio 9 ");
    REFUSE("a=ssrc", "a=msid");
    local.setup = SDP_ACTIVE;
    answer_recorded("ffmpeg", SDP_PEER_SENDS, &local);
    EXPECT("a=setup:active\r\n", "a=group:BUNDLE 0\r\n");
    assert_int_equal(sdp_answer_setup(SDP_PASSIVE), SDP_ACTIVE);
    assert_int_equal(sdp_answer_setup(SDP_ACTIVE), SDP_PASSIVE);
    assert_int_equal(sdp_answer_setup(SDP_ACTPASS), SDP_PASSIVE);
}

static void test_offer_and_answer_understand_each_other(void **state)
{
    (void)state;
    static struct sdp_session other;
    struct sdp_local client = local_side(SDP_SENDRECV);
    struct sdp_local server = local_side(SDP_SENDRECV);
    char offer[4096];
    struct writer w = writer_of(offer, sizeof(offer));
    client.setup = SDP_ACTPASS;
    client.ice_lite = false;
    assert_int_equal(sdp_write_offer(&client, &w), 0);
    assert_int_equal(sdp_parse(&session, writer_slice(&w), &error), 0);
    assert_int_equal(sdp_select(&session, 3, &choice, &error), 0);
    assert_int_equal(choice.opus_payload_type, 111);
    assert_true(choice.has_red && choice.red_payload_type == 63);
    assert_true(choice.opus_nack && choice.opus_stereo && !choice.ice_lite);
    assert_memory_equal(choice.fingerprint.digest, client.fingerprint.digest, 32);
    w = writer_of(answer, sizeof(answer));
    assert_int_equal(sdp_write_answer(&session, &choice, &server, &w), 0);
    assert_int_equal(sdp_parse(&other, writer_slice(&w), &error), 0);
    assert_int_equal(sdp_select(&other, 3, &choice, &error), 0);
    assert_true(choice.ice_lite && choice.opus_nack && choice.has_red && choice.opus_stereo);
    assert_int_equal(choice.setup, SDP_PASSIVE);
    assert_int_equal(choice.candidates.count, 2);
    assert_true(address_equal(&choice.candidates.list[1].address, &candidates[1]));
    assert_true(choice.has_ssrc && choice.ssrc == 7);
}

static void test_directions_are_mirrored(void **state)
{
    (void)state;
    assert_int_equal(sdp_answer_direction(SDP_SENDRECV, true, true), SDP_SENDRECV);
    assert_int_equal(sdp_answer_direction(SDP_SENDRECV, true, false), SDP_SENDONLY);
    assert_int_equal(sdp_answer_direction(SDP_SENDRECV, false, true), SDP_RECVONLY);
    assert_int_equal(sdp_answer_direction(SDP_SENDONLY, true, true), SDP_RECVONLY);
    assert_int_equal(sdp_answer_direction(SDP_RECVONLY, true, true), SDP_SENDONLY);
    assert_int_equal(sdp_answer_direction(SDP_RECVONLY, false, true), SDP_INACTIVE);
    assert_int_equal(sdp_answer_direction(SDP_INACTIVE, true, true), SDP_INACTIVE);
}

static void test_writers_refuse_what_does_not_fit(void **state)
{
    (void)state;
    struct sdp_local local = local_side(SDP_SENDONLY);
    answer_recorded("chromium_video", SDP_PEER_SENDS, &local);
    size_t needed = strlen(answer) + 1;
    for (size_t capacity = 0; capacity <= needed; capacity++) {
        char *out = malloc(capacity > 0 ? capacity : 1);
        assert_non_null(out);
        struct writer w = writer_of(out, capacity);
        int err = sdp_write_answer(&session, &choice, &local, &w);
        assert_int_equal(err, capacity < needed ? ERR_FULL : 0);
        assert_int_equal(w.at, capacity < needed ? 0 : needed - 1);
        free(out);
    }
    struct writer w = writer_of(answer, sizeof(answer));
    local.setup = SDP_ACTPASS;
    assert_int_equal(sdp_write_answer(&session, &choice, &local, &w), ERR_INVAL);
    local = local_side(SDP_SENDONLY);
    local.cname = NULL;
    assert_int_equal(sdp_write_answer(&session, &choice, &local, &w), ERR_INVAL);
    local = local_side(SDP_SENDONLY);
    local.max_average_bitrate_bps = 510001;
    assert_int_equal(sdp_write_offer(&local, &w), ERR_INVAL);
    local.max_average_bitrate_bps = 0;
    local.fingerprint.hash = SDP_HASH_UNKNOWN;
    assert_int_equal(sdp_write_offer(&local, &w), ERR_INVAL);
}

static void test_trickle_fragments(void **state)
{
    (void)state;
    struct sdpfrag frag;
    assert_int_equal(sdpfrag_parse(&frag, recorded("sdpfrag", "trickle"), &error), 0);
    assert_string_equal(frag.ufrag, "EsAw");
    assert_string_equal(frag.pwd, "P2uYro0UCOQ4zxjKXaWCBui1");
    assert_int_equal(frag.candidates.count, 2);
    assert_int_equal(frag.candidates.list[1].address.port, 61765);
    assert_true(frag.end_of_candidates);
    assert_int_equal(sdpfrag_parse(&frag, recorded("sdpfrag", "restart"), &error), 0);
    assert_string_equal(frag.ufrag, "ysXw");
    assert_false(frag.end_of_candidates);

    struct sdp_local local = local_side(SDP_SENDONLY);
    struct writer w = writer_of(answer, sizeof(answer));
    assert_int_equal(sdpfrag_write(&local, "0", &w), 0);
    assert_int_equal(sdpfrag_parse(&frag, writer_slice(&w), &error), 0);
    assert_string_equal(frag.ufrag, "srvr");
    assert_int_equal(frag.candidates.count, 2);
    assert_true(frag.end_of_candidates);
    w = writer_of(answer, 100);
    assert_int_equal(sdpfrag_write(&local, "0", &w), ERR_FULL);

    assert_int_equal(sdpfrag_parse(&frag, slice_text(""), &error), ERR_PROTO);
    assert_int_equal(sdpfrag_parse(&frag, slice_text("a=ice-ufrag:x\n"), &error), ERR_PROTO);
    assert_int_equal(error.line, 1);
    assert_int_equal(sdpfrag_parse(&frag, slice_text("a=mid:0\na=candidate:1\n"), &error),
                     ERR_PROTO);
    assert_int_equal(error.line, 2);
    assert_string_equal(frag.ufrag, "srvr");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_to_a_listener),
        cmocka_unit_test(test_answer_to_a_host),
        cmocka_unit_test(test_offer_and_answer_understand_each_other),
        cmocka_unit_test(test_directions_are_mirrored),
        cmocka_unit_test(test_writers_refuse_what_does_not_fit),
        cmocka_unit_test(test_trickle_fragments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
