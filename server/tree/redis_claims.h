/* redis_claims.h - claims in the words of Redis: the script, its arguments, its answers.
 *
 * Keys: "rostrum:room:SLUG" a lease (text, with a time to live), "rostrum:fence" the highest fence that was
 * granted, "rostrum:awake" there while any node asks, "rostrum:settling" there for DIRECTORY_SETTLE_MS
 * after a time in which none did.
 *
 * Owner    the directory
 * Thread   control; no state of its own
 * Units    as directory.h
 * Errors   as named
 * Spec     EVAL as Redis 6 and Valkey 7 have it; the numbers in it are doubles
 */
#ifndef TREE_REDIS_CLAIMS_H
#define TREE_REDIS_CLAIMS_H

#include "tree/claim_book.h"

struct redis_link;
struct redisReply;

/* Sends a batch, which may be empty: it still says that this node is awake. `request` comes back. Errors of
 * redis_link_send(), ERR_CRYPTO. */
MUST_CHECK int redis_claims_send(struct redis_link *link, const struct cluster_key *key,
                                 const char *self, const struct claim_batch *batch, void *request);
/* Removes this node's lease of a room. Nothing comes back but `request`. */
MUST_CHECK int redis_claims_release(struct redis_link *link, const char *self, const char *slug,
                                    void *request);
/* One answer for each item. What nobody of this cluster wrote is CLAIM_WAIT and counted in *bad. ERR_PROTO:
 * this is not what the script answers. */
MUST_CHECK int redis_claims_parse(struct claim_answer out[CLAIM_BATCH_MAX],
                                  const struct claim_batch *batch, const struct cluster_key *key,
                                  const struct redisReply *reply, uint64_t *bad);

#endif
