#include "tree/intake.h"

#include "rostrum/opus_frame.h"
#include "tree/intake_internal.h"

#include <assert.h>
#include <stdlib.h>

enum {
    SAMPLES_PER_MS = 48,
    REORDER_US = 10 * 1000,  /* what is only overtaken comes in this time */
    ANSWER_US = 10 * 1000,   /* from a request to its answer, beyond the round trip */
    STALLED_US = 100 * 1000, /* a parent that is silent so long is not waited for */
    PILE =
        INTAKE_SLOTS / 4, /* so many that wait go without a pause: they must not fill the slots */
};

int intake_create(struct intake **out, uint64_t first_index)
{
    struct intake *intake = calloc(1, sizeof(*intake));
    if (!intake)
        return ERR_NOMEM;
    intake->next = first_index;
    *out = intake;
    return 0;
}

void intake_destroy(struct intake *intake)
{
    free(intake);
}

void intake_open(struct intake *intake, unsigned source, uint8_t opus_type, uint8_t red_type)
{
    assert(source < INTAKE_SOURCES);
    struct intake_source *from = &intake->sources[source];
    *from = (struct intake_source){.is_open = true, .opus_type = opus_type, .red_type = red_type};
    reception_init(&from->reception);
    intake->latest = source;
}

void intake_shut(struct intake *intake, unsigned source)
{
    assert(source < INTAKE_SOURCES);
    intake->sources[source].is_open = false;
    intake->sources[source].is_mapped = false;
}

/* ---- in ---- */

/* Nobody needs to send it again. */
static void forget(struct intake *intake, uint64_t at)
{
    for (unsigned i = 0; i < INTAKE_SOURCES; i++)
        if (intake->sources[i].is_mapped)
            reception_forget(&intake->sources[i].reception, at - intake->sources[i].offset);
}

static bool is_past(const struct intake *intake, uint64_t at)
{
    return (int64_t)(at - intake->next) < 0;
}

/* So far ahead that nothing between can come any more: what waits is lost as well. */
static void jump(struct intake *intake, uint64_t at)
{
    for (unsigned i = 0; i < INTAKE_SLOTS; i++)
        if (intake->slots[i].state == SLOT_WAITS)
            intake->slots[i].state = SLOT_EMPTY;
    intake->counts.missing += at - intake->next;
    intake->waiting = 0;
    intake->next = at;
}

/* False: it was there before, or its time is over. */
static bool store(struct intake *intake, uint64_t at, const struct intake_packet *packet,
                  uint64_t now_us)
{
    if (is_past(intake, at) || intake_known(intake, at))
        return false;
    if (at - intake->next >= INTAKE_SLOTS)
        jump(intake, at);
    struct intake_slot *slot = &intake->slots[at % INTAKE_SLOTS];
    slot->state = SLOT_WAITS;
    slot->at = at;
    slot->arrival_us = now_us;
    slot->timestamp = packet->timestamp;
    slot->samples = packet->samples;
    slot->bytes = (uint32_t)packet->payload.bytes;
    memcpy(slot->payload, packet->payload.data, packet->payload.bytes);
    intake->waiting++;
    if (at > intake->newest)
        intake->newest = at;
    forget(intake, at);
    return true;
}

/* False: not a packet of the program. */
static bool read_block(const struct intake_source *from, const struct red_block *block,
                       struct intake_packet *out)
{
    int samples = opus_frame_samples(block->payload);
    *out = (struct intake_packet){.timestamp = block->timestamp, .payload = block->payload};
    if (block->payload_type != from->opus_type || samples <= 0 ||
        block->payload.bytes > INTAKE_PAYLOAD_MAX)
        return false;
    out->samples = (uint32_t)samples;
    return true;
}

/* The blocks before the last one, the nearest first. */
static void take_older(struct intake *intake, const struct intake_source *from,
                       const struct red_block *blocks, size_t count, uint64_t at, uint64_t now_us)
{
    uint32_t later_timestamp = blocks[count - 1].timestamp;
    for (size_t i = count - 1; i-- > 0;) {
        struct intake_packet packet;
        if (blocks[i].payload.bytes == 0)
            continue; /* RFC 2198 section 3 allows it: nothing was there */
        if (!read_block(from, &blocks[i], &packet)) {
            intake->counts.bad++;
            continue;
        }
        uint64_t older_at;
        if (!intake_place_before(intake, at, later_timestamp, &packet, &older_at))
            continue;
        if (store(intake, older_at, &packet, now_us))
            intake->counts.repaired_red++;
        at = older_at;
        later_timestamp = packet.timestamp;
    }
}

