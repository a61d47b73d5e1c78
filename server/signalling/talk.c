/* talk.c - what visitors say: each message goes to the room, which decides. */
#include "signalling/visitors.h"

#include "base/random.h"
#include "room/cluster.h"
#include "signalling/clients.h"
#include "signalling/messages.h"
#include "signalling/refusals.h"
#include "signalling/texts.h"
#include "signalling/views.h"

#include <libwebsockets.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_AWAY_MS = 1000 };

static void say_error(struct visitor *visitor, const char *ref, const char *code, const char *text,
                      const char *allowed)
{
    visitor_say(visitor, text_error(ref, code, text, allowed));
}

static void say_elsewhere(struct visitor *visitor, const char *ref, const char *message,
                          const struct elsewhere *to)
{
    visitor_say(visitor, text_refused(ref, refusal_word(REFUSAL_ELSEWHERE), message, 0, "elsewhere",
                                      view_elsewhere(to)));
    visitor_end(visitor, LWS_CLOSE_STATUS_NORMAL);
}

static void say_refusal(struct visitor *visitor, const char *ref, const struct refusal *refusal)
{
    const char *word = refusal_word(refusal->reason);
    switch (refusal->reason) {
    case REFUSAL_NONE:
        say_error(visitor, ref, word, "The connection failed.", "");
        return;
    case REFUSAL_BAD_SDP:
    case REFUSAL_CONSENT_FIRST:
        say_error(visitor, ref, word, refusal->message, refusal->allowed);
        return;
    case REFUSAL_ELSEWHERE:
        say_elsewhere(visitor, ref, refusal->message, &refusal->elsewhere);
        return;
    case REFUSAL_BANNED:
        visitor_say(visitor, text_refused(ref, word, refusal->message, 0, NULL, NULL));
        visitor_end(visitor, LWS_CLOSE_STATUS_POLICY_VIOLATION);
        return;
    case REFUSAL_LINE: /* the line is asked over HTTP: nobody waits with an open socket */
        visitor_say(visitor, text_refused(ref, word, refusal->message, refusal->retry_after_ms,
                                          "line", view_line(&refusal->standing)));
        visitor_end(visitor, LWS_CLOSE_STATUS_NORMAL);
        return;
    case REFUSAL_FULL:
    case REFUSAL_TOO_MANY_HERE:
    case REFUSAL_NOT_OPEN:
    case REFUSAL_OVER:
    case REFUSAL_TOO_MANY_HOSTS:
    case REFUSAL_OVERLOAD:
    case REFUSAL_CLOSING:
        break;
    }
    visitor_say(visitor,
                text_refused(ref, word, refusal->message, refusal->retry_after_ms, NULL, NULL));
}

/* ---- hello ---- */

static bool find_host(struct visitor *visitor, const struct message *message,
                      const struct room *room, uint32_t *host)
{
    int err = room_find_host(room, message->token, host);
    if (err == 0)
        return true;
    if (err == ERR_BADSTATE)
        say_error(visitor, message->ref, "revoked_token", "This invitation was revoked.", "");
    else
        say_error(visitor, message->ref, "bad_token", "This is no invitation to this room.",
                  "the token of the link that you were sent");
    return false;
}

/* What is no ticket at all is taken for none: its holder is a newcomer. */
static void keep_ticket(struct visitor *visitor, const struct message *message)
{
    if (!message->as_host && message->token != NULL && strlen(message->token) == TICKET_CHARS)
        memcpy(visitor->ticket, message->token, sizeof(visitor->ticket));
}

/* Not this node's room: then it says whose. */
static void say_where(struct visitor *visitor, const struct message *message)
{
    struct signalling *signalling = visitor->client->signalling;
    struct elsewhere to = {.ticket = ""};
    switch (rooms_locate(signalling->rooms, message->room, to.url)) {
    case ROOM_ELSEWHERE:
        (void)snprintf(to.region, sizeof(to.region), "%s", signalling->config->region);
        say_elsewhere(visitor, message->ref, "This room is on another server.", &to);
        return;
    case ROOM_AWAY:
    case ROOM_UNKNOWN:
        visitor_say(visitor,
                    text_refused(message->ref, "overload",
                                 "The server of this room cannot be reached at this moment.",
                                 RETRY_AWAY_MS + random_u32() % RETRY_AWAY_MS, NULL, NULL));
        return;
    case ROOM_HERE:
    case ROOM_NOWHERE:
        break;
    }
    say_error(visitor, message->ref, "unknown_room", "There is no such room.", "");
}

/* Whose network is excluded is not even told the news. */
static bool refuse_banned(struct visitor *visitor, struct room *room, const char *ref)
{
    struct refusal refusal = {.reason = REFUSAL_NONE};
    if (room_check_network(room, client_origin(visitor->client).network, &refusal) == 0)
        return false;
    say_refusal(visitor, ref, &refusal);
    return true;
}

