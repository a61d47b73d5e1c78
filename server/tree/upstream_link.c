#include "tree/upstream_internal.h"

#include "base/random.h"
#include "rostrum/rtcp.h"
#include "rostrum/rtp.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    BATCHES_MAX = 4, /* for one link, before its frames go out */
    OWN_SSRC = 1,    /* who sends nothing has no number of its own; as libwebrtc has it */
    RTCP_BYTES_MAX = 512,
    SSRC_AT = 8,                   /* RFC 3550 section 5.1 */
    REPORT_FIRST_US = 500 * 1000,  /* the parent counts whom it has a report of */
    REPORT_EVERY_US = 2500 * 1000, /* half to one and a half of it */
    SAMPLES_PER_MS = 48,
    SILENT_PACKETS = 3,
    SAMPLES_DEFAULT = 960,
};
static const char CNAME[] = "rostrum";

/* ---- the socket ---- */

static int open_socket(struct upstream_link *link)
{
    int both = 0;
    link->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd >= 0 && setsockopt(link->fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both)) == 0)
        return 0;
    if (link->fd >= 0)
        (void)close(link->fd);
    link->is_ipv4 = true;
    link->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return link->fd >= 0 ? 0 : ERR_IO;
}

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t write_address(const struct upstream_link *link, const struct address *address,
                               union any_address *out)
{
    struct sockaddr_in6 v6 = address_to_sockaddr(address);
    if (!link->is_ipv4) {
        out->v6 = v6;
        return sizeof(out->v6);
    }
    out->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = v6.sin6_port};
    memcpy(&out->v4.sin_addr, address->ip + 12, sizeof(out->v4.sin_addr));
    return sizeof(out->v4);
}

/* What the system cannot take is lost like any datagram: checks, handshake and requests repeat
 * themselves. */
static void send_to(struct upstream_link *link, const struct address *to, const uint8_t *data,
                    size_t bytes)
{
    union any_address address;
    socklen_t address_bytes = 0;
    bool is_bound = link->is_bound && address_equal(to, &link->path);
    if (!is_bound)
        address_bytes = write_address(link, to, &address);
    if (link->fd >= 0)
        (void)!sendto(link->fd, data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL,
                      is_bound ? NULL : &address.any, address_bytes);
}

/* ---- the peer's callbacks ---- */

static void on_send(void *owner, const struct peer_path *to, const uint8_t *data, size_t bytes)
{
    send_to(owner, &to->remote, data, bytes);
}

static void on_path(void *owner, const struct peer_path *to)
{
    struct upstream_link *link = owner;
    union any_address address;
    socklen_t bytes = write_address(link, &to->remote, &address);
    link->path = to->remote;
    link->is_bound = connect(link->fd, &address.any, bytes) == 0; /* else it works as well */
}

/* Only marks it: the room ends it when no callback runs. */
static void mark_ended(struct upstream_link *link, enum peer_end cause)
{
    link->state = LINK_ENDED;
    link->cause = cause;
}

static void on_keys(void *owner, const struct srtp_keys *keys)
{
    struct upstream_link *link = owner;
    if (srtp_link_create(&link->srtp, keys) != 0) {
        mark_ended(link, PEER_END_HANDSHAKE);
        return;
    }
    link->state = LINK_CONNECTED;
    intake_open(link->room->intake, link->source, link->opus_type, link->red_type);
}

static void on_ended(void *owner, enum peer_end cause)
{
    mark_ended(owner, cause);
}

/* ---- sending ---- */

static void send_rtcp(struct upstream_link *link, struct writer *compound)
{
    size_t bytes = compound->at;
    if (!compound->full && srtp_link_protect_rtcp(link->srtp, compound->data, &bytes) == 0)
        send_to(link, &link->path, compound->data, bytes);
}

static void report(struct upstream_link *link, uint64_t now_us)
{
    uint8_t packet[RTCP_BYTES_MAX];
    struct writer out = writer_of(packet, sizeof(packet) - SRTCP_TRAILER_MAX);
    struct rtcp_block block;
    size_t blocks = intake_report(link->room->intake, link->source, &block, now_us) ? 1 : 0;
    link->report_due_us = now_us + REPORT_EVERY_US / 2 + random_u32() % REPORT_EVERY_US;
    if (rtcp_write_rr(OWN_SSRC, &block, blocks, &out) == 0 &&
        rtcp_write_sdes(OWN_SSRC, slice_text(CNAME), &out) == 0)
        send_rtcp(link, &out);
}

