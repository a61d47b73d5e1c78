#include "rostrum/ogg_opus.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Random bytes never have a good checksum: mend the pages that look like pages. */
static void mend_checksums(uint8_t *data, size_t bytes)
{
    for (size_t at = 0; at + OGG_PAGE_HEADER_BYTES <= bytes;) {
        uint8_t *header = data + at;
        size_t header_bytes = OGG_PAGE_HEADER_BYTES + (size_t)header[26];
        size_t body_bytes = 0;
        if (memcmp(header, "OggS", 4) != 0 || at + header_bytes > bytes) {
            at++;
            continue;
        }
        for (size_t i = OGG_PAGE_HEADER_BYTES; i < header_bytes; i++)
            body_bytes += header[i];
        if (at + header_bytes + body_bytes > bytes) {
            at++;
            continue;
        }
        ogg_page page = {header, (long)header_bytes, header + header_bytes, (long)body_bytes};
        ogg_page_checksum_set(&page);
        at += header_bytes + body_bytes;
    }
}

static void verify(struct slice file, size_t chunk)
{
    static struct ogg_opus_verify verify;
    struct cursor c = cursor_of(file);
    int err = 0;
    ogg_opus_verify_init(&verify);
    while (err == 0 && cursor_left(&c) > 0) {
        size_t left = cursor_left(&c);
        err = ogg_opus_verify_feed(&verify, cursor_slice(&c, left < chunk ? left : chunk));
    }
    bool whole = ogg_opus_verify_finish(&verify);
    if ((whole && err != 0) || verify.reader.good_bytes > verify.reader.fed_bytes)
        abort();
    if (verify.reader.has_tags) {
        struct ogg_opus_tags tags;
        if (ogg_opus_tags_parse(&tags, verify.reader.tags_packet) != 0)
            abort();
        struct slice value;
        err = ogg_opus_tag(&tags, "TITLE", &value);
        if (err != 0 && err != ERR_NOENT)
            abort();
    }
    ogg_opus_verify_clear(&verify);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    uint8_t *copy = malloc(bytes);
    if (!copy)
        return 0;
    memcpy(copy, data, bytes);
    verify(slice_of(copy, bytes), 100);
    mend_checksums(copy, bytes);
    verify(slice_of(copy, bytes), bytes);
    free(copy);
    return 0;
}
