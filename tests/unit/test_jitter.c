#include "stage/jitter.h"

#include "stage/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct jitter *made(void)
{
    struct jitter *jitter = NULL;
    assert_int_equal(jitter_create(&jitter), 0);
    return jitter;
}

static int put_as(struct jitter *jitter, uint32_t timestamp, uint32_t samples,
                  enum jitter_source source)
{
    uint8_t data[4] = {(uint8_t)(timestamp >> 24), (uint8_t)(timestamp >> 16),
                       (uint8_t)(timestamp >> 8), (uint8_t)timestamp};
    return jitter_put(jitter, &(struct jitter_packet){.timestamp = timestamp,
                                                      .samples = samples,
                                                      .source = source,
                                                      .data = slice_of(data, sizeof(data))});
}

static int put(struct jitter *jitter, uint32_t timestamp)
{
    return put_as(jitter, timestamp, FRAME_SAMPLES, JITTER_PRIMARY);
}

/* One tick of a host with 20 ms packets, of which nothing is held back. */
static struct jitter_pull tick(struct jitter *jitter)
{
    struct jitter_pull pull;
    jitter_begin_tick(jitter);
    jitter_pull(jitter, FRAME_SAMPLES, &pull);
    uint32_t got =
        pull.kind == JITTER_PACKET ? pull.packet.samples - pull.skip_samples : pull.gap_samples;
    jitter_end_tick(jitter, got > FRAME_SAMPLES ? got - FRAME_SAMPLES : 0);
    return pull;
}

static void assert_plays(struct jitter *jitter, uint32_t timestamp)
{
    struct jitter_pull pull = tick(jitter);
    assert_int_equal(pull.kind, JITTER_PACKET);
    assert_int_equal(pull.packet.timestamp, timestamp);
    assert_int_equal(pull.packet.data.bytes, 4);
    assert_int_equal(pull.packet.data.data[3], timestamp & 0xFF);
}

/* Plays until the buffer holds its margin; the next packet to be put is *at. */
static void settle(struct jitter *jitter, uint32_t *at)
{
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(put(jitter, *at), 0);
        *at += FRAME_SAMPLES;
        (void)tick(jitter);
    }
}

static void test_an_unfed_buffer_is_empty(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(tick(jitter).kind, JITTER_EMPTY);
    jitter_destroy(jitter);
    jitter_destroy(NULL);
}

static void test_a_clean_path_costs_one_packet_of_delay(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    uint32_t at = 5000;
    settle(jitter, &at);
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(put(jitter, at), 0);
        assert_plays(jitter, at - FRAME_SAMPLES);
        at += FRAME_SAMPLES;
    }
    jitter_destroy(jitter);
}

static void test_reordered_packets_play_in_order(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    uint32_t at = 0;
    settle(jitter, &at);
    (void)tick(jitter); /* one packet of the margin is gone, the next two come swapped … */
    assert_int_equal(put(jitter, at + FRAME_SAMPLES), 0);
    assert_int_equal(put(jitter, at), 0);
    assert_plays(jitter, at);
    assert_plays(jitter, at + FRAME_SAMPLES);
    jitter_destroy(jitter);
}

static void test_duplicates_are_refused_before_and_after_playing(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    uint32_t at = 0;
    settle(jitter, &at);
    assert_int_equal(put(jitter, at), 0);
    assert_int_equal(put(jitter, at), ERR_EXIST);
    (void)tick(jitter);
    (void)tick(jitter);
    assert_int_equal(put(jitter, at), ERR_EXIST);
    jitter_destroy(jitter);
}

static void test_overlapping_packets_are_refused(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    uint32_t at = 0;
    settle(jitter, &at);
    assert_int_equal(put(jitter, at), 0);
    assert_int_equal(put_as(jitter, at + 480, 960, JITTER_PRIMARY), ERR_EXIST);
    assert_int_equal(put_as(jitter, at - 480, 960, JITTER_PRIMARY), ERR_EXIST);
    jitter_destroy(jitter);
}

