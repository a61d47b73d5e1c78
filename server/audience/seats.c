#include "audience/audience_internal.h"
#include "base/random.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

enum { GROUP_CAPACITY_MIN = 64 };

static uint8_t *key_memory(const struct audience *audience, uint32_t seat)
{
    struct chunk *chunk = audience->chunks[seat / CHUNK_SEATS];
    return chunk->keys + (size_t)(seat % CHUNK_SEATS) * audience->key_stride;
}

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
    return key_memory(audience, seat) + audience->receive_key_offset;
}

static size_t room_for(const struct srtp_engine *engine, enum srtp_half half)
{
    size_t gcm = engine->key_bytes(SRTP_AEAD_AES_128_GCM, half);
    size_t cm = engine->key_bytes(SRTP_AES128_CM_SHA1_80, half);
    size_t most = gcm > cm ? gcm : cm;
    return (most + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
}

int seats_init(struct audience *audience)
{
    audience->groups[GROUP_GCM].profile = SRTP_AEAD_AES_128_GCM;
    audience->groups[GROUP_CM].profile = SRTP_AES128_CM_SHA1_80;
    audience->receive_key_offset = room_for(audience->engine, SRTP_SENDING);
    audience->key_stride =
        audience->receive_key_offset + room_for(audience->engine, SRTP_RECEIVING);
    audience->first_free = NO_SEAT;
    audience->chunk_max = (audience->seats_max + CHUNK_SEATS - 1) / CHUNK_SEATS;
    audience->chunks = calloc(audience->chunk_max, sizeof(struct chunk *));
    return audience->chunks ? 0 : ERR_NOMEM;
}

static void clear_keys(struct audience *audience, uint32_t seat)
{
    uint8_t *keys = key_memory(audience, seat);
    enum srtp_profile profile = audience->groups[cold_at(audience, seat)->group].profile;
    audience->engine->key_clear(keys, profile, SRTP_SENDING);
    audience->engine->key_clear(keys + audience->receive_key_offset, profile, SRTP_RECEIVING);
}

void seats_clear(struct audience *audience)
{
    for (uint32_t i = 0; i < audience->chunk_count; i++) {
        struct chunk *chunk = audience->chunks[i];
        for (uint32_t k = 0; k < CHUNK_SEATS; k++)
            if (chunk->seats[k].used)
                clear_keys(audience, i * CHUNK_SEATS + k);
        free(chunk->keys);
        free(chunk);
    }
    free(audience->chunks);
    for (unsigned i = 0; i < GROUPS; i++)
        free(audience->groups[i].hot);
}

static int add_chunk(struct audience *audience)
{
    if (audience->chunk_count == audience->chunk_max)
        return ERR_FULL;
    struct chunk *chunk = calloc(1, sizeof(*chunk));
    if (!chunk)
        return ERR_NOMEM;
    chunk->keys = aligned_alloc(CACHE_LINE_BYTES, CHUNK_SEATS * audience->key_stride);
    if (!chunk->keys) {
        free(chunk);
        return ERR_NOMEM;
    }
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

static int make_keys(struct audience *audience, uint32_t seat, const struct srtp_keys *keys)
{
    const struct srtp_engine *engine = audience->engine;
    uint8_t *memory = key_memory(audience, seat);
    int err = engine->key_init(memory, keys->profile, SRTP_SENDING, &keys->send);
    if (err != 0)
        return err;
    err = engine->key_init(memory + audience->receive_key_offset, keys->profile, SRTP_RECEIVING,
                           &keys->receive);
    if (err != 0)
        engine->key_clear(memory, keys->profile, SRTP_SENDING);
    return err;
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
    uint32_t number = audience->first_free;
    err = make_keys(audience, number, params->keys);
    if (err != 0)
        return err;

    struct cold_seat *cold = cold_at(audience, number);
    audience->first_free = cold->next_free;
    *cold = (struct cold_seat){
        .used = true,
        .group = group_number,
        .at = group->count,
        .generation = cold->generation + 1,
        .budget = resend_budget_of(audience->has_packet ? audience->packet.index : 0),
    };
    group->hot[group->count++] = (struct hot_seat){
        .key = key_memory(audience, number),
        .first_index = NOT_STARTED,
        .seat = number,
        .ssrc = params->ssrc,
        .sr_due_ms = (uint32_t)(now_us / 1000) + SR_FIRST_MS,
        .start = (uint16_t)(random_u32() & START_MASK),
        .payload_type = params->payload_type,
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
    clear_keys(audience, seat);
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
