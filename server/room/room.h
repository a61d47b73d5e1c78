/* room.h - the rooms of this node: life cycle, roster, moderation, recordings. The one owner of
 * room state.
 *
 *     scheduled ---open---> doors_open ---live---> live ---end---> ended ---(files whole)--->
 * published |  \________________live____________________^                                        |
 *        +------cancel------> cancelled <----cancel--+ (doors_open)                 withdraw ->
 * withdrawn
 *
 * `live` survives the process: rooms_resume() opens such a room again and its recording goes on.
 *
 * Owner    main; rooms are never freed before rooms_destroy()
 * Thread   control
 * Units    wall_ms for people, now_us for logic
 * Errors   as named; texts of a refusal are whole sentences for people
 * Spec     design.md section 6
 */
#ifndef ROOM_ROOM_H
#define ROOM_ROOM_H

#include "admission/ticket.h"
#include "admission/tokens.h"
#include "base/arrival.h"
#include "rostrum/error.h"
#include "rostrum/slice.h"
#include "stage/stage.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ROOM_HOSTS_MAX = 64, /* invitations of a room, revoked ones included */
    ROOM_BANS_MAX = 256,
    ROOMS_MAX = 10000,
    ROOM_SEATS_LIMIT = 65536,
    ROOM_PROBLEM_MAX = 240,
};

struct rooms;
struct room;

struct config;
struct directory;
struct upstream;
struct transport;
struct recorder;
struct admission;
struct dtls_identity;

struct rooms_deps { /* all borrowed, all outlive the rooms */
    const struct config *config;
    struct store *store;
    struct transport *transport;
    struct stage *stage;
    struct recorder *recorder;
    struct admission *admission;
    const struct dtls_identity *identity;
    struct directory *directory;
    struct upstream *upstream; /* NULL: this node is alone */
};

/* Allocates and loads all rooms from the store (before store_start()). ERR_NOMEM, ERR_DAMAGED. */
MUST_CHECK int rooms_create(struct rooms **out, const struct rooms_deps *deps);
void rooms_destroy(struct rooms *rooms); /* NULL is fine */
/* After all threads started: reopens rooms with open doors, resumes live ones, finishes ended ones.
 */
void rooms_resume(struct rooms *rooms);
/* Takes the events of transport, stage, recorder and store. Call when any of their fds is readable.
 */
void rooms_drain(struct rooms *rooms);
/* Runs what is due; call four times a second. */
void rooms_tick(struct rooms *rooms, uint64_t now_us);
/* Ends every connection (close_notify), leaves live rooms live in the store. */
void rooms_close(struct rooms *rooms);

/* Told once each, to whoever shows the rooms to people. */
struct rooms_observer {
    void *ctx;
    void (*on_room)(void *ctx, struct room *room); /* the view changed: state, title, publication */
    void (*on_roster)(void *ctx, struct room *room);
    void (*on_levels)(void *ctx, struct room *room, const struct stage_level *levels,
                      unsigned count);
    void (*on_audience)(
        void *ctx, struct room *room); /* hearing or connected changed; at most once a second */
    void (*on_revoked)(void *ctx, struct room *room, uint32_t host);
    /* No listener of this network may stay; their connections end next. */
    void (*on_banned)(void *ctx, struct room *room, uint64_t network);
    /* Its listeners shall go to where the room is: at once, or soon, while they still hear. */
    void (*on_leaving)(void *ctx, struct room *room, bool at_once);
    /* A message for all listeners came from the origin. */
    void (*on_message)(void *ctx, struct room *room, struct slice json);
    /* JSON of what listeners see of the room. Lent until the next call. */
    struct slice (*view)(void *ctx, const struct room *room);
};
void rooms_observe(struct rooms *rooms, const struct rooms_observer *observer); /* copies */

/* ---- looking ---- */

struct room *rooms_find(struct rooms *rooms, const char *slug); /* own or relayed; NULL: none */
size_t rooms_count(const struct rooms *rooms);                  /* own ones */
struct room *rooms_at(struct rooms *rooms, size_t index);       /* in order of creation */

/* Of all rooms together. */
struct rooms_counts {
    uint32_t seats_max, seats_now; /* of the node: the operator's cap, and the one in force */
    uint32_t seats_taken;
    uint32_t connected, hearing; /* as last told */
};
void rooms_counts(const struct rooms *rooms, struct rooms_counts *out);

