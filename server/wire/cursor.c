#include "rostrum/cursor.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

bool slice_is_nocase(struct slice a, const char *text)
{
    size_t bytes = strlen(text);
    return a.bytes == bytes && (bytes == 0 || strncasecmp((const char *)a.data, text, bytes) == 0);
}

struct slice slice_without_end(struct slice a, uint8_t byte)
{
    if (a.bytes > 0 && a.data[a.bytes - 1] == byte)
        a.bytes--;
    return a;
}

struct cursor cursor_of(struct slice slice)
{
    return (struct cursor){.data = slice.data, .bytes = slice.bytes};
}

size_t cursor_left(const struct cursor *c)
{
    return c->bad ? 0 : c->bytes - c->at;
}

/* The one place that moves a read cursor: NULL and bad when there are not as many bytes left. */
static const uint8_t *take(struct cursor *c, size_t bytes)
{
    if (c->bad || c->bytes - c->at < bytes) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *at = c->data ? c->data + c->at : NULL;
    c->at += bytes;
    return at;
}

static uint64_t take_big(struct cursor *c, size_t bytes)
{
    const uint8_t *at = take(c, bytes);
    uint64_t value = 0;
    for (size_t i = 0; at && i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static uint32_t take_little(struct cursor *c, size_t bytes)
{
    const uint8_t *at = take(c, bytes);
    uint32_t value = 0;
    for (size_t i = 0; at && i < bytes; i++)
        value |= (uint32_t)at[i] << (8 * i);
    return value;
}

uint8_t cursor_u8(struct cursor *c)
{
    return (uint8_t)take_big(c, 1);
}

uint16_t cursor_u16(struct cursor *c)
{
    return (uint16_t)take_big(c, 2);
}

uint32_t cursor_u24(struct cursor *c)
{
    return (uint32_t)take_big(c, 3);
}

uint32_t cursor_u32(struct cursor *c)
{
    return (uint32_t)take_big(c, 4);
}

uint64_t cursor_u64(struct cursor *c)
{
    return take_big(c, 8);
}

uint16_t cursor_u16_le(struct cursor *c)
{
    return (uint16_t)take_little(c, 2);
}

uint32_t cursor_u32_le(struct cursor *c)
{
    return take_little(c, 4);
}

void cursor_copy(struct cursor *c, void *out, size_t bytes)
{
    const uint8_t *at = take(c, bytes);
    if (bytes == 0)
        return;
    if (at)
        memcpy(out, at, bytes);
    else
        memset(out, 0, bytes);
}

void cursor_skip(struct cursor *c, size_t bytes)
{
    (void)take(c, bytes);
}

struct slice cursor_slice(struct cursor *c, size_t bytes)
{
    const uint8_t *at = take(c, bytes);
    return slice_of(at, at ? bytes : 0);
}

struct cursor cursor_sub(struct cursor *c, size_t bytes)
{
    struct cursor sub = cursor_of(cursor_slice(c, bytes));
    sub.bad = c->bad;
    return sub;
}

struct slice cursor_rest(struct cursor *c)
{
    return cursor_slice(c, cursor_left(c));
}

struct slice cursor_until(struct cursor *c, uint8_t stop)
{
    size_t left = cursor_left(c);
    const uint8_t *found = left > 0 ? memchr(c->data + c->at, stop, left) : NULL;
    struct slice before = cursor_slice(c, found ? (size_t)(found - (c->data + c->at)) : left);
    if (found)
        cursor_skip(c, 1);
    return before;
}

struct writer writer_of(void *data, size_t capacity)
{
    return (struct writer){.data = data, .capacity = capacity};
}

/* The one place that moves a writer: NULL and full when there is not as much room. */
static uint8_t *room(struct writer *w, size_t bytes)
{
    if (w->full || w->capacity - w->at < bytes) {
        w->full = true;
        return NULL;
    }
    uint8_t *at = w->data ? w->data + w->at : NULL;
    w->at += bytes;
    return at;
}

static void put_big(struct writer *w, uint64_t value, size_t bytes)
{
    uint8_t *at = room(w, bytes);
    for (size_t i = bytes; at && i > 0; i--) {
        at[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

static void put_little(struct writer *w, uint64_t value, size_t bytes)
{
    uint8_t *at = room(w, bytes);
    for (size_t i = 0; at && i < bytes; i++) {
        at[i] = (uint8_t)value;
        value >>= 8;
    }
}

void writer_u8(struct writer *w, uint8_t value)
{
    put_big(w, value, 1);
}

void writer_u16(struct writer *w, uint16_t value)
{
    put_big(w, value, 2);
}

void writer_u24(struct writer *w, uint32_t value)
{
    put_big(w, value, 3);
}

void writer_u32(struct writer *w, uint32_t value)
{
    put_big(w, value, 4);
}

void writer_u64(struct writer *w, uint64_t value)
{
    put_big(w, value, 8);
}

void writer_u16_le(struct writer *w, uint16_t value)
{
    put_little(w, value, 2);
}

void writer_u32_le(struct writer *w, uint32_t value)
{
    put_little(w, value, 4);
}

void writer_u64_le(struct writer *w, uint64_t value)
{
    put_little(w, value, 8);
}

void writer_bytes(struct writer *w, struct slice bytes)
{
    uint8_t *at = room(w, bytes.bytes);
    if (at && bytes.bytes > 0)
        memcpy(at, bytes.data, bytes.bytes);
}

void writer_zeros(struct writer *w, size_t bytes)
{
    uint8_t *at = room(w, bytes);
    if (at && bytes > 0)
        memset(at, 0, bytes);
}

void writer_text(struct writer *w, const char *text)
{
    writer_bytes(w, slice_text(text));
}

void writer_printf(struct writer *w, const char *format, ...)
{
    size_t left = w->capacity - w->at;
    if (w->full || left == 0) {
        w->full = true;
        return;
    }
    va_list args;
    va_start(args, format);
    int chars = vsnprintf((char *)w->data + w->at, left, format, args);
    va_end(args);
    if (chars < 0 || (size_t)chars >= left)
        w->full = true;
    else
        w->at += (size_t)chars;
}

void writer_patch_u16(struct writer *w, size_t at, uint16_t value)
{
    if (w->full || at + 2 > w->at)
        return;
    w->data[at] = (uint8_t)(value >> 8);
    w->data[at + 1] = (uint8_t)value;
}

struct slice writer_slice(const struct writer *w)
{
    return slice_of(w->data, w->at);
}
