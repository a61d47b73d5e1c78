/* room_internal.h - the inside of a room, shared by the files of this folder.
 *
 * Owner    struct rooms owns the rooms; a room owns its arrays
 * Thread   control
 * Units    as named
 * Errors   as in room.h
 * Spec     none
 */
#ifndef ROOM_ROOM_INTERNAL_H
#define ROOM_ROOM_INTERNAL_H

#include "admission/door.h"
#include "base/map.h"
#include "recording/recorder.h"
#include "room/connection.h"
#include "room/governing.h"
#include "room/history.h"
#include "room/room.h"
#include "transport/transport.h"

/* What a roster entry has besides what is shown. Same index as the roster. */
struct host_private {
    uint32_t invitation;
    struct token_hash token;
    unsigned pages;              /* stage pages open */
    bool muted_self;             /* by this host, whatever a moderator does besides */
    struct connection *on_stage; /* borrowed; the one whose voice is taken */
    int64_t created_ms;
};

/* The recording of the running or last event.
 *
 *     NONE ---live---> BEGINNING ---(recorder is ready)---> READY ---(stage knows)---> RUNNING
 *     RUNNING ---end---> ENDING ---(files whole)---> NONE
 *
 * An end while it begins changes the room's state at once; the phases follow one by one.
 */
enum recording_phase {
    RECORDING_NONE,
    RECORDING_BEGINNING,
    RECORDING_READY,
    RECORDING_RUNNING,
    RECORDING_ENDING
};

struct worker_counts {
    uint32_t connected, hearing, loss_permille, losing;
};

struct room {
    struct rooms *rooms; /* borrowed */
    struct room_record record;

    unsigned host_count;
    struct roster_entry *roster; /* owned; host n is at n - 1 */
    struct host_private *hosts;  /* owned; parallel */

    enum recording_phase phase;
    uint64_t ready_at_samples; /* READY: where the stage starts to count */
    bool has_recording;
    struct recording_record recording;
    unsigned stem_count;
    struct stem_record *stems; /* owned */

    unsigned ban_count;
    struct ban_record
        *bans; /* owned; those in force. At a relay: as the origin told them, without id */

    bool media_open;      /* stage and workers know this room */
    enum mode stage_mode; /* as the stage was told */
    uint64_t
        close_media_us;  /* when the listeners' connections end after the event; 0: not planned */
    struct door *door;   /* owned; NULL: nobody asked yet, or it is over */
    uint64_t resumed_us; /* after a restart of the process; 0: made in this one */
    uint64_t moved_before, turned_away_before; /* by a door that is closed, or an earlier process */
    uint32_t connected_before;                 /* the most at one time, in an earlier process */
    uint64_t told_in_line, told_turned_away;   /* as of the last tick */
    struct connection *connections;            /* list of all, hosts' and listeners' */

    struct worker_counts workers[TRANSPORT_WORKERS_MAX];
    uint32_t hearing, connected; /* sums, as last told */
    struct history history;
    bool audience_changed;
    bool loss_changed;      /* some worker reported another loss since the encoder was told */
    bool unsaved;           /* a write failed, the store may not know all of this */
    store_done *added_done; /* who asked for this room; NULL: nobody waits */
    void *added_ctx;
    void *watchers; /* borrowed */
    /* On several nodes; see cluster.h. */
    struct relay *relay;   /* owned; NULL: this node is the room's origin */
    struct origin *origin; /* owned; NULL: no relay could be there yet */
    struct feed *feeds;    /* owned; list of the relays that are fed from here */
    bool is_foreign;       /* another node is the origin of a room of this name */
};

struct rooms {
    struct rooms_deps deps;
    struct rooms_observer observer;
    size_t count;
    struct room **list;       /* owned, in order of creation; room ids are index + 1 */
    struct map by_peer;       /* peer id -> connection */
    struct map by_recording;  /* recording id -> room */
    struct map by_invitation; /* invitation id -> room, while loading only */
    enum mode mode;           /* what the node asks for... */
    const char *mode_cause;   /* ...and why; a constant word */
    struct governing governing;
    uint64_t put_off; /* told to come again before they were heard */
    uint64_t started_us;
    int64_t started_wall_ms;
    uint64_t last_recording;
    uint32_t last_invitation, last_ban;
    uint64_t audience_told_us;
    unsigned network_tables; /* rooms that keep networks */
    bool closing;
    struct cluster *cluster; /* owned; NULL: this node is alone */
};

