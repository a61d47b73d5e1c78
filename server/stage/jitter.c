#include "stage/jitter.h"

#include <assert.h>
#include <speex/speex_jitter.h>
#include <stdlib.h>

enum {
    STEP_MIN = 960,    /* the delay changes by whole packets, and at least by 20 ms */
    LATE_RATE_MAX = 4, /* percent of packets that may be late before the delay grows */
    RECENT_MAX = 128,
};

enum slot_state {
    SLOT_FREE,
    SLOT_QUEUED, /* a primary packet, in speex's hands */
    SLOT_SPARE,  /* a redundant one, kept out of them: it came late by design, and would teach that
                    all are late */
    SLOT_LENT,
};

struct slot {
    enum slot_state state;
    enum jitter_source source;
    uint32_t timestamp;
    uint32_t samples;
    size_t bytes;
    uint8_t data[JITTER_PACKET_BYTES];
};

struct jitter {
    JitterBuffer *speex; /* owned; holds pointers to slots */
    bool synced;         /* speex knows where it stands */
    unsigned misses;     /* fetches in a row without a packet */
    int32_t step;        /* speex's delay step now … */
    int32_t step_pulled; /* … and when it last decided on the delay */
    unsigned recent_at;
    unsigned recent_count;
    uint32_t recent[RECENT_MAX]; /* timestamps of the latest packets taken */
    struct slot slots[JITTER_SLOTS];
};

