#include "audience/audience.h"

#include "audience/audience_internal.h"
#include "audience/bytes_internal.h"
#include "base/thread.h"
#include "rostrum/rtp.h"

#include <stdlib.h>
#include <string.h>

enum {
    SAMPLES_PER_MS = 48, /* RFC 7587 section 4.1: the RTP clock of Opus */
    MARKER = 0x80,       /* RFC 3550 section 5.1 */
    /* Sender reports drift apart, seat by seat, instead of staying in step with the joins. */
    SR_SHORTEST_MS = AUDIENCE_SR_EVERY_US / 1000 - 1000,
    SR_SPREAD_MS = 2000,
};
_Static_assert((int)AUDIENCE_DATAGRAM_MAX <= (int)BUFFER_BYTES, "a datagram fits into its buffer");
_Static_assert((int)PROGRAM_PAYLOAD_MAX + (int)RTP_HEADER_BYTES + (int)SRTP_TRAILER_MAX ==
                   (int)AUDIENCE_DATAGRAM_MAX,
               "the longest packet of the program fills a datagram");

int audience_create(struct audience **out, const struct audience_params *params)
{
    if (!params->engine || params->seats_max == 0 || params->seats_max > SEATS_MAX)
        return ERR_INVAL;
    struct audience *audience = calloc(1, sizeof(*audience));
    if (!audience)
        return ERR_NOMEM;
    audience->engine = params->engine;
    audience->batch = params->batch;
    audience->seats_max = params->seats_max;
    audience->buffers = aligned_alloc(CACHE_LINE_BYTES, (size_t)AUDIENCE_BATCH * BUFFER_BYTES);
    int err = audience->buffers ? seats_init(audience) : ERR_NOMEM;
    if (err == 0)
        err = program_create(&audience->program);
    if (err != 0) {
        audience_destroy(audience);
        return err;
    }
    *out = audience;
    return 0;
}

void audience_destroy(struct audience *audience)
{
    if (!audience)
        return;
    seats_clear(audience);
    program_destroy(audience->program);
    free(audience->buffers);
    free(audience);
}

/* ---- the pass ---- */

static void cut_pass(struct audience *audience)
{
    for (unsigned i = 0; i < GROUPS; i++) {
        struct group *group = &audience->groups[i];
        audience->packets_late += group->end - group->next;
        group->next = group->end;
    }
}

static uint32_t pass_due(const struct audience *audience)
{
    uint32_t due = 0;
    for (unsigned i = 0; i < GROUPS; i++)
        due += audience->groups[i].end - audience->groups[i].next;
    return due;
}

static bool is_late(const struct program_packet *packet, uint64_t now_us)
{
    uint64_t duration_us = (uint64_t)packet->samples * 1000 / SAMPLES_PER_MS;
    return now_us > packet->made_us && now_us - packet->made_us > duration_us + AUDIENCE_LATE_US;
}

int audience_push(struct audience *audience, const struct program_packet *packet, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_WORKER);
    int err = program_push(audience->program, packet);
    if (err != 0)
        return err;
    err = program_get(audience->program, packet->index, &audience->packet);
    if (err != 0)
        return err;
    cut_pass(audience);
    audience->has_packet = true;
    for (unsigned i = 0; i < GROUPS; i++) {
        audience->groups[i].next = 0;
        audience->groups[i].end = audience->groups[i].count;
    }
    if (is_late(packet, now_us))
        cut_pass(audience);
    return 0;
}

/* What a relay gets. Returns its bytes. */
static uint32_t put_redundant(struct audience *audience, const struct hot_seat *hot,
                              const struct program_packet *packet, uint8_t *data)
{
    struct redundancy *redundancy = &audience->redundancy;
    redundancy_make(redundancy, audience->program, packet);
    if (redundancy->head_count == 0) {
        memcpy(data + RTP_HEADER_BYTES, packet->payload, packet->bytes);
        return packet->bytes;
    }
    data[1] = (data[1] & MARKER) | hot->red_type;
    redundancy_copy(redundancy, hot->payload_type, data + RTP_HEADER_BYTES);
    return redundancy->bytes;
}

/* Puts one packet for one seat into buffer `slot`, in clear. What it makes depends on seat and
 * program alone, so a retransmission becomes the very same bytes: the same index never protects two
 * different texts. Written by hand, for it runs once per datagram. */
