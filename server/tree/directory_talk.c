/* What a node of a cluster says to the others, claims in Redis, and hears. */
#include "tree/directory_redis_internal.h"

#include "base/clock.h"
#include "telemetry/log.h"
#include "tree/redis_claims.h"
#include "tree/redis_reader.h"

#include <stdlib.h>
#include <string.h>

enum {
    ANNOUNCE_US = DIRECTORY_ANNOUNCE_MS * 1000, /* Redis is told as often that somebody asks */
    COMPLAIN_US = 60 * 1000 * 1000,             /* the same complaint is logged once in this time */
    BATCHES_MAX = 160,                          /* under way: half of all claims there can be */
    REFUSALS_MAX = 5,
};

static bool may_complain(struct redis_directory *redis, enum complaint what)
{
    uint64_t *last_us = &redis->complained_us[what];
    if (*last_us != 0 && redis->base.now_us < *last_us + COMPLAIN_US)
        return false;
    *last_us = redis->base.now_us;
    return true;
}

/* ---- saying ---- */

int directory_say(struct redis_directory *redis, struct directory_word *word)
{
    uint8_t bytes[DIRECTORY_WORD_BYTES_MAX];
    size_t count;
    memcpy(word->sender, redis->base.nodes.views[0].id, sizeof(word->sender));
    word->boot = redis->boot;
    word->count = redis->words + 1;
    int err = directory_word_write(word, &redis->key, bytes, &count);
    if (err != 0)
        return err;
    const struct slice arguments[] = {slice_text("PUBLISH"), slice_text(redis->channel),
                                      slice_of(bytes, count)};
    err = redis_link_send(redis->commands, 3, arguments, NULL);
    redis->words += err == 0;
    return err;
}

static void say_who_we_are(struct redis_directory *redis, uint64_t now_us)
{
    if (redis->said_us != 0 && now_us < redis->said_us + ANNOUNCE_US)
        return;
    struct directory_word word = {.kind = DIRECTORY_WORD_NODE, .node = redis->base.nodes.views[0]};
    if (directory_say(redis, &word) == 0)
        redis->said_us = now_us;
}

static void say_what_we_hold(struct redis_directory *redis, uint64_t now_us)
{
    struct directory_word word = {.kind = DIRECTORY_WORD_ROOMS};
    while ((word.rooms.count = claim_book_untold(&redis->base.claims, now_us, word.rooms.list)) > 0)
        if (directory_say(redis, &word) != 0)
            return; /* they are told in the next round */
}

/* ---- claims ---- */

static void ask_for_claims(struct redis_directory *redis, uint64_t now_us)
{
    while (redis->batches < BATCHES_MAX) {
        struct claim_batch due;
        claim_book_due(&redis->base.claims, now_us, &due);
        if (due.count == 0 && now_us < redis->asked_us + ANNOUNCE_US)
            return;
        struct claim_batch *batch = malloc(sizeof(*batch));
        int err = batch == NULL ? ERR_NOMEM : 0;
        if (err == 0) {
            *batch = due;
            err = redis_claims_send(redis->commands, &redis->key, redis->base.nodes.views[0].id,
                                    batch, batch);
        }
        if (err != 0) {
            free(batch);
            claim_book_answer(&redis->base.claims, &due, NULL, now_us);
            return;
        }
        redis->asked_us = now_us;
        redis->batches++;
    }
}

static void complain_of_refusal(struct redis_directory *redis, const char *what,
                                const struct redisReply *reply)
{
    char failure[REDIS_FAILURE_MAX] = "odd_answer";
    (void)redis_reply_failure(reply, failure);
    if (may_complain(redis, REFUSED))
        log_error("directory.refused", "command=%s answer=%s", what, failure);
}

/* It may be the master no more, and have told nobody: then the name leads to another one. */
static void count_refusals(struct redis_directory *redis, bool is_refused)
{
    redis->refusals = is_refused ? redis->refusals + 1 : 0;
    if (redis->refusals < REFUSALS_MAX)
        return;
    redis->refusals = 0;
    redis_link_drop(redis->commands, "refused");
    redis_link_drop(redis->hearing, "refused");
}

