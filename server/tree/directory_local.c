/* The directory of a node that is alone: it is all there is, and every claim is granted at once. */
#include "tree/directory_internal.h"

#include <stdlib.h>

static void on_claimed(void *ctx, const char *slug, uint64_t fence)
{
    directory_tell_claimed(ctx, slug, fence);
}

static void on_lost(void *ctx, const char *slug, const struct lease *winner)
{
    directory_tell_lost(ctx, slug, winner);
}

static void destroy(struct directory *directory)
{
    directory_clear(directory);
    free(directory);
}

static enum directory_state state(const struct directory *directory)
{
    (void)directory;
    return DIRECTORY_LOCAL;
}

static int claim(struct directory *directory, const char *slug, uint64_t fence)
{
    static const struct claim_answer granted[CLAIM_BATCH_MAX] = {{.kind = CLAIM_GRANTED}};
    struct claim_batch batch;
    int err = claim_book_claim(&directory->claims, slug, fence);
    if (err != 0)
        return err;
    claim_book_due(&directory->claims, 0,
                   &batch); /* only the new one: the others are held for ever */
    claim_book_answer(&directory->claims, &batch, granted, 0);
    return 0;
}

static void release(struct directory *directory, const char *slug)
{
    (void)claim_book_release(&directory->claims, slug);
}

static enum directory_answer find(const struct directory *directory, const char *slug,
                                  struct lease *out)
{
    (void)directory;
    (void)slug;
    (void)out;
    return DIRECTORY_NONE;
}

static int publish(struct directory *directory, const char *topic, struct slice data)
{
    (void)directory;
    (void)topic;
    (void)data;
    return 0;
}

int directory_local_create(struct directory **out, const struct directory_params *params)
{
    static const struct directory_ops ops = {.destroy = destroy,
                                             .state = state,
                                             .claim = claim,
                                             .release = release,
                                             .find = find,
                                             .publish = publish};
    struct directory *directory = calloc(1, sizeof(*directory));
    if (directory == NULL)
        return ERR_NOMEM;
    directory_init(directory, &ops, params->self, 0);
    struct claim_book_events events = {directory, on_claimed, on_lost};
    claim_book_init(&directory->claims, params->self->id, &events);
    *out = directory;
    return 0;
}
