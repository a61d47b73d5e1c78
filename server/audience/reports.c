#include "audience/reports.h"

#include "rostrum/rtp.h"

bool replay_accept(struct replay_window *window, uint32_t index)
{
    if (!window->has_newest || index > window->newest) {
        uint32_t ahead = window->has_newest ? index - window->newest : REPLAY_WINDOW;
        window->seen = ahead < REPLAY_WINDOW ? window->seen << ahead | 1 : 1;
        window->newest = index;
        window->has_newest = true;
        return true;
    }
    uint32_t behind = window->newest - index;
    if (behind >= REPLAY_WINDOW || (window->seen >> behind & 1) != 0)
        return false;
    window->seen |= (uint64_t)1 << behind;
    return true;
}

static void take_block(struct seat_reports *reports, const struct reports_context *context,
                       const struct rtcp_block *block)
{
    if (block->ssrc != context->ssrc)
        return;
    /* The cycles are the receiver's own count and may start anew, so the low 16 bits say which
     * packet it means; but a number that stands still must not count as moved when ours has gone
     * once around. */
    uint64_t index = seq_extend(context->newest_index, (uint16_t)block->highest_ext_seq);
    if (index < context->first_index || index > context->newest_index)
        return;
    if (reports->has_highest &&
        (block->highest_ext_seq == reports->highest_ext_seq || index <= reports->highest_index))
        return;
    reports->has_highest = true;
    reports->highest_ext_seq = block->highest_ext_seq;
    reports->highest_index = index;
    reports->fraction_lost_q8 = block->fraction_lost_q8;
    reports->hearing_until_us = context->now_us + context->hearing_us;
}

static void take_nack(const struct rtcp_packet *packet, uint32_t ssrc, struct reports_nack *nack)
{
    if (packet->nack.media_ssrc != ssrc)
        return;
    for (unsigned i = 0; i < packet->nack.seq_count && nack->count < RTCP_NACK_MAX; i++)
        nack->seqs[nack->count++] = packet->nack.seqs[i];
}

int reports_read(struct seat_reports *reports, const struct reports_context *context,
                 struct slice rtcp, struct reports_nack *nack)
{
    struct cursor c = cursor_of(rtcp);
    struct rtcp_packet packet;
    int err;
    nack->is_bye = false;
    nack->count = 0;
    while ((err = rtcp_next(&c, &packet)) == 0) {
        switch (packet.kind) {
        case RTCP_SR:
        case RTCP_RR:
            for (unsigned i = 0; i < packet.report.block_count; i++)
                take_block(reports, context, &packet.report.blocks[i]);
            break;
        case RTCP_NACK:
            take_nack(&packet, context->ssrc, nack);
            break;
        case RTCP_BYE:
            reports->hearing_until_us = 0;
            nack->is_bye = true;
            break;
        case RTCP_SDES:
        case RTCP_OTHER:
            break;
        }
    }
    return err == ERR_AGAIN ? 0 : err;
}

bool reports_is_hearing(const struct seat_reports *reports, uint64_t now_us)
{
    return now_us < reports->hearing_until_us;
}
