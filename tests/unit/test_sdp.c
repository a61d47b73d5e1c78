#include "sdp_fixture.h"

static void test_chromium_offers(void **state)
{
    (void)state;
    select_recorded("chromium_recvonly", SDP_PEER_RECEIVES);
    assert_int_equal(choice.opus_payload_type, 111);
    assert_true(choice.has_red && !choice.red_first && choice.red_payload_type == 63);
    assert_int_equal(choice.audio_level_id, 1);
    assert_int_equal(choice.mid_id, 4);
    assert_string_equal(choice.mid, "0");
    assert_int_equal(choice.setup, SDP_ACTPASS);
    assert_int_equal(choice.direction, SDP_RECVONLY);
    assert_int_equal(strlen(choice.ufrag), 4);
    assert_int_equal(strlen(choice.pwd), 24);
    assert_int_equal(choice.fingerprint.hash, SDP_SHA256);
    assert_true(choice.rtcp_rsize);
    assert_false(choice.opus_nack || choice.opus_stereo || choice.has_ssrc || choice.ice_lite);
    assert_int_equal(choice.candidates.count, 2); /* TCP is left out */
    char ip[ADDRESS_TEXT_MAX];
    address_write_ip(&choice.candidates.list[0].address, ip);
    assert_string_equal(ip, "192.0.2.2");
    address_write_ip(&choice.candidates.list[1].address, ip);
    assert_string_equal(ip, "fd00::2");
    assert_true(choice.candidates.list[1].priority == 2122265343u);

    select_recorded("chromium_sendrecv", SDP_PEER_SENDS | SDP_PEER_RECEIVES);
    assert_int_equal(choice.direction, SDP_SENDRECV);
    assert_true(choice.has_ssrc);
    select_recorded("chromium_video", SDP_PEER_SENDS);
    assert_int_equal(choice.section, 1);
    assert_int_equal(session.sections[0].kind, SDP_VIDEO);
    assert_int_equal(choice.direction, SDP_SENDONLY);
}

static void test_firefox_offers(void **state)
{
    (void)state;
    select_recorded("firefox_recvonly", SDP_PEER_RECEIVES);
    assert_int_equal(choice.opus_payload_type, 109);
    assert_true(choice.opus_stereo);
    assert_false(choice.has_red);
    assert_int_equal(choice.direction, SDP_RECVONLY); /* the session says sendrecv */
    assert_int_equal(choice.fingerprint.bytes, 32);   /* from session level */
    assert_int_equal(choice.fingerprint.digest[0], 0x9E);
    assert_int_equal(choice.candidates.count, 0); /* names, TCP and component 2 only */
    assert_true(choice.end_of_candidates);
    assert_int_equal(choice.audio_level_id, 1);
    assert_int_equal(choice.mid_id, 3);
    select_recorded("firefox_sendrecv", SDP_PEER_SENDS | SDP_PEER_RECEIVES);
    select_recorded("firefox_video", SDP_PEER_SENDS);
}

static void test_other_clients_offers(void **state)
{
    (void)state;
    select_recorded("obs", SDP_PEER_SENDS);
    assert_string_equal(choice.ufrag, "tTHu"); /* session level */
    assert_int_equal(choice.setup, SDP_ACTPASS);
    assert_true(choice.opus_stereo && choice.ssrc == 1418206937);
    assert_int_equal(choice.candidates.count, 0);

    select_recorded("ffmpeg", SDP_PEER_SENDS);
    assert_int_equal(choice.setup, SDP_PASSIVE);
    assert_true(slice_is(session.bundle, "0 1")); /* names a section that does not exist */

    select_recorded("gstreamer", SDP_PEER_RECEIVES);
    assert_string_equal(choice.mid, "audio0");
    assert_int_equal(choice.opus_payload_type, 111); /* "OPUS" */
    assert_int_equal(choice.candidates.count, 3);    /* fe80::…, host and srflx */

    select_recorded("aiortc", SDP_PEER_RECEIVES);
    assert_int_equal(choice.opus_payload_type, 96);
    assert_int_equal(choice.fingerprint.hash, SDP_SHA512); /* the strongest of three */
    assert_int_equal(choice.fingerprint.bytes, 64);

    select_recorded("whip_bundle_only", SDP_PEER_SENDS);
    assert_int_equal(choice.section, 1);
    assert_string_equal(choice.ufrag, "EsAw"); /* from the first section of the group */
    assert_int_equal(choice.setup, SDP_ACTPASS);
    assert_true(choice.opus_nack);

    select_recorded("answer_passive", 0);
    assert_true(choice.ice_lite);
    assert_int_equal(choice.setup, SDP_PASSIVE);
    assert_int_equal(choice.candidates.list[0].address.port, 5004);
}

