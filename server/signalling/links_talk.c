/* links_talk.c - one link: greets, opens and seals, queues, closes; the same for both roles. */
#include "base/clock.h"
#include "signalling/links_internal.h"
#include "telemetry/log.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSE_US = 1000 * 1000 /* for what was said last, and the other's close */ };

/* ---- the end ---- */

void link_cut(struct link *link, const char *reason)
{
    if (link->is_doomed)
        return;
    link->is_doomed = true;
    link->reason = reason;
    if (link->wsi == NULL)
        return;
    lws_set_timeout(link->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    lws_cancel_service(link->links->signalling->context); /* see client_cut() */
}

void link_close(struct link *link, const char *reason)
{
    if (link->is_closing || link->is_doomed)
        return;
    if (!link->is_open || !link->is_proved) {
        link_cut(link, reason);
        return;
    }
    link->is_closing = true;
    link->reason = reason;
    link->close_by_us = clock_now_us() + CLOSE_US;
    lws_callback_on_writable(link->wsi);
}

/* From within a callback of libwebsockets: it closes then. */
static int refuse(struct link *link, const char *reason)
{
    const char *node = trust_other(&link->trust);
    if (node[0] == '\0' && link->wanted != NULL)
        node = link->wanted->node;
    links_log_refused(link->links, node, reason);
    link->reason = reason;
    link->is_doomed = true;
    return -1;
}

/* With a close frame: see close_politely() in visitors.c. */
static void close_politely(struct link *link)
{
    link->is_close_sent = true;
    lws_close_reason(link->wsi, LWS_CLOSE_STATUS_GOINGAWAY, NULL, 0);
    lws_set_timeout(link->wsi, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, LWS_TO_KILL_ASYNC);
    lws_cancel_service(link->links->signalling->context);
}

/* ---- out ---- */

static struct link_message *make_message(size_t bytes)
{
    struct link_message *message = malloc(sizeof(*message) + LWS_PRE + bytes);
    if (message != NULL)
        *message = (struct link_message){.bytes = bytes};
    return message;
}

/* Takes the message. */
static void push(struct link *link, struct link_message *message)
{
    *link->queue_end = message;
    link->queue_end = &message->next;
    link->queue_bytes += message->bytes;
    link->said_us = clock_now_us();
    lws_callback_on_writable(link->wsi);
}

static int push_bytes(struct link *link, struct slice bytes)
{
    struct link_message *message = make_message(bytes.bytes);
    if (message == NULL)
        return ERR_NOMEM;
    memcpy(message->data + LWS_PRE, bytes.data, bytes.bytes);
    push(link, message);
    return 0;
}

int link_say(struct link *link, struct slice word)
{
    size_t bytes = word.bytes + TRUST_SEAL_BYTES;
    if (bytes > LINKS_MESSAGE_MAX)
        return ERR_INVAL;
    if (link->queue_bytes + bytes > LINKS_QUEUE_MAX) {
        link_cut(link, "does_not_read");
        return ERR_FULL;
    }
    struct link_message *message = make_message(bytes);
    int err = ERR_NOMEM;
    if (message != NULL) {
        struct writer out = writer_of(message->data + LWS_PRE, bytes);
        err = trust_seal(&link->trust, word, &out);
    }
    if (err != 0) {
        free(message);
        link_cut(link, error_name(err));
        return err;
    }
    push(link, message);
    return 0;
}

int link_on_writable(struct link *link)
{
    struct link_message *message = link->queue;
    int result = 0;
    if (link->is_doomed)
        return -1;
    if (message != NULL) {
        link->queue = message->next;
        if (link->queue == NULL)
            link->queue_end = &link->queue;
        link->queue_bytes -= message->bytes;
        if (lws_write(link->wsi, message->data + LWS_PRE, message->bytes, LWS_WRITE_BINARY) < 0)
            result = -1;
        free(message);
    } else if (link->is_closing && !link->is_close_sent) {
        close_politely(link);
        return 0;
    }
    if (link->queue != NULL || (link->is_closing && !link->is_close_sent))
        lws_callback_on_writable(link->wsi);
    return result;
}

/* ---- in ---- */

int link_on_open(struct link *link, uint64_t now_us)
{
    uint8_t bytes[TRUST_GREETING_MAX];
    struct writer out = writer_of(bytes, sizeof(bytes));
    if (link->is_doomed)
        return -1;
    link->is_open = true;
    link->heard_us = now_us;
    if (link->client != NULL)
        return 0;
    if (trust_greet(&link->trust, &out) != 0 || push_bytes(link, writer_slice(&out)) != 0)
        return -1;
    return 0;
}

static const char *why_not(const struct link *link, int err)
{
    if (err == ERR_AUTH)
        return "wrong_secret";
    if (strcmp(trust_other(&link->trust), link->links->id) == 0)
        return "own_id";
    return err == ERR_PROTO || err == ERR_BADSTATE ? "malformed" : error_name(err);
}

/* What comes before the proof. */
static int take_greeting(struct link *link, struct slice message)
{
    uint8_t bytes[TRUST_GREETING_MAX];
    struct writer out = writer_of(bytes, sizeof(bytes));
    int err = trust_take(&link->trust, message, &out);
    if (err != 0)
        return refuse(link, why_not(link, err));
    if (link->wanted != NULL && strcmp(link->wanted->node, trust_other(&link->trust)) != 0)
        return refuse(link, "another_node"); /* whoever is at that address, we did not call it */
    if (out.at > 0 && push_bytes(link, writer_slice(&out)) != 0)
        return -1;
    if (link->trust.state == TRUST_PROVED)
        link_proved(link);
    return link->is_doomed ? -1 : 0;
}

static int take_message(struct link *link, struct slice message)
{
    const struct links_events *events = &link->links->events;
    struct slice word;
    if (!link->is_proved)
        return take_greeting(link, message);
    if (trust_open(&link->trust, message, &word) != 0)
        return refuse(link, "changed_or_repeated");
    if (word.bytes > 0 && !link->links->is_mute && events->on_word != NULL)
        events->on_word(events->ctx, trust_other(&link->trust), word);
    return link->is_doomed ? -1 : 0;
}

static int collect(struct link *link, const void *data, size_t bytes)
{
    if (link->message == NULL)
        link->message = malloc(LINKS_MESSAGE_MAX);
    if (link->message == NULL)
        return -1;
    if (bytes > 0)
        memcpy(link->message + link->message_bytes, data, bytes);
    link->message_bytes += bytes;
    return 0;
}

int link_on_data(struct link *link, const void *data, size_t bytes, uint64_t now_us)
{
    size_t most = link->is_proved ? LINKS_MESSAGE_MAX : TRUST_GREETING_MAX;
    if (link->is_doomed)
        return -1;
    link->heard_us = now_us;
    if (!lws_frame_is_binary(link->wsi))
        return refuse(link, "malformed");
    if (lws_is_first_fragment(link->wsi))
        link->message_bytes = 0;
    if (link->message_bytes + bytes > most)
        return refuse(link, "too_long");
    bool is_whole = lws_is_final_fragment(link->wsi) != 0;
    if (is_whole && link->message_bytes == 0)
        return take_message(link, slice_of(data, bytes));
    if (collect(link, data, bytes) != 0)
        return -1;
    if (!is_whole)
        return 0;
    int result = take_message(link, slice_of(link->message, link->message_bytes));
    free(link->message);
    link->message = NULL;
    link->message_bytes = 0;
    return result;
}
