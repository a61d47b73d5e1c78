#include "audience_fixture.h"

#include "audience/resend.h"

/* What listeners tell the audience: reports, requests, forgeries; and what it tells them. */

static const enum srtp_profile profiles[] = {SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80};
enum { PROFILES = 2 };

/* The datagrams of one tick, copied. */
struct tick {
    unsigned count;
    struct {
        uint32_t number;
        uint32_t bytes;
        uint8_t data[AUDIENCE_DATAGRAM_MAX];
    } sent[512];
};

static unsigned drain(struct hall *hall, struct tick *tick)
{
    unsigned made, total = 0;
    if (tick)
        tick->count = 0;
    while ((made = hall_fill(hall)) > 0) {
        for (unsigned i = 0; i < made; i++) {
            if (is_rtcp(&hall->out[i]))
                continue;
            assert_int_equal(hall->out[i].local, local_of(number_of(&hall->out[i])));
            total++;
            if (!tick)
                continue;
            assert_in_range(tick->count, 0, 511);
            tick->sent[tick->count].number = number_of(&hall->out[i]);
            tick->sent[tick->count].bytes = hall->out[i].bytes;
            memcpy(tick->sent[tick->count++].data, hall->out[i].data, hall->out[i].bytes);
        }
    }
    return total;
}

static uint16_t seq_in(const struct tick *tick, unsigned i)
{
    return (uint16_t)(tick->sent[i].data[2] << 8 | tick->sent[i].data[3]);
}

static void hall_open(struct hall *hall, struct listener *listeners, uint32_t count)
{
    hall_init(hall, count);
    for (uint32_t i = 0; i < count; i++) {
        listener_init(hall, &listeners[i], i, profiles[i % PROFILES]);
        listener_open(&listeners[i]);
        hall_seat(hall, &listeners[i]);
    }
}

static void hall_close(struct hall *hall, struct listener *listeners, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        listener_close(&listeners[i]);
    hall_clear(hall);
}

/* Sends one packet to the first listener only; returns its sequence number. */
static uint16_t send_one(struct hall *hall, struct tick *tick)
{
    hall_push(hall);
    drain(hall, tick);
    hall->now_us += TICK_US;
    for (unsigned i = 0; i < tick->count; i++)
        if (tick->sent[i].number == 0)
            return seq_in(tick, i);
    fail();
    return 0;
}

static void test_reports_prove_hearing_for_ten_seconds(void **state)
{
    (void)state;
    enum { SEATS = 4 };
    static struct tick tick;
    struct listener listeners[SEATS];
    struct hall hall;
    hall_open(&hall, listeners, SEATS);
    assert_true(listener_report(&hall, &listeners[0], 0, 0)); /* before anything was sent */
    uint16_t seq = send_one(&hall, &tick);
    assert_int_equal(hall_counts(&hall).hearing, 0);
    assert_true(listener_report(&hall, &listeners[0], seq, 128));
    for (unsigned i = 0; i < tick.count; i++)
        if (tick.sent[i].number == 1)
            assert_true(listener_report(&hall, &listeners[1], seq_in(&tick, i), 0));
    struct audience_counts counts = hall_counts(&hall);
    assert_int_equal(counts.connected, SEATS);
    assert_int_equal(counts.hearing, 2);
    assert_int_equal(counts.loss_permille, 250);
    assert_int_equal(counts.rtcp_bad, 0);

    hall.now_us += AUDIENCE_HEARING_US / 2;
    uint16_t next = send_one(&hall, &tick);
    assert_true(listener_report(&hall, &listeners[0], seq, 0));                  /* stands still */
    assert_true(listener_report(&hall, &listeners[0], (uint16_t)(next + 1), 0)); /* not sent yet */
    hall.now_us += AUDIENCE_HEARING_US / 2 - TICK_US;
    assert_int_equal(hall_counts(&hall).hearing, 0);
    assert_int_equal(hall_counts(&hall).loss_permille, 0);
    assert_true(listener_report(&hall, &listeners[0], next, 0));
    assert_int_equal(hall_counts(&hall).hearing, 1);
    audience_remove_seat(hall.audience, listeners[0].seat);
    assert_int_equal(hall_counts(&hall).hearing, 0);
    hall_close(&hall, listeners, SEATS);
}

