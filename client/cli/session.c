#include "session.h"

#include "check_in.h"
#include "cli.h"
#include "origin.h"
#include "tls.h"

#include "base/random.h"
#include "rostrum/srtp_link.h"

#include <jansson.h>
#include <libwebsockets.h>
#include <openssl/ssl.h>

#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_MAX = 64 * 1024,
    QUEUE_MAX = 8,
    BACKOFF_FIRST_MS = 500,
    BACKOFF_MAX_MS = 30000,
    CLOSE_TURNS_MAX = 100,
};

struct session {
    struct session_params params;
    uv_loop_t loop;
    struct origin origin;
    struct dtls_identity *identity; /* owned */
    SSL_CTX *tls;                   /* owned; NULL for http */
    struct lws_context *context;    /* owned */
    struct lws *socket;             /* borrowed from the context; NULL: not connected */
    uv_timer_t retry;
    struct media *media; /* owned */
    char offer[MEDIA_SDP_MAX];
    bool media_up;
    bool may_connect; /* the room is open, and this host has agreed */
    bool agreed;
    long long own_host; /* 0: a listener */
    bool closing;
    unsigned attempts;
    uint64_t retry_after_ms;          /* what the server asked for; 0: nothing */
    char ticket[LINE_TICKET_MAX + 1]; /* a listener's, the newest one; "": none */
    bool in_line;
    struct check_in check_in;
    char *queue[QUEUE_MAX]; /* owned; messages to send */
    unsigned queued;
    char incoming[MESSAGE_MAX];
    size_t incoming_bytes;
};

static void connect_socket(struct session *session);

/* ---- sending ---- */

static void send_message(struct session *session, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (text == NULL || session->socket == NULL || session->queued == QUEUE_MAX) {
        free(text);
        return;
    }
    session->queue[session->queued++] = text;
    (void)lws_callback_on_writable(session->socket);
}

static int write_next(struct session *session, struct lws *wsi)
{
    if (session->queued == 0)
        return 0;
    char *text = session->queue[0];
    memmove(&session->queue[0], &session->queue[1], --session->queued * sizeof(session->queue[0]));
    size_t bytes = strlen(text);
    unsigned char *buffer = malloc(LWS_PRE + bytes);
    int written = -1;
    if (buffer != NULL) {
        memcpy(buffer + LWS_PRE, text, bytes);
        written = lws_write(wsi, buffer + LWS_PRE, bytes, LWS_WRITE_TEXT);
    }
    free(buffer);
    free(text);
    if (session->queued > 0)
        (void)lws_callback_on_writable(wsi);
    return written < 0 ? -1 : 0;
}

/* ---- ends and retries ---- */

static void end(struct session *session, int status)
{
    if (session->closing)
        return;
    session_close(session);
    session->params.on_end(session->params.ctx, status);
}

static void drop_media(struct session *session)
{
    bool was_up = session->media_up;
    media_close(session->media);
    session->media = NULL;
    session->media_up = false;
    if (was_up && !session->closing)
        session->params.on_down(session->params.ctx);
}

static void on_retry(uv_timer_t *timer)
{
    struct session *session = timer->data;
    if (session->in_line)
        check_in_send(&session->check_in, session->context);
    else
        connect_socket(session);
}

static void retry_later(struct session *session)
{
    if (session->closing || uv_is_active((uv_handle_t *)&session->retry))
        return;
    drop_media(session);
    uint64_t limit_ms = (uint64_t)BACKOFF_FIRST_MS
                        << (session->attempts < 6 ? session->attempts : 6);
    if (limit_ms > BACKOFF_MAX_MS)
        limit_ms = BACKOFF_MAX_MS;
    uint64_t wait_ms =
        session->retry_after_ms != 0 ? session->retry_after_ms : random_u32() % (limit_ms + 1);
    session->retry_after_ms = 0;
    session->attempts++;
    (void)uv_timer_start(&session->retry, on_retry, wait_ms, 0);
}

/* ---- the line ---- */

