#include "media.h"

#include "answer.h"
#include "cli.h"

#include "base/clock.h"
#include "base/random.h"
#include "rehearse/inbox.h"
#include "rostrum/srtp_link.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SENT_MAX = 128,      /* packets kept for retransmission: 2.5 s. Power of two */
    RECEIVE_ROUNDS = 10, /* of INBOX_SLOTS datagrams */
    SOCKET_BUFFER_BYTES = 1024 * 1024,
};

struct sent {
    uint16_t seq;
    uint16_t bytes; /* 0: none yet */
    uint8_t packet[PEER_DATAGRAM_MAX];
};

struct media {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles_open;
    int fd;
    struct media_events events;
    void *owner;                          /* borrowed; NULL once closed */
    const struct dtls_identity *identity; /* borrowed */
    struct ice_credentials local;
    struct peer *peer;      /* owned */
    struct srtp_link *srtp; /* owned */
    struct address path;
    bool ended, is_mute;
    enum peer_end cause;
    struct inbox inbox; /* the kernel says when each datagram came */
    uint32_t ssrc;
    uint16_t next_seq;
    uint8_t payload_type;
    bool sent_any;
    struct sent *sent; /* owned; SENT_MAX of them, made at the first packet sent */
};

static void tick(struct media *media);

/* ---- the peer's callbacks ---- */

static void send_to(struct media *media, const struct address *to, const uint8_t *data,
                    size_t bytes)
{
    struct sockaddr_in6 address = address_to_sockaddr(to);
    /* What the kernel cannot take is lost like any datagram; checks and handshakes repeat
     * themselves. */
    (void)!sendto(media->fd, data, bytes, MSG_DONTWAIT, (const struct sockaddr *)&address,
                  sizeof(address));
}

static void on_send(void *owner, const struct peer_path *to, const uint8_t *data, size_t bytes)
{
    struct media *media = owner;
    if (!media->is_mute)
        send_to(media, &to->remote, data, bytes);
}

static void on_path(void *owner, const struct peer_path *to)
{
    struct media *media = owner;
    media->path = to->remote;
}

static void on_keys(void *owner, const struct srtp_keys *keys)
{
    struct media *media = owner;
    if (srtp_link_create(&media->srtp, keys) != 0) {
        media->ended = true;
        media->cause = PEER_END_HANDSHAKE;
    }
}

static void on_ended(void *owner, enum peer_end cause)
{
    struct media *media = owner;
    media->ended = true;
    media->cause = cause;
}

/* ---- receiving ---- */

static void resend(struct media *media, const struct rtcp_packet *nack)
{
    for (unsigned i = 0; i < nack->nack.seq_count; i++) {
        uint16_t seq = nack->nack.seqs[i];
        const struct sent *sent = media->sent == NULL ? NULL : &media->sent[seq % SENT_MAX];
        if (sent != NULL && sent->bytes > 0 && sent->seq == seq)
            send_to(media, &media->path, sent->packet, sent->bytes);
    }
}

static void take_rtcp(struct media *media, uint8_t *data, size_t bytes, uint64_t now_us)
{
    if (srtp_link_unprotect_rtcp(media->srtp, data, &bytes) != 0)
        return;
    peer_confirm_keys(media->peer, now_us);
    struct cursor c = cursor_of(slice_of(data, bytes));
    struct rtcp_packet packet;
    while (rtcp_next(&c, &packet) == 0) {
        if (packet.kind == RTCP_NACK && packet.nack.media_ssrc == media->ssrc)
            resend(media, &packet);
        if (media->owner != NULL && media->events.on_rtcp != NULL)
            media->events.on_rtcp(media->owner, &packet, now_us);
    }
}

static void take_rtp(struct media *media, uint8_t *data, size_t bytes, uint64_t now_us)
{
    struct rtp_packet packet;
    if (srtp_link_unprotect(media->srtp, data, &bytes) != 0 ||
        rtp_parse(&packet, slice_of(data, bytes)) != 0)
        return;
    peer_confirm_keys(media->peer, now_us);
    if (media->owner != NULL && media->events.on_rtp != NULL)
        media->events.on_rtp(media->owner, &packet, now_us);
}

