#include "signalling/neighbours.h"

#include "room/cluster.h"

static void on_up(void *ctx, const char *node)
{
    rooms_on_link(ctx, node, true);
}

static void on_down(void *ctx, const char *node)
{
    rooms_on_link(ctx, node, false);
}

static void on_word(void *ctx, const char *node, struct slice word)
{
    rooms_on_word(ctx, node, word);
}

struct links_events neighbours_events(struct rooms *rooms)
{
    return (struct links_events){
        .ctx = rooms, .on_up = on_up, .on_down = on_down, .on_word = on_word};
}

static void want(void *ctx, const char *node, const char *url)
{
    links_want(ctx, node, url);
}

static void release(void *ctx, const char *node)
{
    links_release(ctx, node);
}

static int say(void *ctx, const char *node, struct slice word)
{
    return links_say(ctx, node, word);
}

static bool is_up(void *ctx, const char *node)
{
    return links_is_up(ctx, node);
}

void neighbours_connect(struct rooms *rooms, struct links *links)
{
    rooms_connect(rooms,
                  links != NULL ? &(struct rooms_links){links, want, release, say, is_up} : NULL);
}
