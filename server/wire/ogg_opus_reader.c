#include "rostrum/ogg_opus.h"

#include "rostrum/opus_frame.h"

#include <stdlib.h>

/* A packet that is still open grows with each page: this is where we stop believing in it. */
enum { OPEN_PACKET_BYTES_MAX = 1 << 20 };
#define GRANULE_MAX ((int64_t)1 << 40) /* 265 days; beyond it lies nonsense */

void ogg_opus_reader_init(struct ogg_opus_reader *reader)
{
    memset(reader, 0, sizeof(*reader));
    (void)ogg_sync_init(&reader->sync);
    reader->granule = -1;
}

static void clear_link(struct ogg_opus_reader *reader)
{
    if (reader->has_stream)
        (void)ogg_stream_clear(&reader->stream);
    free((void *)(uintptr_t)reader->tags_packet.data);
    reader->tags_packet = slice_of(NULL, 0);
    reader->has_stream = false;
    reader->has_head = false;
    reader->has_tags = false;
    reader->ended = false;
    reader->granule = -1;
}

void ogg_opus_reader_clear(struct ogg_opus_reader *reader)
{
    clear_link(reader);
    (void)ogg_sync_clear(&reader->sync);
    memset(reader, 0, sizeof(*reader));
}

int ogg_opus_reader_feed(struct ogg_opus_reader *reader, struct slice bytes)
{
    if (bytes.bytes == 0)
        return 0;
    char *room = ogg_sync_buffer(&reader->sync, (long)bytes.bytes);
    if (!room)
        return ERR_NOMEM;
    memcpy(room, bytes.data, bytes.bytes);
    (void)ogg_sync_wrote(&reader->sync, (long)bytes.bytes);
    reader->fed_bytes += bytes.bytes;
    return 0;
}

static int start_link(struct ogg_opus_reader *reader, ogg_page *page)
{
    clear_link(reader);
    reader->serial = (uint32_t)ogg_page_serialno(page);
    if (ogg_stream_init(&reader->stream, ogg_page_serialno(page)) != 0)
        return ERR_NOMEM;
    reader->has_stream = true;
    reader->links++;
    return 0;
}

static int take_tags(struct ogg_opus_reader *reader, struct slice packet)
{
    struct ogg_opus_tags tags;
    int err = ogg_opus_tags_parse(&tags, packet);
    if (err != 0)
        return err;
    uint8_t *copy = malloc(packet.bytes);
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, packet.data, packet.bytes);
    reader->tags_packet = slice_of(copy, packet.bytes);
    reader->has_tags = true;
    return 0;
}

static void queue_packet(struct ogg_opus_reader *reader, struct slice packet)
{
    int samples = opus_frame_samples(packet);
    if (reader->queue_count < OGG_SEGMENTS_MAX)
        reader->queue[reader->queue_count++] = (struct ogg_opus_packet){
            .data = packet, .samples = samples > 0 ? (unsigned)samples : 0};
}

/* Takes the packets that this page completes: headers at once, audio into the queue. */
static int take_packets(struct ogg_opus_reader *reader)
{
    ogg_packet found;
    int got;
    while ((got = ogg_stream_packetout(&reader->stream, &found)) != 0) {
        if (got < 0)
            continue; /* a hole, which the page numbers have told already */
        struct slice packet = slice_of(found.packet, (size_t)found.bytes);
        int err = 0;
        if (!reader->has_head) {
            err = ogg_opus_head_parse(&reader->head, packet);
            reader->has_head = err == 0;
        } else if (!reader->has_tags) {
            err = take_tags(reader, packet);
        } else {
            queue_packet(reader, packet);
        }
        if (err != 0)
            return err;
    }
    return reader->stream.body_fill > OPEN_PACKET_BYTES_MAX ? ERR_PROTO : 0;
}

/* RFC 7845 section 4: the page's granule is the end of its last packet. What lies between the page
 * before and the samples of this one is a gap, unless the last page is shorter: that is its end
 * trim. */
