/* listener.h - one of the crowd: its socket, its peer, its keys; what it hears, reports and asks
 * for again.
 *
 * Whoever owns it reads its socket, passes each datagram in, and looks what became of it.
 *
 *     JOINING --(first RTP packet)--> HEARING --(unread: 3 s later)--> DEAF
 *        +------------------------- ended <-------+---------------------+
 *
 * As a DTLS client it knows with the server's last flight that both have the keys; the first RTP
 * packet behind it lets the DTLS object go (55 kB), whether its tag is checked or not: a forged one
 * could only spoil the close_notify at the end. A deaf listener's peer is not asked any more, for it
 * would miss the answers that nobody reads; its checks go out as before, and with each of them the
 * socket is looked at only for whether anything still comes.
 *
 * Owner    an ear
 * Thread   the ear's; allocates
 * Units    microseconds, monotonic, passed in
 * Errors   as named; what the network does to it ends it, with a reason
 * Spec     RFC 8445, RFC 7675, RFC 5764, RFC 3711, RFC 3550 section 6.4.2, RFC 4585 section 6.2.1
 */
#ifndef REHEARSE_LISTENER_H
#define REHEARSE_LISTENER_H

#include "audience/srtp_batch.h"
#include "rehearse/arrivals.h"
#include "rehearse/delay.h"
#include "rostrum/peer.h"

enum {
    LISTENER_SOUND_BY_US = 15 * 1000 * 1000, /* from the answer to the first packet */
    LISTENER_SILENT_US = 10 * 1000 * 1000,   /* while others hear: the connection is lost */
    LISTENER_AWAY_SILENT_US = 1500 * 1000,   /* the same at another node than home */
    LISTENER_DEAF_AFTER_US = 3 * 1000 * 1000,
    LISTENER_READ_EVERY_US = 20 * 1000, /* a lossy one, once sound came; others may wait longer */
    LISTENER_HEARS_US = 1000 * 1000,    /* a packet in that time: it hears */
};

struct listener;

/* What the listeners of one ear share; borrowed, outlives them. */
struct listener_shared {
    const struct dtls_identity *identity;
    const struct srtp_engine *engine;
    void *batch;
    struct delay *delay; /* of those that are slow; NULL: nobody is */
    struct tally *tally;
    uint64_t start_us; /* of the rehearsal */
    unsigned loss_percent;
    uint64_t slow_us;
    bool room_is_live; /* no sound is nobody's fault before */
    bool others_hear;
};

/* What the signalling learnt. */
struct listener_order {
    uint32_t number, attempt;
    uint64_t attempt_us;   /* when it came to the door */
    struct address source; /* its socket is bound to it, port 0, if the media is reached so */
    bool has_source;
    bool is_lossy, is_slow, is_unread, is_verifying;
    bool is_away; /* at another node than home */
    uint32_t
        *heard_second; /* borrowed; 1 more than the second that this number was last counted in, 0:
                               none; one who moves has two listeners and is counted once */
    struct peer_params peer;
};

/* Opens the socket and sends the first checks. Allocates. On failure *reason is a constant text:
 * ERR_NOMEM, ERR_FULL (descriptors or ports of this machine are used up), ERR_IO (no way to the
 * server's addresses), ERR_INVAL (nonsense in the answer). */
MUST_CHECK int listener_create(struct listener **out, struct listener_shared *shared,
                               const struct listener_order *order, uint64_t now_us,
                               const char **reason);
/* From now on it says nothing any more, not even good-bye. */
void listener_mute(struct listener *listener);
/* Says good-bye while it can and adds up its account: a silence counts up to until_us. NULL is fine. */
void listener_destroy(struct listener *listener, uint64_t until_us);
/* One datagram from its socket; may be changed. `from` NULL: from where the socket is connected to.
 */
void listener_receive(struct listener *listener, const struct address *from, uint8_t *data,
                      size_t bytes, uint64_t arrival_us, uint64_t now_us);
/* One that was delayed, in either direction. */
void listener_delayed(struct listener *listener, const struct delayed *delayed, uint64_t now_us);
/* Does what is due: nothing before listener_due_us(). */
void listener_tick(struct listener *listener, uint64_t now_us);
uint64_t listener_due_us(const struct listener *listener);

int listener_fd(const struct listener *listener);
uint32_t listener_number(const struct listener *listener);
uint32_t listener_attempt(const struct listener *listener);
bool listener_is_connected(const struct listener *listener); /* keys are there */
bool listener_has_sound(const struct listener *listener);
bool listener_is_deaf(const struct listener *listener);
/* NULL: it lives. Once it has ended nothing is sent or counted any more. */
const char *listener_end_reason(const struct listener *listener);
/* The socket takes datagrams from one address only. */
bool listener_is_bound(const struct listener *listener);
/* LISTENER_HEARS_US after the last packet; of a deaf one LISTENER_SILENT_US after something came.
 * 0: none came yet, or it has ended. */
uint64_t listener_hears_until_us(const struct listener *listener);

#endif
