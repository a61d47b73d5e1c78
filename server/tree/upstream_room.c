#include "tree/upstream_internal.h"

#include <stdlib.h>

int upstream_room_create(struct upstream_room **out, uint32_t number, uint64_t first_index)
{
    struct upstream_room *room = calloc(1, sizeof(*room));
    if (!room)
        return ERR_NOMEM;
    room->number = number;
    int err = intake_create(&room->intake, first_index);
    if (err) {
        upstream_room_destroy(room);
        return err;
    }
    *out = room;
    return 0;
}

static void free_leaving(struct upstream_room *room)
{
    struct upstream_link *link = room->leaving;
    while (link) {
        struct upstream_link *after = link->leaving;
        upstream_link_destroy(link);
        link = after;
    }
    room->leaving = NULL;
}

void upstream_room_close(struct upstream_room *room)
{
    for (unsigned i = 0; i < INTAKE_SOURCES; i++) {
        upstream_link_destroy(room->links[i]);
        room->links[i] = NULL;
    }
    free_leaving(room);
}

void upstream_room_destroy(struct upstream_room *room)
{
    if (!room)
        return;
    upstream_room_close(room);
    intake_destroy(room->intake);
    free(room);
}

/* ---- links ---- */

/* It is told of at the next chance, and freed then. */
static void let_go(struct upstream_room *room, unsigned source, enum peer_end cause)
{
    struct upstream_link *link = room->links[source];
    upstream_link_end(link, cause);
    room->links[source] = NULL;
    link->leaving = room->leaving;
    room->leaving = link;
}

static bool was_heard(const struct upstream_link *link)
{
    return link->state == LINK_HEARD || link->state == LINK_SILENT;
}

/* The place for one more: a free one, else that of the newer if it was never heard, else of the
 * older. */
static unsigned make_place(struct upstream_room *room)
{
    for (unsigned i = 0; i < INTAKE_SOURCES; i++)
        if (!room->links[i])
            return i;
    unsigned newer = room->newest;
    unsigned victim = was_heard(room->links[newer]) ? 1 - newer : newer;
    let_go(room, victim, PEER_END_NONE);
    return victim;
}
_Static_assert(INTAKE_SOURCES == 2, "a newer and an older one");

void upstream_room_follow(struct upstream_room *room, struct upstream_link *link, uint64_t now_us)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data = {.ptr = link}};
    unsigned source = make_place(room);
    room->links[source] = link;
    room->newest = source;
    link->room = room;
    link->source = source;
    if (epoll_ctl(room->upstream->epoll_fd, EPOLL_CTL_ADD, link->fd, &wanted) != 0)
        let_go(room, source, PEER_END_CLOSED);
    else
        (void)upstream_link_tick(link, now_us);
}

/* The former parent goes when the newer has been heard for a while. */
static void finish_change(struct upstream_room *room, uint64_t now_us)
{
    unsigned former = 1 - room->newest;
    const struct upstream_link *newest = room->links[room->newest];
    if (room->links[former] && newest && newest->state == LINK_HEARD &&
        now_us - newest->sound_us >= UPSTREAM_OVERLAP_US)
        let_go(room, former, PEER_END_NONE);
}

/* ---- frames ---- */

static void send_frame(struct upstream *upstream, uint32_t room, const struct intake_frame *frame,
                       uint64_t now_us)
{
    struct media_frame *head = (struct media_frame *)(void *)upstream->frame;
    *head = (struct media_frame){.kind = MEDIA_PROGRAM,
                                 .room = room,
                                 .index = frame->index,
                                 .made_us = now_us,
                                 .timestamp = frame->timestamp,
                                 .samples = frame->samples,
                                 .payload_bytes = (uint32_t)frame->payload.bytes};
    memcpy(head->payload, frame->payload.data, frame->payload.bytes);
    transport_stage_send(upstream->config.transport, upstream->config.stage, head);
    upstream_count(&upstream->frames, 1);
}

uint64_t upstream_room_step(struct upstream_room *room, uint64_t now_us)
{
    struct upstream *upstream = room->upstream;
    struct intake_frame frame;
    uint64_t due_us = room->counts_us;
    for (unsigned i = 0; i < INTAKE_SOURCES; i++)
        if (room->links[i])
            upstream_link_ask(room->links[i], now_us);
    while (intake_next(room->intake, now_us, &frame))
        send_frame(upstream, room->number, &frame, now_us);
    finish_change(room, now_us);
    for (unsigned i = 0; i < INTAKE_SOURCES; i++) {
        if (!room->links[i])
            continue;
        uint64_t link_due_us = upstream_link_tick(room->links[i], now_us);
        due_us = link_due_us < due_us ? link_due_us : due_us;
        if (room->links[i]->state == LINK_ENDED)
            let_go(room, i, room->links[i]->cause);
    }
    uint64_t intake_us = intake_due_us(room->intake, now_us);
    return intake_us < due_us ? intake_us : due_us;
}

/* ---- news ---- */

static bool push(struct upstream *upstream, const struct upstream_event *event)
{
    if (ring_push(upstream->events, event, sizeof(*event)) != 0)
        return false;
    upstream->has_events = true;
    return true;
}

static bool tell_link(struct upstream_room *room, struct upstream_link *link)
{
    static const enum upstream_event_kind kinds[] = {[LINK_CONNECTED] = UPSTREAM_CONNECTED,
                                                     [LINK_HEARD] = UPSTREAM_SOUND,
                                                     [LINK_SILENT] = UPSTREAM_SILENT,
                                                     [LINK_ENDED] = UPSTREAM_ENDED};
    if (link->state == link->told)
        return true;
    struct upstream_event event = {.kind = kinds[link->state],
                                   .room = room->number,
                                   .parent = link->parent,
                                   .cause = link->cause,
                                   .rtt_us = link->peer ? peer_rtt_us(link->peer) : 0};
    if (!push(room->upstream, &event))
        return false;
    link->told = link->state;
    return true;
}

bool upstream_room_tell(struct upstream_room *room)
{
    bool is_all = true;
    for (unsigned i = 0; i < INTAKE_SOURCES; i++)
        if (room->links[i])
            is_all = tell_link(room, room->links[i]) && is_all;
    struct upstream_link **at = &room->leaving;
    while (*at) {
        struct upstream_link *link = *at;
        if (!tell_link(room, link)) {
            is_all = false;
            at = &link->leaving;
            continue;
        }
        *at = link->leaving;
        upstream_link_destroy(link);
    }
    return is_all;
}

bool upstream_room_tell_counts(struct upstream_room *room, enum upstream_event_kind kind)
{
    struct upstream_event event = {.kind = kind,
                                   .room = room->number,
                                   .next_index = intake_next_index(room->intake),
                                   .asked = room->asked};
    intake_counts(room->intake, &event.counts);
    return push(room->upstream, &event);
}
