/* slice.h - bytes that somebody else owns: a pointer and a length.
 *
 * Owner    borrowed; valid as long as the buffer it was cut from
 * Thread   any
 * Units    bytes
 * Errors   none
 * Spec     none
 */
#ifndef ROSTRUM_SLICE_H
#define ROSTRUM_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data; /* borrowed; may be NULL when bytes is 0 */
    size_t bytes;
};

static inline struct slice slice_of(const void *data, size_t bytes)
{
    return (struct slice){.data = data, .bytes = bytes};
}

/* Lends a C string without its terminating zero. */
static inline struct slice slice_text(const char *text)
{
    return slice_of(text, strlen(text));
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_text(text));
}

/* The same without regard to ASCII case. */
bool slice_is_nocase(struct slice a, const char *text);
/* Without its last byte, if that is `byte`. */
struct slice slice_without_end(struct slice a, uint8_t byte);

#endif
