#include "signalling/http.h"

#include "admission/limits.h"
#include "base/clock.h"
#include "room/room.h"
#include "signalling/clients.h"
#include "signalling/handlers.h"
#include "signalling/media.h"
#include "signalling/reply_internal.h"
#include "signalling/routes.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    BODY_US = 30 * 1000 * 1000,  /* for a whole body, however it trickles */
    LINGER_US = 2 * 1000 * 1000, /* a refused upload may read its answer, then it is cut */
};

struct request *request_ref(struct request *request)
{
    request->refs++;
    return request;
}

void request_unref(struct request *request)
{
    if (--request->refs > 0)
        return;
    reply_destroy(request->reply);
    free(request->body);
    free(request);
}

struct slice request_body(const struct request *request)
{
    return slice_of(request->body, request->body_bytes);
}

void http_field(struct lws *wsi, int token, char *out, size_t out_bytes)
{
    if (lws_hdr_copy(wsi, out, (int)out_bytes, (enum lws_token_indexes)token) < 0)
        out[0] = '\0';
}

static bool is_our_proxy(const struct client *client)
{
    return client->signalling->config->trust_forwarded && address_is_loopback(&client->peer);
}

/* The last member is what our own proxy wrote; those before it are hearsay. */
static bool learn_origin(struct client *client, const char *list)
{
    const char *last = strrchr(list, ',');
    last = last != NULL ? last + 1 : list;
    last += strspn(last, " ");
    struct address from;
    if (!is_our_proxy(client) || address_parse(&from, last) != 0)
        return true;
    from.port = 0;
    return client_set_from(client, &from);
}

bool http_learn_origin(struct client *client)
{
    char list[REQUEST_FIELD_MAX + 1];
    http_field(client->wsi, WSI_TOKEN_X_FORWARDED_FOR, list, sizeof(list));
    return learn_origin(client, list);
}

static enum method method_of(struct lws *wsi)
{
    char *uri = NULL;
    int uri_bytes = 0;
    switch (lws_http_get_uri_and_method(wsi, &uri, &uri_bytes)) {
    case LWSHUMETH_GET:
        return METHOD_GET;
    case LWSHUMETH_HEAD:
        return METHOD_HEAD;
    case LWSHUMETH_POST:
        return METHOD_POST;
    case LWSHUMETH_PATCH:
        return METHOD_PATCH;
    case LWSHUMETH_DELETE:
        return METHOD_DELETE;
    case LWSHUMETH_OPTIONS:
        return METHOD_OPTIONS;
    default:
        return METHOD_OTHER;
    }
}

static void read_fields(struct request *request, struct lws *wsi)
{
    char download[16];
    http_field(wsi, WSI_TOKEN_HTTP_ACCEPT, request->accept, sizeof(request->accept));
    http_field(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, request->content_type,
               sizeof(request->content_type));
    http_field(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, request->authorization,
               sizeof(request->authorization));
    http_field(wsi, WSI_TOKEN_HTTP_IF_MATCH, request->if_match, sizeof(request->if_match));
    http_field(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, request->if_none_match,
               sizeof(request->if_none_match));
    http_field(wsi, WSI_TOKEN_HTTP_IF_RANGE, request->if_range, sizeof(request->if_range));
    http_field(wsi, WSI_TOKEN_HTTP_RANGE, request->range, sizeof(request->range));
    const char *value = lws_get_urlarg_by_name(wsi, "download=", download, sizeof(download));
    request->is_download = value != NULL && strcmp(value, "1") == 0;
}

static size_t header_bytes(struct lws *wsi)
{
    size_t total = 0;
    for (int token = 0; token < WSI_TOKEN_COUNT; token++)
        total += (size_t)lws_hdr_total_length(wsi, (enum lws_token_indexes)token);
    return total;
}

/* Content-Length as RFC 9110 section 8.6 has it: digits, once. libwebsockets reads it with atoll(). */
static int read_length(struct request *request, struct lws *wsi)
{
    char text[24];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
        return 0;
    http_field(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof(text));
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 12 || text[digits] != '\0')
        return ERR_PROTO;
    request->has_length = true;
    request->body_expected = strtoull(text, NULL, 10);
    return 0;
}

/* Those who are refused unread belong to the evening's truth, too. */
static void count_too_fast(struct request *request)
{
    (void)routes_choose(request);
    if (request->handle != handle_line_enter && request->handle != handle_whep_offer)
        return;
    struct room *room = rooms_find(request->signalling->rooms, request->params[0]);
    if (room != NULL)
        room_count_arrival(room, ARRIVAL_REFUSED_RATE, client_origin(request->client).network);
}

static bool may_ask(const struct request *request)
{
    bool changes = (request->method & (METHOD_POST | METHOD_PATCH | METHOD_DELETE)) != 0;
    return limits_ask(request->signalling->limits, &request->client->from,
                      changes ? LIMITS_ASK : LIMITS_READ, clock_now_us());
}

