/* way_socket.c - a listener's WebSocket: hello, welcome, offer, answer, bye. */
#include "base/clock.h"
#include "rehearse/door_internal.h"

#include <stdlib.h>
#include <string.h>

/* The one message that comes again and again, to each of thousands: not worth a parser. */
static const char audience_start[] = "{\"type\":\"audience\"";

/* ---- saying ---- */

void socket_ask(struct visit *visit)
{
    if (visit->wsi == NULL) {
        if (!way_connect(visit, visit->node, "/ws", NULL))
            way_fail(visit, NULL);
        return;
    }
    visit->says_offer = visit->is_open;
    (void)lws_callback_on_writable(visit->wsi);
}

void socket_leave(struct visit *visit)
{
    if (visit->wsi == NULL)
        return;
    if (visit->is_open)
        (void)lws_callback_on_writable(visit->wsi); /* closes it, with a reason */
    else
        way_cut(visit);
}

static int say(struct lws *wsi, json_t *message)
{
    char *text = message != NULL ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    size_t bytes = text != NULL ? strlen(text) : 0;
    unsigned char *buffer = malloc(LWS_PRE + bytes);
    int written = -1;
    if (text != NULL && buffer != NULL) {
        memcpy(buffer + LWS_PRE, text, bytes);
        written = lws_write(wsi, buffer + LWS_PRE, bytes, LWS_WRITE_TEXT);
    }
    free(buffer);
    free(text);
    return written < 0 ? -1 : 0;
}

static int say_hello(struct visit *visit, struct lws *wsi)
{
    const char *ticket = visit->ticket[0] != '\0' ? visit->ticket : NULL;
    const char *region = visit->region[0] != '\0' ? visit->region : NULL;
    visit->says_hello = false;
    return say(wsi, json_pack("{s:s,s:s,s:s,s:s*,s:s*}", "type", "hello", "room",
                              visit->door->params.crowd->slug, "as", "listener", "token", ticket,
                              "region", region));
}

static int say_offer(struct visit *visit, struct lws *wsi)
{
    char offer[OFFER_BYTES_MAX];
    visit->says_offer = false;
    if (door_write_offer(visit, offer) != 0)
        return -1;
    return say(wsi, json_pack("{s:s,s:s}", "type", "offer", "sdp", offer));
}

/* In words, too: libwebsockets 4.1 sends no close frame for a client that closes at once, and who says
 * nothing keeps the seat for a while, as one who lost the network. */
static int say_goodbye(struct lws *wsi)
{
    (void)say(wsi, json_pack("{s:s}", "type", "leave"));
    return -1;
}

static int on_writable(struct visit *visit, struct lws *wsi)
{
    if (visit->state == VISIT_LEAVING || visit->state == VISIT_GONE)
        return say_goodbye(wsi);
    if (visit->says_hello)
        return say_hello(visit, wsi);
    return visit->says_offer ? say_offer(visit, wsi) : 0;
}

/* ---- hearing ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static uint64_t retry_after_us(const json_t *message)
{
    const json_t *retry = json_object_get(message, "retry_after_ms");
    json_int_t ms = json_integer_value(retry);
    if (!json_is_integer(retry) || ms < 0)
        return VISIT_NEVER;
    return (uint64_t)(ms < RETRY_MAX_S * 1000 ? ms : RETRY_MAX_S * 1000) * 1000;
}

static void take_room(struct visit *visit, const json_t *room)
{
    bool is_live = strcmp(text_of(room, "state"), "live") == 0;
    atomic_store_explicit(&visit->door->params.mood->room_is_live, is_live, memory_order_relaxed);
}

static void take_welcome(struct visit *visit, const json_t *message)
{
    visit->is_open = true;
    take_room(visit, json_object_get(message, "room"));
    if (visit->state != VISIT_ASKING)
        return;
    visit->says_offer = true;
    (void)lws_callback_on_writable(visit->wsi);
}

/* Its own close follows, unless it only wants to be left. */
static void take_bye(struct visit *visit, const json_t *message)
{
    if (strcmp(text_of(message, "reason"), "moving") == 0) {
        visit_on_moving(visit, retry_after_us(message), clock_now_us());
        return;
    }
    visit->is_open = false;
    visit_on_bye(visit, text_of(message, "reason"), retry_after_us(message), clock_now_us());
}

static void take_answer(struct visit *visit, const json_t *message)
{
    const char *ticket = json_string_value(json_object_get(message, "ticket"));
    if (ticket != NULL && visit->state == VISIT_ASKING)
        (void)line_take_ticket(visit->ticket, ticket);
    visit_on_answer(visit, slice_text(text_of(message, "sdp")), clock_now_us());
}

