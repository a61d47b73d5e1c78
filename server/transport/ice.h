/* ice.h - the ICE half of a peer: which paths passed an authenticated check, and which one is
 * used.
 *
 * ICE_LITE answers checks and follows the remote's nomination. ICE_CONTROLLING also checks the
 * remote's candidates, nominates the first that answers, and keeps its consent fresh.
 *
 * Owner    one peer, which embeds it
 * Thread   the peer's; allocates only in ice_init() and ice_restart(), for ICE_CONTROLLING, and when a
 *          third path passes its check
 * Units    microseconds, monotonic, passed in
 * Errors   ice_init, ice_restart: ERR_INVAL (credentials too long or too short), ERR_NOMEM
 * Spec     RFC 8445 (lite: section 2.5), RFC 8489, RFC 7675
 */
#ifndef TRANSPORT_ICE_H
#define TRANSPORT_ICE_H

#include "rostrum/cursor.h"
#include "rostrum/peer.h"

/* What ice_receive() and ice_tick() found. */
enum {
    ICE_DROPPED = 0,  /* not authenticated, not for us: no answer of any kind */
    ICE_ACCEPTED = 1, /* authenticated */
    ICE_SELECTED = 2, /* the selected path changed */
    ICE_EXPIRED = 4,  /* no path has consent any more */
};

struct ice_local {
    char ufrag[PEER_OWN_UFRAG_CHARS + 1];
    char pwd[PEER_OWN_PWD_CHARS + 1];
};

struct ice_path {
    uint64_t checked_us; /* last valid check or answer */
    struct peer_path ends;
};

enum { ICE_PATHS_INSIDE = 2 }; /* most remotes have no more */

struct ice_checker; /* only ICE_CONTROLLING has one */

struct ice {
    struct ice_checker *checker; /* owned; NULL for ICE_LITE */
    struct ice_local local;
    struct ice_local former; /* before the restart; empty when there is none */
    struct ice_path paths[ICE_PATHS_INSIDE];
    struct ice_path *more_paths; /* owned; PEER_PATHS_MAX - ICE_PATHS_INSIDE, or NULL */
    uint8_t path_count;
    int8_t selected; /* index of the path in use, -1: none yet */
};

MUST_CHECK int ice_init(struct ice *ice, const struct peer_params *params, uint64_t now_us);
void ice_clear(struct ice *ice); /* fine on a zeroed one; wipes the passwords */
/* On failure everything is as before. */
MUST_CHECK int ice_restart(struct ice *ice, const struct peer_params *params, uint64_t now_us);
/* One STUN datagram. The answer, if there is one, is appended to `reply` and goes back to `from`.
 */
unsigned ice_receive(struct ice *ice, const struct peer_path *from, struct slice datagram,
                     uint64_t now_us, struct writer *reply);
/* ICE_CONTROLLING: writes one check that is due; call again until false. */
bool ice_next_check(struct ice *ice, uint64_t now_us, struct address *to, struct writer *out);
/* Watches over consent: moves to another living path, or ICE_EXPIRED. */
unsigned ice_tick(struct ice *ice, uint64_t now_us);
/* When ice_tick() or ice_next_check() has something to do; UINT64_MAX: never. */
uint64_t ice_due_us(const struct ice *ice);
/* Lends the path in use; NULL before the first check. */
const struct peer_path *ice_selected(const struct ice *ice);
/* Lends; at < path_count. */
const struct ice_path *ice_path_at(const struct ice *ice, unsigned at);
/* It passed a check so lately that no more than one can be missing since. */
bool ice_is_fresh(const struct ice *ice, const struct address *remote, uint64_t now_us);
bool ice_has_path(const struct ice *ice, const struct address *remote);
uint64_t ice_rtt_us(const struct ice *ice);

#endif