void upstream_link_ask(struct upstream_link *link, uint64_t now_us)
{
    uint8_t packet[RTCP_BYTES_MAX];
    uint16_t seqs[RTCP_NACK_MAX];
    uint32_t ssrc;
    struct writer out = writer_of(packet, sizeof(packet) - SRTCP_TRAILER_MAX);
    if (!link->srtp)
        return;
    size_t count = intake_missing(link->room->intake, link->source, seqs, RTCP_NACK_MAX, now_us,
                                  peer_rtt_us(link->peer), &ssrc);
    if (count == 0)
        return;
    link->room->asked += count;
    if (rtcp_write_rr(OWN_SSRC, NULL, 0, &out) == 0 &&
        rtcp_write_nack(OWN_SSRC, ssrc, seqs, count, &out) == 0)
        send_rtcp(link, &out);
}

/* RFC 3550 section 6.6. Without it the parent would go on until it misses the checks. */
static void say_bye(struct upstream_link *link)
{
    uint8_t packet[RTCP_BYTES_MAX];
    struct writer out = writer_of(packet, sizeof(packet) - SRTCP_TRAILER_MAX);
    if (link->srtp && rtcp_write_rr(OWN_SSRC, NULL, 0, &out) == 0 &&
        rtcp_write_bye(OWN_SSRC, &out) == 0)
        send_rtcp(link, &out);
}

/* ---- making and ending ---- */

static int make_peer(struct upstream_link *link, const struct upstream_parent *parent,
                     const struct dtls_identity *identity, uint64_t now_us)
{
    static const struct peer_events events = {on_send, on_keys, on_path, on_ended};
    struct peer_params params = {.ice = ICE_CONTROLLING,
                                 .dtls = DTLS_CLIENT,
                                 .remote = parent->remote,
                                 .fingerprint = parent->fingerprint};
    memcpy(params.local.ufrag, parent->local.ufrag, sizeof(parent->local.ufrag));
    memcpy(params.local.pwd, parent->local.pwd, sizeof(parent->local.pwd));
    for (unsigned i = 0; i < parent->candidate_count; i++)
        if (!link->is_ipv4 || address_is_ipv4(&parent->candidates[i]))
            params.candidates[params.candidate_count++] = parent->candidates[i];
    if (params.candidate_count == 0)
        return ERR_IO;
    return peer_create(&link->peer, &params, identity, &events, link, now_us);
}

int upstream_link_create(struct upstream_link **out, const struct upstream_parent *parent,
                         const struct dtls_identity *identity, uint64_t now_us)
{
    if (parent->candidate_count < 1 || parent->candidate_count > PEER_CANDIDATES_MAX)
        return ERR_INVAL;
    struct upstream_link *link = calloc(1, sizeof(*link));
    if (!link)
        return ERR_NOMEM;
    link->parent = parent->number;
    link->ssrc = parent->ssrc;
    link->opus_type = parent->opus_type;
    link->red_type = parent->red_type;
    link->join_by_us = now_us + UPSTREAM_JOIN_US;
    link->report_due_us = UINT64_MAX;
    int err = open_socket(link);
    if (!err)
        err = make_peer(link, parent, identity, now_us);
    if (err) {
        upstream_link_destroy(link);
        return err;
    }
    *out = link;
    return 0;
}

void upstream_link_end(struct upstream_link *link, enum peer_end cause)
{
    say_bye(link);
    if (link->state != LINK_ENDED)
        mark_ended(link, cause);
    if (link->room && link->srtp)
        intake_shut(link->room->intake, link->source);
    peer_destroy(link->peer); /* through the socket */
    srtp_link_destroy(link->srtp);
    if (link->fd >= 0)
        (void)close(link->fd);
    link->peer = NULL;
    link->srtp = NULL;
    link->fd = -1;
}

void upstream_link_destroy(struct upstream_link *link)
{
    if (!link)
        return;
    upstream_link_end(link, PEER_END_NONE);
    free(link);
}

/* ---- receiving ---- */

static void take_rtp(struct upstream_link *link, uint8_t *data, size_t bytes, uint64_t now_us)
{
    struct upstream *upstream = link->room->upstream;
    int err = srtp_link_unprotect(link->srtp, data, &bytes);
    if (err != 0) {
        upstream_count(&upstream->forged, err != ERR_EXIST);
        return;
    }
    struct cursor c = cursor_of(slice_of(data, bytes));
    cursor_skip(&c, SSRC_AT);
    peer_confirm_keys(link->peer, now_us);
    if (cursor_u32(&c) != link->ssrc || c.bad) {
        upstream_count(&upstream->dropped, 1);
        return;
    }
    if (!intake_take(link->room->intake, link->source, slice_of(data, bytes), now_us))
        return;
    link->heard_us = now_us;
    if (link->state == LINK_HEARD)
        return;
    if (link->report_due_us == UINT64_MAX)
        link->report_due_us = now_us + REPORT_FIRST_US;
    link->state = LINK_HEARD;
    link->sound_us = now_us;
}

