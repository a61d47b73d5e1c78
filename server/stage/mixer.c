#include "stage/mixer.h"

#include <assert.h>
#include <string.h>

void mixer_init(struct mixer *mixer, unsigned channels)
{
    assert(channels >= 1 && channels <= MIXER_CHANNELS_MAX);
    mixer->values = (size_t)FRAME_SAMPLES * channels;
    mixer_begin(mixer);
}

void mixer_begin(struct mixer *mixer)
{
    memset(mixer->sum, 0, sizeof(mixer->sum));
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++)
        mixer->pcm[i] = NULL;
}

void mixer_add(struct mixer *mixer, unsigned place, const int16_t *pcm)
{
    assert(place < STAGE_HOSTS_MAX && !mixer->pcm[place]);
    mixer->pcm[place] = pcm;
    for (size_t i = 0; i < mixer->values; i++)
        mixer->sum[i] += pcm[i];
}

const int32_t *mixer_program(const struct mixer *mixer)
{
    return mixer->sum;
}

void mixer_minus(const struct mixer *mixer, unsigned place, int32_t out[MIXER_VALUES_MAX])
{
    assert(place < STAGE_HOSTS_MAX);
    const int16_t *own = mixer->pcm[place];
    if (!own) {
        memcpy(out, mixer->sum, mixer->values * sizeof(out[0]));
        return;
    }
    for (size_t i = 0; i < mixer->values; i++)
        out[i] = mixer->sum[i] - own[i];
}
