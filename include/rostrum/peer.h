/* peer.h - one remote WebRTC endpoint: ICE and DTLS up to the SRTP keys, without any I/O of its
 * own.
 *
 * A peer is fed datagrams and time, and calls back with datagrams to send. As server it is ICE-lite
 * and controlled; as client (the command line, a relay) it is controlling and checks the server's
 * candidates. Media never passes through it: once the keys are out, its owner protects and sends by
 * itself, to the path of on_path.
 *
 *     new ---(authenticated check)---> checked ---(ClientHello / ours)---> handshaking
 *      |                                                                     | fingerprint compared
 *      +------------------------- ended <---- connected <--------------------+
 *                       (timeout, consent lost, close_notify, failed)
 *
 * Owner    a worker, or a client session; destroyed only outside its callbacks
 * Thread   the owner's
 * Units    microseconds, monotonic, passed in
 * Errors   bad bytes from the network are counted and dropped, never an error to the caller
 * Spec     RFC 8445 (lite: section 2.5), RFC 8489, RFC 7675, RFC 5764, RFC 6347, RFC 8842
 */
#ifndef ROSTRUM_PEER_H
#define ROSTRUM_PEER_H

#include "base/address.h"
#include "rostrum/error.h"
#include "rostrum/slice.h"
#include "rostrum/srtp_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PEER_UFRAG_MAX = 256, /* RFC 8839 section 5.4; ours are 8 */
    PEER_PWD_MAX = 256,   /* ours are 24 */
    PEER_OWN_UFRAG_CHARS = 8,
    PEER_OWN_PWD_CHARS = 24,
    PEER_CANDIDATES_MAX = 16,
    PEER_PATHS_MAX = 8,        /* paths that passed a check; a ninth drives out the oldest */
    PEER_FINGERPRINT_MAX = 64, /* sha-512 */
    PEER_DATAGRAM_MAX = 1500,
    PEER_JOIN_TIMEOUT_US = 30 * 1000 * 1000, /* from creation to connected */
    PEER_CONSENT_US = 30 * 1000 * 1000,      /* RFC 7675 section 5.1 */
};

enum dtls_role { DTLS_SERVER /* a=setup:passive */, DTLS_CLIENT /* a=setup:active */ };
enum ice_role {
    ICE_LITE /* controlled, never checks */,
    ICE_CONTROLLING /* full, checks and nominates */
};
enum digest { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };

enum peer_end {
    PEER_END_NONE,
    PEER_END_TIMEOUT,     /* not connected within PEER_JOIN_TIMEOUT_US */
    PEER_END_CONSENT,     /* no authenticated check (answer) for PEER_CONSENT_US */
    PEER_END_FINGERPRINT, /* the certificate is not the one announced */
    PEER_END_HANDSHAKE,   /* DTLS failed: alert, no common profile, broken message */
    PEER_END_CLOSED, /* the peer's close_notify, which only a DTLS client still reads, or a relay's BYE */
};

struct ice_credentials {
    char ufrag[PEER_UFRAG_MAX + 1];
    char pwd[PEER_PWD_MAX + 1];
};

struct fingerprint {
    enum digest digest;
    uint8_t bytes[PEER_FINGERPRINT_MAX]; /* as many as the digest has */
};

/* The node's own certificate and the OpenSSL contexts made of it; shared by all threads, immutable.
 */
struct dtls_identity;
/* Reads certificate and key (PEM, ECDSA P-256, mode 0600) from path, or makes them there (valid ten
 * years). path NULL: a fresh one in memory. Allocates. ERR_IO, ERR_DAMAGED, ERR_CRYPTO, ERR_NOMEM.
 */
MUST_CHECK int dtls_identity_create(struct dtls_identity **out, const char *path);
void dtls_identity_destroy(struct dtls_identity *identity);
/* Lends the SHA-256 fingerprint to announce. */
const struct fingerprint *dtls_identity_fingerprint(const struct dtls_identity *identity);

/* What the peers of one owner share: a bound on handshakes under way, and what they dropped.
 * Beyond the bound a new handshake waits for the remote's next try, which costs it a moment and us
 * nothing. Used on the owner's thread only. */