static void take(struct media *media, const struct letter *letter)
{
    struct peer_path from = {.remote = letter->from};
    uint64_t now_us = clock_now_us();
    bool was_up = media->srtp != NULL;
    switch (packet_kind(slice_of(letter->data, letter->bytes))) {
    case PACKET_STUN:
    case PACKET_DTLS:
        peer_receive(media->peer, &from, slice_of(letter->data, letter->bytes), now_us);
        break;
    case PACKET_RTP:
        if (was_up)
            take_rtp(media, letter->data, letter->bytes, letter->arrival_us);
        break;
    case PACKET_RTCP:
        if (was_up)
            take_rtcp(media, letter->data, letter->bytes, now_us);
        break;
    case PACKET_OTHER:
        break;
    }
    if (!was_up && media->srtp != NULL && media->owner != NULL)
        media->events.on_up(media->owner);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct media *media = poll->data;
    unsigned count = INBOX_SLOTS;
    (void)inbox_begin(&media->inbox);
    for (unsigned round = 0; status == 0 && count == INBOX_SLOTS && round < RECEIVE_ROUNDS;
         round++) {
        count = inbox_read(&media->inbox, media->fd, true);
        for (unsigned i = 0; i < count && media->peer != NULL; i++) {
            struct letter letter = inbox_letter(&media->inbox, i);
            if (letter.bytes > 0)
                take(media, &letter);
        }
    }
    tick(media);
}

/* ---- time ---- */

static void on_timer(uv_timer_t *timer)
{
    tick(timer->data);
}

static void tick(struct media *media)
{
    if (media->peer == NULL || media->owner == NULL)
        return;
    uint64_t now_us = clock_now_us();
    uint64_t next_us = media->ended ? UINT64_MAX : peer_tick(media->peer, now_us);
    if (media->ended) {
        void *owner = media->owner;
        media->owner = NULL; /* the last call */
        media->events.on_lost(owner, media->cause);
        return;
    }
    if (next_us == UINT64_MAX)
        return;
    uint64_t wait_ms = next_us <= now_us ? 1 : (next_us - now_us + 999) / 1000;
    (void)uv_timer_start(&media->timer, on_timer, wait_ms, 0);
}

/* ---- making and ending ---- */