static void test_bad_packets_are_refused(void **state)
{
    (void)state;
    static const uint8_t LARGE[JITTER_PACKET_BYTES + 1];
    struct jitter *jitter = made();
    struct jitter_packet packet = {.samples = 960, .data = slice_of(LARGE, sizeof(LARGE))};
    assert_int_equal(jitter_put(jitter, &packet), ERR_INVAL);
    packet.data.bytes--;
    assert_int_equal(jitter_put(jitter, &packet), 0);
    packet.samples = 0;
    assert_int_equal(jitter_put(jitter, &packet), ERR_INVAL);
    jitter_destroy(jitter);
}

static void test_a_gap_knows_the_packet_behind_it(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    uint32_t at = 0;
    settle(jitter, &at);
    at += FRAME_SAMPLES; /* this one is lost */
    assert_int_equal(put(jitter, at), 0);
    (void)tick(jitter);
    struct jitter_pull pull = tick(jitter);
    assert_int_equal(pull.kind, JITTER_GAP);
    assert_int_equal(pull.gap_samples, FRAME_SAMPLES);
    assert_true(pull.has_next);
    assert_int_equal(pull.next.timestamp, at);
    assert_plays(jitter, at);
    jitter_destroy(jitter);
}

static void test_a_long_packet_is_missed_as_a_whole(void **state)
{
    (void)state;
    enum { LONG = 2880 };
    struct jitter *jitter = made();
    uint32_t at = 0;
    struct jitter_pull pull = {0};
    uint32_t held = 0;
    bool found = false;
    for (unsigned i = 0; i < 300; i++) {
        if (i % 3 == 0 && i != 150)
            assert_int_equal(put_as(jitter, at + i * 960, LONG, JITTER_PRIMARY), 0);
        jitter_begin_tick(jitter);
        while (held < 960) {
            jitter_pull(jitter, 960 - held, &pull);
            assert_int_not_equal(pull.kind, JITTER_EMPTY);
            found |= pull.kind == JITTER_GAP && pull.has_next && pull.gap_samples == LONG;
            held += pull.kind == JITTER_PACKET ? LONG - pull.skip_samples : pull.gap_samples;
        }
        held -= 960;
        jitter_end_tick(jitter, held);
    }
    assert_true(found);
    jitter_destroy(jitter);
}

static void test_timestamps_wrap(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    uint32_t at = 0u - 300u * FRAME_SAMPLES - 77u;
    settle(jitter, &at);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(put(jitter, at), 0);
        assert_plays(jitter, at - FRAME_SAMPLES);
        at += FRAME_SAMPLES;
    }
    jitter_destroy(jitter);
}

static void test_a_restart_far_ahead_or_behind_is_followed(void **state)
{
    (void)state;
    static const uint32_t JUMPS[] = {JITTER_DELAY_MAX + 10 * 960, 0x70000000, 0u - 48000u,
                                     0x90000000};
    for (size_t i = 0; i < sizeof(JUMPS) / sizeof(JUMPS[0]); i++) {
        struct jitter *jitter = made();
        uint32_t at = 0;
        settle(jitter, &at);
        at += JUMPS[i];
        struct jitter_pull pull = {0};
        for (unsigned k = 0; k < 80; k++) {
            (void)put(jitter, at);
            at += FRAME_SAMPLES;
            pull = tick(jitter);
        }
        assert_int_equal(pull.kind, JITTER_PACKET);
        assert_true(at - pull.packet.timestamp <= 3 * FRAME_SAMPLES);
        jitter_destroy(jitter);
    }
}

static void test_a_jump_ahead_is_followed_at_once(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    uint32_t at = 0;
    settle(jitter, &at);
    at += JITTER_DELAY_MAX + 2 * FRAME_SAMPLES;
    assert_int_equal(put(jitter, at), 0);
    assert_plays(jitter, at);
    jitter_destroy(jitter);
}