static void refuse_too_fast(struct request *request)
{
    count_too_fast(request);
    signalling_count(&request->signalling->counts.too_fast);
    reply_header(request, "Retry-After", "1");
    reply_problem(request, 429, "too_fast", NULL, "Too many requests from your address at once.");
}

static void refuse_too_many(struct request *request)
{
    reply_header(request, "Retry-After", "5");
    reply_problem(request, 429, "too_many_connections", NULL,
                  "Too many connections from your address.");
}

static void refuse_long_path(struct request *request)
{
    reply_problem(request, 414, "too_long", NULL, "The address is longer than %d bytes.",
                  REQUEST_PATH_MAX);
}

static void refuse_headers(struct request *request)
{
    reply_problem(request, 431, "too_large", NULL, "The header fields are longer than %d bytes.",
                  REQUEST_HEADERS_MAX);
}

static void refuse_length(struct request *request)
{
    reply_problem(request, 400, "bad_length", NULL, "Content-Length is not one whole number.");
}

static void refuse_no_length(struct request *request)
{
    reply_problem(request, 411, "length_required", NULL,
                  "Send the body with Content-Length, not in chunks.");
}

static void refuse_large(struct request *request)
{
    reply_problem(request, 413, "too_large", NULL, "The body is larger than %d bytes.",
                  REQUEST_BODY_MAX);
}

static void refuse_memory(struct request *request)
{
    reply_problem(request, 503, "overload", NULL, "The server is out of memory.");
}

/* libwebsockets 4.1 loses the header field after one whose name is the beginning of a name it knows ("User:",
 * "X:"), a Content-Length for example: what is left of that request would then pass for the next one. Alone
 * on a connection that only hurts its sender; behind a proxy, which shares its connections among people, it
 * would hurt the next one. So a proxied connection takes one request. */
static bool is_proxied(const struct client *client)
{
    return lws_hdr_total_length(client->wsi, WSI_TOKEN_X_FORWARDED_FOR) > 0 || is_our_proxy(client);
}

/* What is refused before the body is read: then the connection ends with the answer. */
static void (*early_refusal(struct request *request))(struct request *)
{
    struct client *client = request->client;
    struct lws *wsi = client->wsi;
    bool has_chunks = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
    int length = read_length(request, wsi);
    if (!http_learn_origin(client))
        return refuse_too_many;
    if (!may_ask(request))
        return refuse_too_fast;
    if (request->path[0] == '\0')
        return refuse_long_path;
    if (header_bytes(wsi) > REQUEST_HEADERS_MAX)
        return refuse_headers;
    if (length != 0)
        return refuse_length;
    bool wants_body = routes_choose(request);
    if (has_chunks || (wants_body && !request->has_length))
        return refuse_no_length;
    if (request->body_expected > REQUEST_BODY_MAX)
        return refuse_large;
    request->body = calloc(1, request->body_expected + 1);
    return request->body != NULL ? NULL : refuse_memory;
}

/* The request is whole: from here to the end of the reply nothing more is read. */
static int handle(struct client *client)
{
    struct request *request = request_ref(client->request);
    lws_set_timeout(client->wsi, NO_PENDING_TIMEOUT, 0);
    lws_rx_flow_control(client->wsi, 0);
    request->state = REQUEST_HANDLING;
    client_wait(client, CLIENT_BUSY);
    request->handle(request);
    request_unref(request);
    return 0;
}

