/* ogg_opus.h - Opus in Ogg, without any file: headers, page writer, packet reader, verifier.
 *
 * Owner    writer and verifier: whoever embeds them; the reader allocates, release with its clear
 * Thread   one at a time per object
 * Units    granules are samples at 48 kHz and include the pre-skip: what is heard ends at
 *          granule - pre_skip. Offsets are bytes from the first byte fed
 * Errors   0 or a negative ERR_*; outputs are written only on success
 * Spec     RFC 7845 (Opus in Ogg), RFC 3533 (Ogg)
 *
 * A file of ours: page 0 is OpusHead, page 1 is OpusTags in one page whose size is fixed by
 * padding, so that both can be rewritten in place; then audio, no packet ever spanning two pages.
 * Pre-skip: players drop the first pre_skip samples that they decode, which hide the encoder's
 * look-ahead (312 by opus) or the decoder's convergence (3840 when packets were cut out of a
 * running stream).
 */
#ifndef ROSTRUM_OGG_OPUS_H
#define ROSTRUM_OGG_OPUS_H

#include "rostrum/cursor.h"
#include "rostrum/error.h"

#include <ogg/ogg.h>

enum {
    OGG_HEAD_BYTES = 19,        /* RFC 7845 section 5.1, mapping family 0 */
    OGG_PRE_SKIP_CUT = 3840,    /* RFC 7845 section 4.2: 80 ms when cropping */
    OGG_TAGS_MAX = 32,          /* tags read or written */
    OGG_TAGS_BYTES_MAX = 61440, /* of an OpusTags packet: it stays within one page */
    OGG_SEGMENTS_MAX = 255,     /* RFC 3533 section 6 */
    OGG_BODY_BYTES_MAX = 65025, /* 255 segments of 255 bytes */
    OGG_PAGE_HEADER_BYTES = 27, /* RFC 3533 section 6, without the segment table */
    OGG_PAGE_BYTES_MAX = 65307
};

/* RFC 7845 section 5.1; mapping family 0 only */
struct ogg_opus_head {
    uint8_t channels; /* 1 or 2 */
    uint16_t pre_skip_samples;
    uint32_t input_rate_hz; /* for people only */
    int16_t gain_q8;        /* dB, applied by players; 0 */
};

MUST_CHECK int ogg_opus_head_write(const struct ogg_opus_head *head, struct writer *out);
/* ERR_PROTO; ERR_UNSUPPORTED: mapping family other than 0, or major version other than 0. */
MUST_CHECK int ogg_opus_head_parse(struct ogg_opus_head *out, struct slice packet);

/* RFC 7845 section 5.2 */
struct ogg_opus_tags {
    struct slice vendor;
    unsigned count;
    struct slice tags[OGG_TAGS_MAX]; /* NAME=value, UTF-8; borrowed */
};

/* total_bytes: the packet is padded with zeros to this size; 0: no padding.
 * ERR_FULL: it does not fit into total_bytes or out. ERR_INVAL: a tag without NAME=. */
MUST_CHECK int ogg_opus_tags_write(const struct ogg_opus_tags *tags, size_t total_bytes,
                                   struct writer *out);
/* Borrows. Tags beyond OGG_TAGS_MAX are left out; padding is accepted. ERR_PROTO. */
MUST_CHECK int ogg_opus_tags_parse(struct ogg_opus_tags *out, struct slice packet);
/* Finds NAME without case; lends its value. ERR_NOENT. */
MUST_CHECK int ogg_opus_tag(const struct ogg_opus_tags *tags, const char *name, struct slice *out);

/* Bytes of the two header pages when tags are padded to tags_bytes (1..OGG_TAGS_BYTES_MAX). */
size_t ogg_opus_header_bytes(size_t tags_bytes);
/* Appends both header pages. The same serial and tags_bytes give the same size: rewrite in place.
 */
MUST_CHECK int ogg_opus_header_write(uint32_t serial, const struct ogg_opus_head *head,
                                     const struct ogg_opus_tags *tags, size_t tags_bytes,
                                     struct writer *out);

/* Collects packets into a page. 65 KiB, no allocation. */
struct ogg_opus_writer {
    uint32_t serial;
    uint32_t page_seq;     /* of the next page */
    int64_t granule;       /* at the end of the last packet added */
    int64_t page_granule;  /* where the pending page begins */
    unsigned packet_count; /* pending in the page */
    unsigned segment_count;
    size_t body_bytes;
    uint8_t segments[OGG_SEGMENTS_MAX];
    uint8_t body[OGG_BODY_BYTES_MAX];
};

/* For a new file page_seq is 2 (behind the headers) and granule 0; to continue a file, what its
 * reader saw last, plus one for page_seq. */
void ogg_opus_writer_init(struct ogg_opus_writer *writer, uint32_t serial, uint32_t page_seq,
                          int64_t granule);
