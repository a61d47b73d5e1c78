#include "session.h"

#include "cli.h"
#include "loop_end.h"
#include "session_internal.h"
#include "tls.h"

#include "base/clock.h"
#include "base/random.h"
#include "rostrum/srtp_link.h"

#include <openssl/ssl.h>

#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_FIRST_MS = 500,
    BACKOFF_MAX_MS = 30000,
    BACKOFF_HOST_MAX_MS = 1000, /* they are few, and everybody waits for them */
    MISLED_MS = 10000,
    WATCH_EVERY_MS = 250,
    AWAY_SILENT_US = 1500 * 1000, /* at another node than home: it has gone */
    AWAY_ANSWER_BY_US = 5 * 1000 * 1000,
    SUSPENDED_US = 1000 * 1000, /* so late a look comes only when this process stood still */
};

/* ---- ends and retries ---- */

void session_end(struct session *session, int status)
{
    if (session->closing)
        return;
    session_close(session);
    session->params.on_end(session->params.ctx, status);
}

void session_drop_media(struct session *session)
{
    struct session_seat *seat = session->seat;
    bool was_up = seat->is_up && session->former == NULL;
    media_close(seat->media);
    seat->media = NULL;
    seat->is_up = false;
    if (was_up && !session->closing)
        session->params.on_down(session->params.ctx);
}

static void retry_later(struct session *session);

static void turn_home(struct session *session)
{
    session->node = NODES_HOME;
    session->hops = 0;
    session->region[0] = '\0';
    session->moving_us = 0;
}

static void open_socket(struct session *session)
{
    session->is_sent = false;
    session->asked_us = session->node != NODES_HOME ? clock_now_us() : 0;
    if (!session_connect(session))
        retry_later(session);
}

/* There at once: when the socket that stands has ended. */
static void connect_next(struct session *session)
{
    session->is_sent = true;
    if (session->socket != NULL)
        session_cut(session);
    else
        open_socket(session);
}

static void on_retry(uv_timer_t *timer)
{
    struct session *session = timer->data;
    if (session->in_line)
        check_in_send(&session->check_in, session->context);
    else
        open_socket(session);
}

static void retry_later(struct session *session)
{
    if (session->closing || uv_is_active((uv_handle_t *)&session->retry))
        return;
    session_drop_media(session);
    if (session->node != NODES_HOME)
        session->retry_after_ms = 0; /* when that node will be back is nothing to wait for */
    turn_home(session);
    uint64_t limit_ms = (uint64_t)BACKOFF_FIRST_MS
                        << (session->attempts < 6 ? session->attempts : 6);
    uint64_t most_ms = session->params.token != NULL ? BACKOFF_HOST_MAX_MS : BACKOFF_MAX_MS;
    if (limit_ms > most_ms)
        limit_ms = most_ms;
    uint64_t wait_ms =
        session->retry_after_ms != 0 ? session->retry_after_ms : random_u32() % (limit_ms + 1);
    session->retry_after_ms = 0;
    session->attempts++;
    (void)uv_timer_start(&session->retry, on_retry, wait_ms, 0);
}

void session_on_socket_end(struct session *session)
{
    if (session->is_sent && !session->closing)
        open_socket(session);
    else if (session->in_line)
        session_drop_media(session); /* it has an appointment */
    else if (session->moving_us == 0 || session->seat->media == NULL)
        retry_later(session);
}

/* ---- other nodes ---- */

/* Whatever stood at the node before is given up. */
static void go_elsewhere(struct session *session, const struct line_node *node)
{
    unsigned at = NODES_HOME;
    bool is_far = session->hops == NODES_HOPS_MAX;
    int err = is_far ? 0 : session_find_node(session, &at, node->url);
    session_drop_media(session);
    session->in_line = false;
    if (node->ticket[0] != '\0')
        memcpy(session->ticket, node->ticket, sizeof(session->ticket));
    if (is_far || err != 0) {
        if (err != 0)
            (void)cli_fail("sent to %s, which is not followed",
                           node->url[0] != '\0' ? node->url : "no address of a node");
        turn_home(session);
        session->retry_after_ms =
            err != 0 ? MISLED_MS : NODES_REST_MS + random_u32() % NODES_REST_SPREAD_MS;
        retry_later(session);
        session_cut(session);
        return;
    }
    session->node = at;
    session->hops++;
    if (node->region[0] != '\0')
        memcpy(session->region, node->region, sizeof(session->region));
    connect_next(session);
}

/* A node that wants to be left: begins anew at home. */
static void move_on(struct session *session)
{
    turn_home(session);
    if (!session_set_aside(session))
        session_drop_media(session);
    connect_next(session);
}

/* ---- the line ---- */