static void test_after_a_long_silence_it_starts_anew_and_short(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    uint32_t at = 0;
    settle(jitter, &at);
    for (unsigned i = 0; i < 500; i++)
        (void)tick(jitter);
    /* A whole second piled up on the way: only its end is worth playing. */
    for (unsigned i = 0; i < 50; i++, at += FRAME_SAMPLES)
        (void)put(jitter, at);
    struct jitter_pull pull = tick(jitter);
    assert_int_equal(pull.kind, JITTER_PACKET);
    assert_true(at - pull.packet.timestamp <= JITTER_SYNC_BACKLOG + FRAME_SAMPLES);
    jitter_destroy(jitter);
}

static void test_the_pool_has_an_end(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    for (uint32_t i = 0; i < 24; i++)
        assert_int_equal(put_as(jitter, i * 120, 120, JITTER_PRIMARY), 0);
    (void)tick(jitter);
    int err = 0;
    for (uint32_t i = 24; i < 24 + JITTER_SLOTS && !err; i++)
        err = put_as(jitter, i * 120, 120, JITTER_PRIMARY);
    assert_int_equal(err, ERR_FULL);
    jitter_reset(jitter);
    assert_int_equal(put(jitter, 0), 0);
    jitter_destroy(jitter);
}

static void test_a_late_redundant_packet_teaches_nothing(void **state)
{
    (void)state;
    struct jitter *jitter = made();
    uint32_t at = 0;
    settle(jitter, &at);
    at += 3 * FRAME_SAMPLES;
    (void)tick(jitter);
    for (unsigned i = 0; i < 3; i++)
        (void)tick(jitter);
    assert_int_equal(put_as(jitter, at - 3 * FRAME_SAMPLES, 960, JITTER_REDUNDANT), ERR_AGAIN);
    assert_int_equal(put_as(jitter, at - 3 * FRAME_SAMPLES, 960, JITTER_PRIMARY), ERR_AGAIN);
    jitter_destroy(jitter);
}

/* ---- a path in virtual time ---- */

struct path {
    int32_t drift_ppm;
    uint32_t jitter_us; /* evenly spread */
    uint32_t phase_us;  /* between the sender's beat and ours */
    uint32_t loss_percent;
    uint32_t ticks;
};

struct outcome {
    uint32_t gaps;         /* in the second half */
    uint64_t delay_max_us; /* from sending to playing, in the second half */
    uint64_t delay_mean_us;
};

static uint64_t sent_at_us(const struct path *path, uint32_t n)
{
    int64_t beat_ns = 20000000 + 20 * (int64_t)path->drift_ppm;
    return (uint64_t)((int64_t)n * beat_ns / 1000) + path->phase_us;
}

static struct outcome run(const struct path *path)
{
    enum { AHEAD = 16 };
    struct jitter *jitter = made();
    struct outcome out = {0};
    uint64_t arrival_us[AHEAD] = {0};
    bool is_waiting[AHEAD] = {false};
    uint32_t next = 0;
    uint64_t played = 0;
    srand(7);
    for (uint32_t k = 0; k < path->ticks; k++) {
        uint64_t now_us = (uint64_t)k * 20000;
        while (sent_at_us(path, next) <= now_us) {
            uint32_t wait_us = path->jitter_us ? (uint32_t)rand() % path->jitter_us : 0;
            is_waiting[next % AHEAD] = (uint32_t)rand() % 100 >= path->loss_percent;
            arrival_us[next % AHEAD] = sent_at_us(path, next) + wait_us;
            next++;
        }
        for (uint32_t n = next > AHEAD ? next - AHEAD : 0; n < next; n++) {
            if (!is_waiting[n % AHEAD] || arrival_us[n % AHEAD] > now_us)
                continue;
            is_waiting[n % AHEAD] = false;
            (void)put(jitter, n * FRAME_SAMPLES);
        }
        struct jitter_pull pull = tick(jitter);
        if (k < path->ticks / 2)
            continue;
        if (pull.kind != JITTER_PACKET) {
            out.gaps++;
            continue;
        }
        uint64_t delay_us = now_us - sent_at_us(path, pull.packet.timestamp / FRAME_SAMPLES);
        out.delay_mean_us += delay_us;
        played++;
        if (delay_us > out.delay_max_us)
            out.delay_max_us = delay_us;
    }
    out.delay_mean_us /= played ? played : 1;
    if (getenv("JITTER_PRINT"))
        print_message("drift %d jitter %u phase %u loss %u: gaps %u mean %lu max %lu\n",
                      path->drift_ppm, path->jitter_us, path->phase_us, path->loss_percent,
                      out.gaps, (unsigned long)out.delay_mean_us, (unsigned long)out.delay_max_us);
    jitter_destroy(jitter);
    return out;
}