static void test_a_replayed_report_does_not_extend_hearing(void **state)
{
    (void)state;
    enum { SEATS = 2 };
    static struct tick tick;
    struct listener listeners[SEATS];
    struct hall hall;
    hall_open(&hall, listeners, SEATS);
    uint16_t seq = send_one(&hall, &tick);
    uint8_t report[PACKET_MAX], copy[PACKET_MAX];
    size_t bytes = write_report(&listeners[0], seq, 0, report);
    uint16_t later = send_one(&hall, &tick);
    uint8_t unsent[PACKET_MAX];
    size_t unsent_bytes = write_report(&listeners[0], later, 0, unsent);
    memcpy(copy, report, bytes);
    assert_true(audience_receive(hall.audience, listeners[0].seat, copy, bytes, hall.now_us));
    memcpy(copy, unsent, unsent_bytes);
    assert_true(
        audience_receive(hall.audience, listeners[0].seat, copy, unsent_bytes, hall.now_us));
    assert_int_equal(hall_counts(&hall).hearing, 1);
    hall.now_us += AUDIENCE_HEARING_US;
    assert_int_equal(hall_counts(&hall).hearing, 0);
    memcpy(copy, report, bytes);
    assert_false(audience_receive(hall.audience, listeners[0].seat, copy, bytes, hall.now_us));
    memcpy(copy, unsent, unsent_bytes);
    assert_false(
        audience_receive(hall.audience, listeners[0].seat, copy, unsent_bytes, hall.now_us));
    assert_int_equal(hall_counts(&hall).hearing, 0);
    assert_int_equal(hall_counts(&hall).rtcp_bad, 2);
    hall_close(&hall, listeners, SEATS);
}

static void test_forged_rtcp_changes_nothing(void **state)
{
    (void)state;
    enum { SEATS = 2 };
    static struct tick tick;
    struct listener listeners[SEATS];
    struct hall hall;
    hall_open(&hall, listeners, SEATS);
    uint16_t seq = send_one(&hall, &tick);
    uint64_t bad = 0;
    for (unsigned seat = 0; seat < SEATS; seat++) {
        uint8_t good[PACKET_MAX], packet[PACKET_MAX];
        size_t bytes = write_report(&listeners[seat], seq, 0, good);
        for (size_t bit = 0; bit < bytes * 8; bit++, bad++) {
            memcpy(packet, good, bytes);
            packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(
                audience_receive(hall.audience, listeners[seat].seat, packet, bytes, hall.now_us));
        }
        for (size_t cut = 0; cut < bytes; cut++, bad++) {
            memcpy(packet, good, bytes);
            assert_false(
                audience_receive(hall.audience, listeners[seat].seat, packet, cut, hall.now_us));
        }
        for (unsigned i = 0; i < 5000; i++, bad++) {
            noise_fill(&hall.seed, packet, 100);
            assert_false(
                audience_receive(hall.audience, listeners[seat].seat, packet, 100, hall.now_us));
        }
        /* the other seat's keys */
        memcpy(packet, good, bytes);
        assert_false(
            audience_receive(hall.audience, listeners[1 - seat].seat, packet, bytes, hall.now_us));
        bad++;
    }
    assert_false(audience_receive(hall.audience, 40000, tick.sent[0].data, 100, hall.now_us));
    bad++;
    struct audience_counts counts = hall_counts(&hall);
    assert_int_equal(counts.rtcp_bad, bad);
    assert_int_equal(counts.hearing, 0);
    assert_int_equal(counts.connected, SEATS);
    assert_int_equal(counts.nack_refused, 0);
    assert_int_equal(audience_due(hall.audience), 0);
    /* and the replay window was not moved either */
    assert_true(listener_report(&hall, &listeners[0], seq, 0));
    assert_int_equal(hall_counts(&hall).hearing, 1);
    hall_close(&hall, listeners, SEATS);
}