/* One line each, so that a test can replace it by name. */
static const char *const good_lines[] = {
    "v=0",
    "o=- 1 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
    "a=mid:0",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789012345678901",
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:"
    "88:99:AA:BB:CC:DD:EE:FF",
    "a=setup:actpass",
    "a=rtpmap:111 opus/48000/2",
    "a=rtpmap:63 red/48000/2",
    "a=fmtp:63 111/111",
};
enum { GOOD_LINES = sizeof(good_lines) / sizeof(good_lines[0]) };

/* The good offer with the line that begins like `replaced` exchanged (NULL: left out). */
static struct slice offer_with(const char *replaced, const char *line)
{
    struct writer w = writer_of(text, sizeof(text));
    for (size_t i = 0; i < GOOD_LINES; i++) {
        bool is_it = strncmp(good_lines[i], replaced, strlen(replaced)) == 0;
        const char *chosen = is_it ? line : good_lines[i];
        if (chosen)
            writer_printf(&w, "%s\r\n", chosen);
    }
    assert_false(w.full);
    return writer_slice(&w);
}

static void expect_defect(struct slice offer, unsigned want, int expected, unsigned line,
                          const char *said)
{
    error = (struct sdp_error){.line = 999};
    int err = sdp_parse(&session, offer, &error);
    if (err == 0)
        err = sdp_select(&session, want, &choice, &error);
    assert_int_equal(err, expected);
    assert_int_equal(error.line, line);
    if (!strstr(error.text, said))
        print_error("said \"%s\" instead of \"%s\"\n", error.text, said);
    assert_non_null(strstr(error.text, said));
}

static void test_each_missing_line_is_named(void **state)
{
    (void)state;
    assert_int_equal(sdp_parse(&session, offer_with("-", NULL), &error), 0);
    assert_int_equal(sdp_select(&session, 3, &choice, &error), 0);
    assert_true(choice.has_red);
    assert_int_equal(choice.fingerprint.digest[31], 0xFF);

    expect_defect(offer_with("v=", NULL), 0, ERR_PROTO, 1, "v=0");
    expect_defect(offer_with("v=", "v=1"), 0, ERR_PROTO, 1, "v=0");
    expect_defect(offer_with("a=rtcp-mux", NULL), 0, ERR_UNSUPPORTED, 5, "a=rtcp-mux is missing");
    expect_defect(offer_with("a=ice-ufrag", NULL), 0, ERR_UNSUPPORTED, 5, "a=ice-ufrag");
    expect_defect(offer_with("a=ice-pwd", NULL), 0, ERR_UNSUPPORTED, 5, "a=ice-pwd");
    expect_defect(offer_with("a=fingerprint", NULL), 0, ERR_UNSUPPORTED, 5, "a=fingerprint is");
    expect_defect(offer_with("a=setup", NULL), 0, ERR_UNSUPPORTED, 5,
                  "actpass, active and passive");
    expect_defect(offer_with("a=rtpmap:111", NULL), 0, ERR_UNSUPPORTED, 5, "no Opus");
    expect_defect(slice_text(""), 0, ERR_PROTO, 0, "empty");
    expect_defect(slice_text("v=0\r\ns=-\r\n"), 0, ERR_PROTO, 0, "no m= section");
    expect_defect(offer_with("m=", "m=video 9 UDP/TLS/RTP/SAVPF 96"), 0, ERR_UNSUPPORTED, 0,
                  "m=audio");
}

static void test_each_unserved_value_is_named(void **state)
{
    (void)state;
    expect_defect(offer_with("m=", "m=audio 9 RTP/AVP 111"), 0, ERR_UNSUPPORTED, 5,
                  "protocol RTP/AVP is not served");
    expect_defect(offer_with("m=", "m=audio 0 UDP/TLS/RTP/SAVPF 111"), 0, ERR_UNSUPPORTED, 5,
                  "port 0");
    expect_defect(offer_with("a=setup", "a=setup:holdconn"), 0, ERR_UNSUPPORTED, 5, "holdconn");
    expect_defect(offer_with("a=fingerprint", "a=fingerprint:sha-1 00:11"), 0, ERR_UNSUPPORTED, 5,
                  "sha-256, sha-384");
    expect_defect(offer_with("a=sendrecv", "a=inactive"), 0, ERR_UNSUPPORTED, 5, "inactive");
    expect_defect(offer_with("a=sendrecv", "a=recvonly"), SDP_PEER_SENDS, ERR_UNSUPPORTED, 5,
                  "must be sendonly or sendrecv");
    expect_defect(offer_with("a=sendrecv", "a=sendonly"), SDP_PEER_RECEIVES, ERR_UNSUPPORTED, 5,
                  "must be recvonly or sendrecv");
    expect_defect(offer_with("a=sendrecv", "a=sendonly"), 3, ERR_UNSUPPORTED, 5,
                  "must be sendrecv");
    expect_defect(offer_with("a=rtpmap:111", "a=rtpmap:111 opus/44100/2"), 0, ERR_UNSUPPORTED, 5,
                  "opus/48000/2");
}