static void take_place(struct session *session, const struct line_place *place, uint32_t again_ms)
{
    session->in_line = true;
    session->attempts = 0;
    memcpy(session->ticket, place->ticket, sizeof(session->ticket));
    drop_media(session);
    (void)uv_timer_start(&session->retry, on_retry, again_ms, 0);
    if (session->params.on_line != NULL)
        session->params.on_line(session->params.ctx, place);
}

static void take_seat(struct session *session, const struct line_word *word)
{
    session->in_line = false;
    memcpy(session->ticket, word->place.ticket, sizeof(session->ticket));
    if (session->params.on_line != NULL)
        session->params.on_line(session->params.ctx, NULL);
    if (session->socket == NULL)
        connect_socket(session);
}

static void on_word(void *ctx, const struct line_word *word)
{
    struct session *session = ctx;
    if (session->closing)
        return;
    if (word == NULL) {
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
    case LINE_NO:
        if (word->again_ms == LINE_AGAIN_NEVER) {
            end(session, cli_fail("no seat any more: %s", word->word));
            return;
        }
        session->retry_after_ms = word->again_ms;
        retry_later(session);
        return;
    }
}

/* ---- media ---- */

static void on_media_up(void *owner)
{
    struct session *session = owner;
    session->media_up = true;
    session->attempts = 0;
    session->params.on_up(session->params.ctx, session->media);
}

static void on_media_rtp(void *owner, const struct rtp_packet *packet, uint64_t now_us)
{
    struct session *session = owner;
    if (session->params.on_rtp != NULL)
        session->params.on_rtp(session->params.ctx, packet, now_us);
}

static void on_media_rtcp(void *owner, const struct rtcp_packet *packet, uint64_t now_us)
{
    struct session *session = owner;
    if (session->params.on_rtcp != NULL)
        session->params.on_rtcp(session->params.ctx, packet, now_us);
}

/* The socket may still stand: a new offer is enough. If it does not, its own end brings the retry.
 */
