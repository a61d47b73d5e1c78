#include "transport/reception.h"

enum {
    TICKS_PER_MS = 48, /* RFC 7587 section 4.1 */
    US_PER_MS = 1000,
    US_PER_S = 1000000,
    LOST_MAX = 0x7FFFFF, /* RFC 3550 section 6.4.1: 24 bits, signed */
};

static void start(struct reception *reception, const struct rtp_packet *packet)
{
    *reception = (struct reception){.has_started = true,
                                    .ssrc = packet->ssrc,
                                    .first_ext = packet->seq,
                                    .highest_ext = packet->seq};
}

/* RFC 3550 section A.8 */
static void note_jitter(struct reception *reception, uint32_t timestamp, uint64_t now_us)
{
    uint32_t arrival = (uint32_t)(now_us * TICKS_PER_MS / US_PER_MS);
    uint32_t transit = arrival - timestamp;
    if (reception->received > 1) {
        uint32_t change = transit - reception->transit;
        if (change >= 0x80000000u)
            change = 0u - change;
        reception->jitter_q4 += change - ((reception->jitter_q4 + 8) >> 4);
    }
    reception->transit = transit;
}

static void forget(struct reception *reception, unsigned index)
{
    reception->missing_count--;
    for (unsigned i = index; i < reception->missing_count; i++)
        reception->missing[i] = reception->missing[i + 1];
}

static void note_found(struct reception *reception, uint64_t ext_seq)
{
    for (unsigned i = 0; i < reception->missing_count; i++)
        if (reception->missing[i].ext_seq == ext_seq) {
            forget(reception, i);
            return;
        }
}

static void note_gap(struct reception *reception, uint64_t from_ext, uint64_t to_ext,
                     uint64_t now_us)
{
    if (to_ext - from_ext > MISSING_MAX)
        return;
    for (uint64_t ext_seq = from_ext; ext_seq < to_ext; ext_seq++) {
        if (reception->missing_count == MISSING_MAX)
            forget(reception, 0);
        reception->missing[reception->missing_count++] =
            (struct missing){.ext_seq = ext_seq, .since_us = now_us, .ask_us = now_us};
    }
}

void reception_note(struct reception *reception, const struct rtp_packet *packet, uint64_t now_us)
{
    if (!reception->has_started || reception->ssrc != packet->ssrc)
        start(reception, packet);
    uint64_t ext_seq = seq_extend(reception->highest_ext, packet->seq);
    if (ext_seq > reception->highest_ext) {
        note_gap(reception, reception->highest_ext + 1, ext_seq, now_us);
        reception->highest_ext = ext_seq;
    } else {
        note_found(reception, ext_seq);
    }
    reception->received++;
    note_jitter(reception, packet->timestamp, now_us);
}

void reception_note_sr(struct reception *reception, uint32_t ssrc, uint64_t ntp, uint64_t now_us)
{
    if (!reception->has_started || reception->ssrc != ssrc)
        return;
    reception->last_sr = rtcp_ntp_middle(ntp);
    reception->last_sr_us = now_us;
}

static uint8_t fraction_q8(int64_t lost, int64_t expected)
{
    if (expected <= 0 || lost <= 0)
        return 0;
    int64_t fraction = (lost << 8) / expected;
    return fraction > UINT8_MAX ? UINT8_MAX : (uint8_t)fraction;
}

static int32_t clamp_lost(int64_t lost)
{
    if (lost > LOST_MAX)
        return LOST_MAX;
    return lost < -LOST_MAX ? -LOST_MAX : (int32_t)lost;
}

/* RFC 3550 section A.3 */
bool reception_report(struct reception *reception, uint64_t now_us, struct rtcp_block *out)
{
    if (!reception->has_started)
        return false;
    uint64_t expected = reception->highest_ext - reception->first_ext + 1;
    int64_t expected_now = (int64_t)(expected - reception->expected_before);
    int64_t received_now = (int64_t)(reception->received - reception->received_before);
    *out = (struct rtcp_block){
        .ssrc = reception->ssrc,
        .fraction_lost_q8 = fraction_q8(expected_now - received_now, expected_now),
        .lost_packets = clamp_lost((int64_t)expected - (int64_t)reception->received),
        .highest_ext_seq = (uint32_t)reception->highest_ext,
        .jitter = reception->jitter_q4 >> 4,
        .last_sr = reception->last_sr,
    };
    if (reception->last_sr_us != 0)
        out->delay_since_sr =
            (uint32_t)(((now_us - reception->last_sr_us) << 16) / US_PER_S); /* 1/65536 s */
    reception->expected_before = expected;
    reception->received_before = reception->received;
    return true;
}

static bool is_hopeless(const struct missing *missing, uint64_t now_us)
{
    return missing->tries >= MISSING_TRIES_MAX || now_us - missing->since_us > MISSING_GIVE_UP_US;
}

unsigned reception_ask(struct reception *reception, uint64_t rtt_us, uint64_t now_us,
                       uint16_t out[MISSING_MAX])
{
    uint64_t repeat_us = rtt_us > MISSING_REPEAT_MIN_US ? rtt_us : MISSING_REPEAT_MIN_US;
    unsigned asked = 0;
    unsigned i = 0;
    while (i < reception->missing_count) {
        struct missing *missing = &reception->missing[i];
        if (now_us < missing->ask_us) {
            i++;
        } else if (is_hopeless(missing, now_us)) {
            forget(reception, i);
        } else {
            missing->tries++;
            missing->ask_us = now_us + repeat_us;
            out[asked++] = (uint16_t)missing->ext_seq;
            i++;
        }
    }
    return asked;
}

uint64_t reception_due_us(const struct reception *reception)
{
    uint64_t due_us = UINT64_MAX;
    for (unsigned i = 0; i < reception->missing_count; i++)
        if (reception->missing[i].ask_us < due_us)
            due_us = reception->missing[i].ask_us;
    return due_us;
}
