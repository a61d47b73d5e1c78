/* listener_media.c - what a listener hears, and what it says about it. */
#include "rehearse/listener_internal.h"

#include "base/random.h"
#include "rostrum/srtp_link.h"

#include <stdlib.h>

enum {
    KEY_ALIGN_BYTES = 64, /* audience/srtp_batch.h */
    /* libwebrtc's interval for audio; each report half to one and a half of it after the last, the
     * first after half of it. */
    REPORT_EVERY_US = 5 * 1000 * 1000,
    RTCP_BYTES_MAX = 512,
    OWN_SSRC = 1, /* what libwebrtc puts into the reports of who sends nothing */
};

struct tally_second *listener_second(const struct listener *listener, uint64_t at_us)
{
    struct tally *tally = listener->shared->tally;
    uint64_t start_us = listener->shared->start_us;
    uint64_t second = at_us > start_us ? (at_us - start_us) / (1000 * 1000) : 0;
    if (second >= TALLY_SECONDS_MAX || tally->per_second == NULL)
        return NULL;
    if (tally->seconds <= second)
        tally->seconds = (uint32_t)second + 1;
    return &tally->per_second[second];
}

/* ---- keys ---- */

static int make_key(struct listener *listener, void **out, enum srtp_half half,
                    const struct srtp_master *master)
{
    const struct srtp_engine *engine = listener->shared->engine;
    size_t bytes = engine->key_bytes(listener->profile, half);
    size_t rounded = (bytes + KEY_ALIGN_BYTES - 1) / KEY_ALIGN_BYTES * KEY_ALIGN_BYTES;
    void *key = aligned_alloc(KEY_ALIGN_BYTES, rounded);
    if (key == NULL)
        return ERR_NOMEM;
    int err = engine->key_init(key, listener->profile, half, master);
    if (err != 0) {
        free(key);
        return err;
    }
    *out = key;
    return 0;
}

int listener_take_keys(struct listener *listener, const struct srtp_keys *keys, uint64_t now_us)
{
    listener->profile = keys->profile;
    int err = make_key(listener, &listener->send_key, SRTP_SENDING, &keys->send);
    if (err == 0)
        err = make_key(listener, &listener->receive_key, SRTP_RECEIVING, &keys->receive);
    if (err == 0 && listener->is_verifying)
        err = srtp_link_create(&listener->link, keys);
    if (err != 0)
        return err;
    listener->is_connected = true;
    listener->report_due_us = now_us + REPORT_EVERY_US / 2;
    return 0;
}

static void clear_key(struct listener *listener, void **key, enum srtp_half half)
{
    if (*key == NULL)
        return;
    listener->shared->engine->key_clear(*key, listener->profile, half);
    free(*key);
    *key = NULL;
}

void listener_clear_keys(struct listener *listener)
{
    clear_key(listener, &listener->send_key, SRTP_SENDING);
    clear_key(listener, &listener->receive_key, SRTP_RECEIVING);
    srtp_link_destroy(listener->link);
    listener->link = NULL;
}

/* ---- hearing ---- */

static void note_sound(struct listener *listener, uint64_t arrival_us, uint64_t now_us,
                       struct tally_second *second)
{
    struct listener_shared *shared = listener->shared;
    uint64_t took_us = arrival_us > listener->attempt_us ? arrival_us - listener->attempt_us : 0;
    listener->state = LISTENER_HEARING;
    listener->sound_us = arrival_us;
    listener->watch_due_us =
        arrival_us + (listener->consent != NULL ? LISTENER_DEAF_AFTER_US : listener->silent_us);
    histogram_add(&shared->tally->first_sound, took_us);
    if (second != NULL)
        second->joins++;
    peer_confirm_keys(listener->peer, now_us);
}

void listener_note_second(struct listener *listener, struct tally_second *second)
{
    if (second == NULL)
        return;
    uint32_t number = (uint32_t)(second - listener->shared->tally->per_second) + 1;
    if (*listener->heard_second >= number) /* who moves may read an older one where they leave */
        return;
    *listener->heard_second = number;
    second->hearing++;
}

/* False: damaged or forged, and nothing is to be believed of it. */
static bool verify(struct listener *listener, uint8_t *data, size_t bytes)
{
    struct tally *tally = listener->shared->tally;
    int err = srtp_link_unprotect(listener->link, data, &bytes);
    if (err == 0)
        tally->verified++;
    else if (err != ERR_EXIST) /* a replay is an honest duplicate */
        tally->damaged++;
    return err == 0 || err == ERR_EXIST;
}

static bool loses(struct listener_loss *loss, unsigned percent)
{
    /* xorshift64*: its own for each listener, so that a rehearsal repeats itself */
    loss->random ^= loss->random >> 12;
    loss->random ^= loss->random << 25;
    loss->random ^= loss->random >> 27;
    return (loss->random * UINT64_C(0x2545F4914F6CDD1D) >> 33) % 100 < percent;
}

static bool was_asked_for(const struct reception *heard, const struct rtp_packet *packet)
{
    uint64_t ext_seq = seq_extend(heard->highest_ext_seq, packet->seq);
    const struct reception_hole *hole = &heard->holes[ext_seq % RECEPTION_MISSING_MAX];
    return heard->started && hole->open && hole->ext_seq == ext_seq && hole->tries > 0;
}

