#include "signalling/whip.h"

#include "admission/limits.h"
#include "base/hash.h"
#include "base/random.h"
#include "signalling/access.h"
#include "signalling/clients.h"
#include "signalling/handlers.h"
#include "signalling/media.h"
#include "signalling/refusals.h"
#include "signalling/whip_rules.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 4096,
    ID_CHARS = 22, /* 6 bits each: 132 random bits (RFC 9725 section 5: unguessable) */
};

static const char sdp_type[] = "application/sdp";
static const char fragment_type[] = "application/trickle-ice-sdpfrag";
static const char exposed_headers[] =
    "Location, ETag, Link, Accept-Patch, Retry-After, Rostrum-Ticket";

struct session {
    struct media media;  /* first: its event finds the session */
    struct room *room;   /* borrowed; rooms outlive us */
    uint32_t host;       /* 0: WHEP, a listener */
    struct address from; /* a listener's */
    bool has_share;      /* of that address, while its connection lives: see client_may_listen() */
    char id[ID_CHARS + 1];
    bool has_ended; /* its connection is lost: 404 from now on, freed with the next look */
    struct session *next;
};

struct whip_table {
    struct session *buckets[BUCKETS];
};

static struct session **bucket_of(struct whip_table *table, const char *id)
{
    return &table->buckets[hash_bytes(HASH_START, id, strlen(id)) % BUCKETS];
}

static void return_share(struct session *session)
{
    if (session->has_share)
        limits_return_socket(session->media.signalling->limits, &session->from);
    session->has_share = false;
}

static void free_session(struct session **link)
{
    struct session *session = *link;
    *link = session->next;
    media_close(&session->media);
    return_share(session);
    free(session);
}

/* NULL: no such session of that kind. Frees those of this bucket that ended. */
static struct session **find(struct whip_table *table, const char *id, bool is_whip)
{
    struct session **found = NULL;
    for (struct session **link = bucket_of(table, id); *link != NULL;) {
        if ((*link)->has_ended) {
            free_session(link);
            continue;
        }
        if (strcmp((*link)->id, id) == 0 && ((*link)->host != 0) == is_whip)
            found = link;
        link = &(*link)->next;
    }
    return found;
}

int whip_table_create(struct whip_table **out)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? 0 : ERR_NOMEM;
}

void whip_end_all(struct whip_table *table)
{
    for (unsigned i = 0; table != NULL && i < BUCKETS; i++)
        while (table->buckets[i] != NULL)
            free_session(&table->buckets[i]);
}

void whip_table_destroy(struct whip_table *table)
{
    whip_end_all(table);
    free(table);
}

void whip_end_host(struct whip_table *table, const struct room *room, uint32_t host)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct session *session = table->buckets[i]; session != NULL; session = session->next)
            if (session->room == room && session->host == host)
                session->has_ended = true; /* its connection ends by the room's own hand */
}

static void on_event(struct media *media, enum connection_event event, const char *cause)
{
    union { /* media is the session's first member */
        struct media *media;
        struct session *session;
    } at = {.media = media};
    if (event == CONNECTION_LOST) {
        at.session->has_ended = true;
        return_share(at.session);
        log_debug("whip.ended", "room=%s cause=%s", room_record(at.session->room)->slug, cause);
    }
}

/* ---- replies ---- */

/* First of all in each handler: pages of other sites read refusals too. */
static void allow_pages(struct request *request)
{
    reply_header(request, "Access-Control-Allow-Origin", "*");
    reply_header(request, "Access-Control-Expose-Headers", "%s", exposed_headers);
}

/* ---- POST on the endpoint ---- */

