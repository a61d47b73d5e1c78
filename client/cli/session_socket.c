#include "session_internal.h"

#include "cli.h"
#include "tls.h"

#include <openssl/ssl.h>

#include <stdlib.h>
#include <string.h>

/* ---- sending ---- */

void session_say(struct session *session, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (text == NULL || session->socket == NULL || session->queued == SESSION_QUEUE_MAX) {
        free(text);
        return;
    }
    session->queue[session->queued++] = text;
    (void)lws_callback_on_writable(session->socket);
}

int session_write_next(struct session *session, struct lws *wsi)
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

/* ---- receiving ---- */

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
        session_take_message(session, message);
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
    if (hello != NULL && session->region[0] != '\0')
        (void)json_object_set_new(hello, "region", json_string(session->region));
    session_say(session, hello);
}

/* Who has a wrong certificate will have it the next time too: a person must look. Home may know of a node
 * that has a right one. */
static void connection_failed(struct session *session, struct lws *wsi)
{
    char why[TLS_WHY_CHARS];
    SSL *ssl = lws_get_ssl(wsi);
    bool is_refused = ssl != NULL && SSL_get_verify_result(ssl) != X509_V_OK;
    if (!is_refused || !tls_why(ssl, why))
        return;
    int status = cli_fail(
        "no connection to %s: %s",
        session->node == NODES_HOME ? "the server" : session->nodes.list[session->node].url, why);
    if (session->node == NODES_HOME)
        session_end(session, status);
}

void session_forget_socket(struct session *session)
{
    session->socket = NULL;
    session->incoming_bytes = 0;
    while (session->queued > 0)
        free(session->queue[--session->queued]);
}

static void socket_ended(struct session *session)
{
    session_forget_socket(session);
    session_on_socket_end(session);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t bytes)
{
    struct lws_context *context = lws_get_context(wsi);
    struct session *session = context == NULL ? NULL : lws_context_user(context);
    if (session == NULL)
        return 0;
    bool is_cut = wsi != session->socket;
    bool is_abandoned = (uintptr_t)user != session->connection; /* before it was a socket */
    bool is_former = wsi == session->former_socket; /* what it still says was for who stays */
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        if (is_abandoned)
            return -1;
        session->socket = wsi;
        say_hello(session);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        if (is_former)
            break;
        return session->closing || is_cut ? -1 : session_write_next(session, wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (is_former)
            break;
        return is_cut ? -1 : take_bytes(session, wsi, in, bytes);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        if (is_abandoned)
            break;
        connection_failed(session, wsi);
        socket_ended(session);
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (is_former)
            session->former_socket = NULL;
        else if (!is_cut)
            socket_ended(session);
        break;
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = CHECK_IN_PROTOCOL, .callback = check_in_on_event},
    {.name = "rostrum.v1", .callback = on_event},
    {.name = NULL}};

bool session_connect(struct session *session)
{
    struct lws_client_connect_info connect = {
        .context = session->context,
        .path = "/ws",
        .protocol = "rostrum.v1",
        .local_protocol_name = "rostrum.v1",
        .alpn = "http/1.1",
    };
    nodes_aim(&session->nodes, session->node, &connect);
    connect.userdata = (void *)++session->connection;
    return lws_client_connect_via_info(&connect) != NULL;
}

/* libwebsockets waits for the other side to close, too, and one that has gone does not. */
void session_cut(struct session *session)
{
    if (session->socket == NULL)
        return;
    lws_set_timeout(session->socket, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    socket_ended(session);
}

void session_abandon(struct session *session)
{
    session->connection++;
    socket_ended(session);
}

void session_leave_socket(struct lws *socket)
{
    static const char leave[] = "{\"type\":\"leave\"}";
    unsigned char buffer[LWS_PRE + sizeof(leave)];
    if (socket == NULL)
        return;
    memcpy(buffer + LWS_PRE, leave, sizeof(leave));
    (void)lws_write(socket, buffer + LWS_PRE, sizeof(leave) - 1, LWS_WRITE_TEXT);
    lws_set_timeout(socket, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

int session_find_node(struct session *session, unsigned *out, const char *url)
{
    return nodes_find(&session->nodes, out, url, session->context, protocols);
}

int session_make_context(struct session *session)
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
