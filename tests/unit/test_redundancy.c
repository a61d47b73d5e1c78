#include "audience_fixture.h"

#include "audience/redundancy.h"
#include "audience/resend.h"

/* What relays get instead of plain packets, and that one index is always the same bytes. */

enum { RED = 63, NEVER_SENT = 0, KEPT = 2048 };

/* The first form in which each index of a relay's seat went out. */
struct record {
    uint32_t bytes;
    uint8_t data[AUDIENCE_DATAGRAM_MAX];
};

static struct record records[KEPT]; /* by program index */
static struct program_packet program[KEPT];
static uint8_t payloads[KEPT][PROGRAM_PAYLOAD_MAX];

static void relay_init(struct hall *hall, struct listener *relay, uint32_t number)
{
    listener_init(hall, relay, number, SRTP_AEAD_AES_128_GCM);
    relay->red_type = RED;
    listener_open(relay);
    hall_seat(hall, relay);
}

/* Pushes the packet `index` of so many bytes, and keeps it for comparison. */
static void push(struct hall *hall, uint64_t index, uint32_t timestamp, uint32_t bytes)
{
    uint64_t seed = index + 1;
    noise_fill(&seed, payloads[index % KEPT], bytes);
    hall->packet = (struct program_packet){.index = index,
                                           .made_us = hall->now_us,
                                           .timestamp = timestamp,
                                           .samples = SAMPLES,
                                           .bytes = bytes,
                                           .payload = payloads[index % KEPT]};
    program[index % KEPT] = hall->packet;
    assert_int_equal(audience_push(hall->audience, &hall->packet, hall->now_us), 0);
}

/* The one datagram of media that is due to this listener; others' are left out. */
static struct record take(struct hall *hall, const struct listener *listener)
{
    struct record found = {.bytes = 0};
    unsigned made;
    while ((made = hall_fill(hall)) > 0)
        for (unsigned i = 0; i < made; i++) {
            if (is_rtcp(&hall->out[i]) || number_of(&hall->out[i]) != listener->number)
                continue;
            assert_int_equal(found.bytes, 0);
            found.bytes = hall->out[i].bytes;
            memcpy(found.data, hall->out[i].data, hall->out[i].bytes);
        }
    return found;
}

static void open_record(struct listener *listener, struct record *record, struct rtp_packet *out)
{
    int bytes = (int)record->bytes;
    assert_int_equal(srtp_unprotect(listener->receiver, record->data, &bytes), srtp_err_status_ok);
    assert_int_equal(rtp_parse(out, slice_of(record->data, (size_t)bytes)), 0);
}

/* Takes the newest packet of the program and expects these ones in it, in this order. */
static void expect_blocks(struct hall *hall, struct listener *relay, const uint64_t *indices,
                          size_t expected)
{
    struct record record = take(hall, relay);
    struct rtp_packet rtp;
    struct red_block blocks[RED_BLOCKS_MAX];
    size_t count = 0;
    open_record(relay, &record, &rtp);
    assert_int_equal(rtp.payload_type, relay->red_type);
    assert_int_equal(red_parse(blocks, &count, rtp.payload, rtp.timestamp), 0);
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        const struct program_packet *packet = &program[indices[i] % KEPT];
        assert_int_equal(blocks[i].payload_type, PAYLOAD_TYPE);
        assert_int_equal(blocks[i].timestamp, packet->timestamp);
        assert_true(slice_equal(blocks[i].payload, slice_of(packet->payload, packet->bytes)));
    }
    hall->now_us += TICK_US;
}

#define EXPECT(hall, relay, ...)                                                                   \
    expect_blocks(hall, relay, (const uint64_t[]){__VA_ARGS__},                                    \
                  sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void test_a_relay_gets_the_two_packets_before_as_well(void **state)
{
    (void)state;
    struct hall hall;
    struct listener relay;
    hall_init(&hall, 2);
    relay_init(&hall, &relay, 0);
    push(&hall, 0, 0, 100);
    EXPECT(&hall, &relay, 0);
    push(&hall, 1, 960, 110);
    EXPECT(&hall, &relay, 0, 1);
    push(&hall, 2, 1920, 120);
    EXPECT(&hall, &relay, 0, 1, 2);
    push(&hall, 4, 3840, 130); /* the one between never came */
    EXPECT(&hall, &relay, 2, 4);
    push(&hall, 5, 4800, 140);
    EXPECT(&hall, &relay, 4, 5);
    push(&hall, 1000, 5000000, 140);
    EXPECT(&hall, &relay, 1000);
    listener_close(&relay);
    hall_clear(&hall);
}

static void test_who_comes_later_gets_what_was_before(void **state)
{
    (void)state;
    struct hall hall;
    struct listener relay;
    hall_init(&hall, 2);
    push(&hall, 0, 0, 100);
    push(&hall, 1, 960, 100);
    relay_init(&hall, &relay, 0);
    push(&hall, 2, 1920, 100);
    EXPECT(&hall, &relay, 0, 1, 2);
    listener_close(&relay);
    hall_clear(&hall);
}

static void test_what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    struct hall hall;
    struct listener relay;
    hall_init(&hall, 1);
    relay_init(&hall, &relay, 0);
    push(&hall, 0, 0, RED_BLOCK_BYTES_MAX + 1);
    EXPECT(&hall, &relay, 0);
    push(&hall, 1, 16383, 100); /* 0 is too long, not too old */
    EXPECT(&hall, &relay, 1);
    push(&hall, 2, 16383 + 16384, 100); /* 1 is too old by one sample */
    EXPECT(&hall, &relay, 2);
    push(&hall, 3, 16383 + 16384 + 16383, 100);
    EXPECT(&hall, &relay, 2, 3);
    /* a block of the same time would be no other packet */
    push(&hall, 4, 16383 + 16384 + 16383, 100);
    EXPECT(&hall, &relay, 2, 4);
    push(&hall, 5, 0, 100);
    EXPECT(&hall, &relay, 5);
    /* a datagram is full: the nearer one goes first */
    push(&hall, 6, 960, RED_BLOCK_BYTES_MAX);
    EXPECT(&hall, &relay, 5, 6);
    push(&hall, 7, 1920, PROGRAM_PAYLOAD_MAX - 1 - 4 - RED_BLOCK_BYTES_MAX);
    EXPECT(&hall, &relay, 6, 7);
    push(&hall, 8, 2880, PROGRAM_PAYLOAD_MAX - 1);
    EXPECT(&hall, &relay, 8);
    listener_close(&relay);
    hall_clear(&hall);
}