static void take_place(struct session *session, const struct line_place *place, uint32_t again_ms)
{
    if (!session->in_line)
        session->check_in.node = session->node; /* the line is there */
    session->in_line = true;
    session->attempts = 0;
    turn_home(session);
    memcpy(session->ticket, place->ticket, sizeof(session->ticket));
    session_drop_media(session);
    (void)uv_timer_start(&session->retry, on_retry, again_ms, 0);
    if (session->params.on_line != NULL)
        session->params.on_line(session->params.ctx, place);
}

static void take_seat(struct session *session, const struct line_word *word)
{
    session->in_line = false;
    session->node = session->check_in.node;
    memcpy(session->ticket, word->place.ticket, sizeof(session->ticket));
    if (session->params.on_line != NULL)
        session->params.on_line(session->params.ctx, NULL);
    if (session->socket == NULL)
        open_socket(session);
}

static void on_word(void *ctx, const struct line_word *word)
{
    struct session *session = ctx;
    if (session->closing)
        return;
    if (word == NULL) {
        if (session->check_in.node != NODES_HOME)
            session->in_line = false; /* home knows where the line is now */
        retry_later(session);
        return;
    }
    switch (word->answer) {
    case LINE_SEAT:
        take_seat(session, word);
        return;
    case LINE_PLACE:
        take_place(session, &word->place, word->again_ms);
        return;
    case LINE_ELSEWHERE:
        go_elsewhere(session, &word->node);
        return;
    case LINE_NO:
        if (word->again_ms == LINE_AGAIN_NEVER) {
            session_end(session, cli_fail("no seat any more: %s", word->word));
            return;
        }
        if (word->place.ticket[0] != '\0')
            memcpy(session->ticket, word->place.ticket, sizeof(session->ticket));
        session->retry_after_ms = word->again_ms;
        retry_later(session);
        return;
    }
}

/* ---- media ---- */

static void on_media_up(void *owner)
{
    struct session_seat *seat = owner;
    struct session *session = seat->session;
    seat->is_up = true;
    seat->heard_us = clock_now_us();
    session->attempts = session->hops = 0;
    if (session->former == NULL)
        session->params.on_up(session->params.ctx, seat->media);
}

static void on_media_rtp(void *owner, const struct rtp_packet *packet, uint64_t now_us)
{
    struct session_seat *seat = owner;
    struct session *session = seat->session;
    seat->heard_us = now_us;
    if (session->former != NULL && session->former != seat)
        session_take_over(session);
    if (session->params.on_rtp != NULL)
        session->params.on_rtp(session->params.ctx, packet, now_us);
}

static void on_media_rtcp(void *owner, const struct rtcp_packet *packet, uint64_t now_us)
{
    struct session_seat *seat = owner;
    struct session *session = seat->session;
    bool is_heard = session->former == NULL || session->former == seat;
    if (is_heard && session->params.on_rtcp != NULL)
        session->params.on_rtcp(session->params.ctx, packet, now_us);
}

/* The socket may still stand: a new offer is enough. If it does not, its own end brings the retry.
 */
static void on_media_lost(void *owner, enum peer_end cause)
{
    struct session_seat *seat = owner;
    struct session *session = seat->session;
    (void)cause;
    if (seat == session->former) {
        session_lose_former(session);
        return;
    }
    session_drop_media(session);
    if (session->socket == NULL)
        retry_later(session);
    session_cut(session);
}

static bool is_silent(const struct session *session, const struct session_seat *seat,
                      uint64_t now_us)
{
    return seat->is_up && session->room_is_live && now_us > seat->heard_us + AWAY_SILENT_US;
}

/* One that takes no connection, or says nothing: home may know of another. */
static void give_up_node(struct session *session)
{
    session->asked_us = 0;
    if (session->socket != NULL)
        session_cut(session);
    else
        session_abandon(session);
}

/* No good-bye comes from a node that is just gone. */
static void on_watch(uv_timer_t *timer)
{
    struct session *session = timer->data;
    uint64_t now_us = clock_now_us(), passed_us = now_us - session->watched_us;
    session->watched_us = now_us;
    if (passed_us > SUSPENDED_US) {
        session->seats[0].heard_us += passed_us;
        session->seats[1].heard_us += passed_us;
    }
    if (session->former != NULL && is_silent(session, session->former, now_us))
        session_lose_former(session);
    if (session->node != NODES_HOME && is_silent(session, session->seat, now_us))
        on_media_lost(session->seat, PEER_END_TIMEOUT);
    else if (session->asked_us != 0 && now_us > session->asked_us + AWAY_ANSWER_BY_US)
        give_up_node(session);
    else if (session->moving_us != 0 && now_us >= session->moving_us)
        move_on(session);
}