static void test_a_retransmission_is_the_same_bytes(void **state)
{
    (void)state;
    enum { SEATS = 8, PACKETS = 6 };
    static struct tick ticks[PACKETS], again;
    struct listener listeners[SEATS];
    struct hall hall;
    hall_open(&hall, listeners, SEATS);
    for (unsigned k = 0; k < PACKETS; k++)
        send_one(&hall, &ticks[k]);
    /* the first one bears the marker, the fourth does not */
    for (unsigned k = 0; k < PACKETS; k += 3) {
        for (unsigned i = 0; i < ticks[k].count; i++) {
            uint16_t seq = seq_in(&ticks[k], i);
            assert_true(listener_nack(&hall, &listeners[ticks[k].sent[i].number], &seq, 1));
        }
        assert_true(audience_due(hall.audience) > 0);
        assert_int_equal(drain(&hall, &again), SEATS);
        assert_int_equal(audience_due(hall.audience), 0);
        for (unsigned i = 0; i < again.count; i++) {
            assert_int_equal(again.sent[i].number, ticks[k].sent[i].number);
            assert_int_equal(again.sent[i].bytes, ticks[k].sent[i].bytes);
            assert_memory_equal(again.sent[i].data, ticks[k].sent[i].data, again.sent[i].bytes);
        }
    }
    struct audience_counts counts = hall_counts(&hall);
    assert_int_equal(counts.retransmitted, 2 * SEATS);
    assert_int_equal(counts.packets_sent, PACKETS * SEATS);
    assert_int_equal(counts.nack_refused, 0);
    hall_close(&hall, listeners, SEATS);
}

static void test_what_was_never_sent_or_is_too_old_is_refused(void **state)
{
    (void)state;
    static struct tick tick;
    struct listener listener;
    struct hall hall;
    hall_open(&hall, &listener, 1);
    uint16_t first = send_one(&hall, &tick);
    uint16_t asked[] = {(uint16_t)(first - 1), (uint16_t)(first + 1), (uint16_t)(first + 40000)};
    assert_true(listener_nack(&hall, &listener, asked, 3));
    assert_int_equal(hall_counts(&hall).nack_refused, 3);
    for (unsigned i = 0; i < PROGRAM_HISTORY; i++)
        send_one(&hall, &tick);
    assert_true(listener_nack(&hall, &listener, &first, 1));
    assert_int_equal(hall_counts(&hall).nack_refused, 4);
    assert_int_equal(hall_counts(&hall).retransmitted, 0);
    assert_int_equal(audience_due(hall.audience), 0);
    hall_close(&hall, &listener, 1);
}

static void test_a_nack_storm_is_bounded(void **state)
{
    (void)state;
    enum { SEATS = 40, PACKETS = 300 };
    static struct tick tick;
    struct listener listeners[SEATS];
    uint16_t newest[SEATS];
    struct hall hall;
    hall_open(&hall, listeners, SEATS);
    for (unsigned k = 0; k < PACKETS; k++) {
        hall_push(&hall);
        drain(&hall, &tick);
        for (unsigned i = 0; i < tick.count; i++)
            newest[tick.sent[i].number] = seq_in(&tick, i);
        for (unsigned i = 0; k > 0 && i < SEATS; i++) {
            uint16_t seqs[64];
            unsigned count = k < 64 ? k : 64;
            for (unsigned n = 0; n < count; n++)
                seqs[n] = (uint16_t)(newest[i] - count + 1 + n);
            assert_true(listener_nack(&hall, &listeners[i], seqs, count));
        }
        struct audience_counts counts = hall_counts(&hall);
        drain(&hall, NULL);
        assert_in_range(hall_counts(&hall).retransmitted - counts.retransmitted, 0, RESEND_QUEUE);
        hall.now_us += TICK_US;
    }
    struct audience_counts counts = hall_counts(&hall);
    assert_int_equal(counts.packets_sent, SEATS * PACKETS);
    assert_in_range(counts.retransmitted, SEATS * PACKETS / 2,
                    SEATS * (PACKETS / RESEND_PACKETS_PER_ONE + RESEND_BURST));
    assert_true(counts.nack_refused > 10 * counts.packets_sent);
    assert_int_equal(counts.packets_late, 0);
    hall_close(&hall, listeners, SEATS);
}

static void test_requests_end_with_their_seat(void **state)
{
    (void)state;
    static struct tick tick;
    struct listener listeners[2];
    struct hall hall;
    hall_open(&hall, listeners, 1);
    uint16_t seq = send_one(&hall, &tick);
    assert_true(listener_nack(&hall, &listeners[0], &seq, 1));
    audience_remove_seat(hall.audience, listeners[0].seat);
    listener_init(&hall, &listeners[1], 1, SRTP_AEAD_AES_128_GCM);
    hall_seat(&hall, &listeners[1]);
    assert_int_equal(listeners[1].seat, listeners[0].seat); /* the number has a new owner */
    assert_int_equal(drain(&hall, &tick), 0);
    assert_int_equal(hall_counts(&hall).retransmitted, 0);
    hall_close(&hall, listeners, 2);
}

