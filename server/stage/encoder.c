#include "stage/encoder.h"

#include "stage/stage.h"

#include <assert.h>
#include <opus/opus.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Measured per 20 ms frame: 5 costs about 190 us mono, 8 and above 370 us. The recording is the
 * one that stays, the program is heard by all, a feed by one. */
enum {
    COMPLEXITY_FEED = 5,
    COMPLEXITY_PROGRAM = 6,
    COMPLEXITY_RECORDING = 10,
};

struct encoder {
    OpusEncoder *opus; /* owned */
    unsigned channels;
    unsigned silent_frames;
};

/* In-band FEC lives in SILK and hybrid frames only. Left alone, the codec would take CELT from
 * some bit rate on, where FEC does nothing; the voice hint together with an expected loss keeps it
 * in SILK or hybrid, which is also what speech wants. A recording needs no FEC: automatic. */
static int set_up(OpusEncoder *opus, enum encoder_use use, uint32_t bps)
{
    static const int complexity_of[] = {[ENCODER_FEED] = COMPLEXITY_FEED,
                                        [ENCODER_PROGRAM] = COMPLEXITY_PROGRAM,
                                        [ENCODER_RECORDING] = COMPLEXITY_RECORDING};
    bool has_fec = use != ENCODER_RECORDING;
    int loss = !has_fec ? 0 : use == ENCODER_FEED ? ENCODER_LOSS_HOST : ENCODER_LOSS_MIN;
    int failed = opus_encoder_ctl(opus, OPUS_SET_BITRATE((opus_int32)bps));
    failed |= opus_encoder_ctl(opus, OPUS_SET_VBR(1));
    failed |= opus_encoder_ctl(opus, OPUS_SET_VBR_CONSTRAINT(1));
    failed |= opus_encoder_ctl(opus, OPUS_SET_COMPLEXITY(complexity_of[use]));
    failed |= opus_encoder_ctl(opus, OPUS_SET_DTX(0));
    failed |= opus_encoder_ctl(opus, OPUS_SET_INBAND_FEC(has_fec ? 1 : 0));
    failed |= opus_encoder_ctl(opus, OPUS_SET_PACKET_LOSS_PERC(loss));
    failed |= opus_encoder_ctl(opus, OPUS_SET_SIGNAL(has_fec ? OPUS_SIGNAL_VOICE : OPUS_AUTO));
    return failed ? ERR_INVAL : 0;
}

int encoder_create(struct encoder **out, enum encoder_use use, unsigned channels, uint32_t bps)
{
    if (channels < 1 || channels > 2 || bps < ENCODER_BPS_MIN || bps > ENCODER_BPS_MAX)
        return ERR_INVAL;
    struct encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder)
        return ERR_NOMEM;
    encoder->channels = channels;
    int err = ERR_NOMEM;
    int opus_error = OPUS_OK;
    encoder->opus = opus_encoder_create(48000, (int)channels, OPUS_APPLICATION_AUDIO, &opus_error);
    if (!encoder->opus)
        goto fail;
    err = set_up(encoder->opus, use, bps);
    if (err)
        goto fail;
    *out = encoder;
    return 0;
fail:
    encoder_destroy(encoder);
    return err;
}

void encoder_destroy(struct encoder *encoder)
{
    if (!encoder)
        return;
    if (encoder->opus)
        opus_encoder_destroy(encoder->opus);
    free(encoder);
}

void encoder_restart(struct encoder *encoder)
{
    (void)opus_encoder_ctl(encoder->opus, OPUS_RESET_STATE);
    encoder->silent_frames = 0;
}

void encoder_set_bps(struct encoder *encoder, uint32_t bps)
{
    assert(bps >= ENCODER_BPS_MIN && bps <= ENCODER_BPS_MAX);
    (void)opus_encoder_ctl(encoder->opus, OPUS_SET_BITRATE((opus_int32)bps));
}

void encoder_set_loss(struct encoder *encoder, uint32_t loss_permille)
{
    uint32_t percent = loss_permille >= 1000 ? 100 : (loss_permille + 9) / 10;
    if (percent < ENCODER_LOSS_MIN)
        percent = ENCODER_LOSS_MIN;
    if (percent > ENCODER_LOSS_MAX)
        percent = ENCODER_LOSS_MAX;
    (void)opus_encoder_ctl(encoder->opus, OPUS_SET_PACKET_LOSS_PERC((opus_int32)percent));
}

static bool is_silent(const int16_t *pcm, size_t values)
{
    for (size_t i = 0; i < values; i++)
        if (pcm[i] != 0)
            return false;
    return true;
}

size_t encoder_silence(unsigned channels, uint8_t out[ENCODER_BYTES_MAX])
{
    /* RFC 6716 section 3.1: configuration 31 (CELT, full band, 20 ms), one frame; section 4.3:
     * the first symbol says silence. */
    static const uint8_t MONO[] = {0xF8, 0xFF, 0xFE};
    static const uint8_t STEREO[] = {0xFC, 0xFF, 0xFE};
    memcpy(out, channels == 2 ? STEREO : MONO, sizeof(MONO));
    return sizeof(MONO);
}

size_t encoder_encode(struct encoder *encoder, const int16_t *pcm, uint8_t out[ENCODER_BYTES_MAX])
{
    if (!is_silent(pcm, (size_t)FRAME_SAMPLES * encoder->channels))
        encoder->silent_frames = 0;
    else if (encoder->silent_frames >= ENCODER_SILENT_FRAMES)
        return encoder_silence(encoder->channels, out);
    else
        encoder->silent_frames++;
    int bytes = opus_encode(encoder->opus, pcm, FRAME_SAMPLES, out, ENCODER_BYTES_MAX);
    return bytes > 0 ? (size_t)bytes : encoder_silence(encoder->channels, out);
}
