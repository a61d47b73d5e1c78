#include "audience_fixture.h"

static enum srtp_profile profile_of(uint32_t number)
{
    return number % 3 == 0 ? SRTP_AES128_CM_SHA1_80 : SRTP_AEAD_AES_128_GCM;
}

static struct listener *listeners_create(struct hall *hall, uint32_t count)
{
    struct listener *listeners = calloc(count, sizeof(*listeners));
    assert_non_null(listeners);
    for (uint32_t i = 0; i < count; i++)
        listener_init(hall, &listeners[i], i, profile_of(i));
    return listeners;
}

static void listeners_destroy(struct listener *listeners, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        listener_close(&listeners[i]);
    free(listeners);
}

static void test_each_packet_reaches_every_seat_once(void **state)
{
    (void)state;
    enum { SEATS = 1000, PACKETS = 60, LOOK_AT_EACH = 29 };
    static unsigned got[SEATS];
    static uint16_t last_seq[SEATS];
    struct hall hall;
    hall_init(&hall, SEATS);
    struct listener *listeners = listeners_create(&hall, SEATS);
    for (uint32_t i = 0; i < SEATS; i++) {
        if (i % LOOK_AT_EACH == 0)
            listener_open(&listeners[i]);
        hall_seat(&hall, &listeners[i]);
    }
    assert_int_equal(audience_due(hall.audience), 0);
    for (unsigned k = 0; k < PACKETS; k++) {
        hall_push(&hall);
        assert_true(audience_due(hall.audience) > 0);
        unsigned made;
        while ((made = hall_fill(&hall)) > 0) {
            for (unsigned i = 0; i < made; i++) {
                const struct datagram *datagram = &hall.out[i];
                if (is_rtcp(datagram))
                    continue;
                uint32_t number = number_of(datagram);
                assert_in_range(number, 0, SEATS - 1);
                struct sockaddr_in6 to = address_to_sockaddr(&listeners[number].address);
                assert_memory_equal(&datagram->to, &to, sizeof(to));
                assert_int_equal(has_marker(datagram), k == 0);
                if (k == 0)
                    assert_true(seq_of(datagram) < 0x8000);
                else
                    assert_int_equal(seq_of(datagram), (uint16_t)(last_seq[number] + 1));
                last_seq[number] = seq_of(datagram);
                got[number]++;
                if (listeners[number].receiver)
                    listener_hear(&hall, &listeners[number], datagram);
            }
        }
        assert_int_equal(audience_due(hall.audience), 0);
        for (uint32_t i = 0; i < SEATS; i++)
            assert_int_equal(got[i], k + 1);
        hall.now_us += TICK_US;
    }
    struct audience_counts counts = hall_counts(&hall);
    assert_int_equal(counts.connected, SEATS);
    assert_int_equal(counts.packets_sent, SEATS * PACKETS);
    assert_int_equal(counts.packets_late, 0);
    assert_int_equal(counts.hearing, 0);
    listeners_destroy(listeners, SEATS);
    hall_clear(&hall);
}

/* Sends one packet and lets every listener who looks hear it. */
static void tick(struct hall *hall, struct listener *listeners, uint32_t count)
{
    unsigned made;
    hall_push(hall);
    while ((made = hall_fill(hall)) > 0) {
        for (unsigned i = 0; i < made; i++) {
            if (is_rtcp(&hall->out[i]))
                continue;
            uint32_t number = number_of(&hall->out[i]);
            assert_in_range(number, 0, count - 1);
            if (listeners[number].receiver)
                listener_hear(hall, &listeners[number], &hall->out[i]);
        }
    }
    hall->now_us += TICK_US;
}

static void test_a_late_joiner_hears_at_once(void **state)
{
    (void)state;
    enum { SEATS = 6, PACKETS = 100 };
    static const uint64_t joins[] = {65535, 70000, 5000000, UINT64_C(1) << 40};
    for (size_t k = 0; k < sizeof(joins) / sizeof(joins[0]); k++) {
        struct hall hall;
        hall_init(&hall, SEATS);
        struct listener *listeners = listeners_create(&hall, SEATS);
        hall.next_index = joins[k];
        tick(&hall, listeners, SEATS); /* the room was live before they came */
        for (uint32_t i = 0; i < SEATS; i++) {
            listener_open(&listeners[i]);
            hall_seat(&hall, &listeners[i]);
        }
        for (unsigned i = 0; i < PACKETS; i++)
            tick(&hall, listeners, SEATS);
        assert_int_equal(hall_counts(&hall).packets_sent, SEATS * PACKETS);
        listeners_destroy(listeners, SEATS);
        hall_clear(&hall);
    }
}