static void invite_body(const struct client *client)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char expect[16];
    http_field(client->wsi, WSI_TOKEN_HTTP_EXPECT, expect, sizeof(expect));
    if (strcasecmp(expect, "100-continue") == 0)
        (void)send(client->fd, go_on, sizeof(go_on) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int http_on_headers(struct client *client)
{
    struct lws *wsi = client->wsi;
    struct request *request = calloc(1, sizeof(*request));
    if (request == NULL || client->request != NULL) {
        free(request);
        return -1;
    }
    *request = (struct request){.client = client, .signalling = client->signalling, .refs = 1};
    client->request = request;
    request->method = method_of(wsi);
    char *uri = NULL;
    int uri_bytes = 0;
    if (lws_http_get_uri_and_method(wsi, &uri, &uri_bytes) < 0)
        return -1;
    if (uri_bytes > 0 && uri_bytes <= REQUEST_PATH_MAX)
        memcpy(request->path, uri, (size_t)uri_bytes);
    read_fields(request, wsi);
    void (*refusal)(struct request *) = early_refusal(request);
    /* Without a length libwebsockets waits for 100 MiB: such a connection cannot go on after its answer. */
    bool is_open_ended = (request->method & (METHOD_POST | METHOD_PATCH | METHOD_OTHER)) != 0 &&
                         !request->has_length;
    request->lingers = refusal != NULL || is_open_ended;
    request->must_close = request->lingers || is_proxied(client);
    if (refusal != NULL)
        request->handle = refusal;
    if (refusal != NULL || request->body_expected == 0) {
        /* libwebsockets ends an empty POST with a body callback of its own. */
        bool ends_later = request->method == METHOD_POST && request->has_length && refusal == NULL;
        return ends_later ? 0 : handle(client);
    }
    request->deadline_us = clock_now_us() + BODY_US;
    invite_body(client);
    return 0;
}

static void copy_field(char out[REQUEST_FIELD_MAX + 1], struct slice value)
{
    if (value.bytes > 0 && value.bytes <= REQUEST_FIELD_MAX)
        memcpy(out, value.data, value.bytes);
}

static enum method method_named(struct slice name)
{
    if (slice_is(name, "GET"))
        return METHOD_GET;
    if (slice_is(name, "POST"))
        return METHOD_POST;
    return slice_is(name, "DELETE") ? METHOD_DELETE : METHOD_OTHER;
}

static bool is_about_the_line(const struct request *request)
{
    return request->handle == handle_line_enter || request->handle == handle_line_leave ||
           request->handle == handle_door_look;
}

static void handle_bare(struct request *request, const struct bare_request *asked)
{
    char forwarded_for[REQUEST_FIELD_MAX + 1] = "";
    copy_field(forwarded_for, asked->forwarded_for);
    copy_field(request->authorization, asked->authorization);
    request_ref(request);
    if (!learn_origin(request->client, forwarded_for))
        refuse_too_many(request);
    else if (!may_ask(request))
        refuse_too_fast(request);
    else
        request->handle(request);
    request_unref(request);
}

bool http_answer_bare(struct client *client, const struct bare_request *asked)
{
    bool is_alone = asked->closes || asked->forwarded_for.data != NULL || is_our_proxy(client);
    struct request *request = NULL;
    if (is_alone && asked->target.bytes <= REQUEST_PATH_MAX)
        request = calloc(1, sizeof(*request));
    if (request == NULL)
        return false;
    *request = (struct request){.client = client,
                                .signalling = client->signalling,
                                .refs = 1,
                                .state = REQUEST_HANDLING,
                                .method = method_named(asked->method),
                                .must_close = true};
    memcpy(request->path, asked->target.data, asked->target.bytes);
    client->request = request;
    (void)routes_choose(request);
    bool is_answered = is_about_the_line(request);
    if (is_answered)
        handle_bare(request, asked);
    http_on_gone(client);
    return is_answered;
}

int http_on_body(struct client *client, const void *data, size_t bytes)
{
    struct request *request = client->request;
    if (request == NULL || request->state != REQUEST_READING)
        return 0;
    if (bytes > request->body_expected - request->body_bytes)
        return -1;
    if (bytes > 0)
        memcpy(request->body + request->body_bytes, data, bytes);
    request->body_bytes += bytes;
    return 0;
}

int http_on_body_end(struct client *client)
{
    struct request *request = client->request;
    if (request == NULL || request->state != REQUEST_READING)
        return 0;
    return handle(client);
}

void http_on_gone(struct client *client)
{
    struct request *request = client->request;
    if (request == NULL)
        return;
    client->request = NULL;
    request->client = NULL;
    request->state = REQUEST_DONE;
    reply_destroy(request->reply);
    request->reply = NULL;
    request_unref(request);
}

void http_on_sent(struct request *request, bool whole)
{
    struct client *client = request->client;
    if (client->wsi == NULL) {
        http_on_gone(client); /* the doorstep closes */
        return;
    }
    bool must_close = request->must_close || request->signalling->closing;
    bool lingers = request->lingers;
    request_ref(request);
    http_on_gone(client);
    if (!whole) {
        client_cut(client);
    } else if (must_close) {
        /* The unread rest of an upload would turn close() into a reset that takes the answer with it. */
        shutdown(client->fd, SHUT_WR);
        client->cut_at_us = clock_now_us() + LINGER_US;
        if (!lingers)
            client_cut(client);
    } else {
        lws_rx_flow_control(client->wsi, 1);
        client_wait(client, CLIENT_IDLE);
        if (lws_http_transaction_completed(client->wsi) != 0)
            client_cut(client);
    }
    request_unref(request);
}

void http_tick(struct client *client, uint64_t now_us)
{
    struct request *request = client->request;
    bool is_waiting =
        request != NULL && (request->state == REQUEST_READING || request->state == REQUEST_SENDING);
    if (is_waiting && request->deadline_us != 0 && now_us > request->deadline_us) {
        if (request->state == REQUEST_SENDING)
            signalling_count(&client->signalling->counts.slow);
        request->deadline_us = 0;
        client_cut(client);
    } else if (client->cut_at_us != 0 && now_us > client->cut_at_us) {
        client_cut(client);
    }
}