struct connection {
    struct room *room; /* borrowed */
    uint32_t host;     /* 0: a listener */
    uint64_t peer;     /* 0: its peer is gone */
    bool up;
    bool is_abandoned;
    uint64_t number;  /* of its seat; 0: it has none */
    uint64_t network; /* it was asked for from; 0: unknown, or another node's */
    uint32_t ssrc;
    /* Of the client's latest offer. Very many listeners have one of these, so what it must only be
     * told from another is kept as a hash. */
    uint64_t ufrag_hash, pwd_hash;
    uint64_t endpoint_hash; /* fingerprint and payload type */
    enum sdp_setup setup;
    enum sdp_direction direction;
    uint8_t opus_type, red_type; /* payload types; red_type 0: none */
    char mid[SDP_MID_MAX + 1];
    char ufrag[PEER_OWN_UFRAG_CHARS + 1]; /* ours, the latest */
    char pwd[PEER_OWN_PWD_CHARS + 1];
    char ice_tag[13];
    void (*on_event)(void *owner, enum connection_event event, const char *cause);
    void *owner; /* borrowed */
    struct connection *next, *previous;
};

/* room.c */
struct room *rooms_by_id(struct rooms *rooms, uint32_t id); /* NULL: none */
void room_save(struct room *room, enum store_sync sync, store_done *done, void *ctx);
void room_save_recording(struct room *room, enum store_sync sync);
void room_save_stem(struct room *room, const struct stem_record *stem);
/* A store_done whose ctx is the room: what could not be written is written again with a tick. */
void room_on_saved(void *ctx, int err);
/* The same where somebody else is told, too: `saving` is the ctx of saving_done(), which frees it. NULL: no memory. */
struct saving *saving_new(struct room *room, store_done *done, void *ctx);
void saving_done(void *ctx, int err);
/* Everything that the store should know of a room, after a write of it failed. */
void room_save_again(struct room *room);
void room_event(struct room *room, uint32_t host, const char *kind, const char *detail);
void room_tell(struct room *room);        /* on_room */
void room_tell_roster(struct room *room); /* on_roster */

/* life.c */
MUST_CHECK int room_open_media(struct room *room);
void room_close_media(struct room *room);
void room_resume(struct room *room);
void room_on_recorder(struct rooms *rooms, const struct recorder_event *event);
void room_tick(struct room *room, uint64_t now_us);
void room_tune_program(struct room *room);

enum {
    ROOM_CLOSE_MEDIA_AFTER_US = 1000 * 1000
}; /* the last packets of the program are long sent by then */

/* modes.c */
void room_apply_mode(struct room *room); /* tells the stage if it does not know yet */

/* entrance.c */
/* 0: may come on stage. Else *refusal. */
MUST_CHECK int room_admit_host(const struct room *room, uint32_t host, struct refusal *refusal);
bool room_doors_are_due(const struct room *room, int64_t wall_ms);
void room_tick_door(struct room *room, uint64_t now_us);
uint32_t room_cap(const struct room *room); /* over all nodes; 0: none */
bool room_takes_newcomers(const struct room *room);
/* How many of those in line would sit, if the node had more seats: not those whom the room's own cap or
 * its closed doors keep out. */
uint32_t room_waits_for_node(const struct room *room);
void room_close_door(struct room *room); /* after all connections have ended */
/* 0: seated or held. Else *refusal says why not, and where in line. */
MUST_CHECK int room_ask(struct room *room, struct slice ticket, const struct asker_origin *origin,
                        bool wants_seat, struct door_reply *reply, struct refusal *refusal);

/* bans.c */
MUST_CHECK int bans_load(struct room *room, const struct ban_record *record);
void bans_save(struct room *room); /* again, all of them */
void bans_clear(struct room *room);

/* roster.c */
struct host_private *room_private(struct room *room, uint32_t host); /* NULL: none */
void room_save_invitation(struct room *room, uint32_t host);
MUST_CHECK int room_load_invitation(struct room *room, const struct invitation_record *record);

/* cluster.c */
void cluster_claim(struct room *room);
void cluster_release(struct room *room);

/* answer.c */
int refuse(struct refusal *refusal, enum refusal_reason reason, uint32_t retry_after_ms,
           const char *message);
int refuse_internal(struct refusal *refusal, int err);
MUST_CHECK int answer_parse_offer(struct sdp_session *session, struct sdp_choice *choice,
                                  struct slice offer, uint32_t host, struct refusal *refusal);
MUST_CHECK int answer_write(const struct connection *connection, const struct sdp_session *session,
                            const struct sdp_choice *choice, char answer[ANSWER_MAX]);
MUST_CHECK int answer_write_fragment(const struct connection *connection, char answer[ANSWER_MAX]);
struct fingerprint answer_fingerprint(const struct sdp_choice *choice);

/* connection.c */
void connection_on_transport(struct rooms *rooms, const struct transport_event *event);
/* Its peer goes now, and its place is free; its owner is told LOST. */
void connection_end(struct connection *connection, const char *cause);
void room_end_connections(struct room *room, bool hosts_too, const char *cause);
void room_end_host(struct room *room, uint32_t host, const char *cause);

#endif
