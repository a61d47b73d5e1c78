#include "signalling/bare_request.h"

#include "rostrum/cursor.h"

/* Fields that announce content or want to be answered before the rest. */
static const char *const asks_for_more[] = {"transfer-encoding", "expect", "upgrade"};

static bool is_token(struct slice text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t c = text.data[i];
        bool is_alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_alphanumeric && memchr(others, c, sizeof(others) - 1) == NULL)
            return false;
    }
    return text.bytes > 0;
}

/* Nothing in it is escaped, so that it needs no decoding. */
static bool is_literal(struct slice target)
{
    for (size_t i = 0; i < target.bytes; i++)
        if (target.data[i] <= ' ' || target.data[i] >= 0x7F || target.data[i] == '%')
            return false;
    return target.bytes > 0;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool has_controls(struct slice text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if ((text.data[i] < ' ' && text.data[i] != '\t') || text.data[i] == 0x7F)
            return true;
    return false;
}

static struct slice trimmed(struct slice text)
{
    while (text.bytes > 0 && is_space(text.data[0]))
        text = slice_of(text.data + 1, text.bytes - 1);
    while (text.bytes > 0 && is_space(text.data[text.bytes - 1]))
        text.bytes--;
    return text;
}

static bool set_once(struct slice *field, struct slice value)
{
    bool is_first = field->data == NULL;
    *field = value;
    return is_first;
}

static bool read_field(struct bare_request *out, struct slice line)
{
    struct cursor in = cursor_of(line);
    struct slice name = cursor_until(&in, ':');
    struct slice value = trimmed(cursor_rest(&in));
    if (!is_token(name) || name.bytes == line.bytes || has_controls(value))
        return false;
    for (size_t i = 0; i < sizeof(asks_for_more) / sizeof(asks_for_more[0]); i++)
        if (slice_is_nocase(name, asks_for_more[i]))
            return false;
    if (slice_is_nocase(name, "content-length"))
        return slice_is(value, "0");
    if (slice_is_nocase(name, "connection"))
        out->closes = slice_is_nocase(value, "close");
    if (slice_is_nocase(name, "authorization"))
        return set_once(&out->authorization, value);
    if (slice_is_nocase(name, "x-forwarded-for"))
        return set_once(&out->forwarded_for, value);
    return true;
}

static bool read_request_line(struct bare_request *out, struct slice line)
{
    struct cursor in = cursor_of(line);
    out->method = cursor_until(&in, ' ');
    out->target = cursor_until(&in, ' ');
    struct slice version = cursor_rest(&in);
    out->closes = slice_is(version, "HTTP/1.0");
    return is_token(out->method) && is_literal(out->target) &&
           (out->closes || slice_is(version, "HTTP/1.1"));
}

/* A line ends with CR and LF; a line feed alone is no end. */
static bool take_line(struct cursor *in, struct slice *out)
{
    struct slice line = cursor_until(in, '\n');
    *out = slice_without_end(line, '\r');
    return out->bytes < line.bytes;
}

static bool ends_with_a_head(struct slice bytes)
{
    static const char end[] = "\r\n\r\n";
    const size_t end_bytes = sizeof(end) - 1;
    return bytes.bytes > end_bytes &&
           memcmp(bytes.data + bytes.bytes - end_bytes, end, end_bytes) == 0;
}

int bare_request_read(struct bare_request *out, struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    struct slice line;
    *out = (struct bare_request){.authorization = {.data = NULL}};
    if (!ends_with_a_head(bytes) || !take_line(&in, &line) || !read_request_line(out, line))
        return ERR_UNSUPPORTED;
    while (take_line(&in, &line) && line.bytes > 0)
        if (!read_field(out, line))
            return ERR_UNSUPPORTED;
    return line.bytes == 0 && cursor_left(&in) == 0 ? 0 : ERR_UNSUPPORTED;
}
