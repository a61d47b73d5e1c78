#include "tree/intake_internal.h"

enum {
    CLOCK_HZ = 48000,
    US_PER_S = 1000000,
    /* A timestamp that is so near to where the program should be by now belongs to it: parents differ
     * by their delays, and the program's clock by its drift. */
    NEAR_SAMPLES = 5 * CLOCK_HZ,
};
#define FORGOTTEN_US (UINT64_C(6) * 3600 * US_PER_S) /* timestamps go round after a day */

struct intake_slot *intake_known(struct intake *intake, uint64_t at)
{
    struct intake_slot *slot = &intake->slots[at % INTAKE_SLOTS];
    return slot->state != SLOT_EMPTY && slot->at == at ? slot : NULL;
}

static uint32_t end_of(const struct intake_slot *slot)
{
    return slot->timestamp + slot->samples;
}

/* Later than what is known before that position, earlier than what is known behind it: so what is
 * known always ascends, and nothing can be given out twice. */
static bool is_in_order(struct intake *intake, uint64_t at, const struct intake_packet *packet)
{
    const struct intake_slot *before = NULL, *after = NULL;
    for (uint64_t i = 1; i < INTAKE_SLOTS && !before; i++)
        before = intake_known(intake, at - i);
    for (uint64_t i = 1; i < INTAKE_SLOTS && at + i <= intake->newest && !after; i++)
        after = intake_known(intake, at + i);
    return !(before && timestamp_before(packet->timestamp, end_of(before))) &&
           !(after && timestamp_before(after->timestamp, packet->timestamp + packet->samples));
}

/* ---- a source whose offset is known ---- */

static bool fits(struct intake *intake, uint64_t at, const struct intake_packet *packet)
{
    const struct intake_slot *there = intake_known(intake, at);
    return there ? there->timestamp == packet->timestamp : is_in_order(intake, at, packet);
}

/* ---- a source whose offset is not known ---- */

/* The known packet with the latest timestamp not after this one. */
static const struct intake_slot *find_before(const struct intake *intake, uint32_t timestamp)
{
    const struct intake_slot *found = NULL;
    for (unsigned i = 0; i < INTAKE_SLOTS; i++) {
        const struct intake_slot *slot = &intake->slots[i];
        if (slot->state == SLOT_EMPTY || timestamp_before(timestamp, slot->timestamp))
            continue;
        if (!found || timestamp_before(found->timestamp, slot->timestamp))
            found = slot;
    }
    return found;
}

static bool is_of_this_program(struct intake *intake, uint32_t timestamp, uint64_t now_us)
{
    const struct intake_slot *newest = intake_known(intake, intake->newest);
    if (!newest || now_us - newest->arrival_us > FORGOTTEN_US)
        return false;
    uint64_t elapsed = (now_us - newest->arrival_us) * (CLOCK_HZ / 1000) / 1000;
    uint32_t ahead = timestamp - (newest->timestamp + (uint32_t)elapsed);
    return ahead + NEAR_SAMPLES <= 2 * (uint32_t)NEAR_SAMPLES;
}

/* Packets of `samples` that fit into so much time; parts of one count as one if they are most of it.
 */
static uint64_t packets_in(uint32_t gap_samples, uint32_t samples)
{
    return ((uint64_t)gap_samples + samples / 2) / samples;
}

/* By its time, among what is known. */
static bool find_place(struct intake *intake, const struct intake_packet *packet, uint64_t *at)
{
    const struct intake_slot *before = find_before(intake, packet->timestamp);
    if (!before) { /* older than all that is known: it was given out, or given up */
        *at = intake->next - 1;
        return false;
    }
    if (before->timestamp == packet->timestamp) {
        *at = before->at;
        return true;
    }
    uint32_t gap = packet->timestamp - end_of(before);
    if (timestamp_before(packet->timestamp, end_of(before)))
        return false; /* it overlaps */
    *at = before->at + 1 + packets_in(gap, packet->samples);
    return fits(intake, *at, packet);
}

/* Only the parent that is believed may say so while there is another. */
static bool may_begin_anew(const struct intake *intake, unsigned source)
{
    for (unsigned i = 0; i < INTAKE_SOURCES; i++)
        if (i != source && intake->sources[i].is_open && intake->sources[i].is_mapped)
            return source == intake->latest;
    return true;
}

/* What waits is still given out; the times before mean nothing any more. */
static void begin_anew(struct intake *intake, unsigned source)
{
    for (unsigned i = 0; i < INTAKE_SLOTS; i++)
        if (intake->slots[i].state == SLOT_GIVEN)
            intake->slots[i].state = SLOT_EMPTY;
    for (unsigned i = 0; i < INTAKE_SOURCES; i++)
        if (i != source)
            intake->sources[i].is_mapped = false;
    intake->counts.restarts++;
}

static bool map(struct intake *intake, unsigned source, const struct intake_packet *packet,
                uint64_t now_us, uint64_t *at)
{
    if (!intake->has_begun) {
        intake->has_begun = true;
        *at = intake->next;
        return true;
    }
    if (is_of_this_program(intake, packet->timestamp, now_us))
        return find_place(intake, packet, at);
    if (!may_begin_anew(intake, source))
        return false;
    begin_anew(intake, source);
    *at = intake->newest + 1 > intake->next ? intake->newest + 1 : intake->next;
    return true;
}

bool intake_place(struct intake *intake, unsigned source, uint64_t ext_seq,
                  const struct intake_packet *packet, uint64_t now_us, uint64_t *at)
{
    struct intake_source *from = &intake->sources[source];
    *at = ext_seq + from->offset;
    if (from->is_mapped &&
        ((int64_t)(*at - intake->next) < -INTAKE_SLOTS || fits(intake, *at, packet)))
        return true;
    from->is_mapped = map(intake, source, packet, now_us, at);
    from->offset = *at - ext_seq;
    return from->is_mapped;
}

bool intake_place_before(struct intake *intake, uint64_t later_at, uint32_t later_timestamp,
                         const struct intake_packet *packet, uint64_t *at)
{
    uint32_t end = packet->timestamp + packet->samples;
    if (timestamp_before(later_timestamp, end))
        return false;
    uint64_t between = packets_in(later_timestamp - end, packet->samples);
    if (end != later_timestamp && between == 0)
        between = 1;
    *at = later_at - 1 - between;
    return fits(intake, *at, packet);
}