static void take_elsewhere(struct visit *visit, const json_t *elsewhere)
{
    struct line_node node;
    if (line_node_read(&node, elsewhere) != 0)
        node = (struct line_node){0}; /* is not followed */
    visit_on_elsewhere(visit, &node, clock_now_us());
}

static void take_refused(struct visit *visit, const json_t *message)
{
    struct line_word word = {.answer = LINE_PLACE, .again_ms = line_again_read(message)};
    if (strcmp(text_of(message, "reason"), "elsewhere") == 0) {
        take_elsewhere(visit, json_object_get(message, "elsewhere"));
        return;
    }
    bool is_place = strcmp(text_of(message, "reason"), "line") == 0 &&
                    word.again_ms != LINE_AGAIN_NEVER &&
                    line_place_read(&word.place, json_object_get(message, "line")) == 0;
    if (is_place)
        visit_on_line(visit, &word, clock_now_us());
    else
        visit_on_refusal(visit, text_of(message, "reason"), retry_after_us(message),
                         clock_now_us());
}

/* Who is sent away from a seat, as in the lifeboat, does not wait until it misses the sound. */
static void take_media(struct visit *visit, const json_t *message)
{
    bool is_lost = strcmp(text_of(message, "state"), "lost") == 0;
    if (is_lost && strcmp(text_of(message, "cause"), "shed") == 0)
        visit_on_bye(visit, "shed", visit_backoff_us(visit), clock_now_us());
}

static void take_message(struct visit *visit, const json_t *message)
{
    const char *type = text_of(message, "type");
    if (strcmp(type, "welcome") == 0) {
        take_welcome(visit, message);
    } else if (strcmp(type, "room") == 0) {
        take_room(visit, json_object_get(message, "room"));
    } else if (strcmp(type, "answer") == 0) {
        take_answer(visit, message);
    } else if (strcmp(type, "refused") == 0) {
        take_refused(visit, message);
    } else if (strcmp(type, "media") == 0) {
        take_media(visit, message);
    } else if (strcmp(type, "error") == 0) {
        visit_on_refusal(visit, text_of(message, "code"), VISIT_NEVER, clock_now_us());
    } else if (strcmp(type, "bye") == 0) {
        take_bye(visit, message);
    }
    /* the rest concerns pages */
}

static int take_bytes(struct visit *visit, struct lws *wsi, const void *in, size_t bytes)
{
    bool is_whole = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
    bool is_alone = visit->incoming_bytes == 0;
    if (is_whole && is_alone && bytes >= sizeof(audience_start) - 1 &&
        memcmp(in, audience_start, sizeof(audience_start) - 1) == 0)
        return 0;
    if (way_keep(visit, in, bytes) != 0)
        return -1;
    if (!is_whole)
        return 0;
    json_t *message = json_loadb(visit->incoming, visit->incoming_bytes, 0, NULL);
    way_drop_incoming(visit);
    if (message != NULL)
        take_message(visit, message);
    json_decref(message);
    return 0;
}

/* ---- the former seat's ---- */

void way_leave_former(struct visit *visit)
{
    if (visit->former.wsi != NULL)
        (void)lws_callback_on_writable(visit->former.wsi);
}

void way_cut_former(struct visit *visit)
{
    if (visit->former.wsi != NULL)
        lws_set_timeout(visit->former.wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* What its node still says was for who wanted to stay. */
static int former_on_event(struct visit *visit, struct lws *wsi, enum lws_callback_reasons reason)
{
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return visit->former.is_left ? say_goodbye(wsi) : 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY: /* if it told of no end before */
        visit->former.wsi = NULL;
        visit_on_former_end(visit, clock_now_us());
        break;
    }
    return 0;
}

/* ---- events ---- */

int socket_on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t bytes)
{
    struct visit *visit = user;
    if (visit == NULL)
        return 0;
    if (visit->former.wsi == wsi)
        return former_on_event(visit, wsi, reason);
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        visit->says_hello = true;
        (void)lws_callback_on_writable(wsi);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return on_writable(visit, wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return take_bytes(visit, wsi, in, bytes);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        if (!way_forget(visit, wsi))
            break;
        way_fail(visit, wsi);
        visit_on_end(visit, clock_now_us());
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY: /* if it told of no end before */
        if (way_forget(visit, wsi))
            visit_on_end(visit, clock_now_us());
        break;
    }
    return 0;
}
