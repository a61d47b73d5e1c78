#include "stage/voice.h"

#include "rostrum/opus_frame.h"
#include "rostrum/rtp.h"
#include "stage/jitter.h"
#include "stage/stage.h"

#include <assert.h>
#include <opus/opus.h>
#include <stdlib.h>

enum {
    CHANNELS_MAX = 2,
    /* Less than a frame is left when a packet or gap of the longest kind is added. */
    FIFO_SAMPLES_MAX = FRAME_SAMPLES + OPUS_PACKET_SAMPLES_MAX,
};

struct voice {
    OpusDecoder *decoder;  /* owned */
    struct jitter *jitter; /* owned */
    unsigned channels;
    uint8_t payload_type;
    uint8_t red_type;
    bool has_ssrc;
    bool has_former_ssrc;
    uint32_t ssrc;
    uint32_t former_ssrc;
    uint32_t gap_samples;       /* to be concealed before anything else */
    uint32_t concealed_samples; /* in a row */
    uint32_t fifo_samples;
    int16_t fifo[FIFO_SAMPLES_MAX * CHANNELS_MAX];
    int16_t frame[FRAME_SAMPLES * CHANNELS_MAX];
};

int voice_create(struct voice **out, unsigned channels)
{
    if (channels < 1 || channels > CHANNELS_MAX)
        return ERR_INVAL;
    struct voice *voice = calloc(1, sizeof(*voice));
    if (!voice)
        return ERR_NOMEM;
    voice->channels = channels;
    int opus_error = OPUS_OK;
    voice->decoder = opus_decoder_create(OPUS_RATE_HZ, (int)channels, &opus_error);
    if (!voice->decoder || jitter_create(&voice->jitter) != 0) {
        voice_destroy(voice);
        return ERR_NOMEM;
    }
    *out = voice;
    return 0;
}

void voice_destroy(struct voice *voice)
{
    if (!voice)
        return;
    if (voice->decoder)
        opus_decoder_destroy(voice->decoder);
    jitter_destroy(voice->jitter);
    free(voice);
}

void voice_resync(struct voice *voice)
{
    jitter_reset(voice->jitter);
    voice->gap_samples = 0;
    voice->fifo_samples = 0;
}

void voice_reset(struct voice *voice, uint8_t payload_type, uint8_t red_type)
{
    voice->payload_type = payload_type;
    voice->red_type = red_type;
    voice->has_ssrc = false;
    voice->has_former_ssrc = false;
    voice->concealed_samples = 0;
    voice_resync(voice);
    (void)opus_decoder_ctl(voice->decoder, OPUS_RESET_STATE);
}

/* ---- in ---- */

/* Follows the sender to a new source and never back: stragglers of the former one are dropped. */
static bool accept_ssrc(struct voice *voice, uint32_t ssrc)
{
    if (voice->has_ssrc && voice->ssrc == ssrc)
        return true;
    if (voice->has_former_ssrc && voice->former_ssrc == ssrc)
        return false;
    if (voice->has_ssrc) {
        voice->former_ssrc = voice->ssrc;
        voice->has_former_ssrc = true;
        voice_resync(voice);
        (void)opus_decoder_ctl(voice->decoder, OPUS_RESET_STATE);
    }
    voice->ssrc = ssrc;
    voice->has_ssrc = true;
    return true;
}

static void put(struct voice *voice, uint32_t timestamp, struct slice data,
                enum jitter_source source, struct voice_counts *counts)
{
    struct opus_packet opus;
    if (opus_frame_parse(&opus, data) != 0) {
        counts->bad++;
        return;
    }
    int err = jitter_put(voice->jitter, &(struct jitter_packet){.timestamp = timestamp,
                                                                .samples = opus.samples,
                                                                .source = source,
                                                                .data = data});
    if (err == ERR_AGAIN && source == JITTER_PRIMARY)
        counts->late++;
    else if (err == ERR_FULL || err == ERR_INVAL)
        counts->bad++;
}

void voice_receive(struct voice *voice, struct slice rtp, struct voice_counts *counts)
{
    struct rtp_packet packet;
    if (rtp_parse(&packet, rtp) != 0) {
        counts->bad++;
        return;
    }
    bool is_red = voice->red_type != 0 && packet.payload_type == voice->red_type;
    if (!is_red && packet.payload_type != voice->payload_type) {
        counts->bad++;
        return;
    }
    if (!accept_ssrc(voice, packet.ssrc))
        return;
    if (!is_red) {
        put(voice, packet.timestamp, packet.payload, JITTER_PRIMARY, counts);
        return;
    }
    struct red_block blocks[RED_BLOCKS_MAX];
    size_t count = 0;
    if (red_parse(blocks, &count, packet.payload, packet.timestamp) != 0) {
        counts->bad++;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_primary = i + 1 == count;
        if (blocks[i].payload_type != voice->payload_type)
            counts->bad++;
        else if (blocks[i].payload.bytes > 0)
            put(voice, blocks[i].timestamp, blocks[i].payload,
                is_primary ? JITTER_PRIMARY : JITTER_REDUNDANT, counts);
    }
}

/* ---- out ---- */

/* Whether the packet carries a second, coarser copy of the one before it (RFC 6716 section
 * 4.2.4: LBRR flags behind the voice activity flags, first channel and second). */
