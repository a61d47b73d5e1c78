#include "audience/audience_internal.h"
#include "base/random.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

enum { GROUP_CAPACITY_MIN = 64 };

static struct cold_seat *cold_at(const struct audience *audience, uint32_t seat)
{
    return &audience->chunks[seat / CHUNK_SEATS]->seats[seat % CHUNK_SEATS];
}

struct cold_seat *seats_cold(const struct audience *audience, uint32_t seat)
{
    if (seat / CHUNK_SEATS >= audience->chunk_count)
        return NULL;
    struct cold_seat *cold = cold_at(audience, seat);
    return cold->used ? cold : NULL;
}

struct hot_seat *seats_hot(struct audience *audience, const struct cold_seat *cold)
{
    return &audience->groups[cold->group].hot[cold->at];
}

const void *seats_receive_key(const struct audience *audience, uint32_t seat)
{
    const struct cold_seat *cold = cold_at(audience, seat);
    return key_pool_receiving(&audience->groups[cold->group].keys, cold->keys);
}

int seats_init(struct audience *audience)
{
    audience->groups[GROUP_GCM].profile = SRTP_AEAD_AES_128_GCM;
    audience->groups[GROUP_CM].profile = SRTP_AES128_CM_SHA1_80;
    for (unsigned i = 0; i < GROUPS; i++)
        key_pool_init(&audience->groups[i].keys, audience->engine, audience->groups[i].profile);
    pool_init(&audience->chunk_pool, sizeof(struct chunk));
    audience->first_free = NO_SEAT;
    audience->chunk_max = (audience->seats_max + CHUNK_SEATS - 1) / CHUNK_SEATS;
    audience->chunks = calloc(audience->chunk_max, sizeof(struct chunk *));
    return audience->chunks ? 0 : ERR_NOMEM;
}

void seats_clear(struct audience *audience)
{
    for (uint32_t i = 0; i < audience->chunk_count; i++) {
        const struct chunk *chunk = audience->chunks[i];
        for (uint32_t k = 0; k < CHUNK_SEATS; k++) {
            const struct cold_seat *cold = &chunk->seats[k];
            if (cold->used)
                key_pool_give(&audience->groups[cold->group].keys, cold->keys);
        }
    }
    pool_clear(&audience->chunk_pool);
    free(audience->chunks);
    for (unsigned i = 0; i < GROUPS; i++) {
        key_pool_clear(&audience->groups[i].keys);
        free(audience->groups[i].hot);
    }
}

static int add_chunk(struct audience *audience)
{
    if (audience->chunk_count == audience->chunk_max)
        return ERR_FULL;
    struct chunk *chunk = pool_take(&audience->chunk_pool);
    if (!chunk)
        return ERR_NOMEM;
    uint32_t first = audience->chunk_count * CHUNK_SEATS;
    for (uint32_t i = 0; i < CHUNK_SEATS; i++)
        chunk->seats[i].next_free = i + 1 < CHUNK_SEATS ? first + i + 1 : audience->first_free;
    audience->first_free = first;
    audience->chunks[audience->chunk_count++] = chunk;
    return 0;
}

static int grow_group(struct group *group)
{
    if (group->count < group->capacity)
        return 0;
    uint32_t capacity = group->capacity == 0 ? GROUP_CAPACITY_MIN : 2 * group->capacity;
    struct hot_seat *hot = aligned_alloc(CACHE_LINE_BYTES, capacity * sizeof(*hot));
    if (!hot)
        return ERR_NOMEM;
    if (group->count > 0)
        memcpy(hot, group->hot, group->count * sizeof(*hot));
    free(group->hot);
    group->hot = hot;
    group->capacity = capacity;
    return 0;
}

int audience_add_seat(struct audience *audience, const struct seat_params *params, uint64_t now_us,
                      uint32_t *seat)
{
    ASSERT_THREAD(THREAD_WORKER);
    enum srtp_profile profile = params->keys->profile;
    if (profile != SRTP_AEAD_AES_128_GCM && profile != SRTP_AES128_CM_SHA1_80)
        return ERR_INVAL;
    uint8_t group_number = profile == SRTP_AEAD_AES_128_GCM ? GROUP_GCM : GROUP_CM;
    struct group *group = &audience->groups[group_number];
    if (audience->groups[GROUP_GCM].count + audience->groups[GROUP_CM].count >= audience->seats_max)
        return ERR_FULL;
    int err = grow_group(group);
    if (err == 0 && audience->first_free == NO_SEAT)
        err = add_chunk(audience);
    if (err != 0)
        return err;
    struct key_pair *keys;
    err = key_pool_take(&group->keys, params->keys, &keys);
    if (err != 0)
        return err;

    uint32_t number = audience->first_free;
    struct cold_seat *cold = cold_at(audience, number);
    audience->first_free = cold->next_free;
    *cold = (struct cold_seat){
        .used = true,
        .is_relay = params->red_type != 0,
        .group = group_number,
        .at = group->count,
        .generation = cold->generation + 1,
        .keys = keys,
        .budget = resend_budget_of(audience->has_packet ? audience->packet.index : 0),
    };
    group->hot[group->count++] = (struct hot_seat){
        .key = keys,
        .first_index = NOT_STARTED,
        .seat = number,
        .ssrc = params->ssrc,
        .sr_due_ms = (uint32_t)(now_us / 1000) + SR_FIRST_MS,
        .start = (uint16_t)(random_u32() & START_MASK),
        .payload_type = params->payload_type,
        .red_type = params->red_type,
        .local = params->local,
        .address = params->address,
    };
    *seat = number;
    return 0;
}

/* Fills the hole at `to` with the seat at `from`, which leaves a hole there. */
static void move_hot(struct audience *audience, struct group *group, uint32_t from, uint32_t to)
{
    if (from == to)
        return;
    group->hot[to] = group->hot[from];
    cold_at(audience, group->hot[to].seat)->at = to;
}

void audience_remove_seat(struct audience *audience, uint32_t seat)
{
    ASSERT_THREAD(THREAD_WORKER);
    struct cold_seat *cold = seats_cold(audience, seat);
    if (!cold)
        return;
    struct group *group = &audience->groups[cold->group];
    uint32_t hole = cold->at;
    /* From border to border, so that nobody is served twice or left out by the running pass. */
    if (hole < group->next) {
        move_hot(audience, group, --group->next, hole);
        hole = group->next;
    }
    if (hole < group->end) {
        move_hot(audience, group, --group->end, hole);
        hole = group->end;
    }
    move_hot(audience, group, --group->count, hole);
    key_pool_give(&group->keys, cold->keys);
    cold->used = false;
    cold->next_free = audience->first_free;
    audience->first_free = seat;
}

void audience_move_seat(struct audience *audience, uint32_t seat, const struct address *address,
                        uint8_t local)
{
    ASSERT_THREAD(THREAD_WORKER);
    const struct cold_seat *cold = seats_cold(audience, seat);
    if (!cold)
        return;
    struct hot_seat *hot = seats_hot(audience, cold);
    hot->address = *address;
    hot->local = local;
}
