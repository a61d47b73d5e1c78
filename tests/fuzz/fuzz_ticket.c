#include "admission/ticket.h"

#include "rostrum/cursor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct ticket_key key = {{1, 2, 3}};

/* What is read was written: with the same key it makes the same text, and never another one. */
static void read_any(struct slice text)
{
    struct ticket ticket;
    char again[TICKET_CHARS + 1];
    for (uint64_t now_s = 0; now_s <= UINT32_MAX; now_s += UINT32_MAX / 4) {
        if (ticket_read(&key, text, now_s, &ticket) != 0)
            continue;
        if (ticket_write(&key, &ticket, again) != 0 || !slice_is(text, again))
            abort();
    }
}

/* What is written is read again as it was; with one bit of one character changed it is not. */
static void write_any(struct slice fields)
{
    struct cursor c = cursor_of(fields);
    struct ticket ticket = {.kind = (enum ticket_kind)cursor_u8(&c)};
    ticket.room = cursor_u32(&c);
    ticket.number = cursor_u64(&c);
    ticket.issued_s = cursor_u32(&c);
    ticket.expires_s = cursor_u32(&c);
    uint8_t where = cursor_u8(&c);
    char text[TICKET_CHARS + 1];
    if (c.bad || ticket_write(&key, &ticket, text) != 0)
        return;
    struct ticket read;
    if (ticket_read(&key, slice_of(text, TICKET_CHARS), ticket.issued_s, &read) != 0)
        abort();
    if (read.kind != ticket.kind || read.room != ticket.room || read.number != ticket.number ||
        read.issued_s != ticket.issued_s || read.expires_s != ticket.expires_s)
        abort();
    text[where % TICKET_CHARS] ^= 1;
    if (ticket_read(&key, slice_of(text, TICKET_CHARS), ticket.issued_s, &read) == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    read_any(slice_of(data, bytes));
    write_any(slice_of(data, bytes));
    return 0;
}
