/* What the seats tell us: their RTCP, and the counts that rest on it. */
#include "audience/audience.h"

#include "audience/audience_internal.h"
#include "base/thread.h"
#include "rostrum/rtp.h"

static void ask_resend(struct audience *audience, uint32_t seat, uint16_t seq)
{
    struct cold_seat *cold = seats_cold(audience, seat);
    const struct hot_seat *hot = seats_hot(audience, cold);
    uint64_t newest = audience->packet.index;
    uint64_t seat_index = seq_extend(newest - hot->first_index + hot->start, seq);
    uint64_t index = seat_index - hot->start + hot->first_index;
    struct program_packet packet;
    struct resend_entry entry = {.seat = seat, .generation = cold->generation, .index = index};
    if (seat_index < hot->start || program_get(audience->program, index, &packet) != 0 ||
        !resend_spend(&cold->budget, newest) || !resend_push(&audience->resends, &entry))
        audience->nack_refused++;
}

enum audience_heard audience_receive(struct audience *audience, uint32_t seat, uint8_t *packet,
                                     size_t bytes, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_WORKER);
    struct cold_seat *cold = seats_cold(audience, seat);
    uint32_t index = 0;
    if (!cold || audience->engine->unprotect_rtcp(
                     audience->batch, audience->groups[cold->group].profile,
                     seats_receive_key(audience, seat), packet, &bytes, &index) != 0) {
        audience->rtcp_bad++;
        return AUDIENCE_NOTHING;
    }
    if (!replay_accept(&cold->replay, index)) {
        audience->rtcp_bad++;
        return AUDIENCE_NOTHING;
    }
    const struct hot_seat *hot = seats_hot(audience, cold);
    if (hot->first_index == NOT_STARTED)
        return AUDIENCE_REPORT; /* nothing was sent yet, so there is nothing to report on */
    struct reports_context context = {
        .ssrc = hot->ssrc,
        .first_index = hot->start,
        .newest_index = audience->packet.index - hot->first_index + hot->start,
        .now_us = now_us,
        .hearing_us = AUDIENCE_HEARING_US,
    };
    struct reports_nack nack;
    if (reports_read(&cold->reports, &context, slice_of(packet, bytes), &nack) != 0)
        audience->rtcp_bad++;
    for (unsigned i = 0; i < nack.count; i++)
        ask_resend(audience, seat, nack.seqs[i]);
    return nack.is_bye ? AUDIENCE_BYE : AUDIENCE_REPORT;
}

void audience_counts(const struct audience *audience, uint64_t now_us, struct audience_counts *out)
{
    ASSERT_THREAD(THREAD_WORKER);
    uint64_t fractions_q8 = 0;
    *out = (struct audience_counts){
        .connected = audience->groups[GROUP_GCM].count + audience->groups[GROUP_CM].count,
        .packets_sent = audience->packets_sent,
        .packets_late = audience->packets_late,
        .packets_failed = audience->packets_failed,
        .retransmitted = audience->retransmitted,
        .nack_refused = audience->nack_refused,
        .rtcp_bad = audience->rtcp_bad,
    };
    for (uint32_t seat = 0; seat < audience->chunk_count * CHUNK_SEATS; seat++) {
        const struct cold_seat *cold = seats_cold(audience, seat);
        if (!cold)
            continue;
        out->relays += cold->is_relay;
        if (!reports_is_hearing(&cold->reports, now_us))
            continue;
        out->hearing++;
        out->relays_hearing += cold->is_relay;
        fractions_q8 += cold->reports.fraction_lost_q8;
        out->losing += cold->reports.fraction_lost_q8 * 1000u >= AUDIENCE_LOSING_PERMILLE * 256u;
    }
    if (out->hearing > 0)
        out->loss_permille = (uint32_t)(fractions_q8 * 1000 / 256 / out->hearing);
}