static bool has_fec(struct slice data)
{
    struct opus_packet packet;
    if (opus_frame_parse(&packet, data) != 0 || packet.toc.mode == OPUS_CELT)
        return false;
    const unsigned char *frames[OPUS_FRAMES_MAX];
    opus_int16 sizes[OPUS_FRAMES_MAX];
    int count = opus_packet_parse(data.data, (opus_int32)data.bytes, NULL, frames, sizes, NULL);
    if (count < 1 || sizes[0] < 1)
        return false;
    unsigned silk_frames = packet.toc.frame_samples > 960 ? packet.toc.frame_samples / 960U : 1U;
    unsigned flags = frames[0][0];
    bool first = (flags >> (7 - silk_frames)) & 1U;
    bool second = packet.toc.stereo && ((flags >> (6 - 2 * silk_frames)) & 1U);
    return first || second;
}

static int16_t *fifo_end(struct voice *voice)
{
    return voice->fifo + (size_t)voice->fifo_samples * voice->channels;
}

/* data empty: the decoder guesses. Always adds exactly `samples`. */
static bool decode(struct voice *voice, struct slice data, uint32_t samples, int fec)
{
    assert(voice->fifo_samples + samples <= FIFO_SAMPLES_MAX);
    int16_t *out = fifo_end(voice);
    int decoded = opus_decode(voice->decoder, data.bytes > 0 ? data.data : NULL,
                              (opus_int32)data.bytes, out, (int)samples, fec);
    bool is_good = decoded == (int)samples;
    if (!is_good)
        memset(out, 0, (size_t)samples * voice->channels * sizeof(*out));
    voice->fifo_samples += samples;
    return is_good;
}

static void conceal(struct voice *voice, uint32_t samples, struct voice_counts *counts)
{
    counts->concealed++;
    voice->concealed_samples += samples;
    if (voice->concealed_samples <= VOICE_CONCEAL_MAX) {
        (void)decode(voice, slice_of(NULL, 0), samples, 0);
        return;
    }
    voice->concealed_samples = VOICE_CONCEAL_MAX; /* stays silent without counting up for ever */
    memset(fifo_end(voice), 0, (size_t)samples * voice->channels * sizeof(int16_t));
    voice->fifo_samples += samples;
}

static void play(struct voice *voice, const struct jitter_pull *pull, struct voice_counts *counts,
                 struct voice_frame *out)
{
    uint32_t start = voice->fifo_samples;
    const struct jitter_packet *packet = &pull->packet;
    if (!decode(voice, packet->data, packet->samples, 0)) {
        counts->bad++;
        return;
    }
    voice->concealed_samples = 0;
    counts->decoded++;
    counts->redundant += packet->source == JITTER_REDUNDANT;
    if (pull->skip_samples == 0) {
        if (out->packet_count < VOICE_YIELD_MAX)
            out->packets[out->packet_count++] = (struct voice_packet){
                .offset_samples = start, .samples = packet->samples, .data = packet->data};
        return;
    }
    /* Part of this packet's time has passed: it is heard from there on, and cannot be a part of
     * the stem, which holds whole packets. */
    size_t channels = voice->channels;
    uint32_t skip = pull->skip_samples < packet->samples ? pull->skip_samples : packet->samples;
    int16_t *at = voice->fifo + start * channels;
    memmove(at, at + skip * channels, (packet->samples - skip) * channels * sizeof(*at));
    voice->fifo_samples -= skip;
}

static void fill_gap(struct voice *voice, const struct jitter_pull *pull,
                     struct voice_counts *counts)
{
    bool is_rebuilt = pull->has_next && pull->gap_samples <= OPUS_PACKET_SAMPLES_MAX &&
                      pull->gap_samples >= opus_toc_of(pull->next.data.data[0]).frame_samples &&
                      has_fec(pull->next.data);
    if (!is_rebuilt) {
        voice->gap_samples += pull->gap_samples;
        return;
    }
    voice->concealed_samples = 0;
    counts->rebuilt++;
    (void)decode(voice, pull->next.data, pull->gap_samples, 1);
}

/* One step towards a full frame; false when there is nothing to play at all. */
static bool fill(struct voice *voice, struct voice_counts *counts, struct voice_frame *out)
{
    uint32_t wanted = FRAME_SAMPLES - voice->fifo_samples;
    if (voice->gap_samples > 0) {
        uint32_t now = voice->gap_samples < wanted ? voice->gap_samples : wanted;
        voice->gap_samples -= now;
        conceal(voice, now, counts);
        return true;
    }
    struct jitter_pull pull;
    jitter_pull(voice->jitter, wanted, &pull);
    switch (pull.kind) {
    case JITTER_EMPTY:
        return false;
    case JITTER_PACKET:
        play(voice, &pull, counts, out);
        return true;
    case JITTER_GAP:
        fill_gap(voice, &pull, counts);
        return pull.gap_samples > 0;
    }
    return false;
}

void voice_tick(struct voice *voice, struct voice_counts *counts, struct voice_frame *out)
{
    out->packet_count = 0;
    out->pcm = voice->frame;
    jitter_begin_tick(voice->jitter);
    while (voice->fifo_samples < FRAME_SAMPLES && fill(voice, counts, out))
        ;
    size_t channels = voice->channels;
    if (voice->fifo_samples < FRAME_SAMPLES) {
        memset(fifo_end(voice), 0,
               (FRAME_SAMPLES - voice->fifo_samples) * channels * sizeof(int16_t));
        voice->fifo_samples = FRAME_SAMPLES;
    }
    memcpy(voice->frame, voice->fifo, FRAME_SAMPLES * channels * sizeof(int16_t));
    voice->fifo_samples -= FRAME_SAMPLES;
    memmove(voice->fifo, voice->fifo + FRAME_SAMPLES * channels,
            voice->fifo_samples * channels * sizeof(int16_t));
    jitter_end_tick(voice->jitter, voice->fifo_samples + voice->gap_samples);
}
