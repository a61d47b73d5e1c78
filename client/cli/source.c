#include "source.h"

#include "cli.h"

#include <math.h>
#include <sndfile.h>
#include <speex/speex_resampler.h>
#include <stdlib.h>
#include <string.h>

enum {
    RATE_HZ = 48000,
    CHUNK_FRAMES = 1024,
    CHANNELS_MAX = 16,
    READY_MAX = 16384, /* resampled samples waiting: CHUNK_FRAMES from 4 kHz make 12288 */
    QUALITY = 6,
};

struct source {
    SNDFILE *file;
    SF_INFO info;
    SpeexResamplerState *resampler;
    bool loop;
    bool over;
    float ready[READY_MAX];
    size_t ready_count;
};

int source_open(struct source **out, const char *path, bool loop)
{
    struct source *source = calloc(1, sizeof(*source));
    if (source == NULL)
        return ERR_NOMEM;
    source->loop = loop;
    source->file = sf_open(path, SFM_READ, &source->info);
    if (source->file == NULL) {
        (void)cli_fail("cannot read %s: %s", path, sf_strerror(NULL));
        source_close(source);
        return ERR_IO;
    }
    if (source->info.channels > CHANNELS_MAX || source->info.samplerate < 4000 ||
        source->info.frames < 1) {
        (void)cli_fail("%s: allowed are 1 to %d channels, 4 kHz or more, and some sound in it",
                       path, CHANNELS_MAX);
        source_close(source);
        return ERR_UNSUPPORTED;
    }
    int err = 0;
    source->resampler =
        speex_resampler_init(1, (spx_uint32_t)source->info.samplerate, RATE_HZ, QUALITY, &err);
    if (source->resampler == NULL) {
        source_close(source);
        return ERR_NOMEM;
    }
    *out = source;
    return 0;
}

void source_close(struct source *source)
{
    if (source == NULL)
        return;
    if (source->resampler != NULL)
        speex_resampler_destroy(source->resampler);
    if (source->file != NULL)
        (void)sf_close(source->file);
    free(source);
}

/* Reads one chunk, mixes its channels down and resamples it into `ready`. */
static void fill(struct source *source)
{
    float chunk[CHUNK_FRAMES * CHANNELS_MAX], mono[CHUNK_FRAMES];
    sf_count_t frames = sf_readf_float(source->file, chunk, CHUNK_FRAMES);
    if (frames <= 0) {
        source->over = !source->loop || sf_seek(source->file, 0, SEEK_SET) < 0;
        return;
    }
    int channels = source->info.channels;
    for (sf_count_t i = 0; i < frames; i++) {
        float sum = 0;
        for (int c = 0; c < channels; c++)
            sum += chunk[i * channels + c];
        mono[i] = sum / (float)channels;
    }
    spx_uint32_t taken = (spx_uint32_t)frames;
    spx_uint32_t made = (spx_uint32_t)(READY_MAX - source->ready_count);
    (void)speex_resampler_process_float(source->resampler, 0, mono, &taken,
                                        source->ready + source->ready_count, &made);
    source->ready_count += made;
}

bool source_read(struct source *source, int16_t pcm[SOURCE_FRAME_SAMPLES])
{
    while (source->ready_count < SOURCE_FRAME_SAMPLES && !source->over)
        fill(source);
    if (source->ready_count == 0)
        return false;
    size_t count =
        source->ready_count < SOURCE_FRAME_SAMPLES ? source->ready_count : SOURCE_FRAME_SAMPLES;
    memset(pcm, 0, SOURCE_FRAME_SAMPLES * sizeof(*pcm));
    for (size_t i = 0; i < count; i++) {
        float value = source->ready[i] * 32767.0F;
        pcm[i] = (int16_t)lrintf(fminf(fmaxf(value, -32768.0F), 32767.0F));
    }
    source->ready_count -= count;
    memmove(source->ready, source->ready + count, source->ready_count * sizeof(source->ready[0]));
    return true;
}
