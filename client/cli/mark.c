#include "mark.h"

#include <math.h>
#include <time.h>

enum {
    SECOND_US = 1000 * 1000,
    AMPLITUDE = 12000,
    QUIET_WINDOWS_MIN = 80, /* 200 ms without a beep come before the next one */
    FULL_TURN_SAMPLES = 20, /* 48000 / MARK_HZ: the beep is a whole number of turns */
};

int64_t mark_wall_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

void mark_write(int16_t *pcm, size_t samples, int64_t start_wall_us)
{
    int64_t into_second = (start_wall_us % SECOND_US) * 48 / 1000;
    for (size_t i = 0; i < samples; i++) {
        int64_t at = (into_second + (int64_t)i) % 48000;
        if (at >= MARK_SAMPLES)
            continue;
        double phase = 2.0 * M_PI * (double)(at % FULL_TURN_SAMPLES) / FULL_TURN_SAMPLES;
        pcm[i] = (int16_t)(pcm[i] / 4 + (int16_t)(AMPLITUDE * sin(phase)));
    }
}

/* Amplitude of MARK_HZ in one window. */
static double strength(const int16_t *pcm)
{
    const double coefficient = 2.0 * cos(2.0 * M_PI * MARK_HZ / 48000.0);
    double s1 = 0, s2 = 0;
    for (size_t i = 0; i < MARK_WINDOW_SAMPLES; i++) {
        double s0 = pcm[i] + coefficient * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    double power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    return 2.0 * sqrt(fmax(power, 0)) / MARK_WINDOW_SAMPLES;
}

bool mark_find(struct mark_finder *finder, const int16_t *pcm, size_t samples,
               size_t *offset_samples)
{
    bool found = false;
    for (size_t at = 0; at + MARK_WINDOW_SAMPLES <= samples; at += MARK_WINDOW_SAMPLES) {
        bool beep = strength(pcm + at) > AMPLITUDE / 3.0;
        if (beep && !finder->inside && finder->quiet >= QUIET_WINDOWS_MIN && !found) {
            found = true;
            *offset_samples = at;
        }
        finder->inside = beep;
        finder->quiet = beep ? 0 : finder->quiet + 1;
    }
    return found;
}
