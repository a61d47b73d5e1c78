#include "transport/host.h"

#include "base/bucket.h"
#include "base/random.h"
#include "rostrum/reception.h"
#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"
#include "rostrum/srtp_link.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum {
    HISTORY_PACKETS = 128,     /* 2.5 s of feed. Power of two */
    RESENDS_PER_S = 100,       /* so that requests cannot multiply what we send */
    RESEND_GAP_US = 10 * 1000, /* the same packet again at the earliest */
    US_PER_S = 1000000,
    TICKS_PER_MS = 48, /* RFC 7587 section 4.1 */
    RTCP_OUT_MAX_BYTES = 512,
    PACKET_MAX_BYTES = RTP_HEADER_BYTES + HOST_FEED_MAX_BYTES,
};
static const char CNAME[] = "rostrum";

struct sent {
    uint64_t ext_seq; /* UINT64_MAX: empty */
    uint64_t sent_us; /* last time; 0: never again so far */
    size_t bytes;
    uint8_t packet[PACKET_MAX_BYTES]; /* in clear */
};

struct host {
    struct srtp_link *link; /* owned */
    struct host_params params;
    struct reception reception;
    struct bucket police, resends;
    uint64_t created_us, report_us;
    uint64_t rtt_us; /* from the host's reports; 0: unknown */
    /* the feed */
    bool has_feed;
    uint64_t first_index, first_ext, last_ext;
    uint32_t packets_sent, payload_bytes_sent;
    uint32_t last_timestamp;
    uint64_t last_made_us;
    struct host_counts counts;
    struct sent history[HISTORY_PACKETS]; /* by ext_seq */
};

static uint64_t next_report_us(uint64_t now_us)
{
    return now_us + HOST_REPORT_US * 3 / 4 + random_u32() % (HOST_REPORT_US / 2);
}

int host_create(struct host **out, const struct host_params *params, uint64_t now_us)
{
    struct host *host = calloc(1, sizeof(*host));
    if (!host)
        return ERR_NOMEM;
    int err = srtp_link_create(&host->link, params->keys);
    if (err) {
        host_destroy(host);
        return err;
    }
    host->params = *params;
    host->params.keys = NULL;
    host->created_us = now_us;
    host->report_us = next_report_us(now_us);
    for (unsigned i = 0; i < HISTORY_PACKETS; i++)
        host->history[i].ext_seq = UINT64_MAX;
    *out = host;
    return 0;
}

void host_destroy(struct host *host)
{
    if (!host)
        return;
    srtp_link_destroy(host->link);
    free(host);
}

/* Our NTP clock goes with the monotonic one, so that a step of the wall clock spoils no round trip.
 */
static uint64_t ntp_at(const struct host *host, uint64_t now_us)
{
    uint64_t us = now_us - host->created_us;
    return rtcp_ntp_from_wall_ms(host->params.wall_ms) + ((us / US_PER_S) << 32) +
           ((us % US_PER_S) << 32) / US_PER_S;
}

/* When to ask for a packet (again). */
static uint64_t ask_due_us(const struct host *host)
{
    return host->params.nack ? reception_due_us(&host->reception) : UINT64_MAX;
}

/* ---- in ---- */

static void count_refusal(struct host *host, int err)
{
    if (err == ERR_EXIST)
        host->counts.replayed++;
    else
        host->counts.forged++;
}

bool host_receive_rtp(struct host *host, uint8_t *packet, size_t bytes, uint64_t now_us)
{
    int err = srtp_link_unprotect(host->link, packet, &bytes);
    if (err) {
        count_refusal(host, err);
        return false;
    }
    /* Only now: strangers must not use up the host's share. */
    if (!bucket_take(&host->police, HOST_PACKETS_PER_S, HOST_BURST_PACKETS, now_us)) {
        host->counts.policed++;
        return true;
    }
    struct rtp_packet rtp;
    if (rtp_parse(&rtp, slice_of(packet, bytes)) != 0)
        return true;
    bool is_red = host->params.red_type != 0 && rtp.payload_type == host->params.red_type;
    if (rtp.payload_type != host->params.payload_type && !is_red)
        return true;
    uint64_t ext_seq;
    if (!reception_take(&host->reception, &rtp, now_us, &ext_seq)) {
        host->counts.replayed++;
        return true;
    }
    host->params.events->on_rtp(host->params.owner, packet, bytes, now_us);
    if (now_us >= ask_due_us(host))
        host_tick(host, now_us);
    return true;
}