/* Opens and reads one sender report; returns its NTP time. */
static uint64_t read_sender_report(struct hall *hall, struct listener *listener,
                                   const struct datagram *datagram, uint32_t *packets)
{
    uint8_t copy[PACKET_MAX];
    struct rtcp_packet packet;
    int bytes = (int)datagram->bytes;
    memcpy(copy, datagram->data, datagram->bytes);
    assert_int_equal(srtp_unprotect_rtcp(listener->receiver, copy, &bytes), srtp_err_status_ok);
    struct cursor c = cursor_of(slice_of(copy, (size_t)bytes));
    assert_int_equal(rtcp_next(&c, &packet), 0);
    assert_int_equal(packet.kind, RTCP_SR);
    assert_int_equal(packet.ssrc, listener->ssrc);
    assert_int_equal(datagram->local, listener->local);
    uint64_t age_us = hall->now_us - hall->packet.made_us;
    /* made_us is when the packet's last frame was made */
    uint32_t last_frame = hall->packet.timestamp + hall->packet.samples - SAMPLES;
    assert_int_equal(packet.report.sender.timestamp, last_frame + (uint32_t)(age_us * 48 / 1000));
    uint64_t ntp = packet.report.sender.ntp;
    *packets = packet.report.sender.packets;
    assert_true(packet.report.sender.bytes >= 80 * *packets);
    assert_int_equal(rtcp_next(&c, &packet), 0);
    assert_int_equal(packet.kind, RTCP_SDES);
    assert_true(slice_is(packet.cname, AUDIENCE_CNAME));
    assert_int_equal(rtcp_next(&c, &packet), ERR_AGAIN);
    return ntp;
}

static void test_sender_reports_come_every_five_seconds(void **state)
{
    (void)state;
    enum { SEATS = 50, SECONDS = 60, SECOND_US = 1000 * 1000, MOST_IN_A_TICK = 10 };
    static uint64_t last_us[SEATS], last_ntp[SEATS];
    unsigned reports[SEATS] = {0};
    struct listener listeners[SEATS];
    struct hall hall;
    hall_open(&hall, listeners, SEATS);
    uint64_t start_us = hall.now_us;
    for (unsigned k = 0; k < SECONDS * SECOND_US / TICK_US; k++) {
        unsigned made, in_tick = 0;
        hall.is_economy = k > SECONDS * SECOND_US / TICK_US / 2;
        hall_push(&hall);
        hall.now_us += 3000; /* the report comes some time after its packet */
        while ((made = hall_fill(&hall)) > 0) {
            for (unsigned i = 0; i < made; i++) {
                uint32_t number = number_of(&hall.out[i]), packets;
                if (!is_rtcp(&hall.out[i]))
                    continue;
                uint64_t ntp =
                    read_sender_report(&hall, &listeners[number], &hall.out[i], &packets);
                assert_int_equal(packets, k + 1);
                if (reports[number]++ == 0) {
                    assert_in_range(hall.now_us - start_us, 1 * SECOND_US, 2 * SECOND_US);
                } else {
                    uint64_t pause_us = hall.now_us - last_us[number];
                    assert_in_range(pause_us, 4 * SECOND_US, 7 * SECOND_US);
                    uint64_t by_ntp_us = ((ntp - last_ntp[number]) * SECOND_US) >> 32;
                    assert_in_range(by_ntp_us, pause_us - 2, pause_us + 2);
                }
                last_us[number] = hall.now_us;
                last_ntp[number] = ntp;
                in_tick++;
            }
        }
        assert_in_range(in_tick, 0, MOST_IN_A_TICK);
        hall.now_us += TICK_US - 3000;
    }
    for (unsigned i = 0; i < SEATS; i++)
        assert_in_range(reports[i], SECONDS / 7, SECONDS / 4 + 1);
    hall_close(&hall, listeners, SEATS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports_prove_hearing_for_ten_seconds),
        cmocka_unit_test(test_a_replayed_report_does_not_extend_hearing),
        cmocka_unit_test(test_forged_rtcp_changes_nothing),
        cmocka_unit_test(test_a_retransmission_is_the_same_bytes),
        cmocka_unit_test(test_what_was_never_sent_or_is_too_old_is_refused),
        cmocka_unit_test(test_a_nack_storm_is_bounded),
        cmocka_unit_test(test_requests_end_with_their_seat),
        cmocka_unit_test(test_sender_reports_come_every_five_seconds),
    };
    return cmocka_run_group_tests(tests, reference_startup, reference_shutdown);
}
