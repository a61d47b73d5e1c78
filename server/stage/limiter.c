#include "stage/limiter.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void limiter_init(struct limiter *limiter, unsigned channels)
{
    assert(channels >= 1 && channels <= MIXER_CHANNELS_MAX);
    *limiter = (struct limiter){.channels = channels, .gain = 1.0F, .held_target = 1.0F};
}

static float target_of(const int32_t *block, size_t values)
{
    int32_t peak = 0;
    for (size_t i = 0; i < values; i++) {
        int32_t size = block[i] < 0 ? -block[i] : block[i];
        peak = size > peak ? size : peak;
    }
    return peak <= LIMITER_CEILING ? 1.0F : (float)LIMITER_CEILING / (float)peak;
}

/* Writes the held block while the gain moves from limiter->gain to gain_end. */
static void write_held(const struct limiter *limiter, float gain_end, int16_t *out)
{
    size_t values = (size_t)LIMITER_BLOCK_SAMPLES * limiter->channels;
    if (limiter->gain >= 1.0F && gain_end >= 1.0F) {
        for (size_t i = 0; i < values; i++)
            out[i] = (int16_t)limiter->held[i];
        return;
    }
    float step = (gain_end - limiter->gain) / (float)LIMITER_BLOCK_SAMPLES;
    for (size_t i = 0; i < values; i++) {
        size_t sample = i / limiter->channels;
        float gain = limiter->gain + step * (float)sample;
        /* Truncation is towards zero, so rounding cannot lift a sample over the ceiling. */
        out[i] = (int16_t)((float)limiter->held[i] * gain);
    }
}

void limiter_run(struct limiter *limiter, const int32_t *sum, int16_t *out)
{
    size_t values = (size_t)LIMITER_BLOCK_SAMPLES * limiter->channels;
    for (size_t at = 0; at < (size_t)FRAME_SAMPLES * limiter->channels; at += values) {
        float target = target_of(sum + at, values);
        float risen = limiter->gain + (1.0F - limiter->gain) / (float)LIMITER_RELEASE_BLOCKS;
        if (risen > 0.9999F)
            risen = 1.0F;
        float gain_end = fminf(risen, fminf(target, limiter->held_target));
        write_held(limiter, gain_end, out + at);
        memcpy(limiter->held, sum + at, values * sizeof(sum[0]));
        limiter->gain = gain_end;
        limiter->held_target = target;
    }
}
