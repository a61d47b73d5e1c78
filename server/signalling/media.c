#include "signalling/media.h"

#include "admission/arrivals.h"

struct asker_origin client_origin(const struct client *client)
{
    return (struct asker_origin){.prefix = address_prefix(&client->from),
                                 .network = address_network(&client->from)};
}

static void close_lost(uv_timer_t *timer)
{
    struct signalling *signalling = timer->data;
    while (signalling->lost != NULL)
        media_close(signalling->lost);
}

static void on_event(void *owner, enum connection_event event, const char *cause)
{
    struct media *media = owner;
    struct signalling *signalling = media->signalling;
    if (media->is_lost)
        return;
    if (event == CONNECTION_LOST) {
        media->is_lost = true;
        media->next_lost = signalling->lost;
        signalling->lost = media;
        uv_timer_start(signalling->soon, close_lost, 0, 0);
    }
    media->on_event(media, event, cause != NULL ? cause : "");
}

/* It is nobody's connection then. */
static struct connection *detach(struct media *media)
{
    for (struct media **link = &media->signalling->lost; *link != NULL; link = &(*link)->next_lost)
        if (*link == media) {
            *link = media->next_lost;
            break;
        }
    struct connection *connection = media->connection;
    media->connection = NULL;
    media->is_lost = false;
    media->next_lost = NULL;
    return connection;
}

int media_offer(struct media *media, struct room *room, const struct connection_params *params,
                char answer[ANSWER_MAX], struct refusal *refusal)
{
    *refusal = (struct refusal){.reason = REFUSAL_NONE};
    if (media_is_open(media)) {
        int err = connection_reoffer(media->connection, params->offer, answer, refusal);
        if (err != ERR_UNSUPPORTED)
            return err;
    }
    *refusal = (struct refusal){.reason = REFUSAL_NONE};
    struct connection_params mine = *params;
    mine.on_event = on_event;
    mine.owner = media;
    mine.former = detach(media);
    struct connection *connection = NULL;
    int err = connection_open(&connection, room, &mine, answer, refusal);
    if (err == 0)
        media->connection = connection;
    connection_close(mine.former);
    return err;
}

void media_close(struct media *media)
{
    connection_close(detach(media));
}

void media_abandon(struct media *media)
{
    connection_abandon(detach(media));
}

bool media_is_open(const struct media *media)
{
    return media->connection != NULL && !media->is_lost;
}
