/* Any packets of two parents, into an intake. The input is a row of steps: one byte of flags, then
 * what they ask for:
 *   1    from the second parent            2   some time passes first (next byte: in ms)
 *   4    a packet made here: one byte of how far its number moves, one of its time, one of its blocks
 *   else two bytes of length, and the bytes are the packet
 *   128  the parent is opened anew
 * Whatever comes: frames go out with rising indices, and nothing is due that cannot be done. */
#include "rostrum/opus_frame.h"
#include "rostrum/rtp.h"
#include "tree/intake.h"

#include <stdlib.h>

enum { OPUS = 111, RED = 63, SAMPLES = 960, PACKET_BYTES = 1500, GIVE_UP = 10000 };

struct sender {
    uint16_t seq;
    uint32_t timestamp;
};

static void collect(struct intake *intake, uint64_t now_us)
{
    static const uint64_t far_us = 3600u * UINT64_C(1000000);
    struct intake_frame frame;
    uint64_t next = intake_next_index(intake);
    unsigned count = 0;
    while (intake_next(intake, now_us, &frame)) {
        if (frame.index < next || frame.payload.bytes == 0 ||
            frame.payload.bytes > INTAKE_PAYLOAD_MAX ||
            opus_frame_samples(frame.payload) != (int)frame.samples || ++count > INTAKE_SLOTS)
            abort();
        next = frame.index + 1;
    }
    if (intake_next_index(intake) != next)
        abort();
    uint64_t due_us = intake_due_us(intake, now_us);
    if (due_us != UINT64_MAX && due_us > now_us + far_us)
        abort();
}

/* Does what is due until nothing is: that must come to an end. */
static void drain(struct intake *intake, uint64_t now_us)
{
    uint64_t due_us;
    unsigned rounds = 0;
    while ((due_us = intake_due_us(intake, now_us)) != UINT64_MAX) {
        uint16_t seqs[RTCP_NACK_MAX];
        uint32_t ssrc;
        if (++rounds > GIVE_UP)
            abort();
        now_us = due_us > now_us ? due_us : now_us;
        for (unsigned i = 0; i < INTAKE_SOURCES; i++)
            (void)intake_missing(intake, i, seqs, RTCP_NACK_MAX, now_us, 0, &ssrc);
        collect(intake, now_us);
    }
}

static size_t make(struct cursor *c, struct sender *sender, unsigned source, uint8_t *out)
{
    static const uint8_t frame[] = {31 << 3, 1, 2, 3, 4};
    struct writer w = writer_of(out, PACKET_BYTES);
    struct red_block blocks[RED_BLOCKS_MAX];
    sender->seq = (uint16_t)(sender->seq + (int8_t)cursor_u8(c));
    sender->timestamp += (uint32_t)((int8_t)cursor_u8(c) * SAMPLES);
    uint8_t shape = cursor_u8(c);
    unsigned count = 1 + shape % 4;
    struct rtp_packet rtp = {.payload_type = RED,
                             .seq = sender->seq,
                             .timestamp = sender->timestamp,
                             .ssrc = source + (shape >> 7)};
    for (unsigned i = 0; i < count; i++)
        blocks[i] = (struct red_block){.payload_type = OPUS,
                                       .timestamp = sender->timestamp - (count - 1 - i) *
                                                                            (uint32_t)SAMPLES *
                                                                            (1 + (shape >> 6 & 1)),
                                       .payload = slice_of(frame, sizeof(frame))};
    if (rtp_write_header(&rtp, &w) != 0 || red_write(blocks, count, &w) != 0)
        abort();
    return w.at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(slice_of(data, size));
    struct sender senders[INTAKE_SOURCES] = {{.seq = 65000, .timestamp = 0},
                                             {.seq = 10, .timestamp = 1920}};
    struct intake *intake;
    uint64_t now_us = 1000000;
    if (intake_create(&intake, 0) != 0)
        abort();
    for (unsigned i = 0; i < INTAKE_SOURCES; i++)
        intake_open(intake, i, OPUS, RED);
    while (cursor_left(&c) > 0) {
        uint8_t made[PACKET_BYTES];
        uint8_t flags = cursor_u8(&c);
        unsigned source = flags & 1;
        struct slice packet;
        if (flags & 2)
            now_us += cursor_u8(&c) * UINT64_C(1000);
        if (flags & 128)
            intake_open(intake, source, OPUS, RED);
        if (flags & 4)
            packet = slice_of(made, make(&c, &senders[source], source, made));
        else
            packet = cursor_slice(&c, cursor_u16(&c));
        (void)intake_take(intake, source, packet, now_us);
        collect(intake, now_us);
    }
    drain(intake, now_us);
    intake_destroy(intake);
    return 0;
}
