#include "rostrum/rtcp.h"

#include "rostrum/rtp.h"
#include "rtcp_internal.h"

/* Two's complement of 24 bits (RFC 3550 section 6.4.1: cumulative number of packets lost) */
static int32_t signed_24(uint32_t value)
{
    return value & 0x800000u ? (int32_t)value - 0x1000000 : (int32_t)value;
}

static struct rtcp_block parse_block(struct cursor *c)
{
    struct rtcp_block block = {.ssrc = cursor_u32(c)};
    block.fraction_lost_q8 = cursor_u8(c);
    block.lost_packets = signed_24(cursor_u24(c));
    block.highest_ext_seq = cursor_u32(c);
    block.jitter = cursor_u32(c);
    block.last_sr = cursor_u32(c);
    block.delay_since_sr = cursor_u32(c);
    return block;
}

static void parse_report(struct rtcp_packet *out, struct cursor *body, unsigned count, bool is_sr)
{
    out->kind = is_sr ? RTCP_SR : RTCP_RR;
    out->ssrc = cursor_u32(body);
    out->report.sender = (struct rtcp_sender){0};
    if (is_sr) {
        out->report.sender.ntp = cursor_u64(body);
        out->report.sender.timestamp = cursor_u32(body);
        out->report.sender.packets = cursor_u32(body);
        out->report.sender.bytes = cursor_u32(body);
    }
    out->report.block_count = count;
    for (unsigned i = 0; i < count; i++)
        out->report.blocks[i] = parse_block(body);
    /* what may follow are profile-specific extensions (RFC 3550 section 6.4.3): ignored */
}

/* One chunk: SSRC, items, zero bytes up to the next word. Its start lies on a word of the body. */
static void parse_chunk(struct cursor *body, uint32_t *ssrc, struct slice *cname)
{
    *ssrc = cursor_u32(body);
    uint8_t type;
    while ((type = cursor_u8(body)) != SDES_END) {
        struct slice text = cursor_slice(body, cursor_u8(body));
        if (type == SDES_CNAME)
            *cname = text;
    }
    cursor_skip(body, (4 - body->at % 4) % 4);
}

static void parse_sdes(struct rtcp_packet *out, struct cursor *body, unsigned count)
{
    out->kind = RTCP_SDES;
    out->cname = slice_of(NULL, 0);
    for (unsigned i = 0; i < count; i++) {
        uint32_t ssrc;
        struct slice cname = {0};
        parse_chunk(body, &ssrc, &cname);
        if (i == 0) {
            out->ssrc = ssrc;
            out->cname = cname;
        }
    }
}

static void parse_bye(struct rtcp_packet *out, struct cursor *body, unsigned count)
{
    out->kind = RTCP_BYE;
    for (unsigned i = 0; i < count; i++) {
        uint32_t ssrc = cursor_u32(body);
        if (i == 0)
            out->ssrc = ssrc;
    }
}

/* RFC 4585 section 6.2.1: a packet id, and a bit for each of the 16 that follow it */
static void parse_nack(struct rtcp_packet *out, struct cursor *body)
{
    out->kind = RTCP_NACK;
    out->ssrc = cursor_u32(body);
    out->nack.media_ssrc = cursor_u32(body);
    out->nack.seq_count = 0;
    while (cursor_left(body) > 0) {
        uint16_t seq = cursor_u16(body);
        uint32_t mask = (uint32_t)cursor_u16(body) << 1 | 1;
        for (; mask != 0 && !body->bad; mask >>= 1, seq++)
            if ((mask & 1) != 0 && out->nack.seq_count < RTCP_NACK_MAX)
                out->nack.seqs[out->nack.seq_count++] = seq;
    }
}

/* RFC 3550 section 6.4.1: padding is counted by its last byte, in whole words */
static int drop_padding(struct slice *body)
{
    struct cursor c = cursor_of(*body);
    if (body->bytes == 0)
        return ERR_PROTO;
    cursor_skip(&c, body->bytes - 1);
    uint8_t padding = cursor_u8(&c);
    if (padding == 0 || padding % 4 != 0 || padding > body->bytes)
        return ERR_PROTO;
    body->bytes -= padding;
    return 0;
}

static void parse_body(struct rtcp_packet *out, struct cursor *body, uint8_t type, unsigned count)
{
    switch (type) {
    case TYPE_SR:
    case TYPE_RR:
        parse_report(out, body, count, type == TYPE_SR);
        break;
    case TYPE_SDES:
        parse_sdes(out, body, count);
        break;
    case TYPE_BYE:
        parse_bye(out, body, count);
        break;
    case TYPE_RTPFB:
        if (count == FMT_NACK)
            parse_nack(out, body);
        break;
    default:
        break;
    }
}

int rtcp_next(struct cursor *c, struct rtcp_packet *out)
{
    if (c->bad)
        return ERR_PROTO;
    if (cursor_left(c) == 0)
        return ERR_AGAIN;
    uint8_t first = cursor_u8(c);
    uint8_t type = cursor_u8(c);
    size_t words = cursor_u16(c);
    struct slice content = cursor_slice(c, words * 4);
    bool good = !c->bad && first >> 6 == RTP_VERSION;
    /* only the last packet of a compound one may be padded */
    if (good && (first & 0x20) != 0)
        good = cursor_left(c) == 0 && drop_padding(&content) == 0;
    if (good) {
        struct cursor body = cursor_of(content);
        out->kind = RTCP_OTHER;
        out->ssrc = 0;
        parse_body(out, &body, type, first & 0x1F);
        good = !body.bad;
    }
    c->bad = !good;
    return good ? 0 : ERR_PROTO;
}

int rtcp_check(struct slice compound)
{
    struct cursor c = cursor_of(compound);
    struct rtcp_packet packet;
    int err = compound.bytes == 0 ? ERR_PROTO : 0;
    while (err == 0)
        err = rtcp_next(&c, &packet);
    return err == ERR_AGAIN ? 0 : err;
}

uint32_t rtcp_ntp_middle(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}

uint64_t rtcp_ntp_from_wall_ms(int64_t wall_ms)
{
    /* RFC 3550 section 4: NTP counts from 1900, 70 years and 17 leap days before 1970 */
    const uint64_t epoch_s = 2208988800u;
    uint64_t ms = wall_ms > 0 ? (uint64_t)wall_ms : 0;
    uint64_t fraction = ((ms % 1000) << 32) / 1000;
    return (epoch_s + ms / 1000) << 32 | fraction;
}
