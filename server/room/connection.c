#include "room/connection.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "room/room_internal.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the end ---- */

static void leave_stage(struct connection *connection)
{
    struct room *room = connection->room;
    struct host_private *private = room_private(room, connection->host);
    if (private == NULL || private->on_stage != connection)
        return;
    private->on_stage = NULL;
    room->roster[connection->host - 1].on_stage = false;
    stage_remove_host(room->rooms->deps.stage, room->record.id, connection->host, connection->peer);
    room_event(room, connection->host, "host.left", "");
    room_tell_roster(room);
}

static void give_back(struct connection *connection)
{
    struct room *room = connection->room;
    leave_stage(connection);
    if (connection->peer != 0)
        map_remove(&room->rooms->by_peer, connection->peer);
    if (connection->number != 0 && connection->is_abandoned)
        door_lose(room->door, connection->number, clock_now_us());
    else if (connection->number != 0)
        door_leave(room->door, connection->number, clock_now_us());
    connection->peer = 0;
    connection->number = 0;
    connection->up = false;
}

void connection_close(struct connection *connection)
{
    if (connection == NULL)
        return;
    struct room *room = connection->room;
    if (room != NULL) {
        if (connection->peer != 0)
            transport_remove_peer(room->rooms->deps.transport, connection->peer);
        give_back(connection);
        if (connection->previous != NULL)
            connection->previous->next = connection->next;
        else if (room->connections == connection)
            room->connections = connection->next;
        if (connection->next != NULL)
            connection->next->previous = connection->previous;
    }
    free(connection);
}

void connection_abandon(struct connection *connection)
{
    if (connection != NULL)
        connection->is_abandoned = true;
    connection_close(connection);
}

/* Its peer is gone or goes now: the place is free at once, the object stays until its owner closes
 * it. */
static void lose(struct connection *connection, const char *cause)
{
    if (connection->peer == 0)
        return;
    give_back(connection);
    connection->on_event(connection->owner, CONNECTION_LOST, cause);
}

void connection_end(struct connection *connection, const char *cause)
{
    if (connection->peer != 0)
        transport_remove_peer(connection->room->rooms->deps.transport, connection->peer);
    lose(connection, cause);
}

void room_end_connections(struct room *room, bool hosts_too, const char *cause)
{
    for (struct connection *at = room->connections, *next; at != NULL; at = next) {
        next = at->next; /* `end` may make the owner close this one, never another */
        if (at->host == 0 || hosts_too)
            connection_end(at, cause);
    }
}

void room_end_host(struct room *room, uint32_t host, const char *cause)
{
    for (struct connection *at = room->connections, *next; at != NULL; at = next) {
        next = at->next;
        if (at->host == host)
            connection_end(at, cause);
    }
}

/* ---- the door ---- */

/* The same listener asks anew: the seat is the new connection's, the former one ends. */
static void give_seat_over(struct connection *former, const struct connection *same_owners)
{
    former->number = 0;
    if (former != same_owners)
        connection_end(former, "replaced");
}

static int take_place(struct connection *connection, const struct connection_params *params,
                      struct refusal *refusal)
{
    if (connection->host != 0)
        return room_admit_host(connection->room, connection->host, refusal);
    struct door_reply reply;
    int err = room_ask(connection->room, params->ticket, &params->origin, true, &reply, refusal);
    if (err != 0)
        return err;
    connection->number = reply.number;
    door_sit(connection->room->door, reply.number, connection);
    if (params->seat_ticket != NULL)
        memcpy(params->seat_ticket, reply.ticket, sizeof(reply.ticket));
    if (reply.former != NULL)
        give_seat_over(reply.former, params->former);
    return 0;
}

static int order_peer(struct connection *connection, const struct sdp_choice *choice,
                      const struct own_credentials *local)
{
    struct room *room = connection->room;
    const struct rooms_deps *deps = &room->rooms->deps;
    struct peer_order order = {
        .id = connection->peer,
        .kind = connection->host == 0 ? SEAT_LISTENER : SEAT_HOST,
        .room = room->record.id,
        .host = connection->host,
        .stage = stage_thread_of(deps->stage, room->record.id),
        .dtls = connection->setup == SDP_PASSIVE ? DTLS_CLIENT : DTLS_SERVER,
        .local = *local,
        .fingerprint = answer_fingerprint(choice),
        .ssrc = connection->ssrc,
        .payload_type = connection->opus_type,
        .red_type = connection->red_type,
        .nack = choice->opus_nack,
    };
    int err = map_put(&room->rooms->by_peer, connection->peer, connection);
    if (err != 0)
        return err;
    return transport_add_peer(deps->transport, &order);
}

/* ---- offers ---- */

