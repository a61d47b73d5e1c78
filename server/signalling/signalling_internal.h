/* signalling_internal.h - what the files of this folder share: the server and its open connections.
 *
 * Owner    struct signalling: main. A client: its libwebsockets connection (made when accepted, freed when
 *          that is destroyed). A request and a visitor: their client, and whoever waits for an answer
 * Thread   control
 * Units    microseconds, monotonic, unless named otherwise
 * Errors   none here
 * Spec     none
 */
#ifndef SIGNALLING_SIGNALLING_INTERNAL_H
#define SIGNALLING_SIGNALLING_INTERNAL_H

#include "admission/familiar.h"
#include "admission/tokens.h"
#include "base/address.h"
#include "config/config.h"
#include "signalling/signalling.h"

#include <stdbool.h>
#include <uv.h>

struct directory;
struct limits;
struct link;
struct links;
struct lws;
struct lws_context;
struct lws_vhost;
struct media;
struct pages;
struct request;
struct transport;
struct visitor;
struct watchers;
struct whip_table;
struct acceptor;

/* What the server waits for from a client, if it has nothing to do for it: see clients.h. */
enum client_wait {
    CLIENT_NEW,  /* its first request, or its hello */
    CLIENT_IDLE, /* its next request */
    CLIENT_WAITS,
    CLIENT_BUSY = CLIENT_WAITS, /* for nothing */
};

/* An accepted connection: first HTTP, then perhaps a WebSocket. */
struct client {
    struct signalling *signalling; /* borrowed */
    struct lws *wsi;         /* borrowed; has this client as its user data. NULL: at the doorstep */
    int fd;                  /* borrowed: the connection's */
    struct address peer;     /* the other end of the connection */
    struct address from;     /* who it speaks for: the peer, or whom our own proxy names */
    struct request *request; /* reference; NULL between requests */
    struct visitor *visitor; /* reference; NULL unless it is a visitor's WebSocket */
    struct link *node_link;  /* borrowed from the links; NULL unless it is another node's */
    bool is_node;            /* it asked for /node, and may */
    uint64_t cut_at_us; /* 0: no. When a connection that was answered and closed is cut at last */
    struct client *next, **link; /* in signalling->clients */
    enum client_wait wait;
    uint64_t waits_us;            /* since then */
    struct client *older, *newer; /* in signalling->waiting */
    bool makes_way;               /* it is being closed for somebody else */
};

struct waiting {
    struct client *oldest, *newest;
    unsigned count;
};

/* Since the start; told by the API. */
struct socket_counts {
    uint64_t accepted;
    uint64_t
        refused; /* before anything was read: share of the address or network, or nothing left */
    uint64_t made_way; /* closed while we waited for them, for somebody else */
    uint64_t too_fast; /* requests and offers beyond the share */
    uint64_t slow;     /* cut because they did not read */
};

struct signalling {
    const struct config *config;       /* borrowed */
    struct rooms *rooms;               /* borrowed */
    const struct directory *directory; /* borrowed */
    const struct transport *transport; /* borrowed */
    uv_loop_t *loop;                   /* borrowed */
    uint64_t started_us;
    struct token_hash admin;
    struct lws_context *context; /* owned; set to NULL by libwebsockets itself */
    struct lws_vhost *vhost;     /* of the context */
    struct acceptor *acceptor;   /* owned; NULL: not listening */
    uint16_t port;
    struct limits *limits;    /* owned */
    struct pages *pages;      /* owned */
    struct whip_table *whips; /* owned */
    struct links *links;      /* owned; NULL: no cluster */
    unsigned reports_under_way;
    struct familiar familiar; /* where hosts come from */
    struct client *clients;
    unsigned client_count, making_way; /* of them */
    struct waiting waiting[CLIENT_WAITS];
    unsigned reply_descriptors;             /* that replies under way hold besides */
    unsigned sockets_max, sockets_reserved; /* of them, for hosts */
    uint64_t memory_bytes;                  /* that we may have; BOUNDS_NONE: no bound */
    bool is_low_on_memory;
    struct socket_counts counts;
    struct watchers *watchers; /* owned: of all rooms that were ever looked at */
    struct media *lost;        /* whose connections end after this event */
    uv_timer_t *tick;          /* owned, every second; NULL: none */
    uv_timer_t *soon;          /* owned, 0 ms: closes what was lost */
    uv_prepare_t *before_poll; /* owned; these two tell when the loop hands out events of sockets */
    uv_check_t *after_poll;
    bool is_polling;
    bool closing;
    uint32_t retry_after_ms;
    uint64_t closed_by_us;
    void (*on_closed)(void *ctx);
    void *on_closed_ctx;
};

static inline void signalling_count(uint64_t *counter)
{
    (*counter)++;
}

/* Ends a connection from outside its own callback; the client is freed later. */
void client_cut(struct client *client);
/* The address it speaks for changed (a proxy told): moves the count over. False: that one holds too many. */
bool client_set_from(struct client *client, const struct address *from);

#endif
