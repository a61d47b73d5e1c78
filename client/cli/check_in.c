#include "check_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_CHARS = 128, READ_BYTES = 4096 };

static void tell(struct check_in *check_in)
{
    struct line_word word;
    check_in->wsi = NULL;
    int err = line_word_read(&word, check_in->status, check_in->retry_after_ms, check_in->answer,
                             check_in->bytes);
    check_in->on_word(check_in->ctx, err == 0 ? &word : NULL);
}

void check_in_send(struct check_in *check_in, struct lws_context *context)
{
    char path[PATH_CHARS];
    if (check_in->wsi != NULL)
        return;
    (void)snprintf(path, sizeof(path), "/api/v1/rooms/%s/line", check_in->slug);
    struct lws_client_connect_info connect = {.context = context,
                                              .path = path,
                                              .method = "POST",
                                              .protocol = CHECK_IN_PROTOCOL,
                                              .local_protocol_name = CHECK_IN_PROTOCOL,
                                              .alpn = "http/1.1",
                                              .userdata = check_in,
                                              .pwsi = &check_in->wsi};
    nodes_aim(check_in->nodes, check_in->node, &connect);
    check_in->status = 0;
    check_in->bytes = 0;
    check_in->retry_after_ms = LINE_AGAIN_NEVER;
    (void)lws_client_connect_via_info(&connect); /* a failure comes as an event */
}

static int add_headers(const struct check_in *check_in, struct lws *wsi, unsigned char **at,
                       unsigned char *stop)
{
    static const unsigned char none[] = "0";
    char bearer[LINE_TICKET_MAX + 16];
    if (lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, none, 1, at, stop) != 0)
        return -1;
    if (check_in->ticket[0] == '\0')
        return 0;
    int chars = snprintf(bearer, sizeof(bearer), "Bearer %s", check_in->ticket);
    return lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION,
                                        (const unsigned char *)bearer, chars, at, stop) != 0
               ? -1
               : 0;
}

static void take_status(struct check_in *check_in, struct lws *wsi)
{
    char text[16];
    check_in->status = lws_http_client_http_response(wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, CHECK_IN_WAIT_S);
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_RETRY_AFTER) <= 0)
        return;
    unsigned long seconds = strtoul(text, NULL, 10); /* ours gives no date */
    check_in->retry_after_ms =
        seconds < LINE_AGAIN_MAX_MS / 1000 ? (uint32_t)seconds * 1000 : (uint32_t)LINE_AGAIN_MAX_MS;
}

/* Asks libwebsockets for what has arrived; it comes back as RECEIVE_CLIENT_HTTP_READ. */
static int take(struct lws *wsi)
{
    char buffer[LWS_PRE + READ_BYTES];
    char *at = buffer + LWS_PRE;
    int bytes = READ_BYTES;
    return lws_http_client_read(wsi, &at, &bytes) < 0 ? -1 : 0;
}

static int keep(struct check_in *check_in, const void *data, size_t bytes)
{
    if (check_in->bytes + bytes > sizeof(check_in->answer))
        return -1;
    memcpy(check_in->answer + check_in->bytes, data, bytes);
    check_in->bytes += bytes;
    return 0;
}

int check_in_on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                      size_t bytes)
{
    struct check_in *check_in = user;
    if (check_in == NULL)
        return 0;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
        unsigned char **at = in;
        return add_headers(check_in, wsi, at, *at + bytes);
    }
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        take_status(check_in, wsi);
        break;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return take(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        return keep(check_in, in, bytes);
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        return -1; /* its end follows */
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        tell(check_in);
        break;
    }
    return 0;
}