static void test_drift_keeps_the_delay_bounded(void **state)
{
    (void)state;
    static const int32_t PPM[] = {-200, 0, 200};
    for (unsigned i = 0; i < 3; i++) {
        struct outcome out = run(&(struct path){
            .drift_ppm = PPM[i], .jitter_us = 3000, .phase_us = 5000, .ticks = 30000});
        assert_true(out.delay_max_us <= 70000);
        assert_true(out.gaps < 100); /* of 15000 */
    }
}

static void test_small_jitter_costs_little_at_any_phase(void **state)
{
    (void)state;
    for (uint32_t phase_us = 0; phase_us < 20000; phase_us += 1000) {
        struct outcome out =
            run(&(struct path){.jitter_us = 4000, .phase_us = phase_us, .ticks = 6000});
        assert_true(out.delay_max_us <= 64000);
        assert_true(out.gaps < 30); /* of 3000 */
    }
}

static void test_the_delay_grows_with_jitter_and_stays_within_its_limit(void **state)
{
    (void)state;
    struct outcome calm = run(&(struct path){.jitter_us = 2000, .phase_us = 3000, .ticks = 6000});
    struct outcome rough =
        run(&(struct path){.jitter_us = 120000, .phase_us = 3000, .ticks = 6000});
    assert_true(rough.delay_mean_us > calm.delay_mean_us + 40000);
    assert_true(rough.delay_max_us < 400000);
    assert_true(rough.gaps < 300); /* a tenth: what late packets may cost, and adaptation */
}

static void test_loss_alone_does_not_grow_the_delay(void **state)
{
    (void)state;
    struct outcome out =
        run(&(struct path){.jitter_us = 2000, .phase_us = 3000, .loss_percent = 10, .ticks = 6000});
    assert_true(out.delay_max_us <= 64000);
    assert_in_range(out.gaps, 240, 400); /* 300 lost */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_unfed_buffer_is_empty),
        cmocka_unit_test(test_a_clean_path_costs_one_packet_of_delay),
        cmocka_unit_test(test_reordered_packets_play_in_order),
        cmocka_unit_test(test_duplicates_are_refused_before_and_after_playing),
        cmocka_unit_test(test_overlapping_packets_are_refused),
        cmocka_unit_test(test_bad_packets_are_refused),
        cmocka_unit_test(test_a_gap_knows_the_packet_behind_it),
        cmocka_unit_test(test_a_long_packet_is_missed_as_a_whole),
        cmocka_unit_test(test_timestamps_wrap),
        cmocka_unit_test(test_a_restart_far_ahead_or_behind_is_followed),
        cmocka_unit_test(test_a_jump_ahead_is_followed_at_once),
        cmocka_unit_test(test_after_a_long_silence_it_starts_anew_and_short),
        cmocka_unit_test(test_the_pool_has_an_end),
        cmocka_unit_test(test_a_late_redundant_packet_teaches_nothing),
        cmocka_unit_test(test_drift_keeps_the_delay_bounded),
        cmocka_unit_test(test_small_jitter_costs_little_at_any_phase),
        cmocka_unit_test(test_the_delay_grows_with_jitter_and_stays_within_its_limit),
        cmocka_unit_test(test_loss_alone_does_not_grow_the_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
