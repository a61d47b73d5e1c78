/* identity.h - who a node is to the others: its id, and keys made of the secret that all of them know.
 *
 * The secret itself signs nothing and never travels: each purpose has a key of its own, made of the
 * secret and a label. Whoever learns one of these keys learns neither the secret nor another key.
 *
 * Owner    values; wipe secrets and keys with explicit_bzero() when done
 * Thread   any; the load functions read files: before anything runs
 * Units    bytes, characters
 * Errors   as named; `problem` is one sentence for the operator
 * Spec     HMAC-SHA-256 (RFC 2104)
 */
#ifndef TREE_IDENTITY_H
#define TREE_IDENTITY_H

#include "rostrum/error.h"
#include "rostrum/slice.h"
#include "tree/node.h"

enum {
    CLUSTER_SECRET_MIN = 32,
    CLUSTER_SECRET_MAX = 4096,
    CLUSTER_KEY_BYTES = 32,
    CLUSTER_MAC_BYTES = 16,
    IDENTITY_PROBLEM_MAX = 400,
};

struct cluster_secret {
    size_t count;
    uint8_t bytes[CLUSTER_SECRET_MAX];
};

struct cluster_key {
    uint8_t bytes[CLUSTER_KEY_BYTES];
};

/* 1..NODE_ID_MAX letters, digits and '-'. */
bool node_id_is_valid(const char *id);
/* "http://" or "https://", a host and perhaps a port: nothing else, so that it can be put into links. */
bool node_url_is_valid(const char *url);
/* Any visible ASCII that does no harm in pages; "" is fine. */
bool node_region_is_valid(const char *region);
/* Reads the id from path, or makes one there: 16 random letters and digits. A copied state folder is a
 * second node of the same id: both log it. ERR_DAMAGED: something else is in the file; it stays. ERR_IO. */
MUST_CHECK int node_id_load_or_make(char out[NODE_ID_MAX + 1], const char *path,
                                    char problem[IDENTITY_PROBLEM_MAX]);

/* The file's bytes without the line ends behind them. ERR_AUTH: somebody but its owner may read or
 * write it. ERR_INVAL: too short or too long. ERR_IO. */
MUST_CHECK int cluster_secret_load(struct cluster_secret *out, const char *path,
                                   char problem[IDENTITY_PROBLEM_MAX]);
/* ERR_CRYPTO. */
MUST_CHECK int cluster_key_make(struct cluster_key *out, const struct cluster_secret *secret,
                                const char *label);
/* Another key, made of this one and of what it is for. ERR_CRYPTO. */
MUST_CHECK int cluster_key_derive(struct cluster_key *out, const struct cluster_key *key,
                                  struct slice context);
/* HMAC-SHA-256, cut. ERR_CRYPTO. */
MUST_CHECK int cluster_mac(const struct cluster_key *key, struct slice bytes,
                           uint8_t out[CLUSTER_MAC_BYTES]);
/* In constant time. */
bool cluster_mac_equal(const uint8_t a[CLUSTER_MAC_BYTES], const uint8_t b[CLUSTER_MAC_BYTES]);

#endif
