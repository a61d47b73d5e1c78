#include "ogg_opus_internal.h"

enum {
    OGG_VERSION = 0,  /* RFC 3533 section 6 */
    HEAD_VERSION = 1, /* RFC 7845 section 5.1: the upper four bits must stay 0 */
    LACING_FULL = 255 /* RFC 3533 section 5: this segment is not the packet's last */
};

void ogg_page_begin(const struct ogg_page_head *head, struct writer *out)
{
    writer_text(out, "OggS");
    writer_u8(out, OGG_VERSION);
    writer_u8(out, head->flags);
    writer_u64_le(out, (uint64_t)head->granule);
    writer_u32_le(out, head->serial);
    writer_u32_le(out, head->page_seq);
    writer_u32_le(out, 0); /* checksum: set when sealed */
    writer_u8(out, (uint8_t)head->segments.bytes);
    writer_bytes(out, head->segments);
}

void ogg_page_seal(struct writer *out, size_t start, size_t segment_count)
{
    if (out->full)
        return;
    size_t header_bytes = OGG_PAGE_HEADER_BYTES + segment_count;
    ogg_page page = {
        .header = out->data + start,
        .header_len = (long)header_bytes,
        .body = out->data + start + header_bytes,
        .body_len = (long)(out->at - start - header_bytes),
    };
    ogg_page_checksum_set(&page);
}

int ogg_opus_head_write(const struct ogg_opus_head *head, struct writer *out)
{
    if (head->channels < 1 || head->channels > 2)
        return ERR_INVAL;
    size_t start = out->at;
    writer_text(out, "OpusHead");
    writer_u8(out, HEAD_VERSION);
    writer_u8(out, head->channels);
    writer_u16_le(out, head->pre_skip_samples);
    writer_u32_le(out, head->input_rate_hz);
    writer_u16_le(out, (uint16_t)head->gain_q8);
    writer_u8(out, 0); /* mapping family: mono or stereo, RFC 7845 section 5.1.1.1 */
    if (!out->full)
        return 0;
    out->at = start;
    return ERR_FULL;
}

int ogg_opus_head_parse(struct ogg_opus_head *out, struct slice packet)
{
    struct cursor c = cursor_of(packet);
    struct slice magic = cursor_slice(&c, 8);
    uint8_t version = cursor_u8(&c);
    struct ogg_opus_head head = {.channels = cursor_u8(&c)};
    head.pre_skip_samples = cursor_u16_le(&c);
    head.input_rate_hz = cursor_u32_le(&c);
    uint16_t gain = cursor_u16_le(&c);
    uint8_t family = cursor_u8(&c);
    if (c.bad || !slice_is(magic, "OpusHead"))
        return ERR_PROTO;
    if ((version & 0xF0) != 0 || family != 0)
        return ERR_UNSUPPORTED;
    if (head.channels < 1 || head.channels > 2)
        return ERR_PROTO;
    head.gain_q8 = (int16_t)(gain < 0x8000 ? gain : (int)gain - 0x10000);
    *out = head;
    return 0;
}

static bool is_tag(struct slice tag)
{
    struct cursor c = cursor_of(tag);
    return cursor_until(&c, '=').bytes > 0 && memchr(tag.data, '=', tag.bytes);
}

static void write_text(struct slice text, struct writer *out)
{
    writer_u32_le(out, (uint32_t)text.bytes);
    writer_bytes(out, text);
}

int ogg_opus_tags_write(const struct ogg_opus_tags *tags, size_t total_bytes, struct writer *out)
{
    if (tags->count > OGG_TAGS_MAX || total_bytes > OGG_TAGS_BYTES_MAX)
        return ERR_INVAL;
    for (unsigned i = 0; i < tags->count; i++)
        if (!is_tag(tags->tags[i]))
            return ERR_INVAL;
    size_t start = out->at;
    writer_text(out, "OpusTags");
    write_text(tags->vendor, out);
    writer_u32_le(out, tags->count);
    for (unsigned i = 0; i < tags->count; i++)
        write_text(tags->tags[i], out);
    size_t bytes = out->at - start;
    /* RFC 7845 section 5.2: what follows the comments is padding if its first bit is 0 */
    bool fits = bytes <= (total_bytes > 0 ? total_bytes : (size_t)OGG_TAGS_BYTES_MAX);
    if (fits && total_bytes > 0)
        writer_zeros(out, total_bytes - bytes);
    if (fits && !out->full)
        return 0;
    out->at = start;
    return ERR_FULL;
}

int ogg_opus_tags_parse(struct ogg_opus_tags *out, struct slice packet)
{
    struct cursor c = cursor_of(packet);
    struct slice magic = cursor_slice(&c, 8);
    struct ogg_opus_tags tags = {.vendor = cursor_slice(&c, cursor_u32_le(&c))};
    uint32_t count = cursor_u32_le(&c);
    if (c.bad || !slice_is(magic, "OpusTags"))
        return ERR_PROTO;
    for (uint32_t i = 0; i < count && !c.bad; i++) {
        struct slice tag = cursor_slice(&c, cursor_u32_le(&c));
        if (!c.bad && tags.count < OGG_TAGS_MAX)
            tags.tags[tags.count++] = tag;
    }
    if (c.bad)
        return ERR_PROTO;
    *out = tags;
    return 0;
}

int ogg_opus_tag(const struct ogg_opus_tags *tags, const char *name, struct slice *out)
{
    for (unsigned i = 0; i < tags->count; i++) {
        struct cursor c = cursor_of(tags->tags[i]);
        if (is_tag(tags->tags[i]) && slice_is_nocase(cursor_until(&c, '='), name)) {
            *out = cursor_rest(&c);
            return 0;
        }
    }
    return ERR_NOENT;
}

static size_t segments_of(size_t packet_bytes)
{
    return packet_bytes / LACING_FULL + 1;
}

size_t ogg_opus_header_bytes(size_t tags_bytes)
{
    return OGG_PAGE_HEADER_BYTES + 1 + OGG_HEAD_BYTES + OGG_PAGE_HEADER_BYTES +
           segments_of(tags_bytes) + tags_bytes;
}

int ogg_opus_header_write(uint32_t serial, const struct ogg_opus_head *head,
                          const struct ogg_opus_tags *tags, size_t tags_bytes, struct writer *out)
{
    if (tags_bytes < 1 || tags_bytes > OGG_TAGS_BYTES_MAX)
        return ERR_INVAL;
    size_t start = out->at;
    uint8_t lacing[OGG_SEGMENTS_MAX] = {OGG_HEAD_BYTES};
    struct ogg_page_head page = {.serial = serial, .flags = OGG_FIRST};
    page.segments = slice_of(lacing, 1);
    ogg_page_begin(&page, out);
    int err = ogg_opus_head_write(head, out);
    ogg_page_seal(out, start, 1);

    size_t segments = segments_of(tags_bytes);
    size_t tags_at = out->at;
    memset(lacing, LACING_FULL, segments - 1);
    lacing[segments - 1] = (uint8_t)(tags_bytes % LACING_FULL);
    page = (struct ogg_page_head){.serial = serial, .page_seq = 1};
    page.segments = slice_of(lacing, segments);
    ogg_page_begin(&page, out);
    if (err == 0)
        err = ogg_opus_tags_write(tags, tags_bytes, out);
    ogg_page_seal(out, tags_at, segments);
    if (err == 0 && out->full)
        err = ERR_FULL;
    if (err != 0)
        out->at = start;
    return err;
}