/* What the source has lost and we have all the same. */
static void forget_known(struct intake *intake, const struct intake_source *from, uint64_t first,
                         uint64_t end)
{
    if (end - first > RECEPTION_MISSING_MAX)
        return; /* nothing of so long a gap is asked for */
    for (uint64_t ext_seq = first; ext_seq < end; ext_seq++) {
        uint64_t at = ext_seq + from->offset;
        if (is_past(intake, at) || intake_known(intake, at))
            forget(intake, at);
    }
}

static void take_blocks(struct intake *intake, unsigned source, uint64_t ext_seq,
                        const struct red_block *blocks, size_t count, uint64_t now_us)
{
    struct intake_source *from = &intake->sources[source];
    struct intake_packet packet;
    uint64_t at;
    if (!read_block(from, &blocks[count - 1], &packet)) {
        intake->counts.bad++;
        return;
    }
    if (!intake_place(intake, source, ext_seq, &packet, now_us, &at)) {
        intake->counts.bad++;
        return;
    }
    bool is_late = intake->waiting > 0 && at < intake->newest;
    if (!store(intake, at, &packet, now_us))
        intake->counts.duplicates++;
    else if (is_late)
        intake->counts.repaired_again++;
    take_older(intake, from, blocks, count, at, now_us);
}

bool intake_take(struct intake *intake, unsigned source, struct slice rtp, uint64_t now_us)
{
    assert(source < INTAKE_SOURCES);
    struct intake_source *from = &intake->sources[source];
    struct rtp_packet packet;
    struct red_block blocks[RED_BLOCKS_MAX] = {{0}};
    size_t count = 1;
    if (!from->is_open || rtp_parse(&packet, rtp) != 0) {
        intake->counts.bad++;
        return false;
    }
    bool is_red = from->red_type != 0 && packet.payload_type == from->red_type;
    blocks[0] = (struct red_block){.payload_type = packet.payload_type,
                                   .timestamp = packet.timestamp,
                                   .payload = packet.payload};
    if ((!is_red && packet.payload_type != from->opus_type) ||
        (is_red && red_parse(blocks, &count, packet.payload, packet.timestamp) != 0)) {
        intake->counts.bad++;
        return false;
    }
    uint64_t first_missing = from->reception.highest_ext_seq + 1;
    uint64_t ext_seq;
    if (!reception_take(&from->reception, &packet, now_us, &ext_seq)) {
        intake->counts.duplicates++;
        return false;
    }
    intake->counts.received++;
    from->heard_us = now_us;
    if (from->reception.received == 1) /* the source has begun, or begun anew */
        from->is_mapped = false;
    take_blocks(intake, source, ext_seq, blocks, count, now_us);
    if (from->is_mapped && from->reception.received > 1 && ext_seq > first_missing)
        forget_known(intake, from, first_missing, ext_seq);
    return true;
}

/* ---- out ---- */

/* Whether a missing packet before `end` may still come from there, and how long that may take. */
static uint64_t wait_for_source(const struct intake *intake, const struct intake_source *from,
                                uint64_t end, uint64_t now_us)
{
    uint64_t first = from->reception.first_ext_seq + from->offset;
    uint64_t newest = from->reception.highest_ext_seq + from->offset;
    if (!from->is_open || !from->is_mapped)
        return 0;
    if ((int64_t)(newest - intake->next) < 0) /* it lags behind the other one */
        return now_us - from->heard_us < STALLED_US ? INTAKE_WAIT_US : 0;
    if ((int64_t)(end - 1 - first) < 0)
        return 0; /* it began later, and sends nothing from before */
    return from->rtt_us + ANSWER_US <= INTAKE_WAIT_US ? INTAKE_WAIT_US : REORDER_US;
}

/* The first one that waits, if any: `since_us` is when what lies before it was missed. */
static const struct intake_slot *find_head(const struct intake *intake, uint64_t *since_us)
{
    const struct intake_slot *head = NULL;
    *since_us = UINT64_MAX;
    for (uint64_t i = 0; i < INTAKE_SLOTS && intake->waiting > 0; i++) {
        const struct intake_slot *slot = &intake->slots[(intake->next + i) % INTAKE_SLOTS];
        if (slot->state != SLOT_WAITS || slot->at != intake->next + i)
            continue;
        if (!head)
            head = slot;
        if (slot->arrival_us < *since_us)
            *since_us = slot->arrival_us;
        if (head->at == intake->next)
            break; /* nothing is missed before it */
    }
    return head;
}

