/* key_pool_internal.h - the SRTP keys of all seats of one profile. A seat's two halves lie behind
 * each other and take what the profile needs; they never move.
 *
 * Owner    the audience, a pool per profile; whoever takes a pair gives it back
 * Thread   the audience's worker; only taking a pair may allocate
 * Units    bytes
 * Errors   0 or a negative ERR_*
 * Spec     as in srtp_batch.h
 */
#ifndef AUDIENCE_KEY_POOL_INTERNAL_H
#define AUDIENCE_KEY_POOL_INTERNAL_H

#include "audience/srtp_batch.h"
#include "base/pool.h"

struct key_pair; /* opaque: its address is that of the sending half */

struct key_pool {
    const struct srtp_engine *engine; /* borrowed */
    enum srtp_profile profile;
    size_t receiving_at;
    struct pool pairs;
};

void key_pool_init(struct key_pool *pool, const struct srtp_engine *engine,
                   enum srtp_profile profile);
/* Frees the memory; every pair has been given back. */
void key_pool_clear(struct key_pool *pool);
/* Expands both halves of `keys`, whose profile is the pool's. Lends until key_pool_give().
 * ERR_NOMEM, ERR_CRYPTO. */
MUST_CHECK int key_pool_take(struct key_pool *pool, const struct srtp_keys *keys,
                             struct key_pair **out);
/* Wipes. */
void key_pool_give(struct key_pool *pool, struct key_pair *pair);
/* Lends the receiving half. */
const void *key_pool_receiving(const struct key_pool *pool, const struct key_pair *pair);

#endif
