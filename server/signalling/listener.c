#include "signalling/listener.h"

#include "base/clock.h"
#include "signalling/acceptor.h"
#include "signalling/clients.h"
#include "signalling/http.h"
#include "signalling/links_internal.h"
#include "signalling/visitors.h"
#include "telemetry/log.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES_MAX = 16384, /* beyond, libwebsockets closes without an answer; we refuse before */
    HEADER_SECONDS = 10,
    IDLE_SECONDS = 30,
    RECEIVE_BYTES = 4096,
    SOCKET_PIECE_BYTES =
        512,                /* every open WebSocket keeps as much; a message comes in such pieces */
    SEND_BYTES = 64 * 1024, /* in one call; else it would be as little */
    STOP_TURNS = 16,
};

static bool is_serving; /* what libwebsockets complains of from then on, strangers can trigger */

static void on_library_log(int level, const char *line)
{
    char safe[LOG_SAFE_MAX];
    (void)level;
    if (is_serving)
        log_debug("libwebsockets", "line=%s", log_safe(safe, line));
    else
        log_error("libwebsockets", "line=%s", log_safe(safe, line));
}

/* ---- the callbacks ---- */

/* True for a request that libwebsockets took from its own buffer, not from the socket: it came together with
 * the one before (pipelining, which no browser does). If such a one has a body, 4.1.6 reads its head as body
 * once more and never returns; so the connection ends instead, as RFC 9112 section 9.3.2 lets us. */
static bool is_pipelined(const struct client *client)
{
    return !client->signalling->is_polling;
}

static int on_http(struct client *client, enum lws_callback_reasons reason, void *in, size_t bytes)
{
    switch (reason) { /* libwebsockets' enum, of which we want these */
    case LWS_CALLBACK_HTTP:
        return is_pipelined(client) ? -1 : http_on_headers(client);
    case LWS_CALLBACK_HTTP_BODY:
        return http_on_body(client, in, bytes);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return http_on_body_end(client);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return is_pipelined(client) ? -1 : visitor_check_upgrade(client);
    case LWS_CALLBACK_CLOSED_HTTP:
        http_on_gone(client);
        return 0;
    default:
        return 0;
    }
}

static int on_socket(struct client *client, enum lws_callback_reasons reason, void *in,
                     size_t bytes)
{
    switch (reason) { /* libwebsockets' enum, of which we want these */
    case LWS_CALLBACK_ESTABLISHED:
        return visitor_open(client, clock_now_us());
    case LWS_CALLBACK_RECEIVE:
        return visitor_on_data(client, in, bytes, clock_now_us());
    case LWS_CALLBACK_RECEIVE_PONG:
        visitor_on_pong(client, clock_now_us());
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return visitor_on_writable(client);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        visitor_on_goodbye(client);
        return 0;
    case LWS_CALLBACK_CLOSED:
        visitor_gone(client);
        return 0;
    default:
        return on_http(client, reason, in, bytes);
    }
}

