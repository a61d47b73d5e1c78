/* cursor.h - bounded reading and writing of bytes. The only pointer arithmetic on input is in
 * cursor.c.
 *
 * Owner    values on the stack of a parser or writer
 * Thread   any
 * Units    bytes; numbers in network byte order unless the name ends in _le
 * Errors   sticky: a cursor past its end turns `bad` and yields zeros, a writer past its end turns
 *          `full` and writes nothing more; check once, at the end
 * Spec     none
 */
#ifndef ROSTRUM_CURSOR_H
#define ROSTRUM_CURSOR_H

#include "rostrum/slice.h"

struct cursor {
    const uint8_t *data; /* borrowed from the slice */
    size_t bytes;
    size_t at; /* next byte to read, 0..bytes */
    bool bad;
};

struct cursor cursor_of(struct slice slice);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u24(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
uint16_t cursor_u16_le(struct cursor *c);
uint32_t cursor_u32_le(struct cursor *c);
/* Copies `bytes` bytes out; zeros when there are not as many left. */
void cursor_copy(struct cursor *c, void *out, size_t bytes);
void cursor_skip(struct cursor *c, size_t bytes);
/* Lends the next `bytes` bytes as a cursor of their own, and passes them. A bad one is bad and
 * empty. */
struct cursor cursor_sub(struct cursor *c, size_t bytes);
/* Lends the next `bytes` bytes and passes them; empty when there are not as many left. */
struct slice cursor_slice(struct cursor *c, size_t bytes);
/* Lends all that is left and passes it. */
struct slice cursor_rest(struct cursor *c);
/* Lends the text up to the next `stop` byte (passed, left out) or to the end. For line formats. */
struct slice cursor_until(struct cursor *c, uint8_t stop);
/* Bytes not yet read; 0 once bad. */
size_t cursor_left(const struct cursor *c);

struct writer {
    uint8_t *data; /* borrowed from the caller */
    size_t capacity;
    size_t at; /* bytes written so far */
    bool full;
};

struct writer writer_of(void *data, size_t capacity);
void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u24(struct writer *w, uint32_t value);
void writer_u32(struct writer *w, uint32_t value);
void writer_u64(struct writer *w, uint64_t value);
void writer_u16_le(struct writer *w, uint16_t value);
void writer_u32_le(struct writer *w, uint32_t value);
void writer_u64_le(struct writer *w, uint64_t value);
void writer_bytes(struct writer *w, struct slice bytes);
void writer_zeros(struct writer *w, size_t bytes);
void writer_text(struct writer *w, const char *text);
/* printf into the buffer; the terminating zero needs room too but is not counted in `at`. */
__attribute__((format(printf, 2, 3))) void writer_printf(struct writer *w, const char *format, ...);
/* Overwrites two bytes written before, at offset `at`. */
void writer_patch_u16(struct writer *w, size_t at, uint16_t value);
/* Lends what was written so far. */
struct slice writer_slice(const struct writer *w);

#endif