static uint64_t hash_text(const char *text)
{
    return hash_bytes(HASH_START, text, strlen(text));
}

static uint64_t hash_endpoint(const struct sdp_choice *choice)
{
    uint64_t hash = hash_bytes(HASH_START, choice->fingerprint.digest, choice->fingerprint.bytes);
    return hash_bytes(hash, &choice->opus_payload_type, sizeof(choice->opus_payload_type));
}

static void keep_credentials(struct connection *connection, const char *ufrag, const char *pwd,
                             const struct own_credentials *local)
{
    connection->ufrag_hash = hash_text(ufrag);
    connection->pwd_hash = hash_text(pwd);
    memcpy(connection->ufrag, local->ufrag, sizeof(connection->ufrag));
    memcpy(connection->pwd, local->pwd, sizeof(connection->pwd));
    random_url_chars(connection->ice_tag, sizeof(connection->ice_tag) - 1);
}

static void keep_choice(struct connection *connection, const struct sdp_choice *choice)
{
    connection->endpoint_hash = hash_endpoint(choice);
    connection->setup = choice->setup;
    connection->direction = choice->direction;
    connection->opus_type = choice->opus_payload_type;
    connection->red_type = choice->has_red ? choice->red_payload_type : 0;
    memcpy(connection->mid, choice->mid, sizeof(connection->mid));
}

static void enter_room(struct connection *connection)
{
    struct room *room = connection->room;
    connection->next = room->connections;
    if (room->connections != NULL)
        room->connections->previous = connection;
    room->connections = connection;
}

static int open_peer(struct connection *connection, const struct sdp_session *session,
                     const struct sdp_choice *choice, char answer[ANSWER_MAX])
{
    struct own_credentials local;
    connection->peer = peer_id_new(connection->room->rooms->deps.transport, &local);
    connection->ssrc = random_u32();
    keep_choice(connection, choice);
    keep_credentials(connection, choice->ufrag, choice->pwd, &local);
    int err = answer_write(connection, session, choice, answer);
    return err == 0 ? order_peer(connection, choice, &local) : err;
}

int connection_open(struct connection **out, struct room *room,
                    const struct connection_params *params, char answer[ANSWER_MAX],
                    struct refusal *refusal)
{
    static struct sdp_session session; /* 45 KiB, control thread only, as the next */
    static struct sdp_choice choice;
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL)
        return refuse_internal(refusal, ERR_NOMEM);
    connection->room = room;
    connection->host = params->host;
    connection->on_event = params->on_event;
    connection->owner = params->owner;
    connection->network = params->origin.network;
    /* Who has no place is answered before anything is read. */
    int err = take_place(connection, params, refusal);
    if (err == 0)
        err = answer_parse_offer(&session, &choice, params->offer, params->host, refusal);
    if (err != 0)
        goto fail;
    err = open_peer(connection, &session, &choice, answer);
    if (err != 0) {
        err = refuse_internal(refusal, err);
        goto fail;
    }
    enter_room(connection);
    *out = connection;
    return 0;

fail:
    connection_close(connection);
    return err;
}

int connection_feed(struct connection **out, struct room *room, struct peer_order *order,
                    void (*on_event)(void *owner, enum connection_event event, const char *cause),
                    void *owner)
{
    const struct rooms_deps *deps = &room->rooms->deps;
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL)
        return ERR_NOMEM;
    connection->room = room;
    connection->on_event = on_event;
    connection->owner = owner;
    connection->peer = order->id = peer_id_new(deps->transport, &order->local);
    order->kind = SEAT_LISTENER;
    order->room = room->record.id;
    int err = map_put(&room->rooms->by_peer, connection->peer, connection);
    if (err == 0)
        err = transport_add_peer(deps->transport, order);
    if (err != 0) {
        connection->peer = 0; /* nobody has heard of it */
        map_remove(&room->rooms->by_peer, order->id);
        free(connection);
        return err;
    }
    enter_room(connection);
    *out = connection;
    return 0;
}

static int restart_ice(struct connection *connection, const char *ufrag, const char *pwd,
                       struct refusal *refusal)
{
    struct own_credentials local;
    peer_id_renew(connection->peer, &local);
    int err =
        transport_restart_peer(connection->room->rooms->deps.transport, connection->peer, &local);
    if (err != 0)
        return refuse_internal(refusal, err);
    keep_credentials(connection, ufrag, pwd, &local);
    return 0;
}