static void prepare(struct audience *audience, unsigned slot, const struct hot_seat *hot,
                    const struct program_packet *packet)
{
    uint8_t *data = audience->buffers + (size_t)slot * BUFFER_BYTES;
    uint64_t index = packet->index - hot->first_index + hot->start;
    uint8_t marker = packet->index == hot->first_index ? MARKER : 0;
    data[0] = RTP_VERSION << 6;
    data[1] = marker | hot->payload_type;
    data[2] = (uint8_t)(index >> 8);
    data[3] = (uint8_t)index;
    bytes_put_u32(data + 4, packet->timestamp);
    bytes_put_u32(data + 8, hot->ssrc);
    uint32_t bytes = packet->bytes;
    if (hot->red_type == 0)
        memcpy(data + RTP_HEADER_BYTES, packet->payload, bytes);
    else
        bytes = put_redundant(audience, hot, packet, data);
    audience->jobs[slot] = (struct srtp_job){
        .key = hot->key, .packet = data, .index = index, .bytes = RTP_HEADER_BYTES + bytes};
}

/* Protects buffers [slot, slot + count), all of one profile, and lends them as datagrams. */
static bool seal(struct audience *audience, enum srtp_profile profile, unsigned slot,
                 unsigned count, struct datagram *out)
{
    struct srtp_job *jobs = audience->jobs + slot;
    if (audience->engine->protect(audience->batch, profile, jobs, count) != 0)
        return false;
    for (unsigned i = 0; i < count; i++) {
        out[i].data = jobs[i].packet;
        out[i].bytes = jobs[i].bytes;
    }
    return true;
}

/* Serves up to `room` seats of the group, from buffer `slot` on. Returns how many datagrams. */
static unsigned serve_group(struct audience *audience, struct group *group, unsigned slot,
                            unsigned room, struct datagram *out)
{
    const struct program_packet *packet = &audience->packet;
    uint32_t due = group->end - group->next;
    unsigned count = due < room ? due : room;
    struct hot_seat *seats = group->hot + group->next;
    if (count == 0)
        return 0;
    for (unsigned i = 0; i < count; i++) {
        struct hot_seat *hot = &seats[i];
        if (hot->first_index == NOT_STARTED)
            hot->first_index = packet->index;
        prepare(audience, slot + i, hot, packet);
        out[i].to = address_to_sockaddr(&hot->address);
        out[i].local = hot->local;
        hot->packets++;
        hot->octets += audience->jobs[slot + i].bytes - RTP_HEADER_BYTES;
    }
    group->next += count;
    if (!seal(audience, group->profile, slot, count, out)) {
        audience->packets_failed += count;
        return 0;
    }
    audience->packets_sent += count;
    return count;
}

static unsigned serve_pass(struct audience *audience, struct datagram *out, unsigned max)
{
    unsigned made = 0;
    for (unsigned i = 0; i < GROUPS; i++)
        made += serve_group(audience, &audience->groups[i], made, max - made, out + made);
    return made;
}

/* ---- retransmission ---- */

/* Puts the oldest request into buffer `slot`. False: it was void. */
static bool prepare_resend(struct audience *audience, const struct resend_entry *entry,
                           unsigned slot, struct datagram *out)
{
    struct program_packet packet;
    const struct cold_seat *cold = seats_cold(audience, entry->seat);
    if (!cold || cold->generation != entry->generation)
        return false;
    if (program_get(audience->program, entry->index, &packet) != 0) {
        audience->nack_refused++; /* grew too old while it waited */
        return false;
    }
    const struct hot_seat *hot = seats_hot(audience, cold);
    if (hot->red_type != 0 && !program_keeps(audience->program, entry->index, REDUNDANCY_BACK)) {
        audience->nack_refused++; /* it would not be what it was: its redundancy grew too old */
        return false;
    }
    prepare(audience, slot, hot, &packet);
    out->to = address_to_sockaddr(&hot->address);
    out->local = hot->local;
    return true;
}

/* One run of requests by seats of one profile, from buffer `slot` on. */
static unsigned serve_resends(struct audience *audience, unsigned slot, unsigned room,
                              struct datagram *out)
{
    unsigned count = 0;
    uint8_t group = 0;
    const struct resend_entry *entry;
    while (count < room && (entry = resend_peek(&audience->resends)) != NULL) {
        const struct cold_seat *cold = seats_cold(audience, entry->seat);
        if (cold && count > 0 && cold->group != group)
            break;
        if (prepare_resend(audience, entry, slot + count, &out[count])) {
            group = cold->group;
            count++;
        }
        resend_drop(&audience->resends);
    }
    if (count == 0 || !seal(audience, audience->groups[group].profile, slot, count, out))
        return 0;
    audience->retransmitted += count;
    return count;
}

/* ---- sender reports ---- */

/* RFC 3550 section 6.4.1 lets a sender without wall time count from a time of its own. We do, as
 * logic reads no clock: receivers need only that the same clock stands in every report. */
