#include "sdp_internal.h"

#include <stdarg.h>
#include <stdio.h>

int sdp_fail(struct sdp_error *error, int err, unsigned line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->line = line;
    (void)vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return err;
}

struct sdp_excerpt sdp_excerpt(struct slice found)
{
    enum { SHOWN = 40 };
    struct sdp_excerpt excerpt = {{0}};
    struct cursor c = cursor_of(found);
    size_t shown = found.bytes < SHOWN ? found.bytes : SHOWN;
    for (size_t i = 0; i < shown; i++) {
        uint8_t byte = cursor_u8(&c);
        excerpt.text[i] = (char)(byte >= 0x20 && byte < 0x7F ? byte : '?');
    }
    if (found.bytes > SHOWN)
        memcpy(excerpt.text + SHOWN, "...", 3);
    return excerpt;
}

int sdp_reader_init(struct sdp_reader *reader, struct slice text, struct sdp_error *error)
{
    *reader = (struct sdp_reader){.text = cursor_of(text), .error = error};
    if (text.bytes > SDP_BYTES_MAX)
        return sdp_fail(error, ERR_PROTO, 0, "the description has %zu bytes; at most %d are read",
                        text.bytes, SDP_BYTES_MAX);
    if (text.bytes > 0 && memchr(text.data, 0, text.bytes))
        return sdp_fail(error, ERR_PROTO, 0, "the description holds a zero byte; it must be text");
    return 0;
}

/* A line without the CR that may stand before its LF */
static struct slice next_text(struct sdp_reader *reader)
{
    reader->line++;
    return slice_without_end(cursor_until(&reader->text, '\n'), '\r');
}

int sdp_next_line(struct sdp_reader *reader, struct sdp_line *out)
{
    if (cursor_left(&reader->text) == 0)
        return ERR_AGAIN;
    struct slice text = next_text(reader);
    while (text.bytes == 0) { /* empty lines are harmless, but only at the very end */
        if (cursor_left(&reader->text) == 0)
            return ERR_AGAIN;
        text = next_text(reader);
        if (text.bytes > 0)
            return sdp_fail(reader->error, ERR_PROTO, reader->line - 1,
                            "an empty line; each line must have the form x=value");
    }
    if (reader->line > SDP_LINES_MAX)
        return sdp_fail(reader->error, ERR_PROTO, reader->line, "more than %d lines",
                        SDP_LINES_MAX);
    struct cursor c = cursor_of(text);
    uint8_t type = cursor_u8(&c);
    if (type < 'a' || type > 'z' || cursor_u8(&c) != '=')
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "\"%s\" is no line of SDP; it must have the form x=value",
                        sdp_excerpt(text).text);
    *out = (struct sdp_line){.type = type, .value = cursor_rest(&c)};
    return 0;
}

void sdp_split_attribute(struct slice attribute, struct slice *name, struct slice *value)
{
    struct cursor c = cursor_of(attribute);
    *name = cursor_until(&c, ':');
    *value = cursor_rest(&c);
}

struct slice sdp_word(struct cursor *c)
{
    struct slice word = {0};
    while (word.bytes == 0 && cursor_left(c) > 0)
        word = cursor_until(c, ' ');
    return word;
}

bool sdp_number(struct slice word, uint64_t max, uint64_t *out)
{
    struct cursor c = cursor_of(word);
    uint64_t number = 0;
    if (word.bytes == 0 || word.bytes > 18) /* 18 digits cannot overflow */
        return false;
    while (cursor_left(&c) > 0) {
        uint8_t digit = cursor_u8(&c);
        if (digit < '0' || digit > '9')
            return false;
        number = number * 10 + (digit - (uint64_t)'0');
    }
    if (number > max)
        return false;
    *out = number;
    return true;
}

bool sdp_is_token(struct slice word)
{
    struct cursor c = cursor_of(word);
    while (cursor_left(&c) > 0) {
        uint8_t byte = cursor_u8(&c);
        if (byte <= 0x20 || byte >= 0x7F)
            return false;
    }
    return word.bytes > 0;
}
