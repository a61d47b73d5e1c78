#include "signalling/visitors.h"

#include "base/clock.h"
#include "base/random.h"
#include "signalling/clients.h"
#include "signalling/messages.h"
#include "signalling/texts.h"
#include "signalling/views.h"
#include "telemetry/log.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECOND_US = 1000 * 1000,
    HELLO_US = 5 * SECOND_US,
    HELLO_AGAIN_US = 30 * SECOND_US, /* once somebody tried, they may correct themselves */
    PING_US = 15 * SECOND_US,
    DEAD_US = 40 * SECOND_US,
    CLOSE_US = 5 * SECOND_US,
    SLOW_US = 20 * SECOND_US, /* that a socket may take nothing of what waits for it */
    RETRY_SHORT_MS = 5000,
    RETRY_SHORT_SPREAD_MS = 10000,
    STATUS_TRY_AGAIN = 1013, /* RFC 6455 section 11.7; libwebsockets has no name for it */
};

struct visitor *visitor_ref(struct visitor *visitor)
{
    visitor->refs++;
    return visitor;
}

void visitor_unref(struct visitor *visitor)
{
    if (--visitor->refs == 0)
        free(visitor);
}

int visitor_open(struct client *client, uint64_t now_us)
{
    struct visitor *visitor = calloc(1, sizeof(*visitor));
    if (visitor == NULL)
        return -1;
    visitor->refs = 1;
    visitor->client = client;
    visitor->media.signalling = client->signalling;
    visitor->media.on_event = talk_on_media;
    visitor->queue_end = &visitor->queue;
    visitor->hello_by_us = now_us + HELLO_US;
    visitor->heard_us = now_us;
    visitor->pinged_us = now_us;
    client->visitor = visitor;
    if (client->signalling->closing)
        visitor_bye(visitor, "closing", client->signalling->retry_after_ms,
                    LWS_CLOSE_STATUS_GOINGAWAY);
    return 0;
}

static struct text *take_queued(struct visitor *visitor)
{
    struct queued *first = visitor->queue;
    struct text *text = first->text;
    visitor->queue = first->next;
    if (visitor->queue == NULL)
        visitor->queue_end = &visitor->queue;
    visitor->queue_bytes -= text->bytes;
    free(first);
    return text;
}

void visitor_on_goodbye(struct client *client)
{
    if (client->visitor != NULL)
        client->visitor->said_goodbye = true;
}

void visitor_gone(struct client *client)
{
    struct visitor *visitor = client->visitor;
    if (visitor == NULL)
        return;
    client->visitor = NULL;
    visitor->client = NULL;
    if (visitor->said_goodbye || visitor->close_status != 0)
        media_close(&visitor->media);
    else
        media_abandon(&visitor->media);
    visitor_leave(visitor);
    while (visitor->queue != NULL)
        text_unref(take_queued(visitor));
    free(visitor->message);
    visitor->message = NULL;
    visitor_unref(visitor);
}

/* ---- out ---- */

static void ask_to_write(struct visitor *visitor)
{
    if (visitor->client == NULL)
        return;
    if (visitor->unsent_us == 0)
        visitor->unsent_us = clock_now_us();
    lws_callback_on_writable(visitor->client->wsi);
}

static void cut_slow(struct visitor *visitor)
{
    log_debug("socket.slow", "queued_bytes=%zu", visitor->queue_bytes);
    signalling_count(&visitor->client->signalling->counts.slow);
    client_cut(visitor->client);
}

void visitor_say(struct visitor *visitor, struct text *text)
{
    struct client *client = visitor->client;
    struct queued *queued = text != NULL && client != NULL ? malloc(sizeof(*queued)) : NULL;
    if (queued == NULL || visitor->close_status != 0) {
        free(queued);
        text_unref(text);
        if (client != NULL && visitor->close_status == 0)
            client_cut(client);
        return;
    }
    *queued = (struct queued){.text = text};
    *visitor->queue_end = queued;
    visitor->queue_end = &queued->next;
    visitor->queue_bytes += text->bytes;
    if (visitor->queue_bytes > VISITOR_QUEUE_HARD_BYTES) {
        cut_slow(visitor);
    } else if (visitor->queue_bytes > VISITOR_QUEUE_SOFT_BYTES && !visitor->is_paused) {
        visitor->is_paused = true;
        lws_rx_flow_control(client->wsi, 0);
    }
    ask_to_write(visitor);
}