static void test_each_malformed_line_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *replaced;
        const char *line;
        unsigned at;
        const char *said;
    } rows[] = {
        {"s=-", "hello", 3, "\"hello\" is no line"},
        {"s=-", "", 3, "empty line"},
        {"s=-", "S=x", 3, "x=value"},
        {"s=-", "a", 3, "x=value"},
        {"s=-", "\x01\x80=", 3, "?="},
        {"m=", "m=audio 9 UDP/TLS/RTP/SAVPF", 5, "malformed m="},
        {"m=", "m=audio x UDP/TLS/RTP/SAVPF 111", 5, "malformed m="},
        {"m=", "m=audio 65536 UDP/TLS/RTP/SAVPF 111", 5, "malformed m="},
        {"m=", "m=audio 9 UDP/TLS/RTP/SAVPF 128", 5, "0 to 127"},
        {"m=", "m=audio 9 UDP/TLS/RTP/SAVPF x", 5, "\"x\""},
        {"m=", "m=", 5, "malformed m="},
        {"a=mid", "a=mid:", 6, "a=mid"},
        {"a=mid", "a=mid:012345678901234567890123456789012", 6, "1 to 32"},
        {"a=ice-ufrag", "a=ice-ufrag:abc", 9, "4 to 256"},
        {"a=ice-ufrag", "a=ice-ufrag:ab:cd", 9, "letters"},
        {"a=ice-pwd", "a=ice-pwd:012345678901234567890", 10, "22 to 256"},
        {"a=fingerprint", "a=fingerprint:sha-256", 11, "hash"},
        {"a=fingerprint", "a=fingerprint:sha-256 00:11", 11, "32 bytes"},
        {"a=fingerprint", "a=fingerprint:SHA-512 00:11", 11, "64 bytes"},
        {"a=setup", "a=setup:maybe", 12, "a=setup:maybe"},
        {"a=rtpmap:111", "a=rtpmap:111", 13, "a=rtpmap"},
        {"a=rtpmap:111", "a=rtpmap:111 opus", 13, "a=rtpmap"},
        {"a=rtpmap:111", "a=rtpmap:x opus/48000/2", 13, "a=rtpmap"},
        {"a=rtpmap:111", "a=rtpmap:111 opus/48000/x", 13, "a=rtpmap"},
        {"a=fmtp", "a=fmtp:x 1", 15, "a=fmtp"},
        {"a=fmtp", "a=rtcp-fb:x nack", 15, "a=rtcp-fb"},
        {"a=fmtp", "a=extmap:0 urn:x", 15, "a=extmap"},
        {"a=fmtp", "a=extmap:1", 15, "a=extmap"},
        {"a=fmtp", "a=ptime:x", 15, "a=ptime"},
        {"a=fmtp", "a=ssrc:x cname:y", 15, "a=ssrc"},
        {"a=fmtp", "a=candidate:1 1 udp x 192.0.2.1 9 typ host", 15, "candidate"},
        {"a=fmtp", "a=candidate:1 1 udp 5 192.0.2.1 9", 15, "candidate"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_defect(offer_with(rows[i].replaced, rows[i].line), 0, ERR_PROTO, rows[i].at,
                      rows[i].said);
}

/* The good offer, then `count` times `line`. */
static struct slice offer_and(const char *line, unsigned count)
{
    struct writer w = writer_of(text, sizeof(text));
    w.at = offer_with("-", NULL).bytes;
    for (unsigned i = 0; i < count; i++)
        writer_printf(&w, "%s\r\n", line);
    assert_false(w.full);
    return writer_slice(&w);
}

static void test_limits_hold_at_plus_one(void **state)
{
    (void)state;
    char formats[256] = "m=audio 9 UDP/TLS/RTP/SAVPF 111";
    assert_int_equal(sdp_parse(&session, offer_and("a=x", SDP_LINES_MAX - GOOD_LINES), &error), 0);
    expect_defect(offer_and("a=x", SDP_LINES_MAX - GOOD_LINES + 1), 0, ERR_PROTO, SDP_LINES_MAX + 1,
                  "more than 500 lines");
    const char *video = "m=video 0 UDP/TLS/RTP/SAVPF 96";
    assert_int_equal(sdp_parse(&session, offer_and(video, SDP_SECTIONS_MAX - 1), &error), 0);
    assert_int_equal(session.section_count, SDP_SECTIONS_MAX);
    expect_defect(offer_and(video, SDP_SECTIONS_MAX), 0, ERR_PROTO, GOOD_LINES + SDP_SECTIONS_MAX,
                  "more than 16 m= sections");
    assert_int_equal(sdp_parse(&session, offer_and("a=extmap:5 urn:x", SDP_EXTMAPS_MAX), &error),
                     0);
    expect_defect(offer_and("a=extmap:5 urn:x", SDP_EXTMAPS_MAX + 1), 0, ERR_PROTO,
                  GOOD_LINES + SDP_EXTMAPS_MAX + 1, "more than 32 header extensions");
    for (unsigned i = 1; i < SDP_CODECS_MAX; i++)
        (void)snprintf(formats + strlen(formats), 8, " %u", i);
    assert_int_equal(sdp_parse(&session, offer_with("m=", formats), &error), 0);
    (void)snprintf(formats + strlen(formats), 8, " 99");
    expect_defect(offer_with("m=", formats), 0, ERR_PROTO, 5, "more than 32 formats");
    const char *candidate = "a=candidate:1 1 udp 5 192.0.2.1 9 typ host";
    assert_int_equal(sdp_parse(&session, offer_and(candidate, SDP_CANDIDATES_MAX + 1), &error), 0);
    assert_int_equal(session.sections[0].candidates.count, SDP_CANDIDATES_MAX);

    char *large = malloc(SDP_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, 'x', SDP_BYTES_MAX + 1);
    memcpy(large, offer_with("-", NULL).data, 64);
    expect_defect(slice_of(large, SDP_BYTES_MAX + 1), 0, ERR_PROTO, 0, "at most 16384");
    large[70] = '\0';
    expect_defect(slice_of(large, 100), 0, ERR_PROTO, 0, "zero byte");
    free(large);
}

static void test_longest_names_fit(void **state)
{
    (void)state;
    char ufrag[300] = "a=ice-ufrag:";
    char pwd[300] = "a=ice-pwd:";
    memset(ufrag + strlen(ufrag), 'u', SDP_UFRAG_MAX);
    memset(pwd + strlen(pwd), 'p', SDP_PWD_MAX);
    assert_int_equal(sdp_parse(&session, offer_with("a=ice-ufrag", ufrag), &error), 0);
    assert_int_equal(sdp_select(&session, 0, &choice, &error), 0);
    assert_int_equal(strlen(choice.ufrag), SDP_UFRAG_MAX);
    assert_int_equal(sdp_parse(&session, offer_with("a=ice-pwd", pwd), &error), 0);
    assert_int_equal(sdp_select(&session, 0, &choice, &error), 0);
    assert_int_equal(strlen(choice.pwd), SDP_PWD_MAX);
    ufrag[strlen(ufrag)] = 'u';
    expect_defect(offer_with("a=ice-ufrag", ufrag), 0, ERR_PROTO, 9, "4 to 256");
    pwd[strlen(pwd)] = 'p';
    expect_defect(offer_with("a=ice-pwd", pwd), 0, ERR_PROTO, 10, "22 to 256");
}

static void test_each_truncation_is_safe(void **state)
{
    (void)state;
    static const char *const names[] = {"chromium_recvonly", "firefox_recvonly", "aiortc"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct slice offer = recorded("sdp", names[i]);
        for (size_t bytes = 0; bytes < offer.bytes; bytes++) {
            char *cut = malloc(bytes > 0 ? bytes : 1);
            assert_non_null(cut);
            memcpy(cut, offer.data, bytes);
            error = (struct sdp_error){.line = 0};
            int err = sdp_parse(&session, slice_of(cut, bytes), &error);
            if (err == 0)
                err = sdp_select(&session, 0, &choice, &error);
            if (err != 0)
                assert_true(error.text[0] != '\0');
            free(cut);
        }
    }
}

static void test_details_are_understood(void **state)
{
    (void)state;
    /* LF alone, empty lines at the end, no rtpmap for the static types */
    assert_int_equal(
        sdp_parse(&session, slice_text("v=0\nm=audio 9 RTP/SAVPF 0 8\na=ptime:20\n\r\n\n"), &error),
        0);
    assert_int_equal(session.sections[0].ptime_ms, 20);
    assert_int_equal(session.sections[0].codec_count, 2);
    assert_int_equal(session.sections[0].codecs[0].name.bytes, 0);
    /* nack: bare and for this codec or for all; not "nack pli" */
    static const struct {
        const char *line;
        bool nack;
    } rows[] = {{"a=rtcp-fb:111 nack", true},
                {"a=rtcp-fb:* nack", true},
                {"a=rtcp-fb:111 nack pli", false},
                {"a=rtcp-fb:63 nack", false},
                {"a=rtcp-fb:111 transport-cc", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(sdp_parse(&session, offer_and(rows[i].line, 1), &error), 0);
        assert_int_equal(sdp_select(&session, 0, &choice, &error), 0);
        assert_int_equal(choice.opus_nack, rows[i].nack);
    }
    /* RED must carry our Opus and nothing else */
    assert_int_equal(sdp_parse(&session, offer_with("a=fmtp", "a=fmtp:63 111/0"), &error), 0);
    assert_int_equal(sdp_select(&session, 0, &choice, &error), 0);
    assert_false(choice.has_red);
    assert_int_equal(
        sdp_parse(&session, offer_with("m=", "m=audio 9 UDP/TLS/RTP/SAVPF 63 111"), &error), 0);
    assert_int_equal(sdp_select(&session, 0, &choice, &error), 0);
    assert_true(choice.has_red && choice.red_first);
    /* stereo: with spaces, not as part of sprop-stereo */
    assert_int_equal(
        sdp_parse(&session, offer_and("a=fmtp:111 minptime=10; stereo=1 ;cbr=1", 1), &error), 0);
    assert_int_equal(sdp_select(&session, 0, &choice, &error), 0);
    assert_true(choice.opus_stereo);
    assert_int_equal(sdp_parse(&session, offer_and("a=fmtp:111 sprop-stereo=1", 1), &error), 0);
    assert_int_equal(sdp_select(&session, 0, &choice, &error), 0);
    assert_false(choice.opus_stereo);
}

static void test_candidates(void **state)
{
    (void)state;
    struct sdp_candidate candidate;
    static const char *const useless[] = {
        "candidate:1 1 udp 5 4e7b.local 9 typ host",
        "candidate:1 1 tcp 5 192.0.2.1 9 typ host tcptype active",
        "candidate:1 2 udp 5 192.0.2.1 9 typ host",
        "candidate:1 1 udp 5 192.0.2.1 0 typ host",
        "candidate:1 1 udp 5 192.0.2.1:80 9 typ host",
        "candidate:1 1 udp 5 [::1] 9 typ host",
        "candidate:1 1 udp 5 192.0.2.1 9 typ future",
        "candidate:1 1 udp 5 fe80::1%eth0 9 typ host",
    };
    static const char *const malformed[] = {
        "",
        "candidate",
        "candidate:",
        "candidate:1 1 udp 5 192.0.2.1 9 typ",
        "1 1 udp 5 ::1 9 typ x",
        "candidate:1 1 udp 4294967296 192.0.2.1 9 typ host",
        "candidate:1 257 udp 5 192.0.2.1 9 typ host",
        "candidate:1 1 udp 5 192.0.2.1 65536 typ host",
        "candidate:123456789012345678901234567890123 1 udp 5 192.0.2.1 9 typ host",
    };
    for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++)
        assert_int_equal(sdp_candidate_parse(&candidate, slice_text(useless[i])), ERR_AGAIN);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        assert_int_equal(sdp_candidate_parse(&candidate, slice_text(malformed[i])), ERR_PROTO);
    assert_int_equal(
        sdp_candidate_parse(&candidate,
                            slice_text("a=candidate:x+/9 1 UDP 4294967295 2001:db8::1 65535 typ "
                                       "relay raddr ::1 rport 9 generation 0")),
        0);
    assert_true(candidate.priority == UINT32_MAX && candidate.address.port == 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chromium_offers),
        cmocka_unit_test(test_firefox_offers),
        cmocka_unit_test(test_other_clients_offers),
        cmocka_unit_test(test_each_missing_line_is_named),
        cmocka_unit_test(test_each_unserved_value_is_named),
        cmocka_unit_test(test_each_malformed_line_is_named),
        cmocka_unit_test(test_limits_hold_at_plus_one),
        cmocka_unit_test(test_longest_names_fit),
        cmocka_unit_test(test_each_truncation_is_safe),
        cmocka_unit_test(test_details_are_understood),
        cmocka_unit_test(test_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
