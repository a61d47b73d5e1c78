#include "tree/directory_internal.h"

#include "base/thread.h"

#include <string.h>

static const struct directory_observer nobody;

void directory_init(struct directory *directory, const struct directory_ops *ops,
                    const struct node_view *self, uint64_t boot)
{
    directory->ops = ops;
    directory->observer = nobody;
    node_book_init(&directory->nodes, self, boot);
}

void directory_clear(struct directory *directory)
{
    claim_book_clear(&directory->claims);
}

void directory_tell_claimed(struct directory *directory, const char *slug, uint64_t fence)
{
    if (directory->observer.on_claimed != NULL)
        directory->observer.on_claimed(directory->observer.ctx, slug, fence);
}

void directory_tell_lost(struct directory *directory, const char *slug, const struct lease *winner)
{
    struct directory_origin origin = {.fence = winner->fence};
    memcpy(origin.node, winner->node, sizeof(origin.node));
    if (directory->observer.on_lost != NULL)
        directory->observer.on_lost(directory->observer.ctx, slug, &origin);
}

int directory_create(struct directory **out, const struct directory_params *params)
{
    if (params->redis == NULL)
        return directory_local_create(out, params);
    if (!node_view_is_valid(params->self))
        return ERR_INVAL;
    return params->key == NULL || params->loop == NULL ? ERR_INVAL
                                                       : directory_redis_create(out, params);
}

void directory_destroy(struct directory *directory)
{
    if (directory != NULL)
        directory->ops->destroy(directory);
}

void directory_observe(struct directory *directory, const struct directory_observer *observer)
{
    directory->observer = *observer;
}

enum directory_state directory_state(const struct directory *directory)
{
    return directory->ops->state(directory);
}

const char *directory_state_name(enum directory_state state)
{
    static const char *const names[] = {"local", "up", "down"};
    return names[state];
}

void directory_announce(struct directory *directory, const struct node_view *view)
{
    node_book_announce(&directory->nodes, view);
}

const struct node_view *directory_nodes(const struct directory *directory, size_t *count)
{
    *count = directory->nodes.count;
    return directory->nodes.views;
}

const struct node_view *directory_node(const struct directory *directory, const char *id)
{
    size_t at = node_book_find(&directory->nodes, id);
    return at < DIRECTORY_NODES_MAX ? &directory->nodes.views[at] : NULL;
}

uint32_t directory_node_age_ms(const struct directory *directory, const char *id)
{
    size_t at = node_book_find(&directory->nodes, id);
    if (at == 0 || at == DIRECTORY_NODES_MAX)
        return 0;
    uint64_t seen_us = directory->nodes.seen[at].seen_us;
    return directory->now_us > seen_us ? (uint32_t)((directory->now_us - seen_us) / 1000) : 0;
}

int directory_claim(struct directory *directory, const char *slug, uint64_t fence)
{
    ASSERT_THREAD(THREAD_CONTROL);
    return directory->ops->claim(directory, slug, fence);
}

void directory_release(struct directory *directory, const char *slug)
{
    ASSERT_THREAD(THREAD_CONTROL);
    directory->ops->release(directory, slug);
}

bool directory_owns(const struct directory *directory, const char *slug, uint64_t *fence)
{
    uint64_t held;
    bool is_held = claim_book_find(&directory->claims, slug, &held) && held != 0;
    if (is_held && fence != NULL)
        *fence = held;
    return is_held;
}

enum directory_answer directory_find(const struct directory *directory, const char *slug,
                                     struct directory_origin *out)
{
    struct lease lease = {.fence = 0};
    *out = (struct directory_origin){.fence = 0};
    if (!slug_is_valid(slug))
        return DIRECTORY_NONE;
    out->is_self = claim_book_find(&directory->claims, slug, &out->fence);
    if (out->is_self) {
        memcpy(out->node, directory->nodes.views[0].id, sizeof(out->node));
        return DIRECTORY_FOUND;
    }
    enum directory_answer answer = directory->ops->find(directory, slug, &lease);
    out->fence = lease.fence;
    memcpy(out->node, lease.node, sizeof(out->node));
    return answer;
}

int directory_publish(struct directory *directory, const char *topic, struct slice data)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (!topic_is_valid(topic) || data.bytes > DIRECTORY_EVENT_MAX)
        return ERR_INVAL;
    return directory->ops->publish(directory, topic, data);
}

void directory_counts(const struct directory *directory, struct directory_counts *out)
{
    *out = directory->counts;
}