static void connect_media(struct session *session)
{
    static const struct media_events events = {on_media_up, on_media_rtp, on_media_rtcp,
                                               on_media_lost};
    struct session_seat *seat = session->seat;
    if (seat->media != NULL || !session->may_connect)
        return;
    enum sdp_direction direction = session->own_host != 0 ? SDP_SENDRECV : SDP_RECVONLY;
    int err = media_create(&seat->media, &session->loop, session->identity, direction, &events,
                           seat, session->offer);
    if (err != 0) {
        session_end(session, cli_fail("cannot open a UDP socket: %s", error_name(err)));
        return;
    }
    session->asked_us = session->node != NODES_HOME ? clock_now_us() : 0;
    session_say(session, json_pack("{s:s,s:s}", "type", "offer", "sdp", session->offer));
}

/* ---- messages from the server ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void take_room(struct session *session, const json_t *room)
{
    const char *state = text_of(room, "state");
    bool is_live = strcmp(state, "live") == 0;
    bool open = is_live || strcmp(state, "doors_open") == 0;
    if (is_live && !session->room_is_live)
        session->seat->heard_us = clock_now_us();
    session->room_is_live = is_live;
    session->may_connect = open && (session->own_host == 0 || session->agreed);
    connect_media(session);
    if (!session->closing && session->params.on_room != NULL)
        session->params.on_room(session->params.ctx, state);
}

static void take_welcome(struct session *session, const json_t *message)
{
    const json_t *you = json_object_get(message, "you");
    const json_t *consent = json_object_get(message, "consent");
    session->asked_us = 0;
    session->own_host = json_integer_value(json_object_get(you, "id"));
    session->agreed = consent == NULL || json_is_true(json_object_get(consent, "agreed"));
    if (!session->agreed && !session->params.consent) {
        session_end(session, cli_fail("this host has not agreed to be recorded; read this and add "
                                      "--consent: %s",
                                      text_of(json_object_get(consent, "text"), "en")));
        return;
    }
    if (!session->agreed)
        session_say(session, json_pack("{s:s,s:s}", "type", "consent", "wording",
                                       text_of(consent, "wording")));
    take_room(session, json_object_get(message, "room"));
}

/* A host learns here that the agreement is stored: only then its offer is welcome. */
static void take_roster(struct session *session, const json_t *message)
{
    size_t i;
    const json_t *host;
    json_array_foreach(json_object_get(message, "hosts"), i, host)
    {
        if (json_integer_value(json_object_get(host, "id")) != session->own_host ||
            session->agreed || !json_is_true(json_object_get(host, "agreed")))
            continue;
        session->agreed = true;
        /* The room's state came with the welcome; if it is not open yet, `room` will tell. */
        session->may_connect = true;
        connect_media(session);
    }
}

static void take_refused(struct session *session, const json_t *message)
{
    const json_t *retry = json_object_get(message, "retry_after_ms");
    struct line_place place;
    session->asked_us = 0;
    if (strcmp(text_of(message, "reason"), "elsewhere") == 0) {
        struct line_node node;
        if (line_node_read(&node, json_object_get(message, "elsewhere")) != 0)
            node = (struct line_node){0}; /* nor is that followed */
        go_elsewhere(session, &node);
        return;
    }
    session_drop_media(session);
    if (strcmp(text_of(message, "reason"), "not_open") == 0)
        return; /* `room` tells when the doors open */
    if (retry != NULL && strcmp(text_of(message, "reason"), "line") == 0 &&
        line_place_read(&place, json_object_get(message, "line")) == 0) {
        take_place(session, &place, line_again_read(message)); /* the server closes the socket */
        return;
    }
    if (retry == NULL) {
        session_end(session, cli_fail("refused: %s", text_of(message, "message")));
        return;
    }
    session->retry_after_ms = (uint64_t)json_integer_value(retry);
    (void)cli_fail("refused, asking again later: %s", text_of(message, "message"));
    retry_later(session);
}

static void take_error(struct session *session, const json_t *message)
{
    const char *allowed = text_of(message, "allowed");
    session_end(session,
                cli_fail("%s: %s%s%s", text_of(message, "code"), text_of(message, "message"),
                         *allowed != '\0' ? "; allowed: " : "", allowed));
}

static void take_bye(struct session *session, const json_t *message)
{
    const json_t *retry = json_object_get(message, "retry_after_ms");
    if (strcmp(text_of(message, "reason"), "moving") == 0) {
        session->moving_us = clock_now_us() + (uint64_t)json_integer_value(retry) * 1000;
        return;
    }
    if (retry == NULL) {
        session_end(session,
                    cli_fail("the server ended this session: %s", text_of(message, "reason")));
        return;
    }
    session->retry_after_ms = (uint64_t)json_integer_value(retry);
}