struct roster_entry {
    uint32_t host; /* 1.. */
    char name[STORE_NAME_MAX + 1];
    enum role role;
    bool revoked;
    bool agreed;   /* to the present wording */
    bool present;  /* a stage page is open */
    bool on_stage; /* media connected */
    bool muted, muted_by_moderator;
};

const struct room_record *room_record(const struct room *room);
/* Lends all invitations, revoked ones too, until the next change. */
const struct roster_entry *room_roster(const struct room *room, unsigned *count);
const struct roster_entry *room_host(const struct room *room, uint32_t host); /* NULL: none */
void room_audience(const struct room *room, uint32_t *hearing, uint32_t *connected);
struct room_crowd {
    uint32_t hearing, connected, in_line;
    uint32_t turned_away;   /* asked and never got a seat, since the room began */
    uint32_t seats;         /* allowed now */
    const char *mode_cause; /* a word; "" in normal mode. Lends a constant */
    uint32_t
        silent_nodes; /* hearing and connected are at least those: so many nodes say nothing now */
};
/* Who is here, who waits, who was turned away. */
void room_crowd(const struct room *room, struct room_crowd *out);
/* For every attempt to come in and what becomes of it; network: address_network(), 0 unknown. Cheap. Nothing is counted
 * any more once the room is over. */
void room_count_arrival(struct room *room, enum arrival arrival, uint64_t network);
/* Everything that was counted until now: see store_read_history(). */
MUST_CHECK int room_read_history(struct room *room, store_read *read, store_done *done, void *ctx);
bool room_is_recording(const struct room *room);
/* The finished recording; NULL unless published. Stems likewise. */
const struct recording_record *room_publication(const struct room *room);
unsigned room_stem_count(const struct room *room);
const struct stem_record *room_stem(const struct room *room, unsigned index);
/* The path of the published program (host 0) or a stem. ERR_NOENT unless published. */
MUST_CHECK int room_file(const struct room *room, uint32_t host, char *path, unsigned path_bytes);
/* The way in, besides connections. */
struct room_line {
    uint32_t seats; /* the cap in force, over all nodes */
    uint32_t in_line;
    uint64_t moved;       /* ever gone from the line, seated or not */
    uint64_t turned_away; /* refused, or gone from the line without having sat */
    bool seats_free;      /* who asks now is likely to be seated at once */
};
void room_line(const struct room *room, struct room_line *out);
/* When the doors open by themselves, milliseconds since 1970; 0: not planned. */
int64_t room_doors_ms(const struct room *room);
/* Why room_mode() is not normal: "owner", "operator", the signal's name; "" in normal mode. Lends. */
const char *room_mode_cause(const struct room *room);
/* Asks for a seat without an offer yet. 0: one is held for GUEST_HOLD_US, `held` is the ticket to take
 * it with. Else *refusal, as connection_open(). */
struct refusal;
struct asker_origin;
MUST_CHECK int room_check_in(struct room *room, struct slice ticket,
                             const struct asker_origin *origin, char held[TICKET_CHARS + 1],
                             struct refusal *refusal);
/* Any thread. For one who is told to come again before they were heard: what keeps their turn. ERR_CRYPTO. */
MUST_CHECK int rooms_put_off(struct rooms *rooms, char ticket[TICKET_CHARS + 1]);
/* slug: where they asked for a seat; "": nowhere. */
void rooms_count_put_off(struct rooms *rooms, const char *slug, uint64_t network);
/* The place, or the seat held. */
void room_give_up(struct room *room, struct slice ticket, const struct asker_origin *origin);
/* How many of one IPv4 address or /64 may stand in line: more for one venue. 0: LINE_PER_PREFIX. */
void room_set_places_per_address(struct room *room, uint32_t places);
/* For somebody invited to listen: before those who have none. ERR_NOMEM, ERR_CRYPTO. */
MUST_CHECK int room_write_pass(struct room *room, char pass[TICKET_CHARS + 1]);
/* Room for whoever shows it to keep its own pointer (its sockets). Borrowed, NULL at first. */
void room_set_watchers(struct room *room, void *watchers);
void *room_watchers(const struct room *room);

/* ---- steering ---- */

struct room_draft {
    const char *slug, *title;
    int64_t start_ms; /* 0: not announced */
    uint32_t seats;   /* 0: the node's */
    bool stereo;
    uint32_t program_bps, recording_bps; /* 0: default */
    uint32_t places_per_address;         /* in line; 0: default */
};
/* Checks and makes a scheduled room; `problem` says what was wrong and what is allowed. done runs
 * when it is stored. ERR_INVAL, ERR_EXIST (slug), ERR_FULL. */
