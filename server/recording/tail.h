/* tail.h - finds the last whole page of a journal, reading its end and not its hours.
 *
 * Owner    values
 * Thread   recorder
 * Units    offsets in bytes from the start of the file; granules as in rostrum/ogg_opus.h
 * Errors   0 or a negative ERR_*; outputs are written only on success
 * Spec     RFC 3533 section 6
 */
#ifndef RECORDING_TAIL_H
#define RECORDING_TAIL_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { TAIL_SCAN_BYTES = 128 * 1024 /* more than one page of the greatest size */ };

struct tail {
    uint32_t serial;
    uint32_t page_seq;
    int64_t granule;
    uint64_t page_at; /* where the last whole page starts */
    uint64_t end_at;  /* behind it: whatever follows is torn */
    bool ended;       /* it carries the end-of-stream mark */
    bool has_toc;
    uint8_t toc; /* first byte of its last packet */
};

/* Looks at the last TAIL_SCAN_BYTES, and at the whole file when no page is there. fd: readable, its
 * offset is kept. ERR_NOENT: no whole page at all. ERR_IO, ERR_NOMEM. */
MUST_CHECK int tail_find(struct tail *out, int fd, uint64_t file_bytes);

#endif