/* What a lossy listener is left with. `is_new`: it had not reached the socket before. */
static void take_remaining(struct listener *listener, const struct rtp_packet *packet, bool is_new,
                           uint64_t arrival_us, uint64_t now_us)
{
    struct tally *tally = listener->shared->tally;
    struct reception *heard = &listener->loss->heard;
    uint64_t ext_seq;
    bool is_repair = was_asked_for(heard, packet);
    bool is_wanted = reception_take(heard, packet, arrival_us, &ext_seq);
    if (is_wanted && is_repair)
        tally->repaired++;
    else if (!is_wanted && !is_new)
        tally->duplicates++;
    listener_ask_again(listener, now_us);
}

void listener_take_rtp(struct listener *listener, uint8_t *data, size_t bytes, uint64_t arrival_us,
                       uint64_t now_us)
{
    struct listener_shared *shared = listener->shared;
    struct tally *tally = shared->tally;
    struct rtp_packet packet;
    if (rtp_parse(&packet, slice_of(data, bytes)) != 0) {
        tally->damaged++;
        return;
    }
    struct tally_second *second = listener_second(listener, arrival_us);
    bool is_lost = listener->loss != NULL && loses(listener->loss, shared->loss_percent);
    if (is_lost)
        tally->dropped++;
    else if (listener->link != NULL && !verify(listener, data, bytes))
        return;
    bool is_new = arrivals_take(&listener->arrivals, &packet, arrival_us, tally, second);
    if (is_lost)
        return;
    if (listener->state == LISTENER_JOINING)
        note_sound(listener, arrival_us, now_us, second);
    listener_note_second(listener, second);
    if (listener->loss != NULL)
        take_remaining(listener, &packet, is_new, arrival_us, now_us);
    else if (!is_new)
        tally->duplicates++;
}

/* What reports and NACKs speak of. */
static struct reception *reported(struct listener *listener)
{
    return listener->loss != NULL ? &listener->loss->heard : &listener->arrivals.reception;
}

void listener_take_rtcp(struct listener *listener, uint8_t *data, size_t bytes, uint64_t now_us)
{
    struct listener_shared *shared = listener->shared;
    struct reception *reception = reported(listener);
    struct rtcp_packet packet;
    uint32_t index;
    if (shared->engine->unprotect_rtcp(shared->batch, listener->profile, listener->receive_key,
                                       data, &bytes, &index) != 0) {
        shared->tally->damaged++;
        return;
    }
    if (listener->has_received_index && index <= listener->receive_index)
        return; /* a replay; nothing in a sender report is worth a window */
    listener->has_received_index = true;
    listener->receive_index = index;
    peer_confirm_keys(listener->peer, now_us);
    struct cursor c = cursor_of(slice_of(data, bytes));
    while (rtcp_next(&c, &packet) == 0)
        if (packet.kind == RTCP_SR && packet.ssrc == reception->ssrc)
            reception_sender_report(reception, packet.report.sender.ntp, now_us);
}

/* ---- reporting ---- */

static void send_rtcp(struct listener *listener, struct writer *compound, uint64_t now_us)
{
    struct listener_shared *shared = listener->shared;
    size_t bytes = compound->at;
    if (shared->engine->protect_rtcp(shared->batch, listener->profile, listener->send_key,
                                     compound->data, &bytes, listener->send_index) != 0)
        return;
    listener->send_index++;
    listener_send(listener, &listener->remote, compound->data, bytes, now_us);
}

void listener_report(struct listener *listener, uint64_t now_us)
{
    uint8_t packet[RTCP_BYTES_MAX];
    struct writer out = writer_of(packet, sizeof(packet) - SRTCP_TRAILER_MAX);
    struct rtcp_block block;
    size_t blocks = reception_block(reported(listener), &block, now_us) ? 1 : 0;
    listener->report_due_us = now_us + REPORT_EVERY_US / 2 + random_u32() % REPORT_EVERY_US;
    if (rtcp_write_rr(OWN_SSRC, &block, blocks, &out) != 0 ||
        rtcp_write_sdes(OWN_SSRC, slice_text(listener->cname), &out) != 0)
        return;
    send_rtcp(listener, &out, now_us);
    listener->shared->tally->reports_sent++;
}

void listener_ask_again(struct listener *listener, uint64_t now_us)
{
    uint8_t packet[RTCP_BYTES_MAX];
    uint16_t seqs[RTCP_NACK_MAX];
    struct writer out = writer_of(packet, sizeof(packet) - SRTCP_TRAILER_MAX);
    struct reception *heard = &listener->loss->heard;
    /* What was asked for last may lie in the socket since we last read. */
    uint64_t answer_us = peer_rtt_us(listener->peer) + 2 * LISTENER_READ_EVERY_US;
    size_t count = reception_missing(heard, seqs, RTCP_NACK_MAX, now_us, answer_us);
    if (count == 0 || !listener->is_connected)
        return;
    if (rtcp_write_rr(OWN_SSRC, NULL, 0, &out) != 0 ||
        rtcp_write_nack(OWN_SSRC, heard->ssrc, seqs, count, &out) != 0)
        return;
    send_rtcp(listener, &out, now_us);
    listener->shared->tally->nacks_sent++;
}
