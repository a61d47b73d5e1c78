/* listener_internal.h - the parts of a listener, for listener*.c only.
 *
 * Owner    as in listener.h
 * Thread   as in listener.h
 * Units    as in listener.h
 * Errors   as in listener.h
 * Spec     as in listener.h
 */
#ifndef REHEARSE_LISTENER_INTERNAL_H
#define REHEARSE_LISTENER_INTERNAL_H

#include "rehearse/listener.h"

#include <sys/socket.h>

struct srtp_link;

enum {
    LISTENER_CNAME_CHARS = 16,
    LISTENER_DATAGRAM_MAX = PEER_DATAGRAM_MAX,
};

enum listener_state { LISTENER_JOINING, LISTENER_HEARING, LISTENER_DEAF };

/* Only a lossy one has it. */
struct listener_loss {
    struct reception heard; /* what is left after the losses: reports and NACKs speak of it */
    uint64_t random;
};

/* Only an unread one has it: what its checks need once the peer is not asked any more. */
struct listener_consent {
    char username[2 * PEER_UFRAG_MAX + 2];
    char pwd[PEER_PWD_MAX + 1];
    uint64_t tie_breaker;
    uint64_t due_us;   /* of the next check */
    uint64_t pulse_us; /* when something was seen to come last */
};

struct listener {
    int fd; /* owned */
    enum listener_state state;
    uint64_t due_us;
    uint64_t now_us; /* of the call that we are in: the peer's callbacks have none */
    uint32_t number, attempt;
    bool is_slow, is_unread, is_verifying, is_mute;
    bool is_dismissed; /* the server said good-bye */
    bool is_bound, is_connected;
    sa_family_t family;
    uint32_t *heard_second;         /* borrowed; as in struct listener_order */
    struct listener_shared *shared; /* borrowed */
    struct peer *peer;              /* owned */
    struct srtp_link *link;         /* owned; only a verifying one has it */
    struct listener_loss *loss;     /* owned; or NULL */
    struct arrivals arrivals;
    uint64_t peer_due_us, report_due_us, watch_due_us;
    uint64_t silent_us;            /* without a packet: the connection is lost */
    uint64_t attempt_us, sound_us; /* sound_us 0: none yet */
    const char *reason;            /* why it ended; constant; NULL: it lives */
    struct address remote;         /* where media goes to and comes from */
    bool has_path;
    enum srtp_profile profile;
    void *send_key, *receive_key; /* owned */
    uint32_t send_index, receive_index;
    bool has_received_index;
    char cname[LISTENER_CNAME_CHARS + 1];
    struct listener_consent *consent; /* owned; or NULL */
};

/* listener_socket.c */

/* Opens the socket, and keeps of the candidates those that can be reached through it. Errors and
 * reasons as listener_create(). */
MUST_CHECK int listener_open_socket(struct listener *listener, const struct listener_order *order,
                                    struct peer_params *params, const char **reason);
/* From now on datagrams go to and come from there alone. */
void listener_bind_to(struct listener *listener, const struct address *remote);
/* Empties the socket unread. False: nothing had come. */
bool listener_drain(struct listener *listener);
/* Now, or through the delay. What the kernel cannot take is lost, as on any network. */
void listener_send(struct listener *listener, const struct address *to, const uint8_t *data,
                   size_t bytes, uint64_t now_us);
void listener_send_now(struct listener *listener, const struct address *to, const uint8_t *data,
                       size_t bytes);

/* listener_media.c */

/* ERR_NOMEM, ERR_CRYPTO. */
MUST_CHECK int listener_take_keys(struct listener *listener, const struct srtp_keys *keys,
                                  uint64_t now_us);
void listener_clear_keys(struct listener *listener);
void listener_take_rtp(struct listener *listener, uint8_t *data, size_t bytes, uint64_t arrival_us,
                       uint64_t now_us);
void listener_take_rtcp(struct listener *listener, uint8_t *data, size_t bytes, uint64_t now_us);
void listener_report(struct listener *listener, uint64_t now_us);
/* Asks for what a lossy one misses. */
void listener_ask_again(struct listener *listener, uint64_t now_us);
/* Counts it among those that hear in that second, once. */
void listener_note_second(struct listener *listener, struct tally_second *second);
/* NULL: the rehearsal is longer than what is kept. */
struct tally_second *listener_second(const struct listener *listener, uint64_t at_us);

#endif
