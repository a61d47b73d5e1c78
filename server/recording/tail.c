#include "recording/tail.h"

#include "rostrum/cursor.h"
#include "rostrum/ogg_opus.h"

#include <errno.h>
#include <ogg/ogg.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024,
    SEGMENT_COUNT_AT = 26, /* RFC 3533 section 6: page_segments */
    SEGMENT_MORE = 255,    /* a packet goes on in the next segment */
};

/* Appends the next bytes of the file to the sync buffer. *read_at moves. */
static int read_more(ogg_sync_state *sync, int fd, uint64_t *read_at)
{
    char *room = ogg_sync_buffer(sync, READ_BYTES);
    if (!room)
        return ERR_NOMEM;
    ssize_t got;
    do
        got = pread(fd, room, READ_BYTES, (off_t)*read_at);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return ERR_IO; /* the file was longer than this a moment ago */
    if (ogg_sync_wrote(sync, got) != 0)
        return ERR_IO;
    *read_at += (uint64_t)got;
    return 0;
}

/* The first byte of the page's last packet. Our packets never span pages. */
static void note_toc(struct tail *tail, const ogg_page *page)
{
    struct cursor header = cursor_of(slice_of(page->header, (size_t)page->header_len));
    cursor_skip(&header, SEGMENT_COUNT_AT);
    unsigned segments = cursor_u8(&header);
    size_t packet_at = 0;
    size_t at = 0;
    for (unsigned i = 0; i < segments; i++) {
        unsigned lacing = cursor_u8(&header);
        at += lacing;
        if (lacing != SEGMENT_MORE && i + 1 < segments)
            packet_at = at;
    }
    struct cursor body = cursor_of(slice_of(page->body, (size_t)page->body_len));
    cursor_skip(&body, packet_at);
    tail->toc = cursor_u8(&body);
    tail->has_toc = !body.bad;
}

static void note_page(struct tail *tail, const ogg_page *page, uint64_t at, long bytes)
{
    *tail = (struct tail){
        .serial = (uint32_t)ogg_page_serialno(page),
        .page_seq = (uint32_t)ogg_page_pageno(page),
        .granule = ogg_page_granulepos(page),
        .page_at = at,
        .end_at = at + (uint64_t)bytes,
        .ended = ogg_page_eos(page) != 0,
    };
    if (tail->page_seq >= 2) /* behind the headers */
        note_toc(tail, page);
}

/* Walks from `from` to the end and keeps the last page with a good checksum. */
static int scan(struct tail *tail, int fd, uint64_t from, uint64_t file_bytes)
{
    ogg_sync_state sync;
    (void)ogg_sync_init(&sync);
    uint64_t at = from; /* of the first byte not yet looked at */
    uint64_t read_at = from;
    int err = 0;
    bool found = false;
    while (err == 0 && at + OGG_PAGE_HEADER_BYTES <= file_bytes) {
        ogg_page page;
        long step = ogg_sync_pageseek(&sync, &page);
        if (step > 0) {
            note_page(tail, &page, at, step);
            found = true;
            at += (uint64_t)step;
        } else if (step < 0) {
            at += (uint64_t)-step;
        } else if (read_at < file_bytes) {
            err = read_more(&sync, fd, &read_at);
        } else {
            /* A torn page, or "OggS" inside a packet: look on right behind its first byte. */
            read_at = ++at;
            (void)ogg_sync_reset(&sync);
        }
    }
    (void)ogg_sync_clear(&sync);
    if (err != 0)
        return err;
    return found ? 0 : ERR_NOENT;
}

int tail_find(struct tail *out, int fd, uint64_t file_bytes)
{
    struct tail tail = {0};
    uint64_t from = file_bytes > TAIL_SCAN_BYTES ? file_bytes - TAIL_SCAN_BYTES : 0;
    int err = scan(&tail, fd, from, file_bytes);
    if (err == ERR_NOENT && from > 0)
        err = scan(&tail, fd, 0, file_bytes);
    if (err == 0)
        *out = tail;
    return err;
}