static void open_session(struct request *request, struct room *room, uint32_t host)
{
    struct signalling *signalling = request->signalling;
    struct session *session = calloc(1, sizeof(*session));
    static char answer[ANSWER_MAX]; /* control thread only */
    struct refusal refusal = {.reason = signalling->closing ? REFUSAL_CLOSING : REFUSAL_OVERLOAD};
    if (session == NULL || signalling->closing) {
        free(session);
        reply_refusal(request, ERR_NOMEM, &refusal);
        return;
    }
    session->media.signalling = signalling;
    session->media.on_event = on_event;
    session->room = room;
    session->host = host;
    session->from = request->client->from;
    session->has_share = host == 0;
    if (host == 0 && !client_may_listen(request->client, &refusal)) {
        free(session);
        reply_refusal(request, ERR_FULL, &refusal);
        return;
    }
    const char *token = host == 0 ? access_token(request) : NULL;
    char ticket[TICKET_CHARS + 1] = "";
    struct connection_params params = {.host = host,
                                       .offer = request_body(request),
                                       .ticket = slice_text(token != NULL ? token : ""),
                                       .seat_ticket = ticket,
                                       .origin = client_origin(request->client)};
    params.origin.way = ASKER_GOES;
    int err = media_offer(&session->media, room, &params, answer, &refusal);
    if (err != 0) {
        return_share(session);
        free(session);
        reply_refusal(request, err, &refusal);
        return;
    }
    random_url_chars(session->id, ID_CHARS);
    (void)find(signalling->whips, session->id, host != 0); /* clears the bucket of what has ended */
    struct session **bucket = bucket_of(signalling->whips, session->id);
    session->next = *bucket;
    *bucket = session;
    /* An absolute path, without query: OBS and others join anything else wrongly. */
    reply_header(request, "Location", "/%s/s/%s", host != 0 ? "whip" : "whep", session->id);
    reply_header(request, "ETag", "\"%s\"", connection_ice_tag(session->media.connection));
    reply_header(request, "Accept-Patch", "%s", fragment_type);
    reply_header(request, "Cache-Control", "no-store");
    if (ticket[0] != '\0')
        reply_header(request, "Rostrum-Ticket", "%s", ticket);
    reply_text(request, 201, sdp_type, slice_text(answer));
}

static bool has_offer(struct request *request)
{
    if (!whip_type_is(request->content_type, sdp_type)) {
        reply_header(request, "Accept-Post", "%s", sdp_type);
        reply_problem(request, 415, "bad_type", sdp_type, "An offer is application/sdp.");
        return false;
    }
    if (request->body_bytes == 0) {
        reply_problem(request, 400, "bad_sdp", "an SDP offer", "The body is empty.");
        return false;
    }
    return true;
}

void handle_whip_offer(struct request *request)
{
    allow_pages(request);
    struct room *room = access_room(request);
    uint32_t host;
    if (room != NULL && access_allows(request, room, ACCESS_HOSTS, &host) && has_offer(request))
        open_session(request, room, host);
}

void handle_whep_offer(struct request *request)
{
    allow_pages(request);
    struct room *room = access_audience(request);
    if (room != NULL && has_offer(request))
        open_session(request, room, 0);
}

void handle_whip_look(struct request *request)
{
    allow_pages(request);
    if (access_room(request) == NULL)
        return;
    reply_header(request, "Accept-Post", "%s", sdp_type);
    /* HEAD tells players what is spoken here (WHEP section 4); GET has nothing to show. */
    if (request->method == METHOD_HEAD)
        reply_lent(request, 200, sdp_type, slice_of(NULL, 0));
    else
        reply_empty(request, 204);
}

