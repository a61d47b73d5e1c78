/* The program from a parent: which one is asked, heard, left. A new parent is heard before the former one is
 * left; who is silent while the room is live is replaced at once. */
#include "room/cluster_internal.h"

#include "telemetry/log.h"

#include <string.h>

enum {
    LINK_US = 1000 * 1000,
    ANSWER_US = 500 * 1000,
    JOIN_US = 1000 * 1000,       /* from the answer to sound */
    JOIN_QUIET_US = 3000 * 1000, /* or, before the program begins, to connected */
    ROUND_US = 500 * 1000,       /* when all were tried */
};

static struct follow *follow_of(const struct room *room)
{
    return &room->relay->follow;
}

static const struct word_parent *tried(const struct room *room)
{
    return &room->relay->place.parents[follow_of(room)->at];
}

static bool is_live(const struct room *room)
{
    return room->record.state == ROOM_LIVE;
}

static bool has_parent(const struct room *room)
{
    const struct follow *follow = follow_of(room);
    return follow->parent[0] != '\0' && (follow->is_hearing || !is_live(room));
}

static bool has_first(const struct room *room)
{
    return has_parent(room) &&
           strcmp(follow_of(room)->parent, room->relay->place.parents[0].id) == 0;
}

/* ---- asking ---- */

static void try_next(struct room *room, uint64_t now_us)
{
    struct follow *follow = follow_of(room);
    follow->state = FOLLOW_IDLE;
    follow->at = (follow->at + 1) % room->relay->place.count;
    follow->until_us = follow->at == 0 ? now_us + ROUND_US : now_us;
    if (has_parent(room))
        follow->wants_first = false; /* it could not be had: the origin sees whom we follow */
}

static void ask(struct room *room, uint64_t now_us)
{
    struct follow *follow = follow_of(room);
    const char *node = tried(room)->id;
    const struct rooms_links *links = &room->rooms->cluster->links;
    bool is_up = links->is_up(links->ctx, node);
    if (!is_up && follow->at == 0 && now_us < follow->link_until_us) {
        follow->until_us = follow->link_until_us; /* relay_on_link() ends this */
        return;
    }
    if (!is_up) {
        try_next(room, now_us);
        return;
    }
    upstream_credentials(&follow->local);
    struct word word = {.kind = WORD_OFFER,
                        .offer = {.ask = ++follow->asks,
                                  .level = room->relay->place.level,
                                  .ufrag = slice_text(follow->local.ufrag),
                                  .pwd = slice_text(follow->local.pwd)}};
    memcpy(word.slug, room->record.slug, sizeof(word.slug));
    memcpy(word.offer.fingerprint, dtls_identity_fingerprint(room->rooms->deps.identity)->bytes,
           sizeof(word.offer.fingerprint));
    cluster_say(room->rooms, node, &word);
    follow->state = FOLLOW_ASKED;
    follow->until_us = now_us + ANSWER_US;
}

void follow_tick(struct room *room, uint64_t now_us)
{
    struct follow *follow = follow_of(room);
    if (room->relay->place.number == 0 || !room->media_open || now_us < follow->until_us)
        return;
    if (follow->state != FOLLOW_IDLE)
        try_next(room, now_us);
    if (now_us >= follow->until_us && (!has_parent(room) || follow->wants_first))
        ask(room, now_us);
}

void follow_expect(struct room *room, uint64_t now_us)
{
    if (!follow_of(room)->is_hearing)
        follow_of(room)->until_us = now_us + JOIN_US;
}

void follow_parents(struct room *room, uint64_t now_us)
{
    struct follow *follow = follow_of(room);
    follow->wants_first = !has_first(room);
    /* It has been wanted just now. The link with the origin is there: without patience that would feed them all. */
    if (follow->heard == 0)
        follow->link_until_us = now_us + LINK_US;
    follow->state = FOLLOW_IDLE;
    follow->at = 0;
    follow->until_us = now_us;
    follow_tick(room, now_us);
}

/* ---- what they say ---- */

static bool is_of_this_try(const struct room *room, const char *node, uint32_t asked)
{
    const struct follow *follow = follow_of(room);
    return follow->state != FOLLOW_IDLE && asked == follow->asks &&
           strcmp(node, tried(room)->id) == 0;
}

static bool copy_credential(char *out, size_t max, struct slice text)
{
    if (text.bytes > max)
        return false;
    memcpy(out, text.data, text.bytes);
    out[text.bytes] = '\0';
    return true;
}

