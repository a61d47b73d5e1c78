#include "stage/packer.h"

#include "stage/encoder.h"
#include "stage/stage.h"
#include "transport/media.h"

#include <assert.h>
#include <opus/opus.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)PACKER_PAYLOAD_MAX <= (int)MEDIA_PAYLOAD_MAX &&
                   (int)ENCODER_BYTES_MAX <= (int)MEDIA_PAYLOAD_MAX,
               "every packet fits into the rings of the workers");

struct packer {
    OpusRepacketizer *opus; /* owned; holds pointers into `frames` */
    unsigned wanted;        /* frames of a packet, in the end */
    unsigned size;          /* frames of a packet now: grows to `wanted` step by step */
    uint64_t step_frames;   /* since the size was last changed */
    unsigned count;         /* collected; 0 while wanted is 1 */
    uint64_t next_index;
    uint32_t end_timestamp; /* behind the last frame collected */
    uint8_t frames[PACKER_FRAMES_MAX][ENCODER_BYTES_MAX];
    _Alignas(struct media_frame) uint8_t out[sizeof(struct media_frame) + ENCODER_BYTES_MAX];
};
_Static_assert((int)PACKER_PAYLOAD_MAX <= (int)ENCODER_BYTES_MAX,
               "a joined packet fits into `out`");

int packer_create(struct packer **out)
{
    struct packer *packer = calloc(1, sizeof(*packer));
    if (!packer)
        return ERR_NOMEM;
    packer->wanted = 1;
    packer->size = 1;
    packer->opus = opus_repacketizer_create();
    if (!packer->opus) {
        packer_destroy(packer);
        return ERR_NOMEM;
    }
    *out = packer;
    return 0;
}

void packer_destroy(struct packer *packer)
{
    if (!packer)
        return;
    if (packer->opus)
        opus_repacketizer_destroy(packer->opus);
    free(packer);
}

/* The packet that is collected: all of its header but index and sizes stands there since its first
 * frame. */
static struct media_frame *packet_of(struct packer *packer)
{
    return (struct media_frame *)(void *)packer->out;
}

/* Writes the first `count` of the frames that the repacketizer holds; 0: too large. */
static uint32_t join(struct packer *packer, unsigned count)
{
    int limit = count > 1 ? PACKER_PAYLOAD_MAX : ENCODER_BYTES_MAX;
    int bytes =
        opus_repacketizer_out_range(packer->opus, 0, (int)count, packet_of(packer)->payload, limit);
    return bytes > 0 ? (uint32_t)bytes : 0;
}

void packer_flush(struct packer *packer, packer_send *send, const void *ctx)
{
    if (packer->count == 0)
        return;
    struct media_frame *packet = packet_of(packer);
    packet->payload_bytes = join(packer, packer->count);
    packet->samples = packer->count * FRAME_SAMPLES;
    packer->count = 0;
    assert(packet->payload_bytes > 0); /* it was tried when its last frame came */
    packet->index = packer->next_index++;
    send(ctx, packet);
}

/* Adds the frame to what is collected. False: they cannot be one packet; nothing has changed for
 * packer_flush(). */
static bool collect(struct packer *packer, const struct media_frame *frame)
{
    struct media_frame *packet = packet_of(packer);
    if (packer->count == 0) {
        (void)opus_repacketizer_init(packer->opus);
        *packet = *frame; /* the head of it */
    }
    uint8_t *copy = packer->frames[packer->count];
    memcpy(copy, frame->payload, frame->payload_bytes);
    if (opus_repacketizer_cat(packer->opus, copy, (opus_int32)frame->payload_bytes) != OPUS_OK ||
        join(packer, packer->count + 1) == 0)
        return false;
    packer->count++;
    packer->end_timestamp = frame->timestamp + frame->samples;
    packet->made_us = frame->made_us;
    return true;
}

static void send_alone(struct packer *packer, const struct media_frame *frame, packer_send *send,
                       const void *ctx)
{
    struct media_frame *packet = packet_of(packer);
    *packet = *frame;
    memcpy(packet->payload, frame->payload, frame->payload_bytes);
    packet->index = packer->next_index++;
    send(ctx, packet);
}

/* Between two packets. */
static void grow(struct packer *packer)
{
    if (packer->size == packer->wanted || packer->step_frames < PACKER_STEP_FRAMES)
        return;
    packer->size++;
    packer->step_frames = 0;
}

void packer_push(struct packer *packer, const struct media_frame *frame, packer_send *send,
                 const void *ctx)
{
    assert(frame->payload_bytes <= ENCODER_BYTES_MAX && frame->samples == FRAME_SAMPLES);
    if (packer->count > 0 && frame->timestamp != packer->end_timestamp)
        packer_flush(packer, send, ctx);
    if (packer->count == 0)
        grow(packer);
    packer->step_frames++;
    bool collected = packer->size > 1 && collect(packer, frame);
    if (!collected) {
        packer_flush(packer, send, ctx);
        collected = packer->size > 1 && collect(packer, frame);
    }
    if (!collected)
        send_alone(packer, frame, send, ctx);
    else if (packer->count >= packer->size)
        packer_flush(packer, send, ctx);
}

void packer_set_frames(struct packer *packer, unsigned frames, packer_send *send, const void *ctx)
{
    assert(frames >= 1 && frames <= PACKER_FRAMES_MAX);
    if (frames > packer->wanted)
        packer->step_frames = PACKER_STEP_FRAMES; /* the first step at once */
    packer->wanted = frames;
    bool nobody_waits = packer->next_index == 0;
    if (packer->size > frames || nobody_waits)
        packer->size = frames;
    if (packer->count >= packer->size)
        packer_flush(packer, send, ctx);
}