void handle_whip_options(struct request *request)
{
    reply_header(request, "Access-Control-Allow-Origin", "*");
    reply_header(request, "Access-Control-Allow-Methods",
                 "OPTIONS, GET, HEAD, POST, PATCH, DELETE");
    reply_header(request, "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
    reply_header(request, "Access-Control-Expose-Headers", "%s", exposed_headers);
    reply_header(request, "Access-Control-Max-Age", "86400");
    reply_header(request, "Accept-Post", "%s", sdp_type);
    reply_header(request, "Accept-Patch", "%s", fragment_type);
    reply_empty(request, 204);
}

/* ---- a session ---- */

/* NULL: replied. A WHIP session answers to its own host's token alone. */
static struct session **access_session(struct request *request)
{
    bool is_whip = strncmp(request->path, "/whip/", 6) == 0;
    struct session **link = find(request->signalling->whips, request->params[0], is_whip);
    uint32_t host;
    if (link == NULL) {
        reply_problem(request, 404, "unknown_session", NULL,
                      "There is no such session (any more).");
        return NULL;
    }
    if (is_whip && !access_allows(request, (*link)->room, ACCESS_HOSTS, &host))
        return NULL;
    if (is_whip && host != (*link)->host) {
        reply_problem(request, 403, "not_allowed", NULL, "This is another host's session.");
        return NULL;
    }
    return link;
}

static void restart(struct request *request, struct session *session,
                    const struct sdpfrag *fragment)
{
    static char answer[ANSWER_MAX]; /* control thread only */
    struct refusal refusal = {.reason = REFUSAL_NONE};
    int err = connection_restart(session->media.connection, fragment, answer, &refusal);
    if (err != 0) {
        reply_refusal(request, err, &refusal); /* the session goes on as it was */
        return;
    }
    reply_header(request, "ETag", "\"%s\"", connection_ice_tag(session->media.connection));
    reply_text(request, 200, fragment_type, slice_text(answer));
}

static void refuse_patch(struct request *request, unsigned status, const char *code,
                         const char *detail)
{
    reply_problem(request, status, code, NULL, "%s", detail);
}

static void patch(struct request *request, struct session *session, const struct sdpfrag *fragment)
{
    const struct connection *connection = session->media.connection;
    switch (whip_patch_kind(request->if_match, connection_ice_tag(connection),
                            connection_has_ufrag(connection, fragment->ufrag), fragment)) {
    case WHIP_TRICKLE:
        /* We are ICE-lite: the client's candidates show themselves by their checks. */
        reply_empty(request, 204);
        return;
    case WHIP_RESTART:
        restart(request, session, fragment);
        return;
    case WHIP_TAG_MISSING:
        refuse_patch(request, 428, "if_match_required", "Send If-Match with the session's ETag.");
        return;
    case WHIP_TAG_WRONG:
        refuse_patch(request, 412, "wrong_tag", "This ETag is not of the present ICE session.");
        return;
    case WHIP_PATCH_UNKNOWN:
        refuse_patch(request, 422, "unknown_patch",
                     "Neither candidates nor a restart with new ufrag and pwd.");
        return;
    }
}

void handle_whip_patch(struct request *request)
{
    allow_pages(request);
    static struct sdpfrag fragment; /* control thread only */
    struct sdp_error error = {0};
    struct session **link = access_session(request);
    if (link == NULL)
        return;
    if (!whip_type_is(request->content_type, fragment_type)) {
        reply_header(request, "Accept-Patch", "%s", fragment_type);
        refuse_patch(request, 415, "bad_type", "A patch is application/trickle-ice-sdpfrag.");
        return;
    }
    if (request->if_match[0] == '\0') {
        refuse_patch(request, 428, "if_match_required", "Send If-Match with the session's ETag.");
        return;
    }
    if (sdpfrag_parse(&fragment, request_body(request), &error) != 0) {
        refuse_patch(request, 400, "bad_sdp", error.text);
        return;
    }
    patch(request, *link, &fragment);
}

void handle_whip_delete(struct request *request)
{
    allow_pages(request);
    struct session **link = access_session(request);
    if (link == NULL)
        return;
    free_session(link);
    reply_empty(request, 200);
}

void handle_whip_session_look(struct request *request)
{
    allow_pages(request);
    if (access_session(request) == NULL)
        return;
    reply_empty(request, 204);
}