static uint64_t ntp_of(uint64_t now_us)
{
    uint64_t second_us = 1000 * 1000;
    return now_us / second_us << 32 | ((now_us % second_us) << 32) / second_us;
}

static struct hot_seat *seat_under_cursor(struct audience *audience)
{
    uint32_t gcm_count = audience->groups[GROUP_GCM].count;
    if (audience->sr_cursor >= gcm_count + audience->groups[GROUP_CM].count)
        audience->sr_cursor = 0;
    uint32_t at = audience->sr_cursor++;
    return at < gcm_count ? &audience->groups[GROUP_GCM].hot[at]
                          : &audience->groups[GROUP_CM].hot[at - gcm_count];
}

static bool write_sender_report(struct audience *audience, const struct hot_seat *hot,
                                unsigned slot, uint64_t now_us, struct datagram *out)
{
    const struct program_packet *packet = &audience->packet;
    struct cold_seat *cold = seats_cold(audience, hot->seat);
    uint64_t age_us = now_us > packet->made_us ? now_us - packet->made_us : 0;
    struct rtcp_sender sender = {
        .ntp = ntp_of(now_us),
        .timestamp = packet->timestamp + packet->samples - PROGRAM_FRAME_SAMPLES +
                     (uint32_t)(age_us * SAMPLES_PER_MS / 1000),
        .packets = hot->packets,
        .bytes = hot->octets,
    };
    uint8_t *data = audience->buffers + (size_t)slot * BUFFER_BYTES;
    struct writer writer = writer_of(data, AUDIENCE_DATAGRAM_MAX - SRTCP_TRAILER_MAX);
    if (rtcp_write_sr(hot->ssrc, &sender, NULL, 0, &writer) != 0 ||
        rtcp_write_sdes(hot->ssrc, slice_text(AUDIENCE_CNAME), &writer) != 0)
        return false;
    size_t bytes = writer.at;
    if (audience->engine->protect_rtcp(audience->batch, audience->groups[cold->group].profile,
                                       hot->key, data, &bytes, ++cold->rtcp_index) != 0)
        return false;
    *out = (struct datagram){.data = data,
                             .bytes = (uint32_t)bytes,
                             .to = address_to_sockaddr(&hot->address),
                             .local = hot->local};
    return true;
}

static uint32_t sr_pause_ms(const struct hot_seat *hot)
{
    uint32_t start = hot->start;
    return SR_SHORTEST_MS + start * SR_SPREAD_MS / START_MASK;
}

/* Moves the cursor on to where it should stand by now, and reports to each seat that is due. */
static unsigned serve_reports(struct audience *audience, unsigned slot, unsigned room,
                              uint64_t now_us, struct datagram *out)
{
    uint64_t total = audience->groups[GROUP_GCM].count + audience->groups[GROUP_CM].count;
    if (!audience->has_packet || total == 0 || now_us < audience->sr_scanned_us) {
        audience->sr_scanned_us = now_us;
        return 0;
    }
    if (now_us - audience->sr_scanned_us > SR_SCAN_US)
        audience->sr_scanned_us = now_us - SR_SCAN_US;
    uint64_t to_look_at = (now_us - audience->sr_scanned_us) * total / SR_SCAN_US;
    uint64_t looked_at = 0;
    uint32_t now_ms = (uint32_t)(now_us / 1000);
    unsigned count = 0;
    for (; looked_at < to_look_at && count < room; looked_at++) {
        struct hot_seat *hot = seat_under_cursor(audience);
        if (hot->packets == 0 || timestamp_before(now_ms, hot->sr_due_ms))
            continue;
        hot->sr_due_ms = now_ms + sr_pause_ms(hot);
        if (write_sender_report(audience, hot, slot + count, now_us, &out[count]))
            count++;
    }
    audience->sr_scanned_us += looked_at * SR_SCAN_US / total;
    return count;
}

/* ---- the worker's side ---- */

unsigned audience_fill(struct audience *audience, struct datagram *out, unsigned max,
                       uint64_t now_us)
{
    ASSERT_THREAD(THREAD_WORKER);
    if (max > AUDIENCE_BATCH)
        max = AUDIENCE_BATCH;
    if (is_late(&audience->packet, now_us))
        cut_pass(audience);
    unsigned made = serve_pass(audience, out, max);
    if (pass_due(audience) > 0)
        return made;
    while (made < max && resend_peek(&audience->resends) != NULL)
        made += serve_resends(audience, made, max - made, out + made);
    return made + serve_reports(audience, made, max - made, now_us, out + made);
}

uint32_t audience_due(const struct audience *audience)
{
    ASSERT_THREAD(THREAD_WORKER);
    return pass_due(audience) + audience->resends.tail - audience->resends.head;
}
