#include "stage/mixer.h"

#include "stage_tools.h"

static void fill(int16_t *pcm, size_t values, int16_t value)
{
    for (size_t i = 0; i < values; i++)
        pcm[i] = value;
}

static void test_nobody_is_silence(void **state)
{
    (void)state;
    static struct mixer mixer;
    mixer_init(&mixer, 1);
    int32_t minus[MIXER_VALUES_MAX];
    mixer_minus(&mixer, 3, minus);
    for (size_t i = 0; i < FRAME_SAMPLES; i++) {
        assert_int_equal(mixer_program(&mixer)[i], 0);
        assert_int_equal(minus[i], 0);
    }
}

static void test_minus_leaves_out_only_that_host(void **state)
{
    (void)state;
    static const double HZ[] = {400, 600, 1000};
    static struct mixer mixer;
    static int16_t host[3][FRAME_SAMPLES];
    mixer_init(&mixer, 1);
    for (unsigned i = 0; i < 3; i++) {
        add_tone(host[i], FRAME_SAMPLES, 0, HZ[i], 5000);
        mixer_add(&mixer, i, host[i]);
    }
    for (unsigned left_out = 0; left_out < 4; left_out++) {
        int32_t minus[MIXER_VALUES_MAX];
        int16_t heard[FRAME_SAMPLES];
        mixer_minus(&mixer, left_out, minus);
        for (size_t i = 0; i < FRAME_SAMPLES; i++)
            heard[i] = (int16_t)minus[i];
        for (unsigned i = 0; i < 3; i++) {
            double level = tone_of(heard, FRAME_SAMPLES, 1, HZ[i]);
            if (i == left_out)
                assert_true(level < 10);
            else
                assert_true(fabs(level - 5000) < 50);
        }
    }
}

static void test_sixteen_loud_hosts_do_not_overflow(void **state)
{
    (void)state;
    static struct mixer mixer;
    static int16_t loud[MIXER_VALUES_MAX];
    mixer_init(&mixer, 2);
    fill(loud, MIXER_VALUES_MAX, INT16_MIN);
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++)
        mixer_add(&mixer, i, loud);
    int32_t minus[MIXER_VALUES_MAX];
    mixer_minus(&mixer, 15, minus);
    for (size_t i = 0; i < MIXER_VALUES_MAX; i++) {
        assert_int_equal(mixer_program(&mixer)[i], 16 * INT16_MIN);
        assert_int_equal(minus[i], 15 * INT16_MIN);
    }
}

static void test_a_tick_forgets_the_one_before(void **state)
{
    (void)state;
    static struct mixer mixer;
    static int16_t pcm[FRAME_SAMPLES];
    mixer_init(&mixer, 1);
    fill(pcm, FRAME_SAMPLES, 100);
    mixer_add(&mixer, 0, pcm);
    mixer_begin(&mixer);
    mixer_add(&mixer, 1, pcm);
    int32_t minus[MIXER_VALUES_MAX];
    mixer_minus(&mixer, 0, minus);
    assert_int_equal(mixer_program(&mixer)[959], 100);
    assert_int_equal(minus[959], 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_is_silence),
        cmocka_unit_test(test_minus_leaves_out_only_that_host),
        cmocka_unit_test(test_sixteen_loud_hosts_do_not_overflow),
        cmocka_unit_test(test_a_tick_forgets_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