struct peer_group {
    unsigned handshakes;         /* under way now */
    unsigned handshakes_max;     /* set by the owner, as the next */
    struct half_open *half_open; /* borrowed: the same by address; NULL: only the bound above */
    uint64_t refused;            /* handshakes that had to wait */
    uint64_t dropped;            /* datagrams that were not authenticated */
};

struct peer_params {
    enum ice_role ice;
    enum dtls_role dtls;
    struct ice_credentials local;
    struct ice_credentials remote;                  /* used by ICE_CONTROLLING only */
    struct fingerprint fingerprint;                 /* the remote certificate's, from SDP */
    struct address candidates[PEER_CANDIDATES_MAX]; /* remote ones; used by ICE_CONTROLLING only */
    unsigned candidate_count;
    struct peer_group *group; /* borrowed, outlives the peer; NULL: no bound, nothing counted */
};

/* Between a remote address and one of our own. A remote drops answers that come from another address
 * than the one it asked (RFC 8445 section 7.2.5.2.1), so what is sent goes back the way it came. */
struct peer_path {
    struct address remote;
    uint8_t local; /* the owner's number for its own address; opaque here, 0 if it has no numbers */
};

struct peer;

struct peer_events {
    /* Send now; the bytes are lent. Never called for a destination that has not passed ICE, but for
     * checks. */
    void (*on_send)(void *owner, const struct peer_path *to, const uint8_t *data, size_t bytes);
    /* The handshake is complete and the fingerprint compared: media may flow. Once. The keys are
     * lent. */
    void (*on_keys)(void *owner, const struct srtp_keys *keys);
    /* The selected path: media goes to `to` from now on. Called before on_keys and at each change.
     */
    void (*on_path)(void *owner, const struct peer_path *to);
    /* The last call. The owner destroys the peer later, outside the callback. */
    void (*on_ended)(void *owner, enum peer_end cause);
};

/* Allocates; release with peer_destroy(). `identity` and `events` are borrowed and outlive the
 * peer. ERR_NOMEM, ERR_INVAL. Small: the DTLS object exists only from the first valid check to the
 * end of the handshake's grace. */
MUST_CHECK int peer_create(struct peer **out, const struct peer_params *params,
                           const struct dtls_identity *identity, const struct peer_events *events,
                           void *owner, uint64_t now_us);
/* Sends close_notify while it still can, wipes the keys. NULL is fine. */
void peer_destroy(struct peer *peer);
/* A STUN or DTLS datagram from `from` (RTP and RTCP are the owner's). Drops what is not
 * authenticated. */
void peer_receive(struct peer *peer, const struct peer_path *from, struct slice datagram,
                  uint64_t now_us);
/* Runs what is due; returns the next time it must be called, UINT64_MAX if never. */
uint64_t peer_tick(struct peer *peer, uint64_t now_us);
/* ICE restart: new credentials both ways; the former local ones stay valid until the first check
 * with the new (RFC 8445 section 9). DTLS and SRTP go on. ICE_CONTROLLING starts its checks again
 * with new candidates; ICE_LITE needs no remote credentials (NULL). */
MUST_CHECK int peer_restart(struct peer *peer, const struct ice_credentials *local,
                            const struct ice_credentials *remote, const struct address *candidates,
                            unsigned candidate_count, uint64_t now_us);
/* The peer proved to hold the keys (a valid SRTCP or SRTP packet came): the DTLS object can go
 * after its grace. */
void peer_confirm_keys(struct peer *peer, uint64_t now_us);
bool peer_is_connected(const struct peer *peer);
/* Whether a datagram from this address may be this peer's: it passed an authenticated check. */
bool peer_has_path(const struct peer *peer, const struct address *from);
/* That, and is this peer's without doubt: it is connected, and the check was a moment ago. */
bool peer_holds_path(const struct peer *peer, const struct address *from, uint64_t now_us);
/* Copies the remote addresses of the paths, in no order, some perhaps twice; returns how many. */
unsigned peer_paths(const struct peer *peer, struct address out[PEER_PATHS_MAX]);
/* Round trip of the last answered check in microseconds (ICE_CONTROLLING), 0 if unknown. */
uint64_t peer_rtt_us(const struct peer *peer);

#endif