MUST_CHECK int rooms_add(struct rooms *rooms, const struct room_draft *draft, store_done *done,
                         void *ctx, struct room **out, char problem[ROOM_PROBLEM_MAX]);
/* Adds a host; writes the token, which is shown once and never kept. ERR_INVAL (name), ERR_FULL,
 * ERR_BADSTATE. */
MUST_CHECK int room_invite(struct room *room, const char *name, enum role role,
                           char token[TOKEN_CHARS + 1], uint32_t *host,
                           char problem[ROOM_PROBLEM_MAX]);
/* Ends their connection, tells on_revoked. done runs when it is synced. ERR_NOENT. */
MUST_CHECK int room_revoke(struct room *room, uint32_t host, store_done *done, void *ctx);

enum steer { STEER_OPEN, STEER_LIVE, STEER_END, STEER_CANCEL, STEER_WITHDRAW };
/* ERR_BADSTATE: not from this state; `problem` says what is allowed. withdraw: done runs when
 * synced; NULL fine. */
MUST_CHECK int room_steer(struct room *room, enum steer action, store_done *done, void *ctx,
                          char problem[ROOM_PROBLEM_MAX]);

/* Modes (base/mode.h): the node asks for one, and each room; the stricter of the two holds. */
enum mode rooms_mode(const struct rooms *rooms);
struct mode_reason {
    const char *cause;     /* a word for the log and for people; a constant */
    uint32_t value, limit; /* of the signal that it names; limit 0: it is none */
};
void rooms_set_mode(struct rooms *rooms, enum mode mode, const struct mode_reason *reason);
/* The one in force; room_record()->mode is what the room asks for. */
enum mode room_mode(const struct room *room);
/* `by` 0: the admin. Who sits notices nothing. seats: the most in small_audience, 0: as many as the node
 * serves well. ERR_BADSTATE: it is over; ERR_INVAL: seats; `problem` says so. */
MUST_CHECK int room_set_mode(struct room *room, enum mode mode, uint32_t seats, uint32_t by,
                             char problem[ROOM_PROBLEM_MAX]);

/* Whose token is it? ERR_AUTH: nobody's here. ERR_BADSTATE: revoked. */
MUST_CHECK int room_find_host(const struct room *room, const char *token, uint32_t *host);
/* `by` 0: the admin. A moderator's mute can only be lifted by an owner or moderator, a host's own
 * only by that host: silent is who is muted by either. ERR_NOENT, ERR_AUTH. */
MUST_CHECK int room_mute(struct room *room, uint32_t by, uint32_t host, bool muted);
bool room_may_steer(const struct room *room, uint32_t host); /* owner or moderator */
void room_host_appears(struct room *room, uint32_t host);    /* a stage page opened; counted */
void room_host_leaves(struct room *room, uint32_t host);

/* ---- networks that are excluded, by their address_network() ---- */

/* Lends those in force until the next change, the oldest first. */
const struct ban_record *room_bans(const struct room *room, unsigned *count);
bool room_is_banned(const struct room *room, uint64_t network);
/* At once its listeners are ended ("banned") and nobody of it is let in, on all nodes; hosts are not concerned. `by` 0: the
 * admin. done runs when it is synced; if that failed it holds all the same, and is written again. ERR_EXIST: it is
 * excluded already, *id says by which one. ERR_AUTH: loopback, or a host is connected from there. ERR_BADSTATE: over.
 * ERR_FULL; `problem` says so, but for ERR_EXIST. */
MUST_CHECK int room_ban(struct room *room, uint64_t network, uint32_t by, store_done *done,
                        void *ctx, uint32_t *id, char problem[ROOM_PROBLEM_MAX]);
/* It is lifted when that is stored; done runs then. ERR_NOENT. */
MUST_CHECK int room_lift_ban(struct room *room, uint32_t id, store_done *done, void *ctx);

/* What a host agrees to. Lends constants. */
const char *consent_wording(void);
const char *consent_text(const char *language); /* "en" or "de" */
/* done runs when the agreement is synced; only then it counts. ERR_INVAL: another wording. */
MUST_CHECK int room_agree(struct room *room, uint32_t host, const char *wording, store_done *done,
                          void *ctx);

#endif