/* Another node's. What it shares with all others is done there. */
static int on_node(struct client *client, enum lws_callback_reasons reason, void *in, size_t bytes)
{
    switch (reason) { /* libwebsockets' enum, of which we want these */
    case LWS_CALLBACK_ESTABLISHED:
        return links_on_called(client);
    case LWS_CALLBACK_RECEIVE:
        return client->node_link != NULL
                   ? link_on_data(client->node_link, in, bytes, clock_now_us())
                   : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return client->node_link != NULL ? link_on_writable(client->node_link) : -1;
    case LWS_CALLBACK_CLOSED:
        links_on_caller_gone(client);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return 0;
    default:
        return on_http(client, reason, in, bytes);
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t bytes)
{
    (void)user;
    struct signalling *signalling = lws_context_user(lws_get_context(wsi));
    /* Of certificates that other nodes show, libwebsockets tells the protocols of any vhost. */
    if (signalling->links != NULL && links_is_call(signalling->links, wsi))
        return 0;
    switch (reason) { /* libwebsockets' enum, of which we want these */
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        return clients_add(signalling, wsi);
    case LWS_CALLBACK_WSI_DESTROY:
        clients_remove(wsi);
        return 0;
    case LWS_CALLBACK_RAW_ADOPT: /* "CONNECT host": libwebsockets would make it a raw socket */
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_SKT_BIND_PROTOCOL:
        return -1;
    case LWS_CALLBACK_PROTOCOL_INIT: /* these belong to no connection */
    case LWS_CALLBACK_PROTOCOL_DESTROY:
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
    case LWS_CALLBACK_WSI_CREATE:
        return 0;
    default:
        break;
    }
    struct client *client = lws_get_opaque_user_data(wsi);
    if (client == NULL)
        return 0;
    return client->is_node ? on_node(client, reason, in, bytes)
                           : on_socket(client, reason, in, bytes);
}

static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = on_event, .rx_buffer_size = RECEIVE_BYTES},
    {.name = "rostrum.v1",
     .callback = on_event,
     .rx_buffer_size = SOCKET_PIECE_BYTES,
     .tx_packet_size = SEND_BYTES},
    {.name = "rostrum.node.1",
     .callback = on_event,
     .rx_buffer_size = RECEIVE_BYTES,
     .tx_packet_size = SEND_BYTES},
    {.name = NULL},
};

/* ---- start and stop ---- */

static int create_context(struct signalling *signalling)
{
    void *loops[] = {signalling->loop};
    const uint64_t tls =
        signalling->links != NULL ? (uint64_t)LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | tls,
        .foreign_loops = loops,
        .pcontext = &signalling->context,
        .user = signalling,
        .gid = -1,
        .uid = -1,
        .max_http_header_data = HEADER_BYTES_MAX,
        .timeout_secs = HEADER_SECONDS,
    };
    lws_set_log_level(LLL_ERR, on_library_log);
    signalling->context = lws_create_context(&info);
    return signalling->context != NULL ? 0 : ERR_NOMEM;
}

static int create_vhost(struct signalling *signalling)
{
    /* No timer for each WebSocket: visitors.c pings, and notices who is gone. */
    static const lws_retry_bo_t no_pings = {0};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .vhost_name = "rostrum",
        .keepalive_timeout = IDLE_SECONDS,
        .timeout_secs = HEADER_SECONDS,
        .retry_and_idle_policy = &no_pings,
    };
    signalling->vhost = lws_create_vhost(signalling->context, &info);
    return signalling->vhost != NULL ? 0 : ERR_NOMEM;
}

int listener_start(struct signalling *signalling, char problem[SIGNALLING_PROBLEM_MAX])
{
    int err = create_context(signalling);
    if (err != 0) {
        snprintf(problem, SIGNALLING_PROBLEM_MAX,
                 "libwebsockets does not start; is its libuv plugin (libwebsockets-evlib-uv) "
                 "installed?");
        return err;
    }
    err = create_vhost(signalling);
    if (err == 0 && signalling->links != NULL)
        err = links_start(signalling->links);
    if (err != 0) {
        snprintf(problem, SIGNALLING_PROBLEM_MAX, "libwebsockets does not start: %s.",
                 error_name(err));
        return err;
    }
    err = acceptor_start(signalling);
    if (err != 0) {
        char address[ADDRESS_TEXT_MAX];
        address_write(&signalling->config->http, address);
        snprintf(problem, SIGNALLING_PROBLEM_MAX,
                 "Cannot listen for HTTP at %s: the port is taken, or the address is not of this "
                 "machine. Choose another one with --http.",
                 address);
        return err;
    }
    is_serving = true;
    return 0;
}

void listener_stop(struct signalling *signalling)
{
    acceptor_stop(signalling);
    if (signalling->context == NULL)
        return;
    /* On a loop of ours this takes two steps: the first closes what libwebsockets has on it, the second one
     * frees the rest, and sets the pointer to NULL. In between the loop must see the handles off. */
    lws_context_destroy(signalling->context);
    for (unsigned i = 0; i < STOP_TURNS && signalling->context != NULL; i++)
        uv_run(signalling->loop, UV_RUN_NOWAIT);
    if (signalling->context != NULL)
        lws_context_destroy(signalling->context);
    is_serving = false;
}