static void test_what_is_too_large_for_red_goes_as_it_is(void **state)
{
    (void)state;
    struct hall hall;
    struct listener relay;
    struct rtp_packet rtp;
    hall_init(&hall, 1);
    relay_init(&hall, &relay, 0);
    push(&hall, 0, 0, PROGRAM_PAYLOAD_MAX);
    struct record record = take(&hall, &relay);
    assert_int_equal(record.bytes, AUDIENCE_DATAGRAM_MAX);
    open_record(&relay, &record, &rtp);
    assert_int_equal(rtp.payload_type, PAYLOAD_TYPE);
    assert_true(slice_equal(rtp.payload, slice_of(payloads[0], PROGRAM_PAYLOAD_MAX)));
    listener_close(&relay);
    hall_clear(&hall);
}

static void test_listeners_and_relays_of_other_types_sit_side_by_side(void **state)
{
    (void)state;
    enum { OTHER_OPUS = 96, OTHER_RED = 127 };
    struct hall hall;
    struct listener plain, relay, other;
    hall_init(&hall, 3);
    listener_init(&hall, &plain, 0, SRTP_AEAD_AES_128_GCM);
    listener_open(&plain);
    hall_seat(&hall, &plain);
    relay_init(&hall, &relay, 1);
    listener_init(&hall, &other, 2, SRTP_AES128_CM_SHA1_80);
    listener_open(&other);
    struct seat_params params = {
        .keys = &other.keys, .ssrc = other.ssrc, .payload_type = OTHER_OPUS, .red_type = OTHER_RED};
    assert_int_equal(audience_add_seat(hall.audience, &params, hall.now_us, &other.seat), 0);
    for (uint64_t index = 0; index < 3; index++) {
        push(&hall, index, (uint32_t)index * SAMPLES, 100);
        assert_int_equal(hall_fill(&hall), 3);
        for (unsigned i = 0; i < 3; i++) {
            struct listener *who = number_of(&hall.out[i]) == 0   ? &plain
                                   : number_of(&hall.out[i]) == 1 ? &relay
                                                                  : &other;
            if (who == &plain) {
                listener_hear(&hall, &plain, &hall.out[i]);
                continue;
            }
            struct record record = {.bytes = hall.out[i].bytes};
            struct rtp_packet rtp;
            struct red_block blocks[RED_BLOCKS_MAX];
            size_t count;
            memcpy(record.data, hall.out[i].data, record.bytes);
            open_record(who, &record, &rtp);
            assert_int_equal(rtp.payload_type, who == &relay ? RED : OTHER_RED);
            assert_int_equal(red_parse(blocks, &count, rtp.payload, rtp.timestamp), 0);
            assert_int_equal(count, index + 1);
            for (size_t k = 0; k < count; k++)
                assert_int_equal(blocks[k].payload_type, who == &relay ? PAYLOAD_TYPE : OTHER_OPUS);
        }
        hall.now_us += TICK_US;
    }
    assert_int_equal(hall_counts(&hall).connected, 3);
    assert_int_equal(hall_counts(&hall).relays, 2);
    assert_int_equal(hall_counts(&hall).relays_hearing, 0);
    assert_true(listener_report(&hall, &relay, 0, 0)); /* from nowhere: proves nothing */
    audience_remove_seat(hall.audience, other.seat);
    assert_int_equal(hall_counts(&hall).relays, 1);
    listener_close(&plain);
    listener_close(&relay);
    listener_close(&other);
    hall_clear(&hall);
}

static uint16_t sequence_in(const struct record *record)
{
    return (uint16_t)(record->data[2] << 8 | record->data[3]);
}