static void test_a_seat_goes_over_its_own_wrap(void **state)
{
    (void)state;
    enum { SEATS = 2, PACKETS = 3 * 65536 };
    struct hall hall;
    hall_init(&hall, SEATS);
    struct listener *listeners = calloc(SEATS, sizeof(*listeners));
    assert_non_null(listeners);
    for (uint32_t i = 0; i < SEATS; i++) {
        listener_init(&hall, &listeners[i], i,
                      i == 0 ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_SHA1_80);
        listener_open(&listeners[i]);
        hall_seat(&hall, &listeners[i]);
    }
    for (uint32_t k = 0; k < PACKETS; k++)
        tick(&hall, listeners, SEATS);
    for (uint32_t i = 0; i < SEATS; i++) {
        uint32_t roc = 0;
        assert_int_equal(srtp_get_stream_roc(listeners[i].receiver, listeners[i].ssrc, &roc), 0);
        assert_in_range(roc, 2, 3);
    }
    listeners_destroy(listeners, SEATS);
    hall_clear(&hall);
}

/* Seats come and go in the middle of passes: who sat through the whole pass gets exactly one. */
static void test_seats_that_come_and_go_disturb_nobody(void **state)
{
    (void)state;
    enum { LISTENERS = 300, PACKETS = 200 };
    struct hall hall;
    hall_init(&hall, LISTENERS);
    struct listener *listeners = listeners_create(&hall, LISTENERS);
    uint32_t seated = 0;
    for (unsigned k = 0; k < PACKETS; k++) {
        unsigned got[LISTENERS] = {0};
        bool was_seated[LISTENERS], left[LISTENERS] = {false};
        for (uint32_t i = 0; i < LISTENERS; i++)
            was_seated[i] = listeners[i].seated;
        hall_push(&hall);
        unsigned made;
        do {
            made = audience_fill(hall.audience, hall.out, 1 + (unsigned)(noise(&hall.seed) % 40),
                                 hall.now_us);
            for (unsigned i = 0; i < made; i++)
                if (!is_rtcp(&hall.out[i]))
                    got[number_of(&hall.out[i])]++;
            for (unsigned i = 0; i < 3; i++) {
                struct listener *listener = &listeners[noise(&hall.seed) % LISTENERS];
                if (listener->seated) {
                    audience_remove_seat(hall.audience, listener->seat);
                    listener->seated = false;
                    left[listener->number] = true;
                    seated--;
                } else if (!left[listener->number]) {
                    hall_seat(&hall, listener);
                    seated++;
                }
            }
        } while (made > 0);
        for (uint32_t i = 0; i < LISTENERS; i++) {
            if (was_seated[i] && !left[i])
                assert_int_equal(got[i], 1);
            else if (was_seated[i])
                assert_in_range(got[i], 0, 1);
            else
                assert_int_equal(got[i], 0);
        }
        assert_int_equal(hall_counts(&hall).connected, seated);
        hall.now_us += TICK_US;
    }
    listeners_destroy(listeners, LISTENERS);
    hall_clear(&hall);
}