void visitor_bye(struct visitor *visitor, const char *reason, uint32_t retry_after_ms,
                 unsigned status)
{
    if (visitor->client == NULL || visitor->close_status != 0)
        return;
    visitor_say(visitor, text_bye(reason, retry_after_ms));
    visitor_end(visitor, status);
}

void visitor_end(struct visitor *visitor, unsigned status)
{
    if (visitor->client == NULL || visitor->close_status != 0)
        return;
    visitor->close_status = status;
    visitor->close_by_us = clock_now_us() + CLOSE_US;
    ask_to_write(visitor);
}

bool visitor_turn_away(struct visitor *visitor, const char *ref)
{
    struct client *client = visitor->client;
    if (!clients_are_short(client->signalling))
        return false;
    signalling_count(&client->signalling->counts.refused);
    visitor_say(
        visitor,
        text_refused(ref, "overload",
                     "Very many are connected at this moment. This page tries again by itself.",
                     RETRY_SHORT_MS + random_u32() % RETRY_SHORT_SPREAD_MS, NULL, NULL));
    visitor_end(visitor, STATUS_TRY_AGAIN);
    return true;
}

void visitor_tell(struct visitor *visitor, enum news news)
{
    if (visitor->client == NULL || visitor->close_status != 0)
        return;
    visitor->news |= 1u << news;
    ask_to_write(visitor);
}

static int write_text(struct client *client, struct text *text)
{
    return lws_write(client->wsi, text->data + TEXT_PRE_BYTES, text->bytes, LWS_WRITE_TEXT) < 0 ? -1
                                                                                                : 0;
}

/* The latest of one kind of news, if there is any. */
static int write_news(struct visitor *visitor)
{
    unsigned kind = 0;
    while ((visitor->news & (1u << kind)) == 0)
        kind++;
    visitor->news &= ~(1u << kind);
    struct text *text = visitor->watchers != NULL ? visitor->watchers->latest[kind] : NULL;
    return text != NULL ? write_text(visitor->client, text) : 0;
}

static int write_queued(struct visitor *visitor)
{
    struct text *text = take_queued(visitor);
    int result = write_text(visitor->client, text);
    text_unref(text);
    if (visitor->is_paused && visitor->queue_bytes < VISITOR_QUEUE_SOFT_BYTES / 2) {
        visitor->is_paused = false;
        lws_rx_flow_control(visitor->client->wsi, 1);
    }
    return result;
}

/* With a close frame. To end it by returning an error from here would count as a failed write and send none;
 * this kind of timeout is the one that libwebsockets does not take for a dead peer. */
static void close_politely(struct visitor *visitor)
{
    if (visitor->is_closing)
        return;
    struct client *client = visitor->client;
    visitor->is_closing = true;
    lws_close_reason(client->wsi, (enum lws_close_status)visitor->close_status, NULL, 0);
    lws_set_timeout(client->wsi, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, LWS_TO_KILL_ASYNC);
    lws_cancel_service(client->signalling->context);
}

int visitor_on_writable(struct client *client)
{
    struct visitor *visitor = client->visitor;
    unsigned char ping[LWS_PRE + 1] = {[LWS_PRE] = 'r'}; /* of an empty pong we would not hear */
    int result = 0;
    if (visitor == NULL)
        return -1;
    visitor->unsent_us = 0;
    if (visitor->wants_ping) {
        visitor->wants_ping = false;
        result = lws_write(client->wsi, ping + LWS_PRE, 1, LWS_WRITE_PING) < 0 ? -1 : 0;
    } else if (visitor->queue != NULL) {
        result = write_queued(visitor);
    } else if (visitor->close_status != 0) {
        close_politely(visitor);
        return 0;
    } else if (visitor->news != 0) {
        result = write_news(visitor);
    }
    if (visitor->queue != NULL || visitor->news != 0 ||
        (visitor->close_status != 0 && !visitor->is_closing))
        ask_to_write(visitor);
    return result;
}

/* ---- in ---- */

