/* journal.h - one track on disk while it is spoken: a single Ogg Opus stream, whole after every
 * page.
 *
 * Time is never lost: what did not arrive, or could not be written, is filled with packets that
 * decoders conceal (RFC 7845 section 4.1), and with silence when it is long. A track's granule is
 * the position of its encoder's input, so what is heard is late by the pre-skip, which players
 * drop; the end adds as much, and trims to the sample.
 *
 * Owner    a recording's track; journal_close() ends it
 * Thread   recorder
 * Units    samples at 48 kHz from the start of the recording; bytes
 * Errors   ERR_IO turns the journal `failed`, with errno in system_error: the page in memory is
 *          given up, the file is cut back to its last whole page, and only journal_retry() or
 *          journal_end() go on
 * Spec     RFC 7845, RFC 3533
 */
#ifndef RECORDING_JOURNAL_H
#define RECORDING_JOURNAL_H

#include "recording/disk.h"
#include "rostrum/error.h"
#include "rostrum/ogg_opus.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    JOURNAL_PAGE_SAMPLES = 9600, /* 200 ms; a greater packet stands alone on its page */
    JOURNAL_TAGS_BYTES = 4096,   /* of the OpusTags packet: room to rewrite it in place */
    JOURNAL_SLACK_SAMPLES =
        120, /* 2.5 ms, the smallest Opus frame: less is neither hole nor overlap */
    JOURNAL_ARTIST_BYTES_MAX = 320,
};

struct journal_tags {
    const char *title;  /* borrowed; UTF-8; "" is left out */
    const char *artist; /* borrowed; "" is left out, or keeps what the file says */
    int64_t date_wall_ms;
};

struct journal_params {
    const struct disk *disk; /* borrowed */
    uint8_t channels;        /* 1 or 2; of a new file */
    uint16_t pre_skip_samples;
    bool keep_end; /* an end mark in the file stands; else its page is cut off to go on behind it */
    struct journal_tags tags;
};

/* Read by the recording; written by journal.c only. */
struct journal {
    int fd; /* owned */
    const struct disk *disk;
    uint32_t serial; /* of the logical stream */
    struct ogg_opus_head head;
    char artist[JOURNAL_ARTIST_BYTES_MAX + 1];
    bool found;  /* the file held audio before it was opened */
    bool ended;  /* the end mark is in the file */
    bool failed; /* see Errors */
    bool dirty;  /* written since the last sync */
    int system_error;
    int64_t changed_wall_ms;   /* found: when the file was last written */
    uint64_t file_bytes;       /* whole pages in the file */
    int64_t granule_written;   /* at their end */
    uint32_t page_seq_written; /* of the page behind them */
    int64_t granule_staged;    /* at the end of the pages in `out` */
    uint32_t page_seq_staged;  /* of the page behind those */
    uint64_t dropped_packets;  /* overlaps, damaged ones, and all while failed */
    unsigned last_packet_samples;
    bool has_toc;
    uint8_t toc;                   /* first byte of the last packet: fillers look like it */
    struct ogg_opus_writer writer; /* the page being collected */
    size_t out_bytes;
    uint8_t out[OGG_PAGE_BYTES_MAX]; /* pages on their way to the file */
};

/* Opens the file, makes it when it is missing or holds nothing usable, else cuts its torn tail and
 * goes on behind it. Allocates; release with journal_close(). ERR_IO with errno in *system_error,
 * ERR_NOMEM. */
MUST_CHECK int journal_open(struct journal **out, const char *path,
                            const struct journal_params *params, int *system_error);
/* Writes nothing; closes. NULL is fine. */
void journal_close(struct journal *journal);

/* Appends; a hole before position_samples is filled, an overlap dropped. ERR_PROTO: no Opus packet,
 * dropped. ERR_BADSTATE: failed or ended, dropped. ERR_IO. */
MUST_CHECK int journal_push(struct journal *journal, uint64_t position_samples,
                            struct slice packet);
/* Fills with silence up to position_samples. ERR_BADSTATE, ERR_IO. */
MUST_CHECK int journal_fill(struct journal *journal, uint64_t position_samples);
/* Writes the page in memory although it is short. ERR_BADSTATE, ERR_IO. */
MUST_CHECK int journal_flush(struct journal *journal);
/* After a failure: fills up to position_samples and writes that. ERR_IO: still no use. */
MUST_CHECK int journal_retry(struct journal *journal, uint64_t position_samples);
/* The earliest end that cuts away no more than the last packet. */
uint64_t journal_end_min(const struct journal *journal);
/* Fills up to end_samples (at least journal_end_min()) and writes the last page, whose granule
 * makes exactly that the length. Tries anew when failed; does nothing when ended. ERR_IO. */
MUST_CHECK int journal_end(struct journal *journal, uint64_t end_samples);
/* Rewrites the header pages in place. ERR_IO (which leaves the journal as it was). */
MUST_CHECK int journal_write_tags(struct journal *journal, const struct journal_tags *tags);
/* Waits for the disk; nothing when not dirty. ERR_IO (which leaves the journal as it was). */
MUST_CHECK int journal_sync(struct journal *journal);

/* Where the next packet is expected. */
uint64_t journal_position(const struct journal *journal);
/* What is heard of an ended file, or would be if it ended here. */
uint64_t journal_duration(const struct journal *journal);

#endif