static void on_hello(struct visitor *visitor, const struct message *message)
{
    struct signalling *signalling = visitor->client->signalling;
    struct room *room = rooms_find(signalling->rooms, message->room);
    if (visitor->watchers != NULL) {
        say_error(visitor, message->ref, "hello_again", "You have said hello already.",
                  "another socket for another room");
        return;
    }
    if (room == NULL || !room_is_known(room) || (message->as_host && room_is_relayed(room))) {
        say_where(visitor, message);
        return;
    }
    uint32_t host = 0;
    if (message->as_host && !find_host(visitor, message, room, &host))
        return;
    if (host == 0 &&
        (refuse_banned(visitor, room, message->ref) || visitor_turn_away(visitor, message->ref)))
        return;
    struct watchers *watchers = watchers_of(signalling, room);
    if (watchers == NULL) {
        say_error(visitor, message->ref, "internal", "The server is out of memory.", "");
        return;
    }
    visitor->host = host;
    (void)snprintf(visitor->region, sizeof(visitor->region), "%s",
                   message->region != NULL ? message->region : "");
    keep_ticket(visitor, message);
    visitor_say(visitor, text_of(view_welcome_message(room, host, message->ref)));
    visitor_join(visitor, watchers);
    watchers_refresh(watchers, NEWS_AUDIENCE);
    visitor_tell(visitor, NEWS_AUDIENCE);
    if (host != 0) {
        watchers_refresh(watchers, NEWS_ROSTER);
        visitor_tell(visitor, NEWS_ROSTER);
    }
}

/* ---- consent ---- */

struct agreement {
    struct visitor *visitor; /* reference */
    char ref[MESSAGE_REF_MAX + 1];
};

static void on_agreed(void *ctx, int err)
{
    struct agreement *agreement = ctx;
    struct visitor *visitor = agreement->visitor;
    if (err != 0) {
        say_error(visitor, agreement->ref, "internal", "Your consent could not be stored.", "");
    } else if (visitor->watchers != NULL) {
        watchers_refresh(visitor->watchers, NEWS_ROSTER);
        watchers_refresh(visitor->watchers, NEWS_ROOM);
        visitor_tell(visitor, NEWS_ROSTER);
        visitor_tell(visitor, NEWS_ROOM);
    }
    visitor_unref(visitor);
    free(agreement);
}

static void on_consent(struct visitor *visitor, const struct message *message)
{
    struct agreement *agreement = calloc(1, sizeof(*agreement));
    int err = ERR_NOMEM;
    if (agreement != NULL) {
        agreement->visitor = visitor_ref(visitor);
        memcpy(agreement->ref, message->ref, sizeof(agreement->ref));
        err = room_agree(visitor->watchers->room, visitor->host, message->wording, on_agreed,
                         agreement);
    }
    if (err == 0)
        return;
    if (err == ERR_INVAL)
        say_error(visitor, message->ref, "bad_wording",
                  "The wording has changed; read the present one first.", consent_wording());
    else
        say_error(visitor, message->ref, "internal", "Your consent could not be stored.", "");
    if (agreement != NULL)
        visitor_unref(visitor);
    free(agreement);
}

/* ---- media ---- */

static void on_offer(struct visitor *visitor, const struct message *message)
{
    static char answer[ANSWER_MAX]; /* control thread only */
    struct refusal refusal;
    if (visitor->host == 0 && !client_may_join(visitor->client, &refusal)) {
        say_refusal(visitor, message->ref, &refusal);
        return;
    }
    struct connection_params params = {.host = visitor->host,
                                       .offer = message->sdp,
                                       .ticket = slice_text(visitor->ticket),
                                       .seat_ticket = visitor->ticket,
                                       .origin = client_origin(visitor->client)};
    params.origin.region = visitor->region;
    params.origin.way = ASKER_GOES_WITH_TICKET;
    int err = media_offer(&visitor->media, visitor->watchers->room, &params, answer, &refusal);
    if (err == 0)
        visitor_say(visitor, text_answer(message->ref, answer, visitor->ticket));
    else
        say_refusal(visitor, message->ref, &refusal);
}

void talk_on_media(struct media *media, enum connection_event event, const char *cause)
{
    union { /* media is the visitor's first member */
        struct media *media;
        struct visitor *visitor;
    } at = {.media = media};
    if (event == CONNECTION_LOST && strcmp(cause, "replaced") == 0) {
        /* Another window of the same host took the place: this one must not fight for it. */
        visitor_bye(at.visitor, "replaced", 0, LWS_CLOSE_STATUS_POLICY_VIOLATION);
        return;
    }
    char short_cause[64 + 1];
    snprintf(short_cause, sizeof(short_cause), "%s", event == CONNECTION_LOST ? cause : "");
    visitor_say(at.visitor, text_media(event == CONNECTION_UP ? "connected" : "lost", short_cause));
}