static void take_rtcp(struct upstream_link *link, uint8_t *data, size_t bytes, uint64_t now_us)
{
    if (srtp_link_unprotect_rtcp(link->srtp, data, &bytes) != 0) {
        upstream_count(&link->room->upstream->forged, 1);
        return;
    }
    struct cursor c = cursor_of(slice_of(data, bytes));
    struct rtcp_packet packet;
    peer_confirm_keys(link->peer, now_us);
    while (rtcp_next(&c, &packet) == 0)
        if (packet.kind == RTCP_SR)
            intake_sender_report(link->room->intake, link->source, packet.ssrc,
                                 packet.report.sender.ntp, now_us);
}

static void take(struct upstream_link *link, const struct peer_path *from, uint8_t *data,
                 size_t bytes, uint64_t now_us)
{
    switch (packet_kind(slice_of(data, bytes))) {
    case PACKET_STUN:
    case PACKET_DTLS:
        peer_receive(link->peer, from, slice_of(data, bytes), now_us);
        link->peer_due_us = now_us; /* it may have something to do next */
        return;
    case PACKET_RTP:
        if (link->srtp)
            take_rtp(link, data, bytes, now_us);
        return;
    case PACKET_RTCP:
        if (link->srtp)
            take_rtcp(link, data, bytes, now_us);
        return;
    case PACKET_OTHER:
        upstream_count(&link->room->upstream->dropped, 1);
        return;
    }
}

/* Returns how many came. */
static unsigned receive_batch(struct upstream_link *link, uint64_t now_us)
{
    struct upstream *upstream = link->room->upstream;
    struct upstream_inbox *inbox = &upstream->inbox;
    for (unsigned i = 0; i < LINK_BATCH; i++)
        inbox->messages[i].msg_hdr.msg_namelen = sizeof(inbox->from[i]);
    int count = recvmmsg(link->fd, inbox->messages, LINK_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count && link->state != LINK_ENDED; i++) {
        const struct msghdr *head = &inbox->messages[i].msg_hdr;
        size_t bytes = inbox->messages[i].msg_len;
        struct peer_path from = {.local = 0};
        upstream_count(&upstream->datagrams_in, 1);
        upstream_count(&upstream->bytes_in, bytes);
        if ((head->msg_flags & MSG_TRUNC) != 0 ||
            address_from_any(&from.remote, (const struct sockaddr *)&inbox->from[i]) != 0)
            upstream_count(&upstream->dropped, 1);
        else
            take(link, &from, inbox->data[i], bytes, now_us);
    }
    return count > 0 ? (unsigned)count : 0;
}

void upstream_link_receive(struct upstream_link *link, uint64_t now_us)
{
    unsigned batches = 0;
    while (link->state != LINK_ENDED && batches++ < BATCHES_MAX)
        if (receive_batch(link, now_us) < LINK_BATCH)
            return;
}

/* ---- time ---- */

static uint64_t min_us(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t silent_at_us(const struct upstream_link *link)
{
    uint64_t samples = intake_samples(link->room->intake);
    if (samples == 0)
        samples = SAMPLES_DEFAULT;
    return link->heard_us + UPSTREAM_SILENT_US + samples * SILENT_PACKETS * 1000 / SAMPLES_PER_MS;
}

uint64_t upstream_link_tick(struct upstream_link *link, uint64_t now_us)
{
    if (link->state != LINK_ENDED && now_us >= link->peer_due_us)
        link->peer_due_us = peer_tick(link->peer, now_us);
    if (link->state == LINK_JOINING && now_us >= link->join_by_us)
        mark_ended(link, PEER_END_TIMEOUT);
    if (link->state == LINK_HEARD && now_us >= silent_at_us(link))
        link->state = LINK_SILENT;
    if (link->state == LINK_ENDED)
        return now_us;
    if (now_us >= link->report_due_us)
        report(link, now_us);
    uint64_t due_us = min_us(link->peer_due_us, link->report_due_us);
    if (link->state == LINK_JOINING)
        due_us = min_us(due_us, link->join_by_us);
    if (link->state == LINK_HEARD)
        due_us = min_us(due_us, silent_at_us(link));
    return due_us;
}