static void note_blocks(struct host *host, const struct rtcp_packet *rtcp, uint64_t now_us)
{
    for (unsigned i = 0; i < rtcp->report.block_count; i++) {
        const struct rtcp_block *block = &rtcp->report.blocks[i];
        if (block->ssrc != host->params.ssrc || block->last_sr == 0)
            continue;
        uint32_t rtt = rtcp_ntp_middle(ntp_at(host, now_us)) - block->last_sr -
                       block->delay_since_sr; /* RFC 3550 section 6.4.1, 1/65536 s */
        if (rtt < 0x10000u * 10)              /* ten seconds; else it is nonsense */
            host->rtt_us = ((uint64_t)rtt * US_PER_S) >> 16;
    }
}

static void send_protected(struct host *host, const struct sent *sent)
{
    uint8_t packet[PACKET_MAX_BYTES + SRTP_TRAILER_MAX];
    size_t bytes = sent->bytes;
    memcpy(packet, sent->packet, bytes);
    if (srtp_link_protect(host->link, packet, &bytes) == 0)
        host->params.events->on_send(host->params.owner, packet, bytes);
}

static void resend(struct host *host, uint16_t seq, uint64_t now_us)
{
    if (!host->has_feed)
        return;
    uint64_t ext_seq = seq_extend(host->last_ext, seq);
    struct sent *sent = &host->history[ext_seq & (HISTORY_PACKETS - 1)];
    if (sent->ext_seq != ext_seq || now_us - sent->sent_us < RESEND_GAP_US ||
        !bucket_take(&host->resends, RESENDS_PER_S, RESENDS_PER_S, now_us))
        return;
    sent->sent_us = now_us;
    host->counts.retransmitted++;
    send_protected(host, sent);
}

static void follow_rtcp(struct host *host, const struct rtcp_packet *rtcp, uint64_t now_us)
{
    switch (rtcp->kind) {
    case RTCP_SR:
        if (rtcp->ssrc == host->reception.ssrc)
            reception_sender_report(&host->reception, rtcp->report.sender.ntp, now_us);
        note_blocks(host, rtcp, now_us);
        return;
    case RTCP_RR:
        note_blocks(host, rtcp, now_us);
        return;
    case RTCP_NACK:
        for (unsigned i = 0; rtcp->nack.media_ssrc == host->params.ssrc && i < rtcp->nack.seq_count;
             i++)
            resend(host, rtcp->nack.seqs[i], now_us);
        return;
    case RTCP_SDES:
    case RTCP_BYE: /* signalling tells who leaves */
    case RTCP_OTHER:
        return;
    }
}

bool host_receive_rtcp(struct host *host, uint8_t *packet, size_t bytes, uint64_t now_us)
{
    int err = srtp_link_unprotect_rtcp(host->link, packet, &bytes);
    if (err) {
        count_refusal(host, err);
        return false;
    }
    struct cursor c = cursor_of(slice_of(packet, bytes));
    struct rtcp_packet rtcp;
    while (rtcp_next(&c, &rtcp) == 0)
        follow_rtcp(host, &rtcp, now_us);
    return true;
}

/* ---- out ---- */

/* The number on the wire follows the feed's index, so that what a full ring dropped is a visible
 * gap. It never goes back: one number must not protect two packets. */
static uint64_t number_frame(struct host *host, uint64_t index)
{
    if (!host->has_feed) {
        host->has_feed = true;
        host->first_ext = random_u32() & 0x7FFF; /* RFC 3711 section 3.3.1: far from a wrap */
        host->first_index = index;
    } else if (index < host->first_index ||
               host->first_ext + (index - host->first_index) <= host->last_ext) {
        host->first_ext = host->last_ext + 1;
        host->first_index = index;
    }
    host->last_ext = host->first_ext + (index - host->first_index);
    return host->last_ext;
}

