/* links_internal.h - what links.c (the table, time), links_talk.c (one link) and links_dial.c (calling) share.
 *
 * Owner    a link: its table; a call's is known to libwebsockets by its number only, for that may speak of it
 *          when it is long gone. One that was called: freed with its client's WebSocket
 * Thread   control
 * Units    microseconds, monotonic
 * Errors   as named
 * Spec     none
 */
#ifndef SIGNALLING_LINKS_INTERNAL_H
#define SIGNALLING_LINKS_INTERNAL_H

#include "signalling/links.h"
#include "signalling/signalling_internal.h"
#include "tree/trust.h"

enum { LINKS_ADDRESSES_MAX = 4 };

struct link_message {
    struct link_message *next;
    size_t bytes;
    unsigned char data[]; /* what libwebsockets wants in front, then the bytes */
};

struct link {
    struct links *links;   /* borrowed */
    struct link *next;     /* in links->list */
    uint32_t number;       /* never 0, never again */
    struct lws *wsi;       /* borrowed; NULL: not yet, or gone */
    struct client *client; /* borrowed: who called; NULL: this node did */
    struct wanted *wanted; /* borrowed: why it called; NULL: released, or not its call */
    struct trust trust;
    const char *reason;     /* a constant: why it ends */
    bool is_open;           /* the WebSocket is */
    bool is_proved;         /* and told of */
    bool is_doomed;         /* being cut: says and hears nothing more */
    bool is_closing;        /* ends when its words are out */
    bool is_close_sent;     /* the close frame is on its way */
    uint64_t proved_number; /* which one was proved last */
    uint64_t begun_us, heard_us, said_us, close_by_us;
    struct link_message *queue, **queue_end; /* owned */
    size_t queue_bytes;
    unsigned char *message; /* owned; of LINKS_MESSAGE_MAX while one is coming in pieces */
    size_t message_bytes;
};

struct link_look_up;

/* A node to which a link is kept. */
struct wanted {
    struct links *links;
    struct wanted *next;
    char node[NODE_ID_MAX + 1];
    char url[NODE_URL_MAX + 1];
    unsigned count;
    uint32_t call;       /* number of the link; 0: none */
    bool has_failed;     /* since it was up last, or wanted: the log knows */
    uint32_t again_ms;   /* before the next try but one */
    uint64_t dial_at_us; /* without a call: the next try */
    uint64_t looking_us; /* since then the name is looked up; 0: it is not */
    struct link_look_up *look_up;
    struct address addresses[LINKS_ADDRESSES_MAX]; /* the latest that were found */
    unsigned address_count, next_address;
};

struct links {
    struct signalling *signalling; /* borrowed */
    struct cluster_key key;
    char id[NODE_ID_MAX + 1];
    struct links_events events;
    struct lws_vhost *vhost; /* of the context, for calls; NULL: not started */
    struct ssl_ctx_st *tls;  /* owned */
    uv_timer_t *timer;       /* owned */
    uint64_t ticked_us;
    struct link *list;     /* owned */
    struct wanted *wanted; /* owned */
    uint32_t numbers;      /* the last one given */
    uint64_t proofs;
    uint64_t refused_us;       /* when the last refusal was logged */
    unsigned refused_unlogged; /* since then */
    bool is_closing, is_mute;
};

/* ---- links.c ---- */

/* NULL: no memory. */
struct link *link_create(struct links *links, enum trust_role role);
struct link *link_find(struct links *links, uint32_t number);
/* libwebsockets lets go of it: tells, frees, dials again if it is wanted. */
void link_gone(struct link *link, const char *reason);
/* It was not even called. */
void wanted_failed(struct wanted *wanted, const char *reason);
/* The other one has proved itself. */
void link_proved(struct link *link);
void links_log_refused(struct links *links, const char *node, const char *reason);
/* ---- links_talk.c ---- */

/* The WebSocket is open. Nonzero: close. */
int link_on_open(struct link *link, uint64_t now_us);
/* One piece of one frame. Nonzero: close. */
int link_on_data(struct link *link, const void *data, size_t bytes, uint64_t now_us);
/* Nonzero: close. */
int link_on_writable(struct link *link);
/* As links_say(). */
MUST_CHECK int link_say(struct link *link, struct slice word);
/* At once. */
void link_cut(struct link *link, const char *reason);
void link_close(struct link *link, const char *reason);
/* ---- links_dial.c ---- */

MUST_CHECK int links_dial_start(struct links *links);
void links_dial_stop(struct links *links);
/* Whatever is due of a wanted node that has no call. */
void links_dial_tick(struct wanted *wanted, uint64_t now_us);
void links_dial_forget(struct wanted *wanted);
/* It belongs to a call of ours. */
bool links_is_call(const struct links *links, struct lws *wsi);

/* ---- the called side, for the listener ---- */

/* Nonzero: close. */
int links_on_called(struct client *client);
void links_on_caller_gone(struct client *client);

#endif
