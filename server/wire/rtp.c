#include "rostrum/rtp.h"

#include "rostrum/stun.h"

enum packet_kind packet_kind(struct slice packet)
{
    struct cursor c = cursor_of(packet);
    uint8_t first = cursor_u8(&c);
    uint8_t second = cursor_u8(&c);
    if (c.bad)
        return PACKET_OTHER;
    if (first <= 3)
        return stun_is(packet) ? PACKET_STUN : PACKET_OTHER;
    if (first >= 20 && first <= 63)
        return PACKET_DTLS;
    if (first < 128 || first > 191)
        return PACKET_OTHER;
    /* RFC 5761 section 4: RTCP types 192..223 are payload types 64..95 with the marker bit set */
    if (second >= 192 && second <= 223)
        return PACKET_RTCP;
    return packet.bytes >= RTP_HEADER_BYTES ? PACKET_RTP : PACKET_OTHER;
}

/* RFC 3550 section 5.1: the last byte counts the padding, itself included */
static int drop_padding(struct slice *payload)
{
    if (payload->bytes == 0)
        return ERR_PROTO;
    struct cursor c = cursor_of(*payload);
    cursor_skip(&c, payload->bytes - 1);
    uint8_t padding = cursor_u8(&c);
    if (padding == 0 || padding > payload->bytes)
        return ERR_PROTO;
    payload->bytes -= padding;
    return 0;
}

int rtp_parse(struct rtp_packet *out, struct slice packet)
{
    struct cursor c = cursor_of(packet);
    struct rtp_packet rtp = {0};
    uint8_t first = cursor_u8(&c);
    uint8_t second = cursor_u8(&c);
    rtp.seq = cursor_u16(&c);
    rtp.timestamp = cursor_u32(&c);
    rtp.ssrc = cursor_u32(&c);
    rtp.csrc_count = first & 0x0F;
    rtp.marker = (second & 0x80) != 0;
    rtp.payload_type = second & 0x7F;
    cursor_skip(&c, (size_t)rtp.csrc_count * 4);
    rtp.has_extension = (first & 0x10) != 0;
    if (rtp.has_extension) {
        rtp.extension_profile = cursor_u16(&c);
        size_t words = cursor_u16(&c);
        rtp.extension = cursor_slice(&c, words * 4);
    }
    if (c.bad || first >> 6 != RTP_VERSION)
        return ERR_PROTO;
    rtp.payload = cursor_rest(&c);
    if ((first & 0x20) != 0 && drop_padding(&rtp.payload) != 0)
        return ERR_PROTO;
    *out = rtp;
    return 0;
}

int rtp_write_header(const struct rtp_packet *packet, struct writer *out)
{
    if (packet->payload_type > 127 || packet->extension.bytes % 4 != 0 ||
        packet->extension.bytes / 4 > UINT16_MAX)
        return ERR_INVAL;
    size_t start = out->at;
    writer_u8(out, (uint8_t)(RTP_VERSION << 6 | (packet->has_extension ? 0x10 : 0)));
    writer_u8(out, (uint8_t)((packet->marker ? 0x80 : 0) | packet->payload_type));
    writer_u16(out, packet->seq);
    writer_u32(out, packet->timestamp);
    writer_u32(out, packet->ssrc);
    if (packet->has_extension) {
        writer_u16(out, packet->extension_profile);
        writer_u16(out, (uint16_t)(packet->extension.bytes / 4));
        writer_bytes(out, packet->extension);
    }
    if (!out->full)
        return 0;
    out->at = start;
    return ERR_FULL;
}

/* RFC 8285 section 4.2: id and length - 1 share a byte; 0 is padding, 15 ends the list */
static int find_one_byte(struct cursor c, uint8_t id, struct slice *out)
{
    while (cursor_left(&c) > 0) {
        uint8_t head = cursor_u8(&c);
        if (head == 0)
            continue;
        if (head >> 4 == 15)
            return ERR_NOENT;
        struct slice value = cursor_slice(&c, (size_t)(head & 0x0F) + 1);
        if (c.bad)
            return ERR_PROTO;
        if (head >> 4 == id) {
            *out = value;
            return 0;
        }
    }
    return ERR_NOENT;
}

/* RFC 8285 section 4.3: a byte of id (0 is padding) and one of length */
static int find_two_byte(struct cursor c, uint8_t id, struct slice *out)
{
    while (cursor_left(&c) > 0) {
        uint8_t found = cursor_u8(&c);
        if (found == 0)
            continue;
        struct slice value = cursor_slice(&c, cursor_u8(&c));
        if (c.bad)
            return ERR_PROTO;
        if (found == id) {
            *out = value;
            return 0;
        }
    }
    return ERR_NOENT;
}

int rtp_extension(const struct rtp_packet *packet, uint8_t id, struct slice *out)
{
    if (!packet->has_extension || id == 0)
        return ERR_NOENT;
    struct cursor c = cursor_of(packet->extension);
    if (packet->extension_profile == RTP_EXT_ONE_BYTE)
        return find_one_byte(c, id, out);
    if ((packet->extension_profile & 0xFFF0) == RTP_EXT_TWO_BYTE)
        return find_two_byte(c, id, out);
    return ERR_NOENT;
}

int rtp_audio_level(const struct rtp_packet *packet, uint8_t id, uint8_t *level_dbov, bool *voice)
{
    struct slice value;
    if (rtp_extension(packet, id, &value) != 0 || value.bytes == 0)
        return ERR_NOENT;
    struct cursor c = cursor_of(value);
    uint8_t byte = cursor_u8(&c);
    *voice = (byte & 0x80) != 0; /* RFC 6464 section 3 */
    *level_dbov = byte & 0x7F;
    return 0;
}

/* Steps by the signed distance from the last one; the circle's half decides the sign. */
uint64_t seq_extend(uint64_t last_ext, uint16_t seq)
{
    uint16_t ahead = (uint16_t)(seq - (uint16_t)last_ext);
    if (ahead < 0x8000u)
        return last_ext + ahead;
    uint64_t behind = 0x10000u - ahead;
    return last_ext >= behind ? last_ext - behind : last_ext + ahead;
}

uint64_t timestamp_extend(uint64_t last_ext, uint32_t timestamp)
{
    uint32_t ahead = timestamp - (uint32_t)last_ext;
    if (ahead < 0x80000000u)
        return last_ext + ahead;
    uint64_t behind = 0x100000000u - ahead;
    return last_ext >= behind ? last_ext - behind : last_ext + ahead;
}
