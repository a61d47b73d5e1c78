#include "rehearse/listener_internal.h"

#include "base/random.h"
#include "rostrum/stun.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CHECK_EVERY_US = 2500 * 1000,                      /* as browsers do, and as transport/ice.c */
    CHECK_PRIORITY = (110 << 24) | (65535 << 8) | 255, /* RFC 8445 section 5.1.2: peer-reflexive */
    SECOND_US = 1000 * 1000,
    SLOW_ROUNDS = 8, /* one-way trips of a join: check, nomination, four DTLS flights */
};

static void end(struct listener *listener, const char *reason)
{
    if (listener->reason == NULL)
        listener->reason = reason;
}

/* ---- the peer's callbacks ---- */

static void on_send(void *owner, const struct peer_path *to, const uint8_t *data, size_t bytes)
{
    struct listener *listener = owner;
    struct cursor c = cursor_of(slice_of(data, bytes));
    if (cursor_u16(&c) == STUN_BINDING) /* RFC 8489 section 5: the class of a request is zero */
        listener->shared->tally->checks_sent++;
    listener_send(listener, &to->remote, data, bytes, listener->now_us);
}

static void on_path(void *owner, const struct peer_path *to)
{
    struct listener *listener = owner;
    listener_bind_to(listener, &to->remote);
    listener->has_path = true;
}

static void on_keys(void *owner, const struct srtp_keys *keys)
{
    struct listener *listener = owner;
    if (listener_take_keys(listener, keys, listener->now_us) != 0)
        end(listener, "no memory left here");
}

static void on_ended(void *owner, enum peer_end cause)
{
    static const char *const reasons[] = {
        [PEER_END_NONE] = "ended",
        [PEER_END_TIMEOUT] = "no connection in time",
        [PEER_END_CONSENT] = "consent lost",
        [PEER_END_FINGERPRINT] = "wrong certificate",
        [PEER_END_HANDSHAKE] = "handshake failed",
        [PEER_END_CLOSED] = "closed by the server",
    };
    struct listener *listener = owner;
    listener->is_dismissed = cause == PEER_END_CLOSED;
    end(listener, reasons[cause]);
}

/* ---- making and ending ---- */

static int make_extras(struct listener *listener, const struct listener_order *order)
{
    if (order->is_lossy) {
        listener->loss = calloc(1, sizeof(*listener->loss));
        if (listener->loss == NULL)
            return ERR_NOMEM;
        /* any number but zero; consecutive ones must not begin alike */
        listener->loss->random = (order->number + UINT64_C(1)) * UINT64_C(0x9E3779B97F4A7C15);
    }
    if (order->is_unread) {
        struct listener_consent *consent = calloc(1, sizeof(*consent));
        if (consent == NULL)
            return ERR_NOMEM;
        listener->consent = consent;
        (void)snprintf(consent->username, sizeof(consent->username), "%s:%s",
                       order->peer.remote.ufrag, order->peer.local.ufrag);
        (void)snprintf(consent->pwd, sizeof(consent->pwd), "%s", order->peer.remote.pwd);
        consent->tie_breaker = UINT64_MAX - random_u32();
    }
    return 0;
}

static int set_up(struct listener *listener, const struct listener_order *order, uint64_t now_us,
                  const char **reason)
{
    static const struct peer_events events = {on_send, on_keys, on_path, on_ended};
    struct peer_params params = order->peer;
    int err = listener_open_socket(listener, order, &params, reason);
    if (err != 0)
        return err;
    err = make_extras(listener, order);
    if (err == 0)
        err = peer_create(&listener->peer, &params, listener->shared->identity, &events, listener,
                          now_us);
    if (err != 0)
        *reason = err == ERR_NOMEM ? "no memory left here" : "nonsense in the answer";
    return err;
}

int listener_create(struct listener **out, struct listener_shared *shared,
                    const struct listener_order *order, uint64_t now_us, const char **reason)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    *reason = "no memory left here";
    if (listener == NULL)
        return ERR_NOMEM;
    *listener = (struct listener){.fd = -1,
                                  .number = order->number,
                                  .attempt = order->attempt,
                                  .is_slow = order->is_slow && shared->delay != NULL,
                                  .is_unread = order->is_unread,
                                  .is_verifying = order->is_verifying,
                                  .shared = shared,
                                  .heard_second = order->heard_second,
                                  .now_us = now_us,
                                  .report_due_us = UINT64_MAX,
                                  .silent_us =
                                      order->is_away ? LISTENER_AWAY_SILENT_US : LISTENER_SILENT_US,
                                  .attempt_us = order->attempt_us};
    arrivals_init(&listener->arrivals);
    random_ice_chars(listener->cname, LISTENER_CNAME_CHARS);
    listener->watch_due_us = now_us + LISTENER_SOUND_BY_US;
    if (listener->is_slow)
        listener->watch_due_us += SLOW_ROUNDS * shared->slow_us;
    int err = set_up(listener, order, now_us, reason);
    if (err != 0) {
        listener_destroy(listener, now_us);
        return err;
    }
    listener_tick(listener, now_us);
    *out = listener;
    return 0;
}