static bool read_parent(const struct room *room, const struct word_answer *answer,
                        struct upstream_parent *out)
{
    *out = (struct upstream_parent){.number = answer->ask,
                                    .local = follow_of(room)->local,
                                    .fingerprint = {.digest = DIGEST_SHA256},
                                    .candidate_count = answer->candidate_count,
                                    .ssrc = answer->ssrc,
                                    .opus_type = answer->opus_type,
                                    .red_type = answer->red_type};
    _Static_assert(sizeof(answer->candidates) <= sizeof(out->candidates), "all of them fit");
    memcpy(out->candidates, answer->candidates, sizeof(answer->candidates));
    memcpy(out->fingerprint.bytes, answer->fingerprint, sizeof(answer->fingerprint));
    return copy_credential(out->remote.ufrag, PEER_UFRAG_MAX, answer->ufrag) &&
           copy_credential(out->remote.pwd, PEER_PWD_MAX, answer->pwd);
}

void follow_on_answer(struct room *room, const char *node, const struct word_answer *answer,
                      uint64_t now_us)
{
    struct follow *follow = follow_of(room);
    struct upstream_parent parent;
    if (follow->state != FOLLOW_ASKED || !is_of_this_try(room, node, answer->ask))
        return;
    int err = read_parent(room, answer, &parent)
                  ? upstream_follow(room->rooms->deps.upstream, room->record.id, 0, &parent)
                  : ERR_PROTO;
    if (err != 0) {
        log_warn("tree.not_followed", "room=%s parent=%s error=%s", room->record.slug, node,
                 error_name(err));
        try_next(room, now_us);
        return;
    }
    follow->is_open = true;
    follow->state = FOLLOW_JOINING;
    follow->until_us = now_us + (is_live(room) ? JOIN_US : JOIN_QUIET_US);
}

void follow_on_decline(struct room *room, const char *node, uint32_t asked, uint64_t now_us)
{
    if (!is_of_this_try(room, node, asked))
        return;
    try_next(room, now_us);
    follow_tick(room, now_us);
}

/* ---- what is heard ---- */

static void adopt(struct room *room, bool is_hearing)
{
    struct follow *follow = follow_of(room);
    memcpy(follow->parent, tried(room)->id, sizeof(follow->parent));
    follow->heard = follow->asks;
    follow->is_hearing = is_hearing;
    follow->state = FOLLOW_IDLE;
    follow->wants_first = false;
    room->relay->must_report = true;
    log_info("tree.parent", "room=%s parent=%s level=%u", room->record.slug, follow->parent,
             room->relay->place.level);
}

/* Not heard any more, or gone. While the room is live the next of the list is asked at once. */
static void lose(struct room *room, bool is_gone, uint64_t now_us)
{
    struct follow *follow = follow_of(room);
    if (is_live(room) || is_gone)
        log_info("tree.parent_lost", "room=%s parent=%s", room->record.slug, follow->parent);
    follow->is_hearing = false;
    if (is_gone)
        follow->parent[0] = '\0';
    room->relay->must_report = true;
    if (has_parent(room) || follow->state != FOLLOW_IDLE || room->relay->place.number == 0)
        return;
    follow->at = (follow->at + 1) % room->relay->place.count;
    follow->until_us = now_us;
    follow_tick(room, now_us);
}

void follow_on_event(struct room *room, const struct upstream_event *event, uint64_t now_us)
{
    struct follow *follow = follow_of(room);
    bool is_tried = follow->state == FOLLOW_JOINING && event->parent == follow->asks;
    bool is_heard = event->parent == follow->heard && follow->heard != 0;
    switch (event->kind) {
    case UPSTREAM_CONNECTED:
        if (is_tried && !is_live(room))
            adopt(room, false);
        return;
    case UPSTREAM_SOUND:
        if (is_tried)
            adopt(room, true);
        else if (is_heard)
            follow->is_hearing = room->relay->must_report = true;
        return;
    case UPSTREAM_SILENT:
        if (is_heard)
            lose(room, false, now_us);
        return;
    case UPSTREAM_ENDED:
        if (is_tried) {
            try_next(room, now_us);
            follow_tick(room, now_us);
        } else if (is_heard && event->cause != PEER_END_NONE) {
            lose(room, true, now_us);
        }
        return;
    case UPSTREAM_COUNTS:
        follow->counts = event->counts;
        return;
    case UPSTREAM_CLOSED:
        follow->is_open = false;
        return;
    }
}

void follow_on_bye(struct room *room, const char *node, uint32_t asked, uint64_t now_us)
{
    struct follow *follow = follow_of(room);
    if (follow->heard == asked && strcmp(follow->parent, node) == 0)
        lose(room, true, now_us);
}

void follow_end(struct room *room)
{
    struct follow *follow = follow_of(room);
    bool was_open = follow->is_open;
    uint32_t asks = follow->asks;
    if (was_open)
        upstream_close(room->rooms->deps.upstream, room->record.id);
    /* Answers to what was asked before belong to no later try. */
    *follow = (struct follow){.asks = asks, .is_open = was_open};
}
