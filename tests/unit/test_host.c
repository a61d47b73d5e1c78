#include "transport/host.h"

#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"
#include "rostrum/srtp_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { OUR_SSRC = 77, THEIR_SSRC = 99, OPUS = 111, RED = 63, SENT_MAX = 512 };

/* One host, and the browser at the other end of its keys. */
struct bench {
    struct host *host;
    struct srtp_link *browser;
    uint64_t now_us;
    unsigned rtp_count; /* packets that reached the stage */
    uint16_t last_seq;
    unsigned sent_count;
    size_t sent_bytes[SENT_MAX];
    uint8_t sent[SENT_MAX][1600];
};

static struct bench bench_under_test;

static void on_send(void *owner, const uint8_t *data, size_t bytes)
{
    struct bench *bench = owner;
    assert_true(bench->sent_count < SENT_MAX && bytes <= sizeof(bench->sent[0]));
    memcpy(bench->sent[bench->sent_count], data, bytes);
    bench->sent_bytes[bench->sent_count++] = bytes;
}

static void on_rtp(void *owner, const uint8_t *rtp, size_t bytes, uint64_t arrival_us)
{
    struct bench *bench = owner;
    struct rtp_packet packet;
    assert_int_equal(rtp_parse(&packet, slice_of(rtp, bytes)), 0);
    assert_int_equal(arrival_us, bench->now_us);
    bench->rtp_count++;
    bench->last_seq = packet.seq;
}

static const struct host_events events = {.on_send = on_send, .on_rtp = on_rtp};

static struct bench *open_bench(bool nack)
{
    struct bench *bench = &bench_under_test;
    memset(bench, 0, sizeof(*bench));
    bench->now_us = 5000000;
    struct srtp_keys keys = {.profile = SRTP_AEAD_AES_128_GCM};
    memset(keys.send.key, 1, sizeof(keys.send.key));
    memset(keys.receive.key, 2, sizeof(keys.receive.key));
    struct srtp_keys mirrored = {
        .profile = keys.profile, .send = keys.receive, .receive = keys.send};
    assert_int_equal(srtp_link_startup(), 0);
    assert_int_equal(srtp_link_create(&bench->browser, &mirrored), 0);
    struct host_params params = {.keys = &keys,
                                 .events = &events,
                                 .owner = bench,
                                 .ssrc = OUR_SSRC,
                                 .payload_type = OPUS,
                                 .red_type = RED,
                                 .nack = nack,
                                 .wall_ms = 1700000000000};
    assert_int_equal(host_create(&bench->host, &params, bench->now_us), 0);
    return bench;
}

static void close_bench(struct bench *bench)
{
    host_destroy(bench->host);
    srtp_link_destroy(bench->browser);
}

static bool speak(struct bench *bench, uint16_t seq, uint8_t payload_type)
{
    uint8_t packet[256];
    struct rtp_packet rtp = {
        .payload_type = payload_type, .seq = seq, .timestamp = seq * 960u, .ssrc = THEIR_SSRC};
    struct writer w = writer_of(packet, sizeof(packet));
    assert_int_equal(rtp_write_header(&rtp, &w), 0);
    writer_text(&w, "opus");
    size_t bytes = w.at;
    assert_int_equal(srtp_link_protect(bench->browser, packet, &bytes), 0);
    return host_receive_rtp(bench->host, packet, bytes, bench->now_us);
}

/* Opens the i-th datagram that the host sent as RTCP, and finds the packet of that kind in it. */
static bool find_rtcp(struct bench *bench, unsigned i, enum rtcp_kind kind, struct rtcp_packet *out)
{
    static uint8_t copy[1600];
    size_t bytes = bench->sent_bytes[i];
    memcpy(copy, bench->sent[i], bytes);
    if (srtp_link_unprotect_rtcp(bench->browser, copy, &bytes) != 0)
        return false;
    struct cursor c = cursor_of(slice_of(copy, bytes));
    while (rtcp_next(&c, out) == 0)
        if (out->kind == kind)
            return true;
    return false;
}