/* Copies. ERR_FULL: flush first. ERR_PROTO: not a valid Opus packet. Adds its samples to granule.
 */
MUST_CHECK int ogg_opus_writer_add(struct ogg_opus_writer *writer, struct slice packet);
/* Appends the pending packets as one page; nothing when there are none. ERR_FULL: out is too small.
 */
MUST_CHECK int ogg_opus_writer_flush(struct ogg_opus_writer *writer, struct writer *out);
/* The same with the end-of-stream mark. end_granule trims the last packet (RFC 7845 section 4.4);
 * -1: no trim. With nothing pending a filler of 2.5 ms that is trimmed away carries the mark, as
 * validators refuse it on an empty page. ERR_INVAL: end_granule is not in the pending page. */
MUST_CHECK int ogg_opus_writer_end(struct ogg_opus_writer *writer, int64_t end_granule,
                                   struct writer *out);

/* One packet read, audio only. */
struct ogg_opus_packet {
    struct slice data;    /* lent until the next call of the reader */
    unsigned samples;     /* 0: not a valid Opus packet */
    int64_t granule;      /* at its end, before end trim */
    int64_t trim_samples; /* to be cut from its end; not 0 only in the last packet */
    int64_t gap_samples;  /* granules missing (or doubled, negative) just before it */
    bool first_on_page;
    bool last_on_page;
    bool end_of_stream; /* the last packet of a stream with its end mark */
};

struct ogg_opus_reader {
    ogg_sync_state sync;     /* owned */
    ogg_stream_state stream; /* owned while has_stream */
    bool has_stream;
    bool has_head;
    bool has_tags;
    bool ended; /* the end-of-stream mark was seen */
    uint32_t serial;
    struct ogg_opus_head head;
    struct slice tags_packet; /* owned copy; for ogg_opus_tags_parse() */
    int64_t granule;          /* of the last page with one; -1: none yet */
    int64_t start_granule; /* where the first audio page begins: 0 unless cut out of a longer one */
    int failed;            /* the error that ended reading; 0: none */
    uint32_t page_seq;     /* of the last page */
    uint64_t fed_bytes;
    uint64_t good_bytes; /* offset behind the last complete page with a good checksum */
    uint64_t scanned_bytes;
    uint64_t skipped_bytes; /* that belong to no good page */
    uint64_t page_count;
    uint64_t lost_pages;  /* missing page numbers */
    unsigned links;       /* logical streams seen, one after the other */
    uint64_t audio_at;    /* offset of the first audio page; 0: not yet */
    unsigned queue_count; /* packets of the present page */
    unsigned queue_at;
    struct ogg_opus_packet queue[OGG_SEGMENTS_MAX];
};

void ogg_opus_reader_init(struct ogg_opus_reader *reader);
void ogg_opus_reader_clear(struct ogg_opus_reader *reader); /* frees; fine on a cleared one */
/* Copies the bytes in, any amount. ERR_NOMEM. */
MUST_CHECK int ogg_opus_reader_feed(struct ogg_opus_reader *reader, struct slice bytes);
/* The next audio packet. ERR_AGAIN: feed more (or that was all). ERR_DAMAGED: bytes or pages are
 * missing here; call again, reading goes on behind them. ERR_PROTO: this is not Ogg Opus.
 * ERR_UNSUPPORTED. */
MUST_CHECK int ogg_opus_reader_next(struct ogg_opus_reader *reader, struct ogg_opus_packet *out);

/* What `rostrum verify` prints. Fill with ogg_opus_verify_feed() and finish. */
struct ogg_opus_verify {
    struct ogg_opus_reader reader; /* owned */
    bool failed;                   /* not Ogg Opus at all; nothing else holds */
    bool has_bos;                  /* OpusHead and OpusTags were good */
    bool has_eos;
    uint64_t pages;
    uint64_t packets;
    uint64_t filler_packets;  /* zero-length frames: lost when recorded, concealed when played */
    uint64_t invalid_packets; /* break RFC 6716 */
    uint64_t gaps;            /* places where granules jump */
    int64_t gap_samples;
    uint64_t damaged_places; /* bad checksums, missing pages, foreign bytes */
    uint64_t skipped_bytes;
    uint64_t tail_bytes;      /* behind the last good page */
    int64_t duration_samples; /* heard: without pre-skip and end trim */
};

void ogg_opus_verify_init(struct ogg_opus_verify *verify);
void ogg_opus_verify_clear(struct ogg_opus_verify *verify);
/* ERR_PROTO, ERR_UNSUPPORTED: not Ogg Opus, `failed` is set. ERR_NOMEM. */
MUST_CHECK int ogg_opus_verify_feed(struct ogg_opus_verify *verify, struct slice bytes);
/* Completes the figures. True when the file is whole: headers, no gap, no damage, no invalid
 * packet. A missing end mark alone is no damage: live recordings that were cut off lack it. */
bool ogg_opus_verify_finish(struct ogg_opus_verify *verify);

#endif