/* a - b on the circle of timestamps */
static int32_t distance(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static void on_drop(void *data)
{
    struct slot *slot = data;
    slot->state = SLOT_FREE;
}

static void set_option(struct jitter *jitter, int option, int32_t value)
{
    (void)jitter_buffer_ctl(jitter->speex, option, &value);
}

static void set_step(struct jitter *jitter, int32_t step)
{
    if (step == jitter->step)
        return;
    jitter->step = step;
    set_option(jitter, JITTER_BUFFER_SET_DELAY_STEP, step);
}

int jitter_create(struct jitter **out)
{
    struct jitter *jitter = calloc(1, sizeof(*jitter));
    if (!jitter)
        return ERR_NOMEM;
    jitter->speex = jitter_buffer_init(STEP_MIN);
    if (!jitter->speex) {
        free(jitter);
        return ERR_NOMEM;
    }
    jitter->step = STEP_MIN;
    jitter->step_pulled = STEP_MIN;
    /* ISO C has no cast from function to void pointer, the library wants one. With a callback it
     * keeps our pointers and neither copies nor allocates. */
    union {
        void (*function)(void *);
        void *object;
    } drop = {.function = on_drop};
    (void)jitter_buffer_ctl(jitter->speex, JITTER_BUFFER_SET_DESTROY_CALLBACK, drop.object);
    set_option(jitter, JITTER_BUFFER_SET_CONCEALMENT_SIZE, JITTER_UNIT);
    set_option(jitter, JITTER_BUFFER_SET_MARGIN, JITTER_MARGIN);
    set_option(jitter, JITTER_BUFFER_SET_MAX_LATE_RATE, LATE_RATE_MAX);
    *out = jitter;
    return 0;
}

void jitter_destroy(struct jitter *jitter)
{
    if (!jitter)
        return;
    jitter_buffer_destroy(jitter->speex);
    free(jitter);
}

void jitter_reset(struct jitter *jitter)
{
    jitter_buffer_reset(jitter->speex); /* gives all queued slots back through on_drop() */
    for (unsigned i = 0; i < JITTER_SLOTS; i++)
        if (jitter->slots[i].state == SLOT_SPARE)
            jitter->slots[i].state = SLOT_FREE;
    jitter->synced = false;
    jitter->misses = 0;
    jitter->recent_count = 0;
    jitter->recent_at = 0;
}

static uint32_t pointer_of(const struct jitter *jitter)
{
    return (uint32_t)jitter_buffer_get_pointer_timestamp(jitter->speex);
}

void jitter_begin_tick(struct jitter *jitter)
{
    uint32_t now = pointer_of(jitter);
    for (unsigned i = 0; i < JITTER_SLOTS; i++) {
        struct slot *slot = &jitter->slots[i];
        bool is_past = distance(slot->timestamp + slot->samples, now) <= 0;
        if (slot->state == SLOT_LENT || (slot->state == SLOT_SPARE && is_past))
            slot->state = SLOT_FREE;
    }
}

/* Whether the packet, or another one over the same time, came before. Overlaps are refused because
 * the library counts wrong with them. */
static bool is_known(const struct jitter *jitter, const struct jitter_packet *packet)
{
    for (unsigned i = 0; i < jitter->recent_count; i++)
        if (jitter->recent[i] == packet->timestamp)
            return true;
    for (unsigned i = 0; i < JITTER_SLOTS; i++) {
        const struct slot *slot = &jitter->slots[i];
        int32_t ahead = distance(packet->timestamp, slot->timestamp);
        bool is_waiting = slot->state == SLOT_QUEUED || slot->state == SLOT_SPARE;
        if (is_waiting && ahead < (int32_t)slot->samples && ahead > -(int32_t)packet->samples)
            return true;
    }
    return false;
}

static const struct slot *oldest_slot(const struct jitter *jitter)
{
    const struct slot *oldest = NULL;
    for (unsigned i = 0; i < JITTER_SLOTS; i++) {
        const struct slot *slot = &jitter->slots[i];
        if (slot->state == SLOT_QUEUED &&
            (!oldest || distance(slot->timestamp, oldest->timestamp) < 0))
            oldest = slot;
    }
    return oldest;
}

/* Playing has not begun: keep the start short, whatever piled up before. */
static int admit_first(struct jitter *jitter, const struct jitter_packet *packet)
{
    const struct slot *oldest = oldest_slot(jitter);
    if (!oldest)
        return 0;
    int32_t ahead = distance(packet->timestamp, oldest->timestamp);
    if (ahead < -JITTER_SYNC_BACKLOG)
        return ERR_AGAIN;
    if (ahead > JITTER_SYNC_BACKLOG)
        jitter_reset(jitter);
    return 0;
}

/* A redundant packet never moves the buffer: it may fill a gap ahead, or is of no use. */
static int admit_redundant(const struct jitter *jitter, const struct jitter_packet *packet)
{
    if (!jitter->synced)
        return ERR_AGAIN;
    int32_t ahead = distance(packet->timestamp, pointer_of(jitter));
    bool is_past = ahead + (int32_t)packet->samples <= 0;
    return is_past || ahead > JITTER_DELAY_MAX ? ERR_AGAIN : 0;
}

/* Decides whether a packet is near enough to the present; starts anew when the timestamps did. */
static int admit(struct jitter *jitter, const struct jitter_packet *packet)
{
    if (packet->source == JITTER_REDUNDANT)
        return admit_redundant(jitter, packet);
    /* The library would do the same by itself a little later, without telling. */
    if (jitter->synced && jitter->misses > JITTER_RESYNC_MISSES)
        jitter_reset(jitter);
    if (!jitter->synced)
        return admit_first(jitter, packet);
    int32_t ahead = distance(packet->timestamp, pointer_of(jitter));
    if (ahead > JITTER_DELAY_MAX) {
        jitter_reset(jitter);
        return 0;
    }
    return ahead < -JITTER_DELAY_MAX ? ERR_AGAIN : 0;
}

static struct slot *take_slot(struct jitter *jitter, const struct jitter_packet *packet)
{
    for (unsigned i = 0; i < JITTER_SLOTS; i++) {
        struct slot *slot = &jitter->slots[i];
        if (slot->state != SLOT_FREE)
            continue;
        slot->state = packet->source == JITTER_PRIMARY ? SLOT_QUEUED : SLOT_SPARE;
        slot->source = packet->source;
        slot->timestamp = packet->timestamp;
        slot->samples = packet->samples;
        slot->bytes = packet->data.bytes;
        memcpy(slot->data, packet->data.data, packet->data.bytes);
        return slot;
    }
    return NULL;
}

static void remember(struct jitter *jitter, uint32_t timestamp)
{
    jitter->recent[jitter->recent_at] = timestamp;
    jitter->recent_at = (jitter->recent_at + 1) % RECENT_MAX;
    if (jitter->recent_count < RECENT_MAX)
        jitter->recent_count++;
}

int jitter_put(struct jitter *jitter, const struct jitter_packet *packet)
{
    if (packet->data.bytes == 0 || packet->data.bytes > JITTER_PACKET_BYTES || packet->samples == 0)
        return ERR_INVAL;
    if (is_known(jitter, packet))
        return ERR_EXIST;
    int err = admit(jitter, packet);
    if (err)
        return err;
    struct slot *slot = take_slot(jitter, packet);
    if (!slot)
        return ERR_FULL;
    remember(jitter, packet->timestamp);
    if (packet->source == JITTER_REDUNDANT)
        return 0;
    set_step(jitter, packet->samples > STEP_MIN ? (int32_t)packet->samples : (int32_t)STEP_MIN);
    uint32_t end = packet->timestamp + packet->samples;
    int32_t left = jitter->synced ? distance(end, pointer_of(jitter)) : (int32_t)packet->samples;
    jitter_buffer_put(jitter->speex, &(JitterBufferPacket){.data = (char *)slot,
                                                           .len = (spx_uint32_t)slot->bytes,
                                                           .timestamp = slot->timestamp,
                                                           .span = slot->samples});
    /* The library learns from a packet this late, but does not take it. */
    if (left + jitter->step < 0)
        slot->state = SLOT_FREE;
    return left > 0 ? 0 : ERR_AGAIN;
}

static struct jitter_packet lend(const struct slot *slot)
{
    return (struct jitter_packet){.timestamp = slot->timestamp,
                                  .samples = slot->samples,
                                  .source = slot->source,
                                  .data = slice_of(slot->data, slot->bytes)};
}

/* The largest span that the library surely gives as a whole, also when it wants to wait. */
static int32_t span_max(const struct jitter *jitter)
{
    return jitter->step < jitter->step_pulled ? jitter->step : jitter->step_pulled;
}

/* The redundant packet that covers this time. */
static struct slot *find_spare(struct jitter *jitter, uint32_t timestamp)
{
    for (unsigned i = 0; i < JITTER_SLOTS; i++) {
        struct slot *slot = &jitter->slots[i];
        if (slot->state == SLOT_SPARE && distance(slot->timestamp, timestamp) <= 0 &&
            distance(slot->timestamp + slot->samples, timestamp) > 0)
            return slot;
    }
    return NULL;
}

/* How much to ask of the library. It must never be given less than was asked, so: the rest of the
 * packet that covers the present, or the gap before the next one. What lies before the next one is
 * asked for as a whole, up to a packet, for then redundancy or FEC can fill it. */
static int32_t choose_span(struct jitter *jitter, uint32_t wanted_samples)
{
    int32_t wanted = (int32_t)wanted_samples;
    if (!jitter->synced)
        return JITTER_UNIT;
    uint32_t now = pointer_of(jitter);
    int32_t gap = INT32_MAX;
    for (unsigned i = 0; i < JITTER_SLOTS; i++) {
        const struct slot *slot = &jitter->slots[i];
        if (slot->state != SLOT_QUEUED && slot->state != SLOT_SPARE)
            continue;
        int32_t start = distance(slot->timestamp, now);
        int32_t end = distance(slot->timestamp + slot->samples, now);
        if (start <= 0 && end > 0 && slot->state == SLOT_QUEUED)
            return end < wanted ? end : wanted;
        if (start > 0 && start < gap)
            gap = start;
    }
    const struct slot *spare = find_spare(jitter, now);
    if (spare)
        gap = distance(spare->timestamp + spare->samples, now);
    return gap >= JITTER_UNIT && gap <= span_max(jitter) ? gap / JITTER_UNIT * JITTER_UNIT : wanted;
}

static void find_next(const struct jitter *jitter, uint32_t timestamp, struct jitter_pull *out)
{
    for (unsigned i = 0; i < JITTER_SLOTS; i++) {
        const struct slot *slot = &jitter->slots[i];
        bool is_waiting = slot->state == SLOT_QUEUED || slot->state == SLOT_SPARE;
        if (is_waiting && slot->timestamp == timestamp) {
            out->has_next = true;
            out->next = lend(slot);
            return;
        }
    }
}

static void lend_packet(struct slot *slot, int32_t offset, struct jitter_pull *out)
{
    slot->state = SLOT_LENT;
    out->kind = JITTER_PACKET;
    out->packet = lend(slot);
    out->skip_samples = offset < 0 ? (uint32_t)-offset / JITTER_UNIT * JITTER_UNIT : 0;
}

void jitter_pull(struct jitter *jitter, uint32_t wanted_samples, struct jitter_pull *out)
{
    assert(wanted_samples >= JITTER_UNIT && wanted_samples % JITTER_UNIT == 0);
    *out = (struct jitter_pull){.kind = JITTER_EMPTY};
    if (!jitter->synced && !oldest_slot(jitter))
        return;
    JitterBufferPacket got = {.len = 0};
    spx_int32_t offset = 0;
    int32_t span = choose_span(jitter, wanted_samples);
    int result = jitter_buffer_get(jitter->speex, &got, span, &offset);
    jitter->synced = true;
    if (result == JITTER_BUFFER_OK) {
        jitter->misses = 0;
        lend_packet((struct slot *)(void *)got.data, offset, out);
        return;
    }
    jitter->misses++;
    uint32_t end = got.timestamp + got.span;
    struct slot *spare = find_spare(jitter, got.timestamp);
    if (result == JITTER_BUFFER_MISSING && spare && spare->timestamp + spare->samples == end) {
        lend_packet(spare, distance(spare->timestamp, got.timestamp), out);
        return;
    }
    out->kind = JITTER_GAP;
    out->gap_samples = got.span / JITTER_UNIT * JITTER_UNIT;
    if (result == JITTER_BUFFER_MISSING)
        find_next(jitter, end, out);
}

void jitter_end_tick(struct jitter *jitter, uint32_t held_samples)
{
    if (!jitter->synced)
        return;
    jitter->step_pulled = jitter->step;
    jitter_buffer_remaining_span(jitter->speex, held_samples);
}