static void test_a_gap_is_asked_for_at_once_and_again(void **state)
{
    (void)state;
    struct bench *bench = open_bench(true);
    struct rtcp_packet rtcp;
    assert_true(speak(bench, 100, OPUS));
    assert_true(speak(bench, 103, OPUS));
    assert_int_equal(bench->sent_count, 1);
    assert_true(find_rtcp(bench, 0, RTCP_NACK, &rtcp));
    assert_int_equal(rtcp.nack.media_ssrc, THEIR_SSRC);
    assert_int_equal(rtcp.nack.seq_count, 2);
    assert_int_equal(rtcp.nack.seqs[0], 101);
    assert_int_equal(rtcp.nack.seqs[1], 102);
    assert_true(speak(bench, 101, OPUS));
    assert_int_equal(bench->rtp_count, 3);
    unsigned asked = 1;
    while (host_due_us(bench->host) < 5000000 + 400000) {
        bench->now_us = host_due_us(bench->host);
        unsigned before = bench->sent_count;
        host_tick(bench->host, bench->now_us);
        if (bench->sent_count > before) {
            assert_true(find_rtcp(bench, before, RTCP_NACK, &rtcp));
            assert_int_equal(rtcp.nack.seq_count, 1);
            assert_int_equal(rtcp.nack.seqs[0], 102);
            asked++;
        }
    }
    assert_int_equal(asked, 4);
    close_bench(bench);
}

static void test_without_negotiation_nothing_is_asked_for(void **state)
{
    (void)state;
    struct bench *bench = open_bench(false);
    assert_true(speak(bench, 100, OPUS));
    assert_true(speak(bench, 110, OPUS));
    assert_int_equal(bench->sent_count, 0);
    assert_int_equal(bench->rtp_count, 2);
    close_bench(bench);
}

static void test_only_negotiated_payloads_reach_the_stage(void **state)
{
    (void)state;
    struct bench *bench = open_bench(false);
    assert_true(speak(bench, 1, OPUS));
    assert_true(speak(bench, 2, RED));
    assert_true(speak(bench, 3, 13));
    assert_int_equal(bench->rtp_count, 2);
    close_bench(bench);
}

static void test_a_flood_of_valid_packets_is_policed(void **state)
{
    (void)state;
    struct bench *bench = open_bench(false);
    for (unsigned i = 0; i < 2000; i++) {
        bench->now_us += 500;
        assert_true(speak(bench, (uint16_t)i, OPUS));
    }
    /* one second: the burst and a second's share */
    assert_in_range(bench->rtp_count, HOST_BURST_PACKETS + HOST_PACKETS_PER_S - 2,
                    HOST_BURST_PACKETS + HOST_PACKETS_PER_S + 2);
    assert_int_equal(host_counts(bench->host)->policed, 2000 - bench->rtp_count);
    close_bench(bench);
}

static void test_forged_packets_use_up_no_share(void **state)
{
    (void)state;
    struct bench *bench = open_bench(false);
    uint8_t forged[100] = {0x80, OPUS, 0, 1};
    for (unsigned i = 0; i < 5000; i++)
        assert_false(host_receive_rtp(bench->host, forged, sizeof(forged), bench->now_us));
    assert_int_equal(host_counts(bench->host)->forged, 5000);
    assert_true(speak(bench, 1, OPUS));
    assert_int_equal(bench->rtp_count, 1);
    close_bench(bench);
}

static void send_frame(struct bench *bench, uint64_t index, uint8_t fill)
{
    static union {
        struct media_frame frame;
        uint8_t room[sizeof(struct media_frame) + 64];
    } made;
    made.frame = (struct media_frame){.kind = MEDIA_HOST,
                                      .index = index,
                                      .made_us = bench->now_us,
                                      .timestamp = (uint32_t)index * 960,
                                      .samples = 960,
                                      .payload_bytes = 64};
    memset(made.room + offsetof(struct media_frame, payload), fill, 64);
    host_send(bench->host, &made.frame);
}

static struct rtp_packet open_sent(struct bench *bench, unsigned i, uint8_t *first_byte)
{
    static uint8_t copy[1600];
    size_t bytes = bench->sent_bytes[i];
    struct rtp_packet rtp;
    memcpy(copy, bench->sent[i], bytes);
    assert_int_equal(srtp_link_unprotect(bench->browser, copy, &bytes), 0);
    assert_int_equal(rtp_parse(&rtp, slice_of(copy, bytes)), 0);
    assert_int_equal(rtp.payload.bytes, 64);
    *first_byte = rtp.payload.data[0];
    return rtp;
}

static void nack(struct bench *bench, uint16_t seq)
{
    uint8_t packet[128];
    struct writer w = writer_of(packet, sizeof(packet) - SRTCP_TRAILER_MAX);
    assert_int_equal(rtcp_write_rr(THEIR_SSRC, NULL, 0, &w), 0);
    assert_int_equal(rtcp_write_nack(THEIR_SSRC, OUR_SSRC, &seq, 1, &w), 0);
    size_t bytes = w.at;
    assert_int_equal(srtp_link_protect_rtcp(bench->browser, packet, &bytes), 0);
    assert_true(host_receive_rtcp(bench->host, packet, bytes, bench->now_us));
}

