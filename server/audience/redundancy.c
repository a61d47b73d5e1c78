#include "audience/redundancy.h"

#include "rostrum/rtp.h"

#include <assert.h>

enum {
    HEAD_BYTES = 4,             /* RFC 2198 section 3: of a redundant block */
    PRIMARY_HEAD_BYTES = 1,     /* and of the last one */
    OFFSET_MAX = (1 << 14) - 1, /* RFC 2198 section 3 */
    BLOCKS = REDUNDANCY_BACK + 1,
};

static bool find(const struct program *program, const struct program_packet *packet, unsigned back,
                 struct program_packet *out)
{
    if (packet->index < back || program_get(program, packet->index - back, out) != 0)
        return false;
    uint32_t offset = packet->timestamp - out->timestamp;
    return offset > 0 && offset <= OFFSET_MAX && out->bytes <= RED_BLOCK_BYTES_MAX;
}

static struct red_block block_of(const struct program_packet *packet)
{
    return (struct red_block){.timestamp = packet->timestamp,
                              .payload = slice_of(packet->payload, packet->bytes)};
}

void redundancy_make(struct redundancy *redundancy, const struct program *program,
                     const struct program_packet *packet)
{
    if (redundancy->is_made && redundancy->index == packet->index)
        return;
    struct red_block blocks[BLOCKS]; /* filled from the end: the oldest comes first */
    unsigned first = REDUNDANCY_BACK;
    size_t bytes = PRIMARY_HEAD_BYTES + packet->bytes;
    blocks[first] = block_of(packet);
    redundancy->is_made = true;
    redundancy->index = packet->index;
    redundancy->head_count = 0;
    redundancy->bytes = 0;
    if (bytes > PROGRAM_PAYLOAD_MAX)
        return;
    for (unsigned back = 1; back <= REDUNDANCY_BACK; back++) {
        struct program_packet older;
        if (!find(program, packet, back, &older) ||
            bytes + HEAD_BYTES + older.bytes > PROGRAM_PAYLOAD_MAX)
            continue;
        bytes += HEAD_BYTES + older.bytes;
        blocks[--first] = block_of(&older);
    }
    struct writer out = writer_of(redundancy->payload, sizeof(redundancy->payload));
    int err = red_write(&blocks[first], BLOCKS - first, &out);
    assert(err == 0 && out.at == bytes);
    redundancy->head_count = err == 0 ? BLOCKS - first : 0;
    redundancy->bytes = (uint32_t)out.at;
}

void redundancy_copy(const struct redundancy *redundancy, uint8_t opus_type, uint8_t *out)
{
    memcpy(out, redundancy->payload, redundancy->bytes);
    for (unsigned i = 0; i < redundancy->head_count; i++)
        out[i * HEAD_BYTES] |= opus_type;
}
