#include "rostrum/reception.h"

/* RFC 3550 appendix A.1, MAX_DROPOUT: beyond it the source has restarted */
enum { JUMP_MAX = 3000 };

void reception_init(struct reception *reception)
{
    *reception = (struct reception){0};
}

static void start(struct reception *reception, const struct rtp_packet *packet)
{
    reception_init(reception);
    reception->started = true;
    reception->ssrc = packet->ssrc;
    reception->first_ext_seq = reception->highest_ext_seq = packet->seq;
}

/* RFC 3550 appendix A.8 */
static void update_jitter(struct reception *reception, uint32_t timestamp, uint64_t now_us)
{
    uint32_t arrival = (uint32_t)(now_us * (RECEPTION_CLOCK_HZ / 1000) / 1000);
    uint32_t transit = arrival - timestamp;
    if (reception->received > 0) {
        uint32_t change = transit - reception->last_transit;
        if (change >= 0x80000000u)
            change = 0u - change;
        reception->jitter_q4 += change - ((reception->jitter_q4 + 8) >> 4);
    }
    reception->last_transit = transit;
}

static bool test_and_set(struct reception *reception, uint64_t back)
{
    uint64_t bit = UINT64_C(1) << (back % 64);
    uint64_t *word = &reception->seen[back / 64];
    bool was = (*word & bit) != 0;
    *word |= bit;
    return was;
}

/* Moves the window on by `steps`: bit n becomes bit n + steps. */
static void shift_seen(struct reception *reception, uint64_t steps)
{
    const size_t words = RECEPTION_WINDOW / 64;
    uint64_t old[RECEPTION_WINDOW / 64];
    memcpy(old, reception->seen, sizeof(old));
    for (size_t i = 0; i < words; i++) {
        uint64_t from = steps / 64, bits = steps % 64, value = 0;
        if (i >= from)
            value = old[i - from] << bits;
        if (bits > 0 && i > from)
            value |= old[i - from - 1] >> (64 - bits);
        reception->seen[i] = value;
    }
}

static bool is_open(const struct reception_hole *hole, uint64_t ext_seq)
{
    return hole->open && hole->ext_seq == ext_seq;
}

static void open_hole(struct reception *reception, uint64_t ext_seq, uint64_t now_us)
{
    reception->holes[ext_seq % RECEPTION_MISSING_MAX] = (struct reception_hole){
        .ext_seq = ext_seq, .since_us = now_us, .next_ask_us = now_us, .open = true};
}

static void advance(struct reception *reception, uint64_t ext_seq, uint64_t now_us)
{
    uint64_t first = reception->highest_ext_seq + 1;
    if (ext_seq - first <= RECEPTION_MISSING_MAX)
        for (uint64_t seq = first; seq < ext_seq; seq++)
            open_hole(reception, seq, now_us);
    shift_seen(reception, ext_seq - reception->highest_ext_seq);
    reception->highest_ext_seq = ext_seq;
}

bool reception_take(struct reception *reception, const struct rtp_packet *packet, uint64_t now_us,
                    uint64_t *ext_seq)
{
    if (!reception->started || packet->ssrc != reception->ssrc)
        start(reception, packet);
    uint64_t ext = seq_extend(reception->highest_ext_seq, packet->seq);
    if (ext > reception->highest_ext_seq + JUMP_MAX) {
        start(reception, packet);
        ext = reception->highest_ext_seq;
    }
    if (ext > reception->highest_ext_seq)
        advance(reception, ext, now_us);
    uint64_t back = reception->highest_ext_seq - ext;
    if (back >= RECEPTION_WINDOW || test_and_set(reception, back))
        return false;
    if (ext < reception->first_ext_seq)
        reception->first_ext_seq = ext;
    struct reception_hole *hole = &reception->holes[ext % RECEPTION_MISSING_MAX];
    /* A retransmission says nothing of the network's jitter. (The newest packet fills no hole: not
     * looking spares a cache line of each of thousands of receptions.) */
    if (back > 0 && is_open(hole, ext))
        hole->open = false;
    else
        update_jitter(reception, packet->timestamp, now_us);
    reception->received++;
    *ext_seq = ext;
    return true;
}

uint64_t reception_expected(const struct reception *reception)
{
    return reception->started ? reception->highest_ext_seq - reception->first_ext_seq + 1 : 0;
}

void reception_sender_report(struct reception *reception, uint64_t ntp, uint64_t now_us)
{
    reception->sender_ntp = ntp;
    reception->sender_us = now_us;
}

bool reception_block(struct reception *reception, struct rtcp_block *out, uint64_t now_us)
{
    if (!reception->started)
        return false;
    uint64_t expected = reception_expected(reception);
    int64_t lost = (int64_t)(expected - reception->received);
    int64_t lost_now = lost - (int64_t)(reception->expected_before - reception->received_before);
    uint64_t expected_now = expected - reception->expected_before;
    *out = (struct rtcp_block){.ssrc = reception->ssrc,
                               .lost_packets = (int32_t)(lost > 0x7FFFFF ? 0x7FFFFF : lost),
                               .highest_ext_seq = (uint32_t)reception->highest_ext_seq,
                               .jitter = reception->jitter_q4 >> 4};
    /* Appendix A.3. It stays below 256: what made the number expected rise was received. */
    if (expected_now > 0 && lost_now > 0)
        out->fraction_lost_q8 = (uint8_t)(((uint64_t)lost_now << 8) / expected_now);
    if (reception->sender_us != 0) {
        out->last_sr = rtcp_ntp_middle(reception->sender_ntp);
        out->delay_since_sr = (uint32_t)(((now_us - reception->sender_us) << 16) / 1000000);
    }
    reception->expected_before = expected;
    reception->received_before = reception->received;
    return true;
}

static uint64_t oldest_hole(const struct reception *reception)
{
    return reception->highest_ext_seq < RECEPTION_MISSING_MAX
               ? 0
               : reception->highest_ext_seq - RECEPTION_MISSING_MAX;
}

size_t reception_missing(struct reception *reception, uint16_t *seqs, size_t max, uint64_t now_us,
                         uint64_t rtt_us)
{
    size_t count = 0;
    uint64_t every_us = rtt_us > RECEPTION_ASK_EVERY_US ? rtt_us : RECEPTION_ASK_EVERY_US;
    for (uint64_t ext = oldest_hole(reception); ext < reception->highest_ext_seq && count < max;
         ext++) {
        struct reception_hole *hole = &reception->holes[ext % RECEPTION_MISSING_MAX];
        if (!is_open(hole, ext) || now_us < hole->next_ask_us)
            continue;
        if (hole->tries >= RECEPTION_ASK_TRIES || now_us - hole->since_us > RECEPTION_GIVE_UP_US) {
            hole->open = false;
            continue;
        }
        hole->tries++;
        hole->next_ask_us = now_us + every_us;
        seqs[count++] = (uint16_t)ext;
    }
    return count;
}

void reception_forget(struct reception *reception, uint64_t ext_seq)
{
    struct reception_hole *hole = &reception->holes[ext_seq % RECEPTION_MISSING_MAX];
    if (is_open(hole, ext_seq))
        hole->open = false;
}

uint64_t reception_due_us(const struct reception *reception)
{
    uint64_t due_us = UINT64_MAX;
    for (uint64_t ext = oldest_hole(reception); ext < reception->highest_ext_seq; ext++) {
        const struct reception_hole *hole = &reception->holes[ext % RECEPTION_MISSING_MAX];
        if (is_open(hole, ext) && hole->next_ask_us < due_us)
            due_us = hole->next_ask_us;
    }
    return due_us;
}
