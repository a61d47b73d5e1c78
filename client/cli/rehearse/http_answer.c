#include "rehearse/http_answer.h"

#include "rostrum/cursor.h"

enum {
    STATUS_DIGITS = 3,
    STATUS_OK = 200,
    STATUS_NO_CONTENT = 204, /* RFC 9110 section 15.3.5: it has no body, whatever it says */
    LENGTH_NONE = -1,
};

struct head {
    unsigned status;
    long length_bytes;
    uint32_t retry_after_s;
    bool is_coded; /* in a way that this reader does not know */
};

/* Digits only, and at most a million. False: something else. */
static bool read_number(long *out, struct slice text)
{
    enum { MOST = 1000000 };
    long value = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || value > MOST / 10)
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *out = value;
    return text.bytes > 0;
}

/* Optional white space before and behind (RFC 9110 section 5.6.3). */
static struct slice trimmed(struct slice text)
{
    while (text.bytes > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = slice_of(text.data + 1, text.bytes - 1);
    while (text.bytes > 0 &&
           (text.data[text.bytes - 1] == ' ' || text.data[text.bytes - 1] == '\t'))
        text.bytes--;
    return text;
}

static int read_status(struct head *head, struct slice line)
{
    struct cursor c = cursor_of(line);
    long status = 0;
    struct slice version = cursor_slice(&c, strlen("HTTP/1.1 "));
    struct slice digits = cursor_slice(&c, STATUS_DIGITS);
    if (c.bad || !slice_is(version, "HTTP/1.1 ") || !read_number(&status, digits) ||
        (cursor_left(&c) > 0 && cursor_u8(&c) != ' ') || status < STATUS_OK)
        return ERR_PROTO;
    head->status = (unsigned)status;
    return 0;
}

static int read_field(struct head *head, struct slice line)
{
    struct cursor c = cursor_of(line);
    struct slice name = cursor_until(&c, ':');
    long value = 0;
    if (name.bytes == 0 || name.bytes == line.bytes)
        return ERR_PROTO;
    bool is_number = read_number(&value, trimmed(cursor_rest(&c)));
    if (slice_is_nocase(name, "transfer-encoding"))
        head->is_coded = true;
    if (slice_is_nocase(name, "retry-after") && is_number)
        head->retry_after_s = (uint32_t)value;
    if (!slice_is_nocase(name, "content-length"))
        return 0;
    if (!is_number || (head->length_bytes != LENGTH_NONE && head->length_bytes != value))
        return ERR_PROTO;
    head->length_bytes = value;
    return 0;
}

/* Up to the empty line, which is passed. ERR_AGAIN: it has not come yet. */
static int read_head(struct head *head, struct cursor *c)
{
    *head = (struct head){.length_bytes = LENGTH_NONE, .retry_after_s = HTTP_RETRY_NONE};
    for (unsigned i = 0; cursor_left(c) > 0; i++) {
        struct slice line = cursor_until(c, '\n');
        bool is_whole = line.bytes > 0 && line.data[line.bytes - 1] == '\r';
        /* cursor_until() also ends where the bytes do: then the line end is still to come. */
        if (cursor_left(c) == 0 && c->data[c->bytes - 1] != '\n')
            return ERR_AGAIN;
        line = slice_without_end(line, '\r');
        if (is_whole && line.bytes == 0)
            return i == 0 ? ERR_PROTO : 0;
        int err = !is_whole ? ERR_PROTO : i == 0 ? read_status(head, line) : read_field(head, line);
        if (err != 0)
            return err;
    }
    return ERR_AGAIN;
}

static int read_answer(const struct http_answer *answer, struct http_reply *out)
{
    struct cursor c = cursor_of(slice_of(answer->bytes, answer->used));
    struct head head;
    int err = read_head(&head, &c);
    if (err != 0)
        return err;
    size_t left = cursor_left(&c), body_bytes = 0;
    if (head.status != STATUS_NO_CONTENT) {
        if (head.length_bytes == LENGTH_NONE || head.is_coded)
            return ERR_PROTO;
        body_bytes = (size_t)head.length_bytes;
    }
    if (body_bytes > HTTP_ANSWER_MAX)
        return ERR_FULL;
    if (left != body_bytes)
        return left < body_bytes ? ERR_AGAIN : ERR_PROTO;
    *out = (struct http_reply){.status = head.status,
                               .retry_after_s = head.retry_after_s,
                               .body = cursor_slice(&c, body_bytes)};
    return 0;
}

int http_answer_add(struct http_answer *answer, struct slice piece, struct http_reply *out)
{
    if (piece.bytes > sizeof(answer->bytes) - answer->used)
        return ERR_FULL;
    if (piece.bytes > 0)
        memcpy(answer->bytes + answer->used, piece.data, piece.bytes);
    answer->used += piece.bytes;
    int err = read_answer(answer, out);
    return err == ERR_AGAIN && answer->used == sizeof(answer->bytes) ? ERR_FULL : err;
}