static void test_seat_numbers_and_keys_stay_when_others_leave(void **state)
{
    (void)state;
    enum { SEATS = 200 };
    struct hall hall;
    hall_init(&hall, SEATS);
    struct listener *listeners = listeners_create(&hall, SEATS);
    for (uint32_t i = 0; i < SEATS; i++) {
        listener_open(&listeners[i]);
        hall_seat(&hall, &listeners[i]);
        for (uint32_t k = 0; k < i; k++)
            assert_int_not_equal(listeners[k].seat, listeners[i].seat);
    }
    tick(&hall, listeners, SEATS);
    for (uint32_t i = 0; i < SEATS; i += 2)
        audience_remove_seat(hall.audience, listeners[i].seat);
    for (unsigned i = 0; i < 5; i++)
        tick(&hall, listeners, SEATS);
    listeners[1].address.port = 4444;
    listeners[1].local = 99;
    audience_move_seat(hall.audience, listeners[1].seat, &listeners[1].address, 99);
    hall_push(&hall);
    unsigned made, found = 0;
    while ((made = hall_fill(&hall)) > 0) {
        for (unsigned i = 0; i < made; i++) {
            uint32_t number = number_of(&hall.out[i]);
            struct address to = address_from_sockaddr(&hall.out[i].to);
            assert_int_equal(number % 2, 1);
            assert_true(address_equal(&to, &listeners[number].address));
            assert_int_equal(hall.out[i].local, listeners[number].local);
            found++;
        }
    }
    assert_int_equal(found, SEATS / 2);
    /* a number that nobody has */
    audience_remove_seat(hall.audience, listeners[0].seat);
    audience_remove_seat(hall.audience, 65535);
    audience_move_seat(hall.audience, listeners[0].seat, &listeners[0].address, 0);
    assert_int_equal(hall_counts(&hall).connected, SEATS / 2);
    listeners_destroy(listeners, SEATS);
    hall_clear(&hall);
}

static void test_one_seat_more_than_the_limit_is_refused(void **state)
{
    (void)state;
    enum { SEATS = 100 };
    struct hall hall;
    hall_init(&hall, SEATS);
    struct listener *listeners = listeners_create(&hall, SEATS + 1);
    for (uint32_t i = 0; i < SEATS; i++)
        hall_seat(&hall, &listeners[i]);
    assert_int_equal(hall_try_seat(&hall, &listeners[SEATS]), ERR_FULL);
    assert_int_equal(hall_counts(&hall).connected, SEATS);
    audience_remove_seat(hall.audience, listeners[17].seat);
    assert_int_equal(hall_try_seat(&hall, &listeners[SEATS]), 0);
    assert_int_equal(hall_try_seat(&hall, &listeners[17]), ERR_FULL);
    listeners_destroy(listeners, SEATS + 1);
    hall_clear(&hall);
}

static void test_bad_arguments_are_refused(void **state)
{
    (void)state;
    struct hall hall;
    struct listener listener;
    struct audience *audience = NULL;
    hall_init(&hall, 1);
    struct audience_params params = {.engine = hall.engine, .batch = hall.batch};
    assert_int_equal(audience_create(&audience, &params), ERR_INVAL);
    params.seats_max = 65537;
    assert_int_equal(audience_create(&audience, &params), ERR_INVAL);
    params = (struct audience_params){.seats_max = 1};
    assert_int_equal(audience_create(&audience, &params), ERR_INVAL);
    listener_init(&hall, &listener, 0, SRTP_NONE);
    assert_int_equal(hall_try_seat(&hall, &listener), ERR_INVAL);

    struct program_packet packet = {.payload = hall.payload, .bytes = AUDIENCE_DATAGRAM_MAX - 28};
    assert_int_equal(audience_push(hall.audience, &packet, 0), 0);
    assert_int_equal(audience_push(hall.audience, &packet, 0), ERR_INVAL); /* the same index */
    packet.index = 1;
    packet.bytes++;
    assert_int_equal(audience_push(hall.audience, &packet, 0), ERR_INVAL);
    audience_destroy(NULL);
    hall_clear(&hall);
}

static void test_the_largest_packet_fits_a_datagram(void **state)
{
    (void)state;
    struct hall hall;
    struct listener listener;
    hall_init(&hall, 1);
    listener_init(&hall, &listener, 0, SRTP_AEAD_AES_128_GCM);
    listener_open(&listener);
    hall_seat(&hall, &listener);
    hall.packet = (struct program_packet){
        .payload = hall.payload, .bytes = AUDIENCE_DATAGRAM_MAX - 28, .made_us = hall.now_us};
    assert_int_equal(audience_push(hall.audience, &hall.packet, hall.now_us), 0);
    assert_int_equal(hall_fill(&hall), 1);
    assert_int_equal(hall.out[0].bytes, AUDIENCE_DATAGRAM_MAX);
    listener_hear(&hall, &listener, &hall.out[0]);
    listener_close(&listener);
    hall_clear(&hall);
}

