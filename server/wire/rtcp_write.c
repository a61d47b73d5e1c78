#include "rostrum/rtcp.h"

#include "rostrum/rtp.h"
#include "rtcp_internal.h"

enum {
    LOST_MAX = 0x7FFFFF, /* RFC 3550 section 6.4.1: 24 bit, signed */
    LOST_MIN = -0x800000
};

static void write_head(struct writer *w, unsigned count, uint8_t type, uint32_t ssrc)
{
    writer_u8(w, (uint8_t)(RTP_VERSION << 6 | count));
    writer_u8(w, type);
    writer_u16(w, 0); /* patched by finish() */
    writer_u32(w, ssrc);
}

/* RFC 3550 section 6.4.1: length in words, minus one */
static int finish(struct writer *w, size_t start)
{
    writer_zeros(w, (4 - (w->at - start) % 4) % 4);
    if (w->full) {
        w->at = start;
        return ERR_FULL;
    }
    writer_patch_u16(w, start + 2, (uint16_t)((w->at - start) / 4 - 1));
    return 0;
}

static void write_block(struct writer *w, const struct rtcp_block *block)
{
    int32_t lost = block->lost_packets;
    if (lost > LOST_MAX)
        lost = LOST_MAX;
    if (lost < LOST_MIN)
        lost = LOST_MIN;
    writer_u32(w, block->ssrc);
    writer_u8(w, block->fraction_lost_q8);
    writer_u24(w, (uint32_t)lost & 0xFFFFFFu);
    writer_u32(w, block->highest_ext_seq);
    writer_u32(w, block->jitter);
    writer_u32(w, block->last_sr);
    writer_u32(w, block->delay_since_sr);
}

int rtcp_write_sr(uint32_t ssrc, const struct rtcp_sender *sender, const struct rtcp_block *blocks,
                  size_t count, struct writer *out)
{
    if (count > RTCP_BLOCKS_MAX)
        return ERR_INVAL;
    size_t start = out->at;
    write_head(out, (unsigned)count, TYPE_SR, ssrc);
    writer_u64(out, sender->ntp);
    writer_u32(out, sender->timestamp);
    writer_u32(out, sender->packets);
    writer_u32(out, sender->bytes);
    for (size_t i = 0; i < count; i++)
        write_block(out, &blocks[i]);
    return finish(out, start);
}

int rtcp_write_rr(uint32_t ssrc, const struct rtcp_block *blocks, size_t count, struct writer *out)
{
    if (count > RTCP_BLOCKS_MAX)
        return ERR_INVAL;
    size_t start = out->at;
    write_head(out, (unsigned)count, TYPE_RR, ssrc);
    for (size_t i = 0; i < count; i++)
        write_block(out, &blocks[i]);
    return finish(out, start);
}

int rtcp_write_sdes(uint32_t ssrc, struct slice cname, struct writer *out)
{
    if (cname.bytes == 0 || cname.bytes > RTCP_CNAME_MAX)
        return ERR_INVAL;
    size_t start = out->at;
    write_head(out, 1, TYPE_SDES, ssrc);
    writer_u8(out, SDES_CNAME);
    writer_u8(out, (uint8_t)cname.bytes);
    writer_bytes(out, cname);
    writer_u8(out, SDES_END); /* at least one zero ends the chunk; finish() fills the word */
    return finish(out, start);
}

int rtcp_write_bye(uint32_t ssrc, struct writer *out)
{
    size_t start = out->at;
    write_head(out, 1, TYPE_BYE, ssrc);
    return finish(out, start);
}

int rtcp_write_nack(uint32_t ssrc, uint32_t media_ssrc, const uint16_t *seqs, size_t count,
                    struct writer *out)
{
    if (count < 1 || count > RTCP_NACK_MAX)
        return ERR_INVAL;
    size_t start = out->at;
    write_head(out, FMT_NACK, TYPE_RTPFB, ssrc);
    writer_u32(out, media_ssrc);
    for (size_t i = 0; i < count;) {
        uint16_t first = seqs[i++];
        uint16_t mask = 0;
        for (; i < count && (uint16_t)(seqs[i] - first - 1) < 16; i++)
            mask = (uint16_t)(mask | 1u << (uint16_t)(seqs[i] - first - 1));
        writer_u16(out, first);
        writer_u16(out, mask);
    }
    return finish(out, start);
}
