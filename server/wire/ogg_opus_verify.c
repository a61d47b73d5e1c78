#include "rostrum/ogg_opus.h"

#include "rostrum/opus_frame.h"

void ogg_opus_verify_init(struct ogg_opus_verify *verify)
{
    memset(verify, 0, sizeof(*verify));
    ogg_opus_reader_init(&verify->reader);
}

void ogg_opus_verify_clear(struct ogg_opus_verify *verify)
{
    ogg_opus_reader_clear(&verify->reader);
}

static void count_packet(struct ogg_opus_verify *verify, const struct ogg_opus_packet *packet)
{
    struct opus_packet parsed;
    verify->packets++;
    if (opus_frame_parse(&parsed, packet->data) != 0)
        verify->invalid_packets++;
    else if (parsed.frame_bytes == 0 && packet->trim_samples < packet->samples)
        verify->filler_packets++; /* DTX looks the same, but our recordings have none */
    if (packet->gap_samples != 0) {
        verify->gaps++;
        verify->gap_samples += packet->gap_samples;
    }
    verify->duration_samples += packet->samples + packet->gap_samples - packet->trim_samples;
}

int ogg_opus_verify_feed(struct ogg_opus_verify *verify, struct slice bytes)
{
    int err = ogg_opus_reader_feed(&verify->reader, bytes);
    while (err == 0 || err == ERR_DAMAGED) {
        struct ogg_opus_packet packet;
        unsigned links = verify->reader.links;
        err = ogg_opus_reader_next(&verify->reader, &packet);
        if (verify->reader.links != links && verify->reader.has_head)
            verify->duration_samples -= verify->reader.head.pre_skip_samples;
        if (err == 0)
            count_packet(verify, &packet);
        else if (err == ERR_DAMAGED)
            verify->damaged_places++;
    }
    verify->failed = err == ERR_PROTO || err == ERR_UNSUPPORTED;
    return err == ERR_AGAIN ? 0 : err;
}

bool ogg_opus_verify_finish(struct ogg_opus_verify *verify)
{
    const struct ogg_opus_reader *reader = &verify->reader;
    verify->has_bos = reader->has_head && reader->has_tags;
    verify->has_eos = reader->ended;
    verify->pages = reader->page_count;
    verify->skipped_bytes = reader->skipped_bytes;
    verify->tail_bytes = reader->fed_bytes - reader->good_bytes;
    if (verify->duration_samples < 0)
        verify->duration_samples = 0;
    return !verify->failed && verify->has_bos && verify->gaps == 0 && verify->damaged_places == 0 &&
           verify->invalid_packets == 0 && verify->tail_bytes == 0;
}