static int open_socket(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0, bytes = SOCKET_BUFFER_BYTES;
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0 ||
        bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int write_offer(struct media *media, enum sdp_direction direction, char offer[MEDIA_SDP_MAX])
{
    random_ice_chars(media->local.ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(media->local.pwd, PEER_OWN_PWD_CHARS);
    const struct fingerprint *own = dtls_identity_fingerprint(media->identity);
    struct sdp_local local = {
        .session_id = ((uint64_t)random_u32() << 16),
        .direction = direction,
        .setup = SDP_ACTPASS,
        .ufrag = media->local.ufrag,
        .pwd = media->local.pwd,
        .fingerprint = {.hash = SDP_SHA256, .bytes = 32},
        .cname = direction == SDP_RECVONLY ? NULL : "rostrum-cli",
        .ssrc = media->ssrc,
        .stream_id = "cli",
        .track_id = "cli",
        .nack = true,
    };
    memcpy(local.fingerprint.digest, own->bytes, 32);
    struct writer out = writer_of(offer, MEDIA_SDP_MAX);
    return sdp_write_offer(&local, &out);
}

int media_create(struct media **out, uv_loop_t *loop, const struct dtls_identity *identity,
                 enum sdp_direction direction, const struct media_events *events, void *owner,
                 char offer[MEDIA_SDP_MAX])
{
    struct media *media = calloc(1, sizeof(*media));
    if (media == NULL)
        return ERR_NOMEM;
    media->events = *events;
    media->owner = owner;
    media->identity = identity;
    inbox_init(&media->inbox);
    media->ssrc = random_u32();
    media->next_seq =
        (uint16_t)(random_u32() & 0x7FFF); /* below 2^15: the roll-over counter is safe */
    media->poll.data = media->timer.data = media;
    media->fd = open_socket();
    int err = media->fd < 0 ? ERR_IO : write_offer(media, direction, offer);
    if (err == 0 && uv_poll_init(loop, &media->poll, media->fd) != 0)
        err = ERR_NOMEM;
    if (err != 0) {
        if (media->fd >= 0)
            (void)close(media->fd);
        free(media);
        return err;
    }
    (void)uv_timer_init(loop, &media->timer);
    media->handles_open = 2;
    *out = media;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct media *media = handle->data;
    if (--media->handles_open > 0)
        return;
    (void)close(media->fd);
    free(media->sent);
    free(media);
}

void media_mute(struct media *media)
{
    media->is_mute = true;
}

void media_close(struct media *media)
{
    if (media == NULL)
        return;
    media->owner = NULL;
    peer_destroy(media->peer); /* says good-bye through the socket */
    srtp_link_destroy(media->srtp);
    media->peer = NULL;
    media->srtp = NULL;
    uv_close((uv_handle_t *)&media->poll, on_handle_closed);
    uv_close((uv_handle_t *)&media->timer, on_handle_closed);
}

int media_answer(struct media *media, const char *answer)
{
    static const struct peer_events events = {on_send, on_keys, on_path, on_ended};
    struct sdp_error error = {0};
    struct peer_params params = {.local = media->local};
    int err = answer_read(&params, &media->payload_type, slice_text(answer), &error);
    if (err != 0) {
        (void)cli_fail("the server's answer: line %u: %s", error.line, error.text);
        return err;
    }
    err = peer_create(&media->peer, &params, media->identity, &events, media, clock_now_us());
    if (err != 0)
        return err;
    if (uv_poll_start(&media->poll, UV_READABLE, on_readable) != 0)
        return ERR_IO;
    tick(media);
    return 0;
}

/* ---- sending ---- */

int media_send(struct media *media, uint32_t timestamp, struct slice opus)
{
    if (media->srtp == NULL)
        return ERR_AGAIN;
    if (media->sent == NULL)
        media->sent = calloc(SENT_MAX, sizeof(*media->sent));
    if (media->sent == NULL)
        return ERR_NOMEM;
    uint16_t seq = media->next_seq;
    struct sent *sent = &media->sent[seq % SENT_MAX];
    struct rtp_packet header = {.payload_type = media->payload_type,
                                .marker = !media->sent_any,
                                .seq = seq,
                                .timestamp = timestamp,
                                .ssrc = media->ssrc};
    struct writer out = writer_of(sent->packet, sizeof(sent->packet) - SRTP_TRAILER_MAX);
    int err = rtp_write_header(&header, &out);
    if (err != 0)
        return err;
    writer_bytes(&out, opus);
    if (out.full)
        return ERR_INVAL;
    size_t bytes = out.at;
    err = srtp_link_protect(media->srtp, sent->packet, &bytes);
    if (err != 0)
        return err;
    sent->seq = seq;
    sent->bytes = (uint16_t)bytes;
    media->next_seq++;
    media->sent_any = true;
    send_to(media, &media->path, sent->packet, bytes);
    return 0;
}

void media_send_rtcp(struct media *media, struct slice compound)
{
    uint8_t packet[PEER_DATAGRAM_MAX];
    if (media->srtp == NULL || compound.bytes + SRTCP_TRAILER_MAX > sizeof(packet))
        return;
    size_t bytes = compound.bytes;
    memcpy(packet, compound.data, bytes);
    if (srtp_link_protect_rtcp(media->srtp, packet, &bytes) == 0)
        send_to(media, &media->path, packet, bytes);
}

uint32_t media_ssrc(const struct media *media)
{
    return media->ssrc;
}
