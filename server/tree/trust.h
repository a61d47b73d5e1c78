/* trust.h - how two nodes believe each other, and then each word of a link between them.
 *
 *     caller                                called
 *     version, id, nonce         --->
 *                                <---       version, id, nonce, proof
 *     proof                      --->
 *     sealed words               <-->       sealed words
 *
 * A proof is a MAC, with the key of the cluster, over who is who, both ids and both nonces; the keys of the
 * seals, one for each direction, are made of the same. So a word is believed once, in its order, in its
 * direction, on its link. The secret never travels, nor anything from which it could be found but by guessing.
 *
 * Protected      that the other knows the secret, that words are whole, in order, and from it
 * Not protected  that others can read them (TLS in front of the nodes does that), that words are held back or
 *                the link is cut, and nodes from each other: whoever knows the secret can say to be any of them
 *
 * Owner    values, one for each end of a link; wipe with trust_clear()
 * Thread   the owner's
 * Units    bytes
 * Errors   ERR_PROTO: not such a message. ERR_AUTH: it does not know the secret, or somebody changed what it
 *          said. ERR_BADSTATE: not now. After any error nothing is believed any more. ERR_FULL: no room to
 *          write. ERR_CRYPTO
 * Spec     HMAC-SHA-256 (RFC 2104)
 */
#ifndef TREE_TRUST_H
#define TREE_TRUST_H

#include "rostrum/cursor.h"
#include "tree/identity.h"

enum {
    TRUST_NONCE_BYTES = 16,
    TRUST_COUNTER_BYTES = 8,
    TRUST_SEAL_BYTES = TRUST_COUNTER_BYTES + CLUSTER_MAC_BYTES, /* what a sealed word has more */
    TRUST_GREETING_MAX = 2 + NODE_ID_MAX + TRUST_NONCE_BYTES + CLUSTER_MAC_BYTES,
};

enum trust_role { TRUST_CALLER, TRUST_CALLED };

/*     caller: BEGUN --greet--> GREETED --its greeting and proof--> PROVED
 *     called: BEGUN --its greeting, ours and our proof--> GREETED --its proof--> PROVED */
enum trust_state { TRUST_BEGUN, TRUST_GREETED, TRUST_PROVED, TRUST_BROKEN };

struct trust {
    enum trust_role role;
    enum trust_state state;
    struct cluster_key cluster;
    char ids[2][NODE_ID_MAX + 1]; /* by role, as the next */
    uint8_t nonces[2][TRUST_NONCE_BYTES];
    struct cluster_key seals[2]; /* of what each says */
    uint64_t said[2];            /* words */
};

/* key: made of the secret for links. id: this node's. */
void trust_begin(struct trust *out, enum trust_role role, const struct cluster_key *key,
                 const char *id);
void trust_clear(struct trust *trust);
/* The caller's first message. */
MUST_CHECK int trust_greet(struct trust *trust, struct writer *out);
/* A message of the other while it is not PROVED. Appends the answer to `out`, if there is one: send it. */
MUST_CHECK int trust_take(struct trust *trust, struct slice message, struct writer *out);
/* Lends the other's id; only once PROVED it is believed. "": not known yet. */
const char *trust_other(const struct trust *trust);

/* PROVED only. Appends the word, sealed. */
MUST_CHECK int trust_seal(struct trust *trust, struct slice word, struct writer *out);
/* Lends the word in it. */
MUST_CHECK int trust_open(struct trust *trust, struct slice sealed, struct slice *word);

#endif
