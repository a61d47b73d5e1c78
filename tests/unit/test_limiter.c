#include "stage/limiter.h"

#include "stage_tools.h"

#include <stdlib.h>

static void test_quiet_audio_passes_untouched(void **state)
{
    (void)state;
    struct limiter limiter;
    limiter_init(&limiter, 1);
    enum { FRAMES = 10 };
    static int32_t in[FRAMES * FRAME_SAMPLES];
    static int16_t out[FRAMES * FRAME_SAMPLES];
    srand(1);
    for (size_t i = 0; i < FRAMES * FRAME_SAMPLES; i++)
        in[i] = rand() % (2 * LIMITER_CEILING + 1) - LIMITER_CEILING;
    for (size_t i = 0; i < FRAMES; i++)
        limiter_run(&limiter, in + i * FRAME_SAMPLES, out + i * FRAME_SAMPLES);
    for (size_t i = LIMITER_BLOCK_SAMPLES; i < FRAMES * FRAME_SAMPLES; i++)
        assert_int_equal(out[i], in[i - LIMITER_BLOCK_SAMPLES]);
}

static void test_nothing_passes_the_ceiling(void **state)
{
    (void)state;
    for (unsigned channels = 1; channels <= 2; channels++) {
        struct limiter limiter;
        limiter_init(&limiter, channels);
        static int32_t in[MIXER_VALUES_MAX];
        static int16_t out[MIXER_VALUES_MAX];
        srand(2);
        for (unsigned frame = 0; frame < 500; frame++) {
            /* bursts of every strength, between calm and sixteen hosts at full scale */
            int32_t size = frame % 3 ? 1 + rand() % (16 * 32768) : 1000;
            for (size_t i = 0; i < MIXER_VALUES_MAX; i++)
                in[i] = rand() % 50 ? rand() % 1000 : (rand() % 2 ? size : -size);
            limiter_run(&limiter, in, out);
            for (size_t i = 0; i < (size_t)FRAME_SAMPLES * channels; i++)
                assert_in_range(out[i] + 32768, 32768 - LIMITER_CEILING, 32768 + LIMITER_CEILING);
        }
    }
}

static void test_a_loud_tone_stays_a_tone(void **state)
{
    (void)state;
    struct limiter limiter;
    limiter_init(&limiter, 1);
    static int32_t in[FRAME_SAMPLES];
    static int16_t out[FRAME_SAMPLES];
    for (unsigned frame = 0; frame < 50; frame++) {
        for (unsigned i = 0; i < FRAME_SAMPLES; i++)
            in[i] = (int32_t)(90000.0 * sin(2.0 * M_PI * 500.0 * (frame * 960 + i) / RATE_HZ));
        limiter_run(&limiter, in, out);
    }
    /* Cutting the peaks off would leave a third harmonic of about a fifth. */
    double tone = tone_of(out, FRAME_SAMPLES, 1, 500);
    assert_true(tone > 0.9 * LIMITER_CEILING);
    assert_true(tone_of(out, FRAME_SAMPLES, 1, 1500) < 0.02 * tone);
}

static void test_the_gain_comes_back(void **state)
{
    (void)state;
    struct limiter limiter;
    limiter_init(&limiter, 1);
    static int32_t in[FRAME_SAMPLES];
    static int16_t out[FRAME_SAMPLES];
    in[10] = 200000;
    limiter_run(&limiter, in, out);
    for (size_t i = 0; i < FRAME_SAMPLES; i++)
        in[i] = 20000;
    limiter_run(&limiter, in, out);
    assert_true(out[959] < 10000);
    for (unsigned frame = 0; frame < 150; frame++) {
        int16_t before = out[959];
        limiter_run(&limiter, in, out);
        assert_true(out[959] >= before);
    }
    assert_int_equal(out[959], 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_audio_passes_untouched),
        cmocka_unit_test(test_nothing_passes_the_ceiling),
        cmocka_unit_test(test_a_loud_tone_stays_a_tone),
        cmocka_unit_test(test_the_gain_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