int connection_reoffer(struct connection *connection, struct slice offer, char answer[ANSWER_MAX],
                       struct refusal *refusal)
{
    static struct sdp_session session; /* control thread only, as the next */
    static struct sdp_choice choice;
    if (connection->peer == 0)
        return ERR_UNSUPPORTED;
    int err = answer_parse_offer(&session, &choice, offer, connection->host, refusal);
    if (err != 0)
        return err;
    if (hash_endpoint(&choice) != connection->endpoint_hash)
        return ERR_UNSUPPORTED;
    bool restarts = hash_text(choice.ufrag) != connection->ufrag_hash ||
                    hash_text(choice.pwd) != connection->pwd_hash;
    /* The roles of DTLS were settled by the first offer, whatever this one allows. */
    choice.setup = connection->setup;
    connection->direction = choice.direction;
    if (restarts)
        err = restart_ice(connection, choice.ufrag, choice.pwd, refusal);
    if (err != 0)
        return err;
    err = answer_write(connection, &session, &choice, answer);
    return err == 0 ? 0 : refuse_internal(refusal, err);
}

int connection_restart(struct connection *connection, const struct sdpfrag *fragment,
                       char answer[ANSWER_MAX], struct refusal *refusal)
{
    if (connection->peer == 0)
        return refuse(refusal, REFUSAL_OVER, 0, "This session has ended.");
    if (fragment->ufrag[0] == '\0' || fragment->pwd[0] == '\0')
        return refuse(refusal, REFUSAL_BAD_SDP, 0,
                      "An ICE restart needs a=ice-ufrag and a=ice-pwd.");
    int err = restart_ice(connection, fragment->ufrag, fragment->pwd, refusal);
    if (err != 0)
        return err;
    err = answer_write_fragment(connection, answer);
    return err == 0 ? 0 : refuse_internal(refusal, err);
}

/* ---- events from the workers ---- */

static const char *cause_name(enum peer_end cause)
{
    switch (cause) {
    case PEER_END_NONE:
        return "none";
    case PEER_END_TIMEOUT:
        return "timeout";
    case PEER_END_CONSENT:
        return "consent";
    case PEER_END_FINGERPRINT:
        return "fingerprint";
    case PEER_END_HANDSHAKE:
        return "handshake";
    case PEER_END_CLOSED:
        return "closed";
    }
    return "unknown";
}

/* The handshake of a host is done: this connection takes the host's place, a former one goes.
 * False: the stage refused, and the connection may be closed already. */
static bool enter_stage(struct connection *connection)
{
    struct room *room = connection->room;
    struct host_private *private = room_private(room, connection->host);
    struct roster_entry *entry = &room->roster[connection->host - 1];
    struct stage_host_params params = {
        .room = room->record.id,
        .host = connection->host,
        .peer = connection->peer,
        .payload_type = connection->opus_type,
        .red_type = connection->red_type,
        .muted = entry->muted,
        .agreed = entry->agreed,
    };
    int err = stage_set_host(room->rooms->deps.stage, &params);
    if (err != 0) {
        log_warn("stage.refused", "room=%s host=%u error=%s", room->record.slug, connection->host,
                 error_name(err));
        connection_end(connection, "stage_full");
        return false;
    }
    struct connection *former = private->on_stage;
    private->on_stage = connection;
    entry->on_stage = true;
    if (former != NULL)
        connection_end(former, "replaced");
    room_event(room, connection->host, "host.joined", "");
    room_tell_roster(room);
    return true;
}

static void joined(struct connection *connection)
{
    door_joined(connection->room->door, connection->number);
    room_count_arrival(connection->room, ARRIVAL_HANDSHAKE_DONE, connection->network);
}

void connection_on_transport(struct rooms *rooms, const struct transport_event *event)
{
    struct connection *connection = map_get(&rooms->by_peer, event->peer);
    if (connection == NULL)
        return; /* closed by us while the event was under way */
    switch (event->kind) {
    case TRANSPORT_PEER_CONNECTED:
        connection->up = true;
        if (connection->number != 0)
            joined(connection);
        if (connection->host == 0 || enter_stage(connection))
            connection->on_event(connection->owner, CONNECTION_UP, "");
        return;
    case TRANSPORT_PEER_ENDED:
        log_debug("peer.ended", "room=%s host=%u cause=%s", connection->room->record.slug,
                  connection->host, cause_name(event->cause));
        if (!connection->up && connection->number != 0)
            room_count_arrival(connection->room, ARRIVAL_HANDSHAKE_FAILED, connection->network);
        lose(connection, cause_name(event->cause));
        return;
    case TRANSPORT_ROOM_COUNTS:
        return;
    }
}

bool connection_is_up(const struct connection *connection)
{
    return connection->up;
}

bool connection_has_ufrag(const struct connection *connection, const char *ufrag)
{
    return hash_text(ufrag) == connection->ufrag_hash;
}

const char *connection_ice_tag(const struct connection *connection)
{
    return connection->ice_tag;
}