/* A listener that is sent away from its seat does not wait until it misses the sound. */
static void take_media(struct session *session, const json_t *message)
{
    if (session->own_host != 0 || session->seat->media == NULL ||
        strcmp(text_of(message, "state"), "lost") != 0)
        return;
    on_media_lost(session->seat, PEER_END_CLOSED);
}

static void take_answer(struct session *session, const json_t *message)
{
    const char *ticket = json_string_value(json_object_get(message, "ticket"));
    session->asked_us = 0;
    if (session->seat->media == NULL)
        return;
    if (ticket != NULL)
        (void)line_take_ticket(session->ticket, ticket);
    if (media_answer(session->seat->media, text_of(message, "sdp")) != 0)
        session_end(session, EXIT_FAILED);
}

void session_take_message(struct session *session, const json_t *message)
{
    const char *type = text_of(message, "type");
    if (strcmp(type, "welcome") == 0) {
        take_welcome(session, message);
    } else if (strcmp(type, "room") == 0) {
        take_room(session, json_object_get(message, "room"));
    } else if (strcmp(type, "roster") == 0) {
        take_roster(session, message);
    } else if (strcmp(type, "answer") == 0) {
        take_answer(session, message);
    } else if (strcmp(type, "media") == 0) {
        take_media(session, message);
    } else if (strcmp(type, "refused") == 0) {
        take_refused(session, message);
    } else if (strcmp(type, "error") == 0) {
        take_error(session, message);
    } else if (strcmp(type, "bye") == 0) {
        take_bye(session, message);
    }
    /* levels and audience concern pages: nothing to do here */
}

int session_create(struct session **out, const struct session_params *params)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL)
        return ERR_NOMEM;
    if (uv_loop_init(&session->loop) != 0) {
        free(session);
        return ERR_NOMEM;
    }
    session->params = *params;
    session->seat = &session->seats[0];
    session->seats[0].session = session->seats[1].session = session;
    (void)uv_timer_init(&session->loop, &session->retry);
    (void)uv_timer_init(&session->loop, &session->watch);
    session->retry.data = session->watch.data = session;
    session->check_in = (struct check_in){.slug = params->slug,
                                          .ticket = session->ticket,
                                          .nodes = &session->nodes,
                                          .on_word = on_word,
                                          .ctx = session};
    if (params->pass != NULL && !line_take_ticket(session->ticket, params->pass)) {
        (void)cli_fail("'%s' is no pass", params->pass);
        session_destroy(session);
        return ERR_INVAL;
    }
    int err = nodes_init(&session->nodes, params->server);
    if (err != 0)
        (void)cli_fail("'%s' is no server; allowed: http://HOST[:PORT] or https://HOST[:PORT]",
                       params->server);
    const struct origin *home = &session->nodes.list[NODES_HOME].origin;
    if (err == 0 && home->tls)
        err = tls_create(&session->tls, home->host);
    if (err == 0)
        err = srtp_link_startup();
    if (err == 0)
        err = dtls_identity_create(&session->identity, NULL);
    if (err == 0)
        err = session_make_context(session);
    if (err != 0) {
        session_destroy(session);
        return err;
    }
    session->watched_us = clock_now_us();
    if (params->token == NULL)
        (void)uv_timer_start(&session->watch, on_watch, WATCH_EVERY_MS, WATCH_EVERY_MS);
    open_socket(session);
    *out = session;
    return 0;
}

uv_loop_t *session_loop(struct session *session)
{
    return &session->loop;
}

void session_run(struct session *session)
{
    (void)uv_run(&session->loop, UV_RUN_DEFAULT);
}

/* Who says nothing keeps the seat for a while, as one who lost the network. */
static void say_goodbye(struct session *session)
{
    session_say(session, json_pack("{s:s}", "type", "leave"));
    while (session->queued > 0 && session_write_next(session, session->socket) == 0)
        ;
}

void session_close(struct session *session)
{
    if (session->closing)
        return;
    session->closing = true;
    session_drop_former(session);
    session_drop_media(session);
    if (session->socket != NULL) {
        say_goodbye(session);
        session_cut(session);
    }
    uv_stop(&session->loop);
}

void session_drop(struct session *session)
{
    if (session->seat->media != NULL)
        media_mute(session->seat->media);
    session_drop_former(session);
    session_drop_media(session);
    session_cut(session);
}

void session_destroy(struct session *session)
{
    if (session == NULL)
        return;
    session->closing = true;
    loop_end(&session->loop, &session->context);
    nodes_clear(&session->nodes);
    SSL_CTX_free(session->tls);
    dtls_identity_destroy(session->identity);
    while (session->queued > 0)
        free(session->queue[--session->queued]);
    free(session);
}