static void close_account(struct listener *listener, uint64_t at_us)
{
    arrivals_end(&listener->arrivals, at_us, listener->shared->tally,
                 listener_second(listener, at_us));
}

void listener_mute(struct listener *listener)
{
    listener->is_mute = true;
}

void listener_destroy(struct listener *listener, uint64_t until_us)
{
    if (listener == NULL)
        return;
    listener->now_us = until_us;
    /* The last packets of a slow one are still on their way to it, and after a good-bye, which nobody
     * knows the moment of, none are sent: neither is silence. */
    bool is_over = listener->is_slow || listener->is_dismissed;
    uint64_t end_us = is_over ? listener->arrivals.last_us : until_us;
    listener->is_slow = false; /* a good-bye that waited would find no socket any more */
    if (listener->state == LISTENER_HEARING)
        close_account(listener, end_us);
    peer_destroy(listener->peer);
    listener_clear_keys(listener);
    if (listener->fd >= 0)
        (void)close(listener->fd);
    free(listener->loss);
    free(listener->consent);
    free(listener);
}

/* ---- time ---- */

static uint64_t min_us(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void note_due(struct listener *listener)
{
    uint64_t due_us = min_us(listener->report_due_us, listener->watch_due_us);
    if (listener->state == LISTENER_DEAF)
        due_us = min_us(due_us, listener->consent->due_us);
    else
        due_us = min_us(due_us, listener->peer_due_us);
    if (listener->loss != NULL && listener->state == LISTENER_HEARING)
        due_us = min_us(due_us, reception_due_us(&listener->loss->heard));
    listener->due_us = listener->reason != NULL ? UINT64_MAX : due_us;
}

static void send_check(struct listener *listener, uint64_t now_us)
{
    uint8_t bytes[STUN_MESSAGE_MAX];
    struct writer out = writer_of(bytes, sizeof(bytes));
    struct listener_consent *consent = listener->consent;
    struct stun_request request = {.username = slice_text(consent->username),
                                   .priority = CHECK_PRIORITY,
                                   .controlling = true,
                                   .tie_breaker = consent->tie_breaker,
                                   .use_candidate = true};
    random_bytes(request.txid, sizeof(request.txid));
    consent->due_us = now_us + CHECK_EVERY_US * 4 / 5 + random_u32() % (CHECK_EVERY_US * 2 / 5);
    if (listener_drain(listener))
        consent->pulse_us = now_us;
    if (stun_write_request(&request, slice_text(consent->pwd), &out) != 0)
        return;
    listener_send(listener, &listener->remote, bytes, out.at, now_us);
    listener->shared->tally->checks_sent++;
}

/* Nobody reads the socket from here on: the kernel shall keep little of what comes. */
static void go_deaf(struct listener *listener, uint64_t now_us)
{
    int bytes = 0; /* the least that it allows */
    close_account(listener, listener->arrivals.last_us);
    (void)setsockopt(listener->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    listener->state = LISTENER_DEAF;
    listener->consent->due_us = now_us + random_u32() % CHECK_EVERY_US;
    listener->consent->pulse_us = now_us;
    listener->watch_due_us = now_us;
}

static void watch_deaf(struct listener *listener, uint64_t now_us)
{
    uint64_t into_us = (now_us - listener->shared->start_us) % SECOND_US;
    uint64_t silent_us = now_us - listener->consent->pulse_us;
    if (silent_us >= PEER_CONSENT_US)
        end(listener, "consent lost");
    else if (silent_us >= LISTENER_SILENT_US && listener->shared->others_hear)
        end(listener, "silence");
    if (now_us < listener_hears_until_us(listener))
        listener_note_second(listener, listener_second(listener, now_us));
    listener->watch_due_us = now_us - into_us + SECOND_US;
}

static void watch_joining(struct listener *listener, uint64_t now_us)
{
    if (!listener->shared->room_is_live) {
        listener->watch_due_us = now_us + LISTENER_SOUND_BY_US;
        return;
    }
    end(listener, listener->is_connected ? "no sound"
                  : listener->has_path   ? "no DTLS in time"
                                         : "no answer to checks");
}

/* At home nobody is lost while nobody hears: it is the stage that is silent. Another node may have gone with
 * all who were there, and a live room is never silent for long. */
static bool is_missed(const struct listener *listener)
{
    const struct listener_shared *shared = listener->shared;
    return listener->silent_us == LISTENER_AWAY_SILENT_US ? shared->room_is_live
                                                          : shared->others_hear;
}

static void watch_hearing(struct listener *listener, uint64_t now_us)
{
    uint64_t last_us = listener->arrivals.last_us;
    if (listener->consent != NULL && now_us >= listener->sound_us + LISTENER_DEAF_AFTER_US) {
        go_deaf(listener, now_us);
        return;
    }
    if (now_us >= last_us + listener->silent_us && is_missed(listener)) {
        end(listener, "silence");
        return;
    }
    listener->watch_due_us = last_us + listener->silent_us;
    if (listener->watch_due_us <= now_us)
        listener->watch_due_us = now_us + SECOND_US; /* nobody hears anything */
}

static void watch(struct listener *listener, uint64_t now_us)
{
    switch (listener->state) {
    case LISTENER_JOINING:
        watch_joining(listener, now_us);
        return;
    case LISTENER_HEARING:
        watch_hearing(listener, now_us);
        return;
    case LISTENER_DEAF:
        watch_deaf(listener, now_us);
        return;
    }
}

void listener_tick(struct listener *listener, uint64_t now_us)
{
    if (listener->reason != NULL)
        return;
    listener->now_us = now_us;
    if (listener->state != LISTENER_DEAF && now_us >= listener->peer_due_us)
        listener->peer_due_us = peer_tick(listener->peer, now_us);
    if (listener->state == LISTENER_DEAF && now_us >= listener->consent->due_us)
        send_check(listener, now_us);
    if (now_us >= listener->report_due_us)
        listener_report(listener, now_us);
    if (listener->loss != NULL && listener->state == LISTENER_HEARING)
        listener_ask_again(listener, now_us);
    if (now_us >= listener->watch_due_us)
        watch(listener, now_us);
    note_due(listener);
}

uint64_t listener_due_us(const struct listener *listener)
{
    return listener->due_us;
}

/* ---- datagrams ---- */

static void take(struct listener *listener, const struct address *from, uint8_t *data, size_t bytes,
                 uint64_t arrival_us, uint64_t now_us)
{
    struct peer_path path = {.remote = from != NULL ? *from : listener->remote};
    if (listener->reason != NULL || listener->state == LISTENER_DEAF)
        return;
    listener->now_us = now_us;
    switch (packet_kind(slice_of(data, bytes))) {
    case PACKET_RTP:
        if (listener->is_connected)
            listener_take_rtp(listener, data, bytes, arrival_us, now_us);
        break;
    case PACKET_RTCP:
        if (listener->is_connected)
            listener_take_rtcp(listener, data, bytes, now_us);
        return;
    case PACKET_STUN:
    case PACKET_DTLS:
        peer_receive(listener->peer, &path, slice_of(data, bytes), now_us);
        listener->peer_due_us = peer_tick(listener->peer, now_us);
        break;
    case PACKET_OTHER:
        listener->shared->tally->damaged++;
        return;
    }
    note_due(listener);
}

void listener_receive(struct listener *listener, const struct address *from, uint8_t *data,
                      size_t bytes, uint64_t arrival_us, uint64_t now_us)
{
    if (!listener->is_slow) {
        take(listener, from, data, bytes, arrival_us, now_us);
        return;
    }
    struct delayed delayed = {.listener = listener->number,
                              .attempt = listener->attempt,
                              .other = from != NULL ? *from : listener->remote,
                              .datagram = slice_of(data, bytes)};
    int err = delay_push(listener->shared->delay, &delayed, arrival_us);
    (void)err; /* full: lost, as delay.h says */
}

void listener_delayed(struct listener *listener, const struct delayed *delayed, uint64_t now_us)
{
    uint8_t data[LISTENER_DATAGRAM_MAX];
    size_t bytes = delayed->datagram.bytes;
    if (delayed->is_outgoing) {
        listener_send_now(listener, &delayed->other, delayed->datagram.data, bytes);
        return;
    }
    if (bytes > sizeof(data))
        return;
    memcpy(data, delayed->datagram.data, bytes); /* decryption works in place */
    take(listener, &delayed->other, data, bytes, delayed->due_us, now_us);
}

/* ---- looking ---- */

int listener_fd(const struct listener *listener)
{
    return listener->fd;
}

uint32_t listener_number(const struct listener *listener)
{
    return listener->number;
}

uint32_t listener_attempt(const struct listener *listener)
{
    return listener->attempt;
}

bool listener_is_connected(const struct listener *listener)
{
    return listener->is_connected && listener->reason == NULL;
}

bool listener_has_sound(const struct listener *listener)
{
    return listener->state != LISTENER_JOINING;
}

bool listener_is_deaf(const struct listener *listener)
{
    return listener->state == LISTENER_DEAF;
}

const char *listener_end_reason(const struct listener *listener)
{
    return listener->reason;
}

bool listener_is_bound(const struct listener *listener)
{
    return listener->is_bound;
}

uint64_t listener_hears_until_us(const struct listener *listener)
{
    if (listener->reason != NULL || listener->state == LISTENER_JOINING)
        return 0;
    return listener->state == LISTENER_DEAF ? listener->consent->pulse_us + LISTENER_SILENT_US
                                            : listener->arrivals.last_us + LISTENER_HEARS_US;
}
