/* door_way.c - what WebSocket and WHEP have in common: a connection made by libwebsockets. */
#include "base/clock.h"
#include "rehearse/door_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STATUS_ERROR = 400, /* RFC 9110 section 15.5 */
    STATUS_TOO_MANY = 429,
    STATUS_UNAVAILABLE = 503,
    US_PER_S = 1000 * 1000,
};

void way_ask(struct visit *visit)
{
    if (visit->asks_line)
        line_ask(visit);
    else if (visit->way == WAY_WEBSOCKET)
        socket_ask(visit);
    else
        whep_ask(visit);
}

void way_leave(struct visit *visit)
{
    if (visit->is_socket && visit->wsi != NULL)
        socket_leave(visit);
    else
        whep_leave(visit);
    line_leave(visit);
}

void way_cut(struct visit *visit)
{
    free(visit->location);
    visit->location = NULL;
    visit->gives_up = false;
    /* Once: each time libwebsockets walks through all its timeouts, and starts this one anew. */
    if (visit->wsi != NULL && !visit->is_cut)
        lws_set_timeout(visit->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    visit->is_cut = visit->wsi != NULL;
}

void way_drop(struct visit *visit)
{
    struct lws *wsi = visit->wsi;
    way_cut(visit);
    if (wsi != NULL)
        lws_set_wsi_user(wsi, NULL);
    visit->wsi = NULL;
    visit->is_open = visit->is_cut = false;
    visit->request = VISIT_NO_REQUEST;
    way_drop_incoming(visit);
}

bool way_is_done(const struct visit *visit)
{
    return visit->wsi == NULL && visit->location == NULL && !visit->gives_up;
}

/* ---- connecting ---- */

/* From an address of 127.0.0.0/8 nothing else can be reached. */
static bool reaches(const struct address *source, const char *to)
{
    bool is_loopback = address_is_ipv4(source) && source->ip[12] == 127;
    return !is_loopback || strncmp(to, "127.", 4) == 0;
}

bool way_connect(struct visit *visit, unsigned node, const char *path, const char *method)
{
    struct door *door = visit->door;
    const struct address *source = door_source(door, visit->number);
    const char *protocol = method == NULL ? SOCKET_PROTOCOL : WHEP_PROTOCOL;
    char source_text[ADDRESS_TEXT_MAX];
    struct lws_client_connect_info info = {
        .context = door->context,
        .path = path,
        .method = method,
        .protocol = protocol,
        .local_protocol_name = protocol,
        .alpn = "http/1.1",
        .userdata = visit,
        .pwsi = &visit->wsi,
    };
    nodes_aim(&door->nodes, node, &info);
    info.address = door->addresses[node];
    if (source != NULL && reaches(source, door->addresses[node])) {
        address_write_ip(source, source_text);
        info.iface = source_text;
    }
    /* It may tell of the end already in here, and return a pointer to what is no more. */
    visit->is_socket = method == NULL;
    visit->is_connecting = true;
    visit->is_cut = false;
    visit->has_ended_early = false;
    struct lws *wsi = lws_client_connect_via_info(&info);
    visit->is_connecting = false;
    if (wsi != NULL && !visit->has_ended_early)
        return true;
    visit->wsi = NULL;
    return false;
}

bool way_forget(struct visit *visit, const struct lws *wsi)
{
    if (visit->is_connecting)
        visit->has_ended_early = true;
    if (visit->is_connecting || visit->wsi != wsi)
        return false;
    visit->wsi = NULL;
    visit->is_open = false;
    return true;
}

/* ---- what comes ---- */

int way_keep(struct visit *visit, const void *data, size_t bytes)
{
    if (visit->incoming_bytes + bytes > VISIT_INCOMING_MAX)
        return ERR_FULL;
    char *incoming = realloc(visit->incoming, visit->incoming_bytes + bytes);
    if (incoming == NULL)
        return ERR_NOMEM;
    memcpy(incoming + visit->incoming_bytes, data, bytes);
    visit->incoming = incoming;
    visit->incoming_bytes += bytes;
    return 0;
}

void way_drop_incoming(struct visit *visit)
{
    free(visit->incoming);
    visit->incoming = NULL;
    visit->incoming_bytes = 0;
}

uint64_t way_retry_after_us(struct lws *wsi)
{
    char text[16];
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_RETRY_AFTER) <= 0)
        return VISIT_NEVER;
    unsigned long seconds = strtoul(text, NULL, 10); /* ours gives no date */
    return seconds < RETRY_MAX_S ? seconds * US_PER_S : (uint64_t)RETRY_MAX_S * US_PER_S;
}

/* ---- why not ---- */

/* Why the system gives no socket now: a constant text; NULL: it would give one. */
static const char *local_limit(const struct door *door, uint32_t number)
{
    const struct address *source = door_source(door, number);
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    bool is_v4 = source == NULL || address_is_ipv4(source);
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
        return "no descriptors left here";
    if (fd < 0)
        return errno == ENOBUFS || errno == ENOMEM ? "no memory left here" : NULL;
    if (source != NULL && is_v4)
        memcpy(&v4.sin_addr, source->ip + 12, sizeof(v4.sin_addr));
    int result = 0;
    if (is_v4)
        result = bind(fd, (const struct sockaddr *)&v4, sizeof(v4));
    int error = errno;
    (void)close(fd);
    if (result == 0)
        return NULL;
    return error == EADDRNOTAVAIL ? "no such source address here" : "no ports left here";
}

void way_refuse(struct visit *visit, unsigned status, const char *word, uint64_t retry_after_us)
{
    char number[16];
    bool is_passing = status == STATUS_TOO_MANY || status == STATUS_UNAVAILABLE;
    (void)snprintf(number, sizeof(number), "HTTP %u", status);
    if (is_passing && retry_after_us == VISIT_NEVER)
        retry_after_us = visit_backoff_us(visit);
    visit_on_refusal(visit, word != NULL ? word : number, retry_after_us, clock_now_us());
}

void way_fail(struct visit *visit, struct lws *wsi)
{
    const char *limit = local_limit(visit->door, visit->number);
    unsigned status = wsi != NULL ? lws_http_client_http_response(wsi) : 0;
    if (limit != NULL)
        visit_on_failure(visit, limit, true, clock_now_us());
    else if (status < STATUS_ERROR)
        visit_on_failure(visit, "no connection", false, clock_now_us());
    else
        way_refuse(visit, status, NULL, way_retry_after_us(wsi));
}