/* Asks for a packet that went out before: the very same bytes, or nothing. True: it came. */
static bool comes_again(struct hall *hall, struct listener *relay, uint64_t index)
{
    const struct record *first = &records[index % KEPT];
    uint16_t seq = sequence_in(first);
    uint64_t refused = hall_counts(hall).nack_refused;
    assert_true(listener_nack(hall, relay, &seq, 1));
    struct record again = take(hall, relay);
    if (again.bytes == 0) {
        assert_int_equal(hall_counts(hall).nack_refused, refused + 1);
        return false;
    }
    assert_int_equal(again.bytes, first->bytes);
    assert_memory_equal(again.data, first->data, first->bytes);
    return true;
}

/* Sizes, holes and times at random; whatever is asked for again, at whatever age. */
static void test_one_index_is_always_the_same_bytes(void **state)
{
    (void)state;
    enum { PACKETS = 6000 };
    struct hall hall;
    struct listener relay;
    unsigned came = 0, refused = 0;
    hall_init(&hall, 1);
    relay_init(&hall, &relay, 0);
    memset(records, 0, sizeof(records));
    uint64_t index = 0;
    uint32_t timestamp = UINT32_MAX - 100 * SAMPLES;
    for (unsigned k = 0; k < PACKETS; k++) {
        uint64_t dice = noise(&hall.seed) % 100;
        uint64_t lost = dice < 10 ? 1 + noise(&hall.seed) % 4 : dice == 99 ? 150 : 0;
        for (uint64_t i = 0; i < lost + 1; i++)
            records[++index % KEPT].bytes = NEVER_SENT;
        timestamp += (uint32_t)(lost + 1) * SAMPLES * (dice == 50 ? 20 : 1);
        uint32_t bytes = dice < 5    ? PROGRAM_PAYLOAD_MAX - (uint32_t)(noise(&hall.seed) % 3)
                         : dice < 20 ? 400 + (uint32_t)(noise(&hall.seed) % 700)
                                     : (uint32_t)(noise(&hall.seed) % 200);
        push(&hall, index, timestamp, bytes);
        records[index % KEPT] = take(&hall, &relay);
        hall.now_us += TICK_US;
        if (k % 2 == 0)
            continue; /* the seat earns one with every second packet */
        uint64_t back =
            noise(&hall.seed) % 8 == 0 ? 120 + noise(&hall.seed) % 12 : noise(&hall.seed) % 128;
        if (back > index || records[(index - back) % KEPT].bytes == NEVER_SENT)
            continue;
        bool again = comes_again(&hall, &relay, index - back);
        assert_int_equal(again, back + REDUNDANCY_BACK < PROGRAM_HISTORY);
        came += again;
        refused += !again;
    }
    assert_in_range(came, 1000, PACKETS);
    assert_in_range(refused, 10, PACKETS);
    listener_close(&relay);
    hall_clear(&hall);
}

static void test_two_in_a_hundred_are_never_refused(void **state)
{
    (void)state;
    enum { PACKETS = 5000 };
    struct hall hall;
    struct listener relay;
    unsigned asked = 0;
    hall_init(&hall, 1);
    relay_init(&hall, &relay, 0);
    for (uint64_t index = 0; index < PACKETS; index++) {
        push(&hall, index, (uint32_t)index * SAMPLES, 120);
        records[index % KEPT] = take(&hall, &relay);
        hall.now_us += TICK_US;
        for (unsigned tries = 0; tries < 4 && noise(&hall.seed) % 50 == 0; tries++) {
            assert_true(comes_again(&hall, &relay, index)); /* lost again, asked for again */
            asked++;
        }
    }
    assert_in_range(asked, PACKETS / 100, PACKETS / 20);
    assert_int_equal(hall_counts(&hall).nack_refused, 0);
    listener_close(&relay);
    hall_clear(&hall);
}

static void test_a_burst_comes_again_whole(void **state)
{
    (void)state;
    struct hall hall;
    struct listener relay;
    hall_init(&hall, 1);
    relay_init(&hall, &relay, 0);
    for (uint64_t index = 0; index < 40; index++) {
        push(&hall, index, (uint32_t)index * SAMPLES, 120);
        records[index % KEPT] = take(&hall, &relay);
        hall.now_us += TICK_US;
    }
    for (uint64_t index = 40 - RESEND_BURST; index < 40; index++)
        assert_true(comes_again(&hall, &relay, index));
    listener_close(&relay);
    hall_clear(&hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_relay_gets_the_two_packets_before_as_well),
        cmocka_unit_test(test_who_comes_later_gets_what_was_before),
        cmocka_unit_test(test_what_does_not_fit_is_left_out),
        cmocka_unit_test(test_what_is_too_large_for_red_goes_as_it_is),
        cmocka_unit_test(test_listeners_and_relays_of_other_types_sit_side_by_side),
        cmocka_unit_test(test_one_index_is_always_the_same_bytes),
        cmocka_unit_test(test_two_in_a_hundred_are_never_refused),
        cmocka_unit_test(test_a_burst_comes_again_whole),
    };
    return cmocka_run_group_tests(tests, reference_startup, reference_shutdown);
}