static void test_the_feed_is_numbered_by_index_and_never_goes_back(void **state)
{
    (void)state;
    struct bench *bench = open_bench(false);
    const uint64_t indices[] = {1000, 1001, 1003, 0, 1, 1};
    const uint16_t steps[] = {0, 1, 3, 4, 5, 6};
    uint8_t first;
    uint16_t start = 0;
    for (unsigned i = 0; i < 6; i++) {
        send_frame(bench, indices[i], (uint8_t)i);
        struct rtp_packet rtp = open_sent(bench, i, &first);
        if (i == 0)
            start = rtp.seq;
        assert_int_equal(rtp.marker, i == 0);
        assert_int_equal(rtp.ssrc, OUR_SSRC);
        assert_int_equal(rtp.payload_type, OPUS);
        assert_int_equal((uint16_t)(rtp.seq - start), steps[i]);
        assert_int_equal(first, i);
    }
    assert_true(start < 0x8000);
    close_bench(bench);
}

static void test_a_request_brings_the_very_same_packet(void **state)
{
    (void)state;
    struct bench *bench = open_bench(false);
    uint8_t first;
    for (unsigned i = 0; i < 10; i++)
        send_frame(bench, i, (uint8_t)i);
    struct rtp_packet rtp = open_sent(bench, 0, &first);
    uint16_t start = rtp.seq;
    nack(bench, (uint16_t)(start + 4));
    assert_int_equal(bench->sent_count, 11);
    assert_int_equal(bench->sent_bytes[10], bench->sent_bytes[4]);
    assert_memory_equal(bench->sent[10], bench->sent[4], bench->sent_bytes[4]);
    nack(bench, (uint16_t)(start + 4));  /* at once again: it is on its way */
    nack(bench, (uint16_t)(start + 10)); /* never sent */
    nack(bench, (uint16_t)(start - 1));
    assert_int_equal(bench->sent_count, 11);
    assert_int_equal(host_counts(bench->host)->retransmitted, 1);
    for (unsigned i = 0; i < 300; i++) {
        bench->now_us += 20;
        nack(bench, (uint16_t)(start + i % 10));
    }
    assert_true(host_counts(bench->host)->retransmitted <= 11);
    close_bench(bench);
}

static void test_reports_tell_loss_and_round_trip(void **state)
{
    (void)state;
    struct bench *bench = open_bench(false);
    struct rtcp_packet rtcp;
    send_frame(bench, 0, 1);
    for (uint16_t seq = 65500; seq != 64; seq++)
        if (seq % 4 != 3)
            (void)speak(bench, seq, OPUS);
    unsigned before = bench->sent_count;
    assert_in_range(host_due_us(bench->host) - bench->now_us, HOST_REPORT_US / 2,
                    HOST_REPORT_US * 3 / 2);
    bench->now_us = host_due_us(bench->host);
    host_tick(bench->host, bench->now_us);
    assert_int_equal(bench->sent_count, before + 1);
    assert_true(find_rtcp(bench, before, RTCP_SR, &rtcp));
    assert_int_equal(rtcp.ssrc, OUR_SSRC);
    assert_int_equal(rtcp.report.sender.packets, 1);
    assert_int_equal(rtcp.report.block_count, 1);
    assert_int_equal(rtcp.report.blocks[0].ssrc, THEIR_SSRC);
    assert_int_equal(rtcp.report.blocks[0].highest_ext_seq, 65536 + 62);
    assert_int_equal(rtcp.report.blocks[0].lost_packets, 24);
    assert_in_range(rtcp.report.blocks[0].fraction_lost_q8, 60, 66);
    close_bench(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gap_is_asked_for_at_once_and_again),
        cmocka_unit_test(test_without_negotiation_nothing_is_asked_for),
        cmocka_unit_test(test_only_negotiated_payloads_reach_the_stage),
        cmocka_unit_test(test_a_flood_of_valid_packets_is_policed),
        cmocka_unit_test(test_forged_packets_use_up_no_share),
        cmocka_unit_test(test_the_feed_is_numbered_by_index_and_never_goes_back),
        cmocka_unit_test(test_a_request_brings_the_very_same_packet),
        cmocka_unit_test(test_reports_tell_loss_and_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
