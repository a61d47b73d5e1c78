/* way_whep.c - a listener's WHEP session: POST the offer, DELETE in the end; and the events of all
 * requests by HTTP, those to the line (way_line.c) among them. Each request has a connection of its
 * own, which is closed after it. */
#include "base/clock.h"
#include "rehearse/door_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATUS_CREATED = 201,   /* RFC 9110 section 15.3.2 */
    STATUS_ELSEWHERE = 307, /* section 15.4.8: the same again, there */
    LOCATION_MAX = 512,
    READ_BYTES = 4096,
};

/* ---- asking ---- */

void whep_ask(struct visit *visit)
{
    visit->request = VISIT_POST;
    visit->says_offer = true;
    if (!way_connect(visit, visit->node, visit->door->whep_path, "POST"))
        way_fail(visit, NULL);
}

static void drop_location(struct visit *visit)
{
    free(visit->location);
    visit->location = NULL;
}

void whep_leave(struct visit *visit)
{
    if (visit->wsi != NULL) {
        /* The offer need not be answered any more; a DELETE goes on. Its end brings us here again. */
        if (visit->request == VISIT_POST || visit->request == VISIT_CHECK_IN)
            lws_set_timeout(visit->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        return;
    }
    if (visit->location == NULL)
        return;
    visit->request = VISIT_DELETE;
    if (!way_connect(visit, visit->node, visit->location, "DELETE"))
        drop_location(visit); /* the server will miss its checks */
}

static int add_headers(struct visit *visit, struct lws *wsi, unsigned char **at,
                       unsigned char *stop)
{
    static const unsigned char type[] = "application/sdp";
    char offer[OFFER_BYTES_MAX], length[16];
    if (visit->request != VISIT_POST)
        return visit->request == VISIT_DELETE ? 0 : line_add_headers(visit, wsi, at, stop);
    if (line_add_bearer(visit, wsi, at, stop) != 0)
        return -1;
    if (door_write_offer(visit, offer) != 0)
        return -1;
    int chars = snprintf(length, sizeof(length), "%zu", strlen(offer));
    if (lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, type, (int)sizeof(type) - 1,
                                     at, stop) != 0 ||
        lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH,
                                     (const unsigned char *)length, chars, at, stop) != 0)
        return -1;
    lws_client_http_body_pending(wsi, 1);
    lws_callback_on_writable(wsi);
    return 0;
}

static int write_offer(struct visit *visit, struct lws *wsi)
{
    unsigned char buffer[LWS_PRE + OFFER_BYTES_MAX];
    char offer[OFFER_BYTES_MAX];
    if (visit->request != VISIT_POST || !visit->says_offer)
        return 0;
    if (door_write_offer(visit, offer) != 0)
        return -1;
    size_t bytes = strlen(offer);
    memcpy(buffer + LWS_PRE, offer, bytes);
    visit->says_offer = false;
    lws_client_http_body_pending(wsi, 0);
    return lws_write(wsi, buffer + LWS_PRE, bytes, LWS_WRITE_HTTP_FINAL) < 0 ? -1 : 0;
}

/* ---- the answer ---- */

static void take_ticket(struct lws *wsi, char out[LINE_TICKET_MAX + 1])
{
    static const char name[] = "rostrum-ticket:";
    char ticket[LINE_TICKET_MAX + 1] = "";
    if (lws_hdr_custom_copy(wsi, ticket, sizeof(ticket), name, sizeof(name) - 1) > 0)
        (void)line_take_ticket(out, ticket);
}

/* The same session is asked for at another node. */
static void take_elsewhere(struct visit *visit, struct lws *wsi, const char *location)
{
    struct line_node node;
    const char *path;
    if (line_node_split(&node, &path, location) != 0 || strcmp(path, visit->door->whep_path) != 0)
        return; /* refused with its number, as any other answer that is none */
    take_ticket(wsi, node.ticket);
    visit->request = VISIT_NO_REQUEST;
    visit_on_elsewhere(visit, &node, clock_now_us());
}

static void take_status(struct visit *visit, struct lws *wsi)
{
    char location[LOCATION_MAX];
    visit->status = lws_http_client_http_response(wsi);
    visit->retry_after_us = way_retry_after_us(wsi);
    if (visit->request != VISIT_POST ||
        lws_hdr_copy(wsi, location, sizeof(location), WSI_TOKEN_HTTP_LOCATION) <= 0)
        return;
    if (visit->status == STATUS_ELSEWHERE)
        take_elsewhere(visit, wsi, location);
    if (visit->status != STATUS_CREATED || location[0] != '/')
        return;
    free(visit->location);
    visit->location = strdup(location);
    if (visit->state == VISIT_ASKING)
        take_ticket(wsi, visit->ticket);
}

/* The server's word for it stands in its problem document (RFC 9457). */
static void refuse(struct visit *visit)
{
    struct line_word word;
    uint32_t again_ms = visit->retry_after_us == VISIT_NEVER
                            ? LINE_AGAIN_NEVER
                            : (uint32_t)(visit->retry_after_us / 1000);
    if (line_word_read(&word, visit->status, again_ms, visit->incoming, visit->incoming_bytes) ==
            0 &&
        word.place.ticket[0] != '\0') {
        visit_on_line(visit, &word, clock_now_us());
        return;
    }
    json_t *problem = json_loadb(visit->incoming, visit->incoming_bytes, 0, NULL);
    const char *code = json_string_value(json_object_get(problem, "code"));
    way_refuse(visit, visit->status, code, visit->retry_after_us);
    json_decref(problem);
}

static void complete(struct visit *visit)
{
    if (visit->request == VISIT_CHECK_IN)
        line_complete(visit);
    if (visit->request != VISIT_POST)
        return;
    if (visit->status == STATUS_CREATED)
        visit_on_answer(visit, slice_of(visit->incoming, visit->incoming_bytes), clock_now_us());
    else
        refuse(visit);
    visit->request = VISIT_NO_REQUEST;
    way_drop_incoming(visit);
}

/* ---- events ---- */

static void end(struct visit *visit, struct lws *wsi, bool is_error)
{
    bool was_delete = visit->request == VISIT_DELETE;
    bool was_give_up = visit->request == VISIT_GIVE_UP;
    if (!way_forget(visit, wsi))
        return;
    visit->request = VISIT_NO_REQUEST;
    if (was_delete)
        drop_location(visit);
    else if (was_give_up)
        visit->gives_up = false;
    else if (is_error)
        way_fail(visit, wsi);
    visit_on_end(visit, clock_now_us());
}

/* Asks libwebsockets for what has arrived; it comes back as RECEIVE_CLIENT_HTTP_READ. */
static int take(struct lws *wsi)
{
    char buffer[LWS_PRE + READ_BYTES];
    char *at = buffer + LWS_PRE;
    int bytes = READ_BYTES;
    return lws_http_client_read(wsi, &at, &bytes) < 0 ? -1 : 0;
}

int whep_on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t bytes)
{
    struct visit *visit = user;
    if (visit == NULL)
        return 0;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
        unsigned char **at = in;
        return add_headers(visit, wsi, at, *at + bytes);
    }
    case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
        return write_offer(visit, wsi);
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        take_status(visit, wsi);
        break;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return take(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        return way_keep(visit, in, bytes) != 0 ? -1 : 0;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        complete(visit);
        return -1;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        end(visit, wsi, true);
        break;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
    case LWS_CALLBACK_WSI_DESTROY: /* if it told of no end before */
        end(visit, wsi, false);
        break;
    }
    return 0;
}
