#include "rehearse/delay.h"

#include "base/ring.h"

#include <stdlib.h>

enum {
    RING_MIN_BYTES = 64 * 1024,
    RING_MAX_BYTES = 1 << 30,
};

struct delay {
    struct ring *ring; /* owned; both its ends are ours */
    uint64_t delay_us;
};

int delay_create(struct delay **out, uint64_t delay_us, size_t bytes)
{
    size_t capacity = RING_MIN_BYTES;
    while (capacity < bytes && capacity < RING_MAX_BYTES)
        capacity *= 2;
    struct delay *delay = capacity < bytes ? NULL : calloc(1, sizeof(*delay));
    if (delay == NULL)
        return ERR_NOMEM;
    delay->delay_us = delay_us;
    if (ring_create(&delay->ring, capacity) != 0) {
        free(delay);
        return ERR_NOMEM;
    }
    *out = delay;
    return 0;
}

void delay_destroy(struct delay *delay)
{
    if (delay == NULL)
        return;
    ring_destroy(delay->ring);
    free(delay);
}

int delay_push(struct delay *delay, const struct delayed *what, uint64_t since_us)
{
    size_t total = sizeof(*what) + what->datagram.bytes;
    uint8_t *record = ring_reserve(delay->ring, total);
    if (record == NULL)
        return ERR_FULL;
    struct delayed head = *what;
    head.due_us = since_us + delay->delay_us;
    memcpy(record, &head, sizeof(head)); /* its slice is made anew when it comes out */
    if (what->datagram.bytes > 0)
        memcpy(record + sizeof(head), what->datagram.data, what->datagram.bytes);
    ring_commit(delay->ring, total);
    return 0;
}

bool delay_peek(struct delay *delay, uint64_t now_us, struct delayed *out)
{
    size_t total;
    const uint8_t *record = ring_peek(delay->ring, &total);
    if (record == NULL)
        return false;
    struct delayed head;
    memcpy(&head, record, sizeof(head));
    if (now_us < head.due_us)
        return false;
    head.datagram.data = record + sizeof(head);
    *out = head;
    return true;
}

void delay_drop(struct delay *delay)
{
    ring_release(delay->ring);
}