void host_send(struct host *host, const struct media_frame *frame)
{
    if (frame->payload_bytes > HOST_FEED_MAX_BYTES) {
        host->counts.oversized++;
        return;
    }
    bool is_first = !host->has_feed;
    uint64_t ext_seq = number_frame(host, frame->index);
    struct sent *sent = &host->history[ext_seq & (HISTORY_PACKETS - 1)];
    struct rtp_packet header = {
        .payload_type = host->params.payload_type,
        .marker = is_first,
        .seq = (uint16_t)ext_seq,
        .timestamp = frame->timestamp,
        .ssrc = host->params.ssrc,
    };
    struct writer w = writer_of(sent->packet, sizeof(sent->packet));
    sent->ext_seq = UINT64_MAX;
    if (rtp_write_header(&header, &w) != 0)
        return;
    writer_bytes(&w, slice_of(frame->payload, frame->payload_bytes));
    sent->bytes = w.at;
    sent->ext_seq = ext_seq;
    sent->sent_us = 0;
    host->packets_sent++;
    host->payload_bytes_sent += frame->payload_bytes;
    host->last_timestamp = frame->timestamp;
    host->last_made_us = frame->made_us;
    send_protected(host, sent);
}

/* ---- reports ---- */

static bool write_report(struct host *host, uint64_t now_us, bool with_block, struct writer *out)
{
    struct rtcp_block block;
    size_t blocks = with_block && reception_block(&host->reception, &block, now_us) ? 1 : 0;
    int err;
    if (host->has_feed) {
        struct rtcp_sender sender = {
            .ntp = ntp_at(host, now_us),
            .timestamp = host->last_timestamp +
                         (uint32_t)((int64_t)(now_us - host->last_made_us) * TICKS_PER_MS / 1000),
            .packets = host->packets_sent,
            .bytes = host->payload_bytes_sent,
        };
        err = rtcp_write_sr(host->params.ssrc, &sender, &block, blocks, out);
    } else {
        err = rtcp_write_rr(host->params.ssrc, &block, blocks, out);
    }
    return err == 0 && rtcp_write_sdes(host->params.ssrc, slice_text(CNAME), out) == 0;
}

static void send_rtcp(struct host *host, uint8_t *packet, size_t bytes)
{
    if (srtp_link_protect_rtcp(host->link, packet, &bytes) == 0)
        host->params.events->on_send(host->params.owner, packet, bytes);
}

static void ask_again(struct host *host, uint64_t now_us)
{
    uint16_t seqs[RECEPTION_MISSING_MAX];
    size_t count =
        reception_missing(&host->reception, seqs, RECEPTION_MISSING_MAX, now_us, host->rtt_us);
    if (count == 0)
        return;
    uint8_t packet[RTCP_OUT_MAX_BYTES + SRTCP_TRAILER_MAX];
    struct writer w = writer_of(packet, RTCP_OUT_MAX_BYTES);
    if (write_report(host, now_us, false, &w) &&
        rtcp_write_nack(host->params.ssrc, host->reception.ssrc, seqs, count, &w) == 0)
        send_rtcp(host, packet, w.at);
}

void host_tick(struct host *host, uint64_t now_us)
{
    if (now_us >= ask_due_us(host))
        ask_again(host, now_us);
    if (now_us < host->report_us)
        return;
    host->report_us = next_report_us(now_us);
    if (!host->has_feed && !host->reception.started)
        return;
    uint8_t packet[RTCP_OUT_MAX_BYTES + SRTCP_TRAILER_MAX];
    struct writer w = writer_of(packet, RTCP_OUT_MAX_BYTES);
    if (write_report(host, now_us, true, &w))
        send_rtcp(host, packet, w.at);
}

uint64_t host_due_us(const struct host *host)
{
    uint64_t ask_us = ask_due_us(host);
    return ask_us < host->report_us ? ask_us : host->report_us;
}

const struct host_counts *host_counts(const struct host *host)
{
    return &host->counts;
}
