#include "http.h"

#include "cli.h"
#include "origin.h"
#include "tls.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPLY_MAX = 16 * 1024 * 1024,
    WAIT_SECONDS = 15,
};

struct call {
    const struct http_request *request;
    struct http_reply reply;
    bool done;
    int err;
};

void http_reply_clear(struct http_reply *reply)
{
    free(reply->body);
    *reply = (struct http_reply){0};
}

static void end(struct call *call, int err)
{
    if (!call->done)
        call->err = err;
    call->done = true;
}

static int add_headers(struct lws *wsi, const struct http_request *request, unsigned char **at,
                       unsigned char *stop)
{
    char text[320];
    if (request->token != NULL) {
        int chars = snprintf(text, sizeof(text), "Bearer %s", request->token);
        if (lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION,
                                         (const unsigned char *)text, chars, at, stop) != 0)
            return -1;
    }
    if (request->body == NULL && strcmp(request->method, "POST") != 0)
        return 0;
    const char *type = "application/json";
    int chars = snprintf(text, sizeof(text), "%zu", request->body ? strlen(request->body) : 0);
    if (lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, (const unsigned char *)type,
                                     (int)strlen(type), at, stop) != 0 ||
        lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH,
                                     (const unsigned char *)text, chars, at, stop) != 0)
        return -1;
    if (request->body != NULL) {
        lws_client_http_body_pending(wsi, 1);
        lws_callback_on_writable(wsi);
    }
    return 0;
}

static int write_body(struct lws *wsi, const char *body)
{
    size_t bytes = strlen(body);
    unsigned char *buffer = malloc(LWS_PRE + bytes);
    if (buffer == NULL)
        return -1;
    memcpy(buffer + LWS_PRE, body, bytes);
    int written = lws_write(wsi, buffer + LWS_PRE, bytes, LWS_WRITE_HTTP_FINAL);
    free(buffer);
    lws_client_http_body_pending(wsi, 0);
    return written < 0 ? -1 : 0;
}

static int keep(struct call *call, const void *data, size_t bytes)
{
    struct http_reply *reply = &call->reply;
    if (reply->bytes + bytes > REPLY_MAX)
        return -1;
    char *body = realloc(reply->body, reply->bytes + bytes + 1);
    if (body == NULL)
        return -1;
    memcpy(body + reply->bytes, data, bytes);
    reply->body = body;
    reply->bytes += bytes;
    body[reply->bytes] = '\0';
    return 0;
}

/* Asks libwebsockets for what has arrived; it comes back as RECEIVE_CLIENT_HTTP_READ. */
static int take(struct lws *wsi)
{
    char buffer[LWS_PRE + 4096];
    char *at = buffer + LWS_PRE;
    int bytes = sizeof(buffer) - LWS_PRE;
    return lws_http_client_read(wsi, &at, &bytes) < 0 ? -1 : 0;
}

static void take_status(struct call *call, struct lws *wsi)
{
    struct http_reply *reply = &call->reply;
    reply->status = (int)lws_http_client_http_response(wsi);
    if (lws_hdr_copy(wsi, reply->location, sizeof(reply->location), WSI_TOKEN_HTTP_LOCATION) < 0)
        reply->location[0] = '\0';
}

/* libwebsockets' own text for an error of TLS is its number. */
static void say_why(struct lws *wsi, const char *text)
{
    char why[TLS_WHY_CHARS];
    SSL *ssl = lws_get_ssl(wsi);
    if (ssl != NULL && tls_why(ssl, why))
        text = why;
    (void)cli_fail("no connection to the server: %s", text != NULL ? text : "refused");
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t bytes)
{
    (void)user;
    struct lws_context *context = lws_get_context(wsi);
    struct call *call = context == NULL ? NULL : lws_context_user(context);
    if (call == NULL)
        return 0;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        say_why(wsi, in);
        end(call, ERR_IO);
        break;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
        unsigned char **at = in;
        return add_headers(wsi, call->request, at, *at + bytes);
    }
    case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
        return call->request->body != NULL ? write_body(wsi, call->request->body) : 0;
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        take_status(call, wsi);
        break;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return take(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        return keep(call, in, bytes);
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        end(call, 0);
        break;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        end(call, call->reply.status > 0 ? 0 : ERR_IO);
        break;
    }
    return 0;
}

static void on_alarm(lws_sorted_usec_list_t *sul)
{
    (void)sul; /* only wakes lws_service(), so that the loop sees that time is up */
}

static int wait_for_answer(struct call *call, struct lws_context *context,
                           const struct origin *origin)
{
    const struct http_request *request = call->request;
    char host[ORIGIN_FIELD_CHARS];
    origin_write_field(origin, host);
    struct lws_client_connect_info connect = {.context = context,
                                              .address = origin->host,
                                              .host = host,
                                              .port = origin->port,
                                              .path = request->path,
                                              .method = request->method,
                                              .protocol = "http",
                                              .alpn = "http/1.1",
                                              .ssl_connection = origin_connect_flags(origin)};
    if (lws_client_connect_via_info(&connect) == NULL && !call->done) {
        (void)cli_fail("no connection to the server: there is no way to %s", origin->host);
        end(call, ERR_IO);
    }
    lws_sorted_usec_list_t alarm = {0};
    lws_usec_t deadline = lws_now_usecs() + WAIT_SECONDS * LWS_US_PER_SEC;
    lws_sul_schedule(context, 0, &alarm, on_alarm, WAIT_SECONDS * LWS_US_PER_SEC);
    while (!call->done && lws_now_usecs() < deadline)
        (void)lws_service(context, 0);
    lws_sul_schedule(context, 0, &alarm, on_alarm, LWS_SET_TIMER_USEC_CANCEL);
    if (!call->done) {
        (void)cli_fail("the server did not answer within %d s", WAIT_SECONDS);
        end(call, ERR_IO);
    }
    return call->err;
}

int http_call(const char *server, const struct http_request *request, struct http_reply *reply)
{
    static const struct lws_protocols protocols[] = {{.name = "http", .callback = on_event},
                                                     {.name = NULL}};
    struct origin origin;
    SSL_CTX *tls = NULL;
    if (origin_parse(&origin, server) != 0) {
        (void)cli_fail("'%s' is no server; allowed: http://HOST[:PORT] or https://HOST[:PORT]",
                       server);
        return ERR_INVAL;
    }
    int err = origin.tls ? tls_create(&tls, origin.host) : 0;
    if (err != 0) {
        (void)cli_fail("there is no TLS to be had: %s", error_name(err));
        return err;
    }
    lws_set_log_level(0, NULL);
    struct call call = {.request = request};
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                             .protocols = protocols,
                                             .user = &call,
                                             .provided_client_ssl_ctx = tls,
                                             .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT};
    struct lws_context *context = lws_create_context(&info);
    err = context != NULL ? wait_for_answer(&call, context, &origin) : ERR_NOMEM;
    if (context != NULL)
        lws_context_destroy(context);
    SSL_CTX_free(tls);
    if (err != 0)
        http_reply_clear(&call.reply);
    *reply = call.reply;
    return err;
}