static void place_packets(struct ogg_opus_reader *reader, int64_t granule, bool is_end)
{
    int64_t samples = 0;
    for (unsigned i = 0; i < reader->queue_count; i++)
        samples += reader->queue[i].samples;
    bool is_first = reader->granule < 0;
    if (granule < 0 || granule > GRANULE_MAX)
        granule = (is_first ? 0 : reader->granule) + samples; /* should have had one */
    int64_t begin = is_first ? 0 : reader->granule;
    if (is_first) {
        begin = granule > samples ? granule - samples : 0;
        reader->start_granule = begin;
    }
    int64_t jump = granule - begin - samples;
    struct ogg_opus_packet *first = &reader->queue[0];
    struct ogg_opus_packet *last = &reader->queue[reader->queue_count - 1];
    if (jump < 0 && is_end) {
        last->trim_samples = -jump;
    } else {
        first->gap_samples = jump;
        begin += jump;
    }
    for (unsigned i = 0; i < reader->queue_count; i++) {
        begin += reader->queue[i].samples;
        reader->queue[i].granule = begin;
    }
    first->first_on_page = true;
    last->last_on_page = true;
    last->end_of_stream = is_end;
    reader->granule = granule;
}

/* Page numbers count one by one within a link. */
static bool is_in_sequence(struct ogg_opus_reader *reader, uint32_t page_seq)
{
    uint32_t expected = reader->page_seq + 1;
    reader->page_seq = page_seq;
    if (page_seq == expected)
        return true;
    reader->lost_pages += page_seq > expected ? page_seq - expected : 1;
    return false;
}

static int take_page(struct ogg_opus_reader *reader, ogg_page *page, size_t page_bytes)
{
    int64_t granule = ogg_page_granulepos(page);
    uint32_t page_seq = (uint32_t)ogg_page_pageno(page);
    bool is_end = ogg_page_eos(page) != 0;
    bool in_sequence = true;
    if (ogg_page_bos(page)) {
        int err = start_link(reader, page);
        if (err != 0)
            return err;
        reader->page_seq = page_seq;
    } else if (!reader->has_stream) {
        return ERR_PROTO;
    } else if ((uint32_t)ogg_page_serialno(page) != reader->serial) {
        reader->skipped_bytes += page_bytes;
        return ERR_DAMAGED;
    } else {
        in_sequence = is_in_sequence(reader, page_seq);
    }
    reader->page_count++;
    bool is_audio = reader->has_tags;
    if (is_audio && reader->audio_at == 0)
        reader->audio_at = reader->scanned_bytes - page_bytes;
    reader->queue_count = 0;
    reader->queue_at = 0;
    if (ogg_stream_pagein(&reader->stream, page) != 0)
        return ERR_DAMAGED;
    int err = take_packets(reader);
    if (err != 0)
        return err;
    if (reader->queue_count > 0)
        place_packets(reader, granule, is_end);
    reader->ended = reader->ended || is_end;
    return in_sequence ? 0 : ERR_DAMAGED;
}

static int next_page(struct ogg_opus_reader *reader)
{
    bool skipped = false;
    for (;;) {
        ogg_page page;
        long got = ogg_sync_pageseek(&reader->sync, &page);
        if (got < 0) {
            reader->skipped_bytes += (uint64_t)-got;
            reader->scanned_bytes += (uint64_t)-got;
            skipped = true;
            continue;
        }
        if (got == 0)
            return skipped && reader->has_stream ? ERR_DAMAGED : ERR_AGAIN;
        reader->scanned_bytes += (uint64_t)got;
        reader->good_bytes = reader->scanned_bytes;
        int err = take_page(reader, &page, (size_t)got);
        return err == 0 && skipped ? ERR_DAMAGED : err;
    }
}

int ogg_opus_reader_next(struct ogg_opus_reader *reader, struct ogg_opus_packet *out)
{
    while (reader->failed == 0 && reader->queue_at == reader->queue_count) {
        int err = next_page(reader);
        if (err == ERR_AGAIN || err == ERR_DAMAGED)
            return err;
        reader->failed = err;
    }
    if (reader->failed != 0)
        return reader->failed;
    *out = reader->queue[reader->queue_at++];
    return 0;
}