static void on_media_lost(void *owner, enum peer_end cause)
{
    struct session *session = owner;
    (void)cause;
    drop_media(session);
    if (session->socket != NULL)
        lws_set_timeout(session->socket, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void connect_media(struct session *session)
{
    static const struct media_events events = {on_media_up, on_media_rtp, on_media_rtcp,
                                               on_media_lost};
    if (session->media != NULL || !session->may_connect)
        return;
    enum sdp_direction direction = session->own_host != 0 ? SDP_SENDRECV : SDP_RECVONLY;
    int err = media_create(&session->media, &session->loop, session->identity, direction, &events,
                           session, session->offer);
    if (err != 0) {
        end(session, cli_fail("cannot open a UDP socket: %s", error_name(err)));
        return;
    }
    send_message(session, json_pack("{s:s,s:s}", "type", "offer", "sdp", session->offer));
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
    bool open = strcmp(state, "live") == 0 || strcmp(state, "doors_open") == 0;
    session->may_connect = open && (session->own_host == 0 || session->agreed);
    connect_media(session);
    if (!session->closing && session->params.on_room != NULL)
        session->params.on_room(session->params.ctx, state);
}

static void take_welcome(struct session *session, const json_t *message)
{
    const json_t *you = json_object_get(message, "you");
    const json_t *consent = json_object_get(message, "consent");
    session->own_host = json_integer_value(json_object_get(you, "id"));
    session->agreed = consent == NULL || json_is_true(json_object_get(consent, "agreed"));
    if (!session->agreed && !session->params.consent) {
        end(session, cli_fail("this host has not agreed to be recorded; read this and add "
                              "--consent: %s",
                              text_of(json_object_get(consent, "text"), "en")));
        return;
    }
    if (!session->agreed)
        send_message(session, json_pack("{s:s,s:s}", "type", "consent", "wording",
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
    drop_media(session);
    if (strcmp(text_of(message, "reason"), "not_open") == 0)
        return; /* `room` tells when the doors open */
    if (retry != NULL && strcmp(text_of(message, "reason"), "line") == 0 &&
        line_place_read(&place, json_object_get(message, "line")) == 0) {
        take_place(session, &place, line_again_read(message)); /* the server closes the socket */
        return;
    }
    if (retry == NULL) {
        end(session, cli_fail("refused: %s", text_of(message, "message")));
        return;
    }
    session->retry_after_ms = (uint64_t)json_integer_value(retry);
    (void)cli_fail("refused, asking again later: %s", text_of(message, "message"));
    retry_later(session);
}

static void take_error(struct session *session, const json_t *message)
{
    const char *allowed = text_of(message, "allowed");
    end(session, cli_fail("%s: %s%s%s", text_of(message, "code"), text_of(message, "message"),
                          *allowed != '\0' ? "; allowed: " : "", allowed));
}

static void take_bye(struct session *session, const json_t *message)
{
    const json_t *retry = json_object_get(message, "retry_after_ms");
    if (retry == NULL) {
        end(session, cli_fail("the server ended this session: %s", text_of(message, "reason")));
        return;
    }
    session->retry_after_ms = (uint64_t)json_integer_value(retry);
}

/* A listener that is sent away from its seat does not wait until it misses the sound. */
static void take_media(struct session *session, const json_t *message)
{
    if (session->own_host != 0 || session->media == NULL ||
        strcmp(text_of(message, "state"), "lost") != 0)
        return;
    on_media_lost(session, PEER_END_CLOSED);
}

static void take_answer(struct session *session, const json_t *message)
{
    const char *ticket = json_string_value(json_object_get(message, "ticket"));
    if (session->media == NULL)
        return;
    if (ticket != NULL)
        (void)line_take_ticket(session->ticket, ticket);
    if (media_answer(session->media, text_of(message, "sdp")) != 0)
        end(session, EXIT_FAILED);
}

static void take_message(struct session *session, const json_t *message)
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

static int take_bytes(struct session *session, struct lws *wsi, const void *in, size_t bytes)
{
    if (session->incoming_bytes + bytes > sizeof(session->incoming))
        return -1;
    memcpy(session->incoming + session->incoming_bytes, in, bytes);
    session->incoming_bytes += bytes;
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0)
        return 0;
    json_t *message = json_loadb(session->incoming, session->incoming_bytes, 0, NULL);
    session->incoming_bytes = 0;
    if (message != NULL)
        take_message(session, message);
    json_decref(message);
    return 0;
}

/* ---- the socket ---- */

static void say_hello(struct session *session)
{
    const struct session_params *params = &session->params;
    json_t *hello = json_pack("{s:s,s:s,s:s}", "type", "hello", "room", params->slug, "as",
                              params->token != NULL ? "host" : "listener");
    const char *token = params->token != NULL ? params->token : session->ticket;
    if (hello != NULL && token[0] != '\0')
        (void)json_object_set_new(hello, "token", json_string(token));
    send_message(session, hello);
}

/* Who has a wrong certificate will have it the next time too: a person must look. */
static void connection_failed(struct session *session, struct lws *wsi)
{
    char why[TLS_WHY_CHARS];
    SSL *ssl = lws_get_ssl(wsi);
    bool is_refused = ssl != NULL && SSL_get_verify_result(ssl) != X509_V_OK;
    if (is_refused && tls_why(ssl, why))
        end(session, cli_fail("no connection to the server: %s", why));
}

static void socket_ended(struct session *session)
{
    session->socket = NULL;
    session->incoming_bytes = 0;
    while (session->queued > 0)
        free(session->queue[--session->queued]);
    if (session->in_line)
        drop_media(session); /* it has an appointment */
    else
        retry_later(session);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t bytes)
{
    (void)user;
    struct lws_context *context = lws_get_context(wsi);
    struct session *session = context == NULL ? NULL : lws_context_user(context);
    if (session == NULL)
        return 0;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        session->socket = wsi;
        say_hello(session);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return session->closing ? -1 : write_next(session, wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return take_bytes(session, wsi, in, bytes);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        connection_failed(session, wsi);
        socket_ended(session);
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
        socket_ended(session);
        break;
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = CHECK_IN_PROTOCOL, .callback = check_in_on_event},
    {.name = "rostrum.v1", .callback = on_event},
    {.name = NULL}};

static void connect_socket(struct session *session)
{
    char host[ORIGIN_FIELD_CHARS];
    origin_write_field(&session->origin, host);
    struct lws_client_connect_info connect = {
        .context = session->context,
        .address = session->origin.host,
        .host = host,
        .port = session->origin.port,
        .path = "/ws",
        .protocol = "rostrum.v1",
        .local_protocol_name = "rostrum.v1",
        .alpn = "http/1.1",
        .ssl_connection = origin_tls_flags(&session->origin),
    };
    if (lws_client_connect_via_info(&connect) == NULL)
        retry_later(session);
}

static int make_context(struct session *session)
{
    void *loops[] = {&session->loop};
    static const lws_retry_bo_t pings = {.secs_since_valid_ping = 20,
                                         .secs_since_valid_hangup = 40};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .user = session,
        .pcontext = &session->context,
        .foreign_loops = loops,
        .retry_and_idle_policy = &pings,
        .provided_client_ssl_ctx = session->tls,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
    };
    lws_set_log_level(0, NULL);
    session->context = lws_create_context(&info);
    return session->context == NULL ? ERR_NOMEM : 0;
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
    (void)uv_timer_init(&session->loop, &session->retry);
    session->retry.data = session;
    session->check_in = (struct check_in){.slug = params->slug,
                                          .ticket = session->ticket,
                                          .origin = &session->origin,
                                          .on_word = on_word,
                                          .ctx = session};
    if (params->pass != NULL && !line_take_ticket(session->ticket, params->pass)) {
        (void)cli_fail("'%s' is no pass", params->pass);
        session_destroy(session);
        return ERR_INVAL;
    }
    int err = origin_parse(&session->origin, params->server);
    if (err != 0)
        (void)cli_fail("'%s' is no server; allowed: http://HOST[:PORT] or https://HOST[:PORT]",
                       params->server);
    if (err == 0 && session->origin.tls)
        err = tls_create(&session->tls, session->origin.host);
    if (err == 0)
        err = srtp_link_startup();
    if (err == 0)
        err = dtls_identity_create(&session->identity, NULL);
    if (err == 0)
        err = make_context(session);
    if (err != 0) {
        session_destroy(session);
        return err;
    }
    connect_socket(session);
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
    send_message(session, json_pack("{s:s}", "type", "leave"));
    while (session->queued > 0 && write_next(session, session->socket) == 0)
        ;
}

void session_close(struct session *session)
{
    if (session->closing)
        return;
    session->closing = true;
    drop_media(session);
    if (session->socket != NULL) {
        say_goodbye(session);
        lws_set_timeout(session->socket, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    }
    uv_stop(&session->loop);
}

void session_drop(struct session *session)
{
    if (session->media != NULL)
        media_mute(session->media);
    drop_media(session);
    if (session->socket != NULL)
        lws_set_timeout(session->socket, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void session_destroy(struct session *session)
{
    if (session == NULL)
        return;
    session->closing = true;
    if (session->context != NULL)
        lws_context_destroy(session->context);
    /* libuv closes its handles in the loop's next turns. The pointer turns NULL when that was all; without an open
     * socket to end it by, libwebsockets wants to be asked a second time. */
    for (unsigned i = 0; i < CLOSE_TURNS_MAX && session->context != NULL; i++)
        (void)uv_run(&session->loop, UV_RUN_NOWAIT);
    if (session->context != NULL)
        lws_context_destroy(session->context);
    uv_walk(&session->loop, close_handle, NULL);
    (void)uv_run(&session->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&session->loop);
    SSL_CTX_free(session->tls);
    dtls_identity_destroy(session->identity);
    while (session->queued > 0)
        free(session->queue[--session->queued]);
    free(session);
}
