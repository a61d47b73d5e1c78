#include "rostrum/rtp.h"

enum {
    RED_MORE = 0x80,               /* RFC 2198 section 3: another block header follows */
    RED_OFFSET_MAX = (1 << 14) - 1 /* RFC 2198 section 3: 14 bit timestamp offset */
};

int red_parse(struct red_block blocks[RED_BLOCKS_MAX], size_t *count, struct slice payload,
              uint32_t timestamp)
{
    struct cursor c = cursor_of(payload);
    struct red_block found[RED_BLOCKS_MAX] = {0};
    size_t bytes[RED_BLOCKS_MAX];
    size_t older = 0;
    uint8_t head = cursor_u8(&c);
    while ((head & RED_MORE) != 0) {
        if (older == RED_BLOCKS_MAX - 1)
            return ERR_PROTO;
        uint32_t rest = cursor_u24(&c);
        found[older].payload_type = head & 0x7F;
        found[older].timestamp = timestamp - (rest >> 10);
        bytes[older++] = rest & RED_BLOCK_BYTES_MAX;
        head = cursor_u8(&c);
    }
    for (size_t i = 0; i < older; i++)
        found[i].payload = cursor_slice(&c, bytes[i]);
    found[older] = (struct red_block){.payload_type = head, .timestamp = timestamp};
    found[older].payload = cursor_rest(&c);
    if (c.bad)
        return ERR_PROTO;
    memcpy(blocks, found, (older + 1) * sizeof(found[0]));
    *count = older + 1;
    return 0;
}

int red_write(const struct red_block *blocks, size_t count, struct writer *out)
{
    if (count < 1 || count > RED_BLOCKS_MAX)
        return ERR_INVAL;
    size_t start = out->at;
    const struct red_block *primary = &blocks[count - 1];
    for (size_t i = 0; i + 1 < count; i++) {
        uint32_t offset = primary->timestamp - blocks[i].timestamp;
        if (offset > RED_OFFSET_MAX || blocks[i].payload.bytes > RED_BLOCK_BYTES_MAX) {
            out->at = start;
            return ERR_INVAL;
        }
        writer_u8(out, (uint8_t)(RED_MORE | blocks[i].payload_type));
        writer_u24(out, offset << 10 | (uint32_t)blocks[i].payload.bytes);
    }
    writer_u8(out, primary->payload_type & 0x7F);
    for (size_t i = 0; i < count; i++)
        writer_bytes(out, blocks[i].payload);
    if (!out->full)
        return 0;
    out->at = start;
    return ERR_FULL;
}