/* ---- steering ---- */

static void on_mute(struct visitor *visitor, const struct message *message)
{
    uint32_t host = message->has_host ? message->host : visitor->host;
    int err = room_mute(visitor->watchers->room, visitor->host, host, message->muted);
    if (err == ERR_NOENT)
        say_error(visitor, message->ref, "unknown_host", "There is no such host in this room.",
                  "a number of the roster");
    else if (err == ERR_AUTH)
        say_error(visitor, message->ref, "not_allowed",
                  "Only an owner or moderator may do this to a microphone.", "mute yourself");
    else if (err != 0)
        say_error(visitor, message->ref, "internal", "The stage is too busy; try again.", "");
}

static enum steer action_of(const char *name)
{
    static const char *const names[] = {[STEER_OPEN] = "open",
                                        [STEER_LIVE] = "live",
                                        [STEER_END] = "end",
                                        [STEER_CANCEL] = "cancel"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return (enum steer)i;
    return STEER_OPEN; /* messages.c lets no other name through */
}

static bool may_steer(struct visitor *visitor, const struct message *message)
{
    if (room_may_steer(visitor->watchers->room, visitor->host))
        return true;
    say_error(visitor, message->ref, "not_allowed", "Only an owner or moderator may do this.", "");
    return false;
}

static void on_steer(struct visitor *visitor, const struct message *message)
{
    struct room *room = visitor->watchers->room;
    char problem[ROOM_PROBLEM_MAX] = "";
    char text[ROOM_PROBLEM_MAX];
    if (!may_steer(visitor, message))
        return;
    enum room_state before = room_record(room)->state;
    int err = room_steer(room, action_of(message->action), NULL, NULL, problem);
    if (err == 0)
        return;
    snprintf(text, sizeof(text), "The room is '%s'.", room_state_name(before));
    if (err == ERR_BADSTATE)
        say_error(visitor, message->ref, "bad_state", text, problem);
    else
        say_error(visitor, message->ref, "internal", problem, "");
}

static void on_remove(struct visitor *visitor, const struct message *message)
{
    struct room *room = visitor->watchers->room;
    if (!may_steer(visitor, message))
        return;
    const struct roster_entry *entry = room_host(room, message->host);
    const struct roster_entry *own = room_host(room, visitor->host);
    if (entry == NULL || entry->revoked) {
        say_error(visitor, message->ref, "unknown_host", "There is no such host in this room.",
                  "a number of the roster");
    } else if (own->role == ROLE_MODERATOR && entry->role == ROLE_OWNER) {
        say_error(visitor, message->ref, "not_allowed", "A moderator may not remove an owner.", "");
    } else if (room_revoke(room, message->host, NULL, NULL) != 0) {
        say_error(visitor, message->ref, "internal", "This could not be stored now.", "");
    }
}

/* ---- dispatch ---- */

static bool is_for_hosts(enum message_type type)
{
    return type == MESSAGE_CONSENT || type == MESSAGE_MUTE || type == MESSAGE_STEER ||
           type == MESSAGE_REMOVE;
}

static void act(struct visitor *visitor, const struct message *message)
{
    switch (message->type) {
    case MESSAGE_HELLO:
        on_hello(visitor, message);
        return;
    case MESSAGE_CONSENT:
        on_consent(visitor, message);
        return;
    case MESSAGE_OFFER:
        on_offer(visitor, message);
        return;
    case MESSAGE_MUTE:
        on_mute(visitor, message);
        return;
    case MESSAGE_STEER:
        on_steer(visitor, message);
        return;
    case MESSAGE_REMOVE:
        on_remove(visitor, message);
        return;
    case MESSAGE_LEAVE:
        media_close(&visitor->media);
        return;
    }
}

void talk_on_message(struct visitor *visitor, const void *data, size_t bytes, uint64_t now_us)
{
    (void)now_us;
    struct message message;
    struct message_problem problem;
    if (message_parse(&message, slice_of(data, bytes), &problem) != 0)
        say_error(visitor, message.ref, problem.code, problem.text, problem.allowed);
    else if (visitor->watchers == NULL && message.type != MESSAGE_HELLO)
        say_error(visitor, message.ref, "hello_first", "Say hello before anything else.",
                  "{\"type\": \"hello\", \"room\": …, \"as\": \"listener\" or \"host\"}");
    else if (visitor->host == 0 && is_for_hosts(message.type))
        say_error(visitor, message.ref, "not_allowed", "Only hosts may do this.", "offer, leave");
    else
        act(visitor, &message);
    message_clear(&message);
}