static void test_late_packets_are_dropped_counted_and_leave_a_gap(void **state)
{
    (void)state;
    enum { SEATS = 150, LATE_US = TICK_US + AUDIENCE_LATE_US };
    uint16_t seqs[SEATS] = {0};
    struct hall hall;
    hall_init(&hall, SEATS);
    struct listener *listeners = listeners_create(&hall, SEATS);
    for (uint32_t i = 0; i < SEATS; i++)
        hall_seat(&hall, &listeners[i]);
    hall_push(&hall);
    for (unsigned made; (made = hall_fill(&hall)) > 0;)
        for (unsigned i = 0; i < made; i++)
            seqs[number_of(&hall.out[i])] = seq_of(&hall.out[i]);

    /* old when the pass is half done */
    hall.now_us += TICK_US;
    hall_push(&hall);
    assert_int_equal(hall_fill(&hall), AUDIENCE_BATCH);
    hall.now_us += LATE_US;
    assert_int_equal(audience_fill(hall.audience, hall.out, 1, hall.now_us), 1);
    hall.now_us += 1;
    assert_int_equal(hall_fill(&hall), 0);
    assert_int_equal(audience_due(hall.audience), 0);
    assert_int_equal(hall_counts(&hall).packets_late, SEATS - AUDIENCE_BATCH - 1);

    /* cut by the next one */
    hall_push(&hall);
    hall.now_us += TICK_US;
    hall_push(&hall);
    assert_int_equal(hall_counts(&hall).packets_late, 2 * SEATS - AUDIENCE_BATCH - 1);

    unsigned heard = 0;
    for (unsigned made; (made = hall_fill(&hall)) > 0; heard += made)
        for (unsigned i = 0; i < made; i++) {
            uint32_t number = number_of(&hall.out[i]);
            assert_int_equal(seq_of(&hall.out[i]), (uint16_t)(seqs[number] + 3));
        }
    assert_int_equal(heard, SEATS);

    /* old from the start */
    hall.packet.index = hall.next_index++;
    assert_int_equal(audience_push(hall.audience, &hall.packet, hall.now_us + LATE_US + 1), 0);
    assert_int_equal(audience_due(hall.audience), 0);
    assert_int_equal(hall_counts(&hall).packets_late, 3 * SEATS - AUDIENCE_BATCH - 1);
    listeners_destroy(listeners, SEATS);
    hall_clear(&hall);
}

static void test_a_packet_of_60_ms_has_longer(void **state)
{
    (void)state;
    struct hall hall;
    hall_init(&hall, 2);
    struct listener *listeners = listeners_create(&hall, 2);
    for (uint32_t i = 0; i < 2; i++)
        hall_seat(&hall, &listeners[i]);
    hall_push(&hall);
    while (hall_fill(&hall) > 0)
        continue;
    hall.packet.index = hall.next_index++;
    hall.packet.samples = 3 * SAMPLES;
    assert_int_equal(audience_push(hall.audience, &hall.packet, hall.now_us), 0);
    hall.now_us += 3 * TICK_US + AUDIENCE_LATE_US;
    assert_int_equal(audience_fill(hall.audience, hall.out, 1, hall.now_us), 1);
    assert_int_equal(audience_fill(hall.audience, hall.out, 1, hall.now_us + 1), 0);
    assert_int_equal(hall_counts(&hall).packets_late, 1);
    listeners_destroy(listeners, 2);
    hall_clear(&hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_packet_reaches_every_seat_once),
        cmocka_unit_test(test_a_late_joiner_hears_at_once),
        cmocka_unit_test(test_a_seat_goes_over_its_own_wrap),
        cmocka_unit_test(test_seats_that_come_and_go_disturb_nobody),
        cmocka_unit_test(test_seat_numbers_and_keys_stay_when_others_leave),
        cmocka_unit_test(test_one_seat_more_than_the_limit_is_refused),
        cmocka_unit_test(test_bad_arguments_are_refused),
        cmocka_unit_test(test_the_largest_packet_fits_a_datagram),
        cmocka_unit_test(test_late_packets_are_dropped_counted_and_leave_a_gap),
        cmocka_unit_test(test_a_packet_of_60_ms_has_longer),
    };
    return cmocka_run_group_tests(tests, reference_startup, reference_shutdown);
}