/* What breaks the protocol so that nothing after it can be trusted. */
static void end_badly(struct visitor *visitor, const char *code, const char *text,
                      const char *allowed, unsigned status)
{
    visitor->message_is_bad = true;
    visitor_say(visitor, text_error("", code, text, allowed));
    visitor_bye(visitor, "protocol", 0, status);
}

static void collect(struct visitor *visitor, const void *data, size_t bytes)
{
    if (visitor->message_bytes + bytes > MESSAGE_BYTES_MAX) {
        end_badly(visitor, "too_large", "The message is larger than 16384 bytes.",
                  "at most 16384 bytes", LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
        return;
    }
    if (visitor->message == NULL)
        visitor->message = malloc(MESSAGE_BYTES_MAX);
    if (visitor->message == NULL) {
        visitor->message_is_bad = true;
        client_cut(visitor->client);
        return;
    }
    if (bytes > 0)
        memcpy(visitor->message + visitor->message_bytes, data, bytes);
    visitor->message_bytes += bytes;
}

static void finish_message(struct visitor *visitor, uint64_t now_us)
{
    unsigned char *message = visitor->message;
    visitor->message = NULL;
    if (visitor->message_is_bad || visitor->close_status != 0) {
        free(message);
        return;
    }
    if (bucket_take(&visitor->bucket, VISITOR_RATE_PER_SECOND, VISITOR_RATE_BURST, now_us)) {
        visitor->too_fast = 0;
        if (!visitor->has_tried_hello) {
            visitor->has_tried_hello = true;
            visitor->hello_by_us = now_us + HELLO_AGAIN_US;
        }
        talk_on_message(visitor, message, visitor->message_bytes, now_us);
    } else {
        visitor_say(visitor, text_error("", "too_fast", "Too many messages; this one was not read.",
                                        "20 a second, 100 at once"));
        if (++visitor->too_fast >= VISITOR_TOO_FAST_MAX)
            visitor_bye(visitor, "protocol", 0, LWS_CLOSE_STATUS_POLICY_VIOLATION);
    }
    free(message);
}

int visitor_on_data(struct client *client, const void *data, size_t bytes, uint64_t now_us)
{
    struct visitor *visitor = client->visitor;
    if (visitor == NULL)
        return -1;
    visitor->heard_us = now_us;
    if (lws_is_first_fragment(client->wsi)) {
        visitor->message_bytes = 0;
        visitor->message_frames = 0;
        visitor->message_is_bad = false;
    }
    visitor_ref(visitor); /* it may be cut, but not freed, by what it says */
    if (!visitor->message_is_bad && visitor->close_status == 0)
        collect(visitor, data, bytes);
    if (lws_remaining_packet_payload(client->wsi) == 0 &&
        ++visitor->message_frames > VISITOR_FRAMES_MAX && !visitor->message_is_bad)
        end_badly(visitor, "too_large", "The message comes in too many pieces.",
                  "at most 32 frames", LWS_CLOSE_STATUS_POLICY_VIOLATION);
    if (lws_is_final_fragment(client->wsi))
        finish_message(visitor, now_us);
    visitor_unref(visitor);
    return 0;
}

void visitor_on_pong(struct client *client, uint64_t now_us)
{
    if (client->visitor != NULL)
        client->visitor->heard_us = now_us;
}

/* ---- time ---- */

void visitor_tick(struct client *client, uint64_t now_us)
{
    struct visitor *visitor = client->visitor;
    if (visitor == NULL)
        return;
    bool is_stuck = visitor->close_status != 0 && now_us > visitor->close_by_us;
    if (is_stuck || now_us > visitor->heard_us + DEAD_US) {
        client_cut(client);
        return;
    }
    if (visitor->unsent_us != 0 && now_us > visitor->unsent_us + SLOW_US) {
        visitor->unsent_us = 0;
        cut_slow(visitor);
        return;
    }
    if (visitor->watchers == NULL && now_us > visitor->hello_by_us)
        visitor_bye(visitor, "idle", 0, LWS_CLOSE_STATUS_POLICY_VIOLATION);
    if (now_us > visitor->pinged_us + PING_US) {
        visitor->pinged_us = now_us;
        visitor->wants_ping = true;
        ask_to_write(visitor);
    }
}