static uint64_t pace_us(const struct intake_slot *slot)
{
    return (uint64_t)slot->samples * 1000 / SAMPLES_PER_MS / 2;
}

static uint64_t head_due_us(const struct intake *intake, const struct intake_slot *head,
                            uint64_t since_us, uint64_t now_us)
{
    /* Two may go at once: a worker keeps the second until the pass of the first is over. */
    uint64_t pace = pace_us(head);
    bool is_paced = intake->waiting <= PILE && intake->even_us > pace;
    uint64_t due_us = is_paced ? intake->even_us - pace : 0;
    uint64_t wait_us = 0;
    for (unsigned i = 0; i < INTAKE_SOURCES && head->at != intake->next; i++) {
        uint64_t more = wait_for_source(intake, &intake->sources[i], head->at, now_us);
        wait_us = more > wait_us ? more : wait_us;
    }
    if (head->at != intake->next && since_us + wait_us > due_us)
        due_us = since_us + wait_us;
    return due_us;
}

static void give_up(struct intake *intake, uint64_t end)
{
    intake->counts.missing += end - intake->next;
    for (; intake->next != end; intake->next++)
        forget(intake, intake->next);
}

bool intake_next(struct intake *intake, uint64_t now_us, struct intake_frame *out)
{
    uint64_t since_us;
    const struct intake_slot *head = find_head(intake, &since_us);
    if (!head || now_us < head_due_us(intake, head, since_us, now_us))
        return false;
    give_up(intake, head->at);
    struct intake_slot *slot = &intake->slots[head->at % INTAKE_SLOTS];
    slot->state = SLOT_GIVEN;
    intake->waiting--;
    intake->next = slot->at + 1;
    uint64_t pace = pace_us(slot);
    intake->even_us = (intake->even_us > now_us ? intake->even_us : now_us) + pace;
    if (intake->even_us > now_us + 2 * pace)
        intake->even_us = now_us + 2 * pace; /* a pile went out: it holds up nothing later */
    intake->counts.given++;
    *out = (struct intake_frame){.index = slot->at,
                                 .timestamp = slot->timestamp,
                                 .samples = slot->samples,
                                 .payload = slice_of(slot->payload, slot->bytes)};
    return true;
}

uint64_t intake_due_us(const struct intake *intake, uint64_t now_us)
{
    uint64_t since_us;
    uint64_t due_us = UINT64_MAX;
    const struct intake_slot *head = find_head(intake, &since_us);
    if (head)
        due_us = head_due_us(intake, head, since_us, now_us);
    for (unsigned i = 0; i < INTAKE_SOURCES; i++) {
        const struct intake_source *from = &intake->sources[i];
        uint64_t ask_us = from->is_open ? reception_due_us(&from->reception) : UINT64_MAX;
        due_us = ask_us < due_us ? ask_us : due_us;
    }
    return due_us;
}

/* ---- asking and reporting ---- */

size_t intake_missing(struct intake *intake, unsigned source, uint16_t *seqs, size_t max,
                      uint64_t now_us, uint64_t rtt_us, uint32_t *ssrc)
{
    struct intake_source *from = &intake->sources[source];
    if (!from->is_open)
        return 0;
    from->rtt_us = rtt_us;
    *ssrc = from->reception.ssrc;
    return reception_missing(&from->reception, seqs, max, now_us, rtt_us);
}

bool intake_report(struct intake *intake, unsigned source, struct rtcp_block *out, uint64_t now_us)
{
    return reception_block(&intake->sources[source].reception, out, now_us);
}

void intake_sender_report(struct intake *intake, unsigned source, uint32_t ssrc, uint64_t ntp,
                          uint64_t now_us)
{
    struct reception *reception = &intake->sources[source].reception;
    if (reception->started && reception->ssrc == ssrc)
        reception_sender_report(reception, ntp, now_us);
}

uint64_t intake_next_index(const struct intake *intake)
{
    return intake->next;
}

uint32_t intake_samples(const struct intake *intake)
{
    const struct intake_slot *slot = &intake->slots[intake->newest % INTAKE_SLOTS];
    return intake->has_begun && slot->state != SLOT_EMPTY ? slot->samples : 0;
}

void intake_counts(const struct intake *intake, struct intake_counts *out)
{
    *out = intake->counts;
}