static void on_batch(struct redis_directory *redis, struct claim_batch *batch,
                     const struct redisReply *reply)
{
    struct claim_answer answers[CLAIM_BATCH_MAX];
    bool is_answered = reply != NULL && redis_claims_parse(answers, batch, &redis->key, reply,
                                                           &redis->base.counts.words_bad) == 0;
    redis->batches--;
    if (reply != NULL && !is_answered)
        complain_of_refusal(redis, "EVAL", reply);
    count_refusals(redis, reply != NULL && !is_answered);
    uint64_t now_us =
        reply != NULL && !is_answered ? redis->base.now_us + ANNOUNCE_US : redis->base.now_us;
    claim_book_answer(&redis->base.claims, batch, is_answered ? answers : NULL, now_us);
    free(batch);
}

void directory_on_reply(void *ctx, void *request, const struct redisReply *reply)
{
    struct redis_directory *redis = ctx;
    char failure[REDIS_FAILURE_MAX];
    redis->base.now_us = clock_now_us();
    if (request != NULL)
        on_batch(redis, request, reply);
    else if (reply != NULL && redis_reply_failure(reply, failure))
        complain_of_refusal(redis, "PUBLISH", reply);
}

void directory_on_claimed(void *ctx, const char *slug, uint64_t fence)
{
    directory_tell_claimed(ctx, slug, fence);
}

void directory_on_lost(void *ctx, const char *slug, const struct lease *winner)
{
    struct redis_directory *redis = ctx;
    struct directory_word_room room = {.fence = winner->fence};
    memcpy(room.slug, slug, strlen(slug) + 1);
    if (room_book_hear(&redis->rooms, winner->node, &room, redis->base.now_us) != 0)
        redis->base.counts.left_out++;
    log_debug("directory.lost", "room=%s origin=%s", slug, winner->node);
    directory_tell_lost(&redis->base, slug, winner);
}

/* ---- hearing ---- */

static void hear_rooms(struct redis_directory *redis, const struct directory_word *word)
{
    for (unsigned i = 0; i < word->rooms.count; i++) {
        const struct directory_word_room *room = &word->rooms.list[i];
        struct lease lease = {.fence = room->fence};
        memcpy(lease.node, word->sender, sizeof(lease.node));
        if (room_book_hear(&redis->rooms, word->sender, room, redis->base.now_us) != 0)
            redis->base.counts.left_out++;
        claim_book_see_fence(&redis->base.claims, room->fence);
        if (!room->is_released)
            claim_book_hear(&redis->base.claims, room->slug, &lease);
    }
}

static void hear_ourselves(struct redis_directory *redis, const struct directory_word *word)
{
    if (word->boot == redis->boot) {
        redis->has_echo = redis->has_echo || word->kind == DIRECTORY_WORD_NODE;
        redis->echo_us = redis->base.now_us;
        return;
    }
    redis->base.counts.words_stale++;
    if (may_complain(redis, TWICE))
        log_error("directory.same_id", "node=%s hint=two_nodes_have_one_state_folder",
                  word->sender);
}

static void hear(struct redis_directory *redis, const struct directory_word *word)
{
    struct directory_counts *counts = &redis->base.counts;
    if (strcmp(word->sender, redis->base.nodes.views[0].id) == 0) {
        hear_ourselves(redis, word);
        return;
    }
    int err = node_book_hear(&redis->base.nodes, word, redis->base.now_us);
    counts->words_in += err == 0;
    counts->words_stale += err == ERR_AGAIN;
    counts->left_out += err == ERR_FULL;
    if (err == 0 && word->kind == DIRECTORY_WORD_ROOMS)
        hear_rooms(redis, word);
    if (err != 0 || word->kind != DIRECTORY_WORD_EVENT || redis->base.observer.on_event == NULL)
        return;
    struct directory_event event = {word->event.topic, word->sender, word->event.data};
    redis->base.observer.on_event(redis->base.observer.ctx, &event);
}

void directory_on_word(void *ctx, struct slice bytes)
{
    struct redis_directory *redis = ctx;
    struct directory_word word;
    redis->base.now_us = clock_now_us();
    int err = directory_word_parse(&word, &redis->key, bytes);
    if (err == 0) {
        hear(redis, &word);
        return;
    }
    redis->base.counts.words_foreign += err == ERR_AUTH;
    redis->base.counts.words_bad += err != ERR_AUTH;
    if (err == ERR_AUTH && may_complain(redis, FOREIGN))
        log_warn("directory.foreign", "hint=a_node_with_another_cluster_secret_uses_this_Redis");
}

void directory_say_all(struct redis_directory *redis, uint64_t now_us)
{
    say_who_we_are(redis, now_us);
    ask_for_claims(redis, now_us);
    say_what_we_hold(redis, now_us);
}
