#include "ogg_opus_internal.h"

#include "rostrum/opus_frame.h"

enum {
    LACING_FULL = 255,    /* RFC 3533 section 5 */
    END_FILLER_TOC = 0xE0 /* RFC 6716 section 3.1: CELT, full band, 2.5 ms, mono, one frame */
};

void ogg_opus_writer_init(struct ogg_opus_writer *writer, uint32_t serial, uint32_t page_seq,
                          int64_t granule)
{
    writer->serial = serial;
    writer->page_seq = page_seq;
    writer->granule = granule;
    writer->page_granule = granule;
    writer->packet_count = 0;
    writer->segment_count = 0;
    writer->body_bytes = 0;
}

int ogg_opus_writer_add(struct ogg_opus_writer *writer, struct slice packet)
{
    int samples = opus_frame_samples(packet);
    if (samples < 0)
        return ERR_PROTO;
    size_t segments = packet.bytes / LACING_FULL + 1;
    if (writer->segment_count + segments > OGG_SEGMENTS_MAX)
        return ERR_FULL; /* the body is at most as large as its segments */
    memset(writer->segments + writer->segment_count, LACING_FULL, segments - 1);
    writer->segment_count += (unsigned)segments;
    writer->segments[writer->segment_count - 1] = (uint8_t)(packet.bytes % LACING_FULL);
    memcpy(writer->body + writer->body_bytes, packet.data, packet.bytes);
    writer->body_bytes += packet.bytes;
    writer->packet_count++;
    writer->granule += samples;
    return 0;
}

static int write_page(struct ogg_opus_writer *writer, int64_t granule, uint8_t flags,
                      struct writer *out)
{
    size_t start = out->at;
    const struct ogg_page_head head = {
        .serial = writer->serial,
        .page_seq = writer->page_seq,
        .granule = granule,
        .flags = flags,
        .segments = slice_of(writer->segments, writer->segment_count),
    };
    ogg_page_begin(&head, out);
    writer_bytes(out, slice_of(writer->body, writer->body_bytes));
    ogg_page_seal(out, start, writer->segment_count);
    if (out->full) {
        out->at = start;
        return ERR_FULL;
    }
    ogg_opus_writer_init(writer, writer->serial, writer->page_seq + 1, granule);
    return 0;
}

int ogg_opus_writer_flush(struct ogg_opus_writer *writer, struct writer *out)
{
    return writer->packet_count > 0 ? write_page(writer, writer->granule, 0, out) : 0;
}

int ogg_opus_writer_end(struct ogg_opus_writer *writer, int64_t end_granule, struct writer *out)
{
    if (end_granule == -1)
        end_granule = writer->granule;
    if (end_granule < writer->page_granule || end_granule > writer->granule)
        return ERR_INVAL;
    if (writer->packet_count == 0) {
        /* the mark needs a page with a packet: the shortest concealed one, trimmed away whole */
        static const uint8_t filler[1] = {END_FILLER_TOC};
        int err = ogg_opus_writer_add(writer, slice_of(filler, sizeof(filler)));
        if (err != 0)
            return err;
    }
    return write_page(writer, end_granule, OGG_LAST, out);
}
