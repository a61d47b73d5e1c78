/* ogg_opus_internal.h - one Ogg page written in place.
 *
 * Owner    values
 * Thread   any
 * Units    bytes, granules
 * Errors   the writer's `full`
 * Spec     RFC 3533 section 6
 */
#ifndef WIRE_OGG_OPUS_INTERNAL_H
#define WIRE_OGG_OPUS_INTERNAL_H

#include "rostrum/ogg_opus.h"

enum { OGG_FIRST = 0x02, OGG_LAST = 0x04 }; /* RFC 3533 section 6: header_type_flag */

struct ogg_page_head {
    uint32_t serial;
    uint32_t page_seq;
    int64_t granule;
    uint8_t flags;
    struct slice segments; /* 0..255 lacing values */
};

/* Appends the header; the caller appends the body and then seals the page, which began at `start`.
 */
void ogg_page_begin(const struct ogg_page_head *head, struct writer *out);
void ogg_page_seal(struct writer *out, size_t start, size_t segment_count);

#endif
