/* directory_internal.h - what the two directories share: the nodes and the claims, and who does the rest.
 *
 * Owner    directory.c, directory_local.c, directory_redis*.c
 * Thread   control
 * Units    as directory.h
 * Errors   as directory.h
 * Spec     none
 */
#ifndef TREE_DIRECTORY_INTERNAL_H
#define TREE_DIRECTORY_INTERNAL_H

#include "tree/claim_book.h"
#include "tree/directory.h"
#include "tree/node_book.h"

struct directory_ops {
    void (*destroy)(struct directory *directory);
    enum directory_state (*state)(const struct directory *directory);
    int (*claim)(struct directory *directory, const char *slug, uint64_t fence);
    void (*release)(struct directory *directory, const char *slug);
    enum directory_answer (*find)(const struct directory *directory, const char *slug,
                                  struct lease *out); /* of a room that is not claimed here */
    int (*publish)(struct directory *directory, const char *topic, struct slice data);
};

struct directory { /* the first member of what each of the two allocates */
    const struct directory_ops *ops;
    struct directory_observer observer;
    struct node_book nodes;
    struct claim_book claims;
    struct directory_counts counts;
    uint64_t now_us; /* of the last look at the clock */
};

/* Fills the part that they share; the rest is all zeros. */
void directory_init(struct directory *directory, const struct directory_ops *ops,
                    const struct node_view *self, uint64_t boot);
void directory_clear(struct directory *directory);
/* Tells the observer. */
void directory_tell_claimed(struct directory *directory, const char *slug, uint64_t fence);
void directory_tell_lost(struct directory *directory, const char *slug, const struct lease *winner);

MUST_CHECK int directory_local_create(struct directory **out,
                                      const struct directory_params *params);
MUST_CHECK int directory_redis_create(struct directory **out,
                                      const struct directory_params *params);

#endif
