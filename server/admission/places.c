#include "admission/places.h"

#include <stdlib.h>
#include <string.h>

enum {
    TICK_MASK = (1 << PLACES_TICK_BITS) - 1,
    FRESH_SLOTS = PLACES_FRESH_TICKS + 1,
    SEARCHED_BLOCKS = 8, /* for lapsed places, per call */
    SECONDS = 256,       /* after which `due` begins again */
    SLOT_S = 4,
    SLOTS = SECONDS / SLOT_S,
    SLOTS_AHEAD = PLACES_DUE_AHEAD_MAX_S / SLOT_S,
    SLOTS_LATE = 2, /* four to eight seconds: an appointment is missed */
};

_Static_assert(sizeof(struct place) == 16, "100,000 places fit into 4 MB");
_Static_assert(SLOTS_AHEAD + SLOTS_LATE <= PLACES_DUE_SLOTS, "a slot for each time that counts");
_Static_assert((FRESH_SLOTS & (FRESH_SLOTS - 1)) == 0, "ticks wrap around them");

int places_init(struct places *places, uint32_t places_max, uint32_t lapse_ticks)
{
    /* Two neighbours hold more than one block can, but for the moment in which one is split. */
    *places = (struct places){
        .lapse_ticks = lapse_ticks,
        .blocks_max = places_max / PLACES_BLOCK_MAX * 2 + 5,
    };
    pool_init(&places->pool, PLACES_BLOCK_MAX * sizeof(struct place));
    places->blocks = calloc(places->blocks_max, sizeof(*places->blocks));
    return places->blocks ? 0 : ERR_NOMEM;
}

void places_clear(struct places *places)
{
    pool_clear(&places->pool);
    free(places->blocks);
    *places = (struct places){0};
}

static uint32_t age_of(const struct places *places, const struct place *place)
{
    return (places->tick - place->seen) & TICK_MASK;
}

static bool is_fresh(const struct places *places, const struct place *place)
{
    return age_of(places, place) <= PLACES_FRESH_TICKS;
}

static bool is_lapsed(const struct places *places, const struct place *place)
{
    return age_of(places, place) > places->lapse_ticks;
}

static uint32_t now_s_of(const struct places *places)
{
    return places->tick / PLACES_TICKS_PER_S;
}

/* What was due in 112 s or less, or was due just now. Longer than a lapse takes, slots begin again. */
static bool is_there(const struct places *places, const struct place *place)
{
    uint32_t slots_ago = (now_s_of(places) / SLOT_S - place->due / SLOT_S) % SLOTS;
    return (slots_ago < SLOTS_LATE || slots_ago >= SLOTS - SLOTS_AHEAD) &&
           !is_lapsed(places, place);
}

static void count(const struct places *places, struct block *block, const struct place *place,
                  int change)
{
    if (is_fresh(places, place)) {
        uint16_t *of_tick = &block->fresh_seen[place->seen % FRESH_SLOTS];
        *of_tick = (uint16_t)(*of_tick + change);
        block->fresh = (uint16_t)(block->fresh + change);
    }
    if (is_there(places, place)) {
        uint16_t *of_slot = &block->there_due[place->due / SLOT_S % PLACES_DUE_SLOTS];
        *of_slot = (uint16_t)(*of_slot + change);
        block->there = (uint16_t)(block->there + change);
    }
}

static void recount(const struct places *places, struct block *block)
{
    memset(block->fresh_seen, 0, sizeof(block->fresh_seen));
    memset(block->there_due, 0, sizeof(block->there_due));
    block->fresh = block->there = 0;
    for (uint32_t slot = 0; slot < block->count; slot++)
        count(places, block, &block->places[slot], 1);
}

/* Those of the `passed` slots up to `newest` do not count any more. */
static void expire(uint16_t *total, uint16_t *slots, uint32_t slot_count, uint32_t newest,
                   uint32_t passed)
{
    for (uint32_t back = 0; back < passed && back < slot_count; back++) {
        uint16_t *slot = &slots[(newest - back) % slot_count];
        *total = (uint16_t)(*total - *slot);
        *slot = 0;
    }
}

void places_turn_to(struct places *places, uint32_t tick)
{
    uint32_t ticks = tick - places->tick;
    uint32_t slot_before = now_s_of(places) / SLOT_S;
    places->tick = tick;
    uint32_t slot_now = now_s_of(places) / SLOT_S;
    for (uint32_t i = 0; ticks > 0 && i < places->block_count; i++) {
        struct block *block = &places->blocks[i];
        expire(&block->fresh, block->fresh_seen, FRESH_SLOTS, tick, ticks);
        expire(&block->there, block->there_due, PLACES_DUE_SLOTS, slot_now - SLOTS_LATE,
               slot_now - slot_before);
    }
}

/* The block in which the key is or belongs: the last one that does not begin behind it. */
static uint32_t block_of(const struct places *places, uint64_t key)
{
    uint32_t low = 0;
    uint32_t high = places->block_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (places->blocks[middle].places[0].key <= key)
            low = middle;
        else
            high = middle;
    }
    return low;
}

bool places_find(const struct places *places, uint64_t key, struct spot *out)
{
    *out = (struct spot){0};
    if (places->block_count == 0)
        return false;
    out->block = block_of(places, key);
    const struct block *block = &places->blocks[out->block];
    uint32_t low = 0;
    uint32_t high = block->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (block->places[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    out->slot = low;
    return low < block->count && block->places[low].key == key;
}

const struct place *places_at(const struct places *places, struct spot spot)
{
    return &places->blocks[spot.block].places[spot.slot];
}

static int add_block(struct places *places, uint32_t at)
{
    struct place *memory = pool_take(&places->pool);
    if (!memory)
        return ERR_NOMEM;
    memmove(&places->blocks[at + 1], &places->blocks[at],
            (places->block_count - at) * sizeof(*places->blocks));
    places->blocks[at] = (struct block){.places = memory};
    places->block_count++;
    if (places->blocks_peak < places->block_count)
        places->blocks_peak = places->block_count;
    return 0;
}

/* All of the next block goes to the end of this one. */
static void merge_with_next(struct places *places, uint32_t at)
{
    struct block *block = &places->blocks[at];
    struct block *next = block + 1;
    memcpy(&block->places[block->count], next->places, next->count * sizeof(*next->places));
    block->count = (uint16_t)(block->count + next->count);
    recount(places, block);
    pool_give(&places->pool, next->places);
    places->block_count--;
    memmove(next, next + 1, (places->block_count - at - 1) * sizeof(*next));
}

static bool fits_with_next(const struct places *places, uint32_t at)
{
    return at + 1 < places->block_count &&
           places->blocks[at].count + places->blocks[at + 1].count <= PLACES_BLOCK_MAX;
}

/* After a block became smaller: no two neighbours fit into one. */
static void settle(struct places *places, uint32_t at)
{
    if (at > 0 && fits_with_next(places, at - 1))
        merge_with_next(places, --at);
    if (fits_with_next(places, at))
        merge_with_next(places, at);
}

static int split(struct places *places, struct spot *spot)
{
    enum { HALF = PLACES_BLOCK_MAX / 2 };
    int err = add_block(places, spot->block + 1);
    if (err != 0)
        return err;
    struct block *block = &places->blocks[spot->block];
    struct block *next = block + 1;
    memcpy(next->places, &block->places[HALF], HALF * sizeof(*next->places));
    block->count = next->count = HALF;
    recount(places, block);
    recount(places, next);
    if (spot->slot > HALF)
        *spot = (struct spot){.block = spot->block + 1, .slot = spot->slot - HALF};
    return 0;
}

/* The block is full. At its end, where newcomers of a class arrive, the next one is gone on with. */
static int make_room(struct places *places, struct spot *spot)
{
    if (spot->slot < PLACES_BLOCK_MAX)
        return split(places, spot);
    *spot = (struct spot){.block = spot->block + 1};
    if (spot->block < places->block_count && places->blocks[spot->block].count < PLACES_BLOCK_MAX)
        return 0;
    return add_block(places, spot->block);
}

int places_insert(struct places *places, uint64_t key, uint32_t prefix)
{
    struct spot spot;
    if (places_find(places, key, &spot))
        return ERR_EXIST;
    uint32_t blocks_before = places->block_count;
    uint32_t found = spot.block;
    int err = 0;
    if (places->block_count == 0)
        err = add_block(places, 0);
    else if (places->blocks[found].count == PLACES_BLOCK_MAX)
        err = make_room(places, &spot);
    if (err != 0)
        return err;
    struct block *block = &places->blocks[spot.block];
    struct place *at = &block->places[spot.slot];
    memmove(at + 1, at, (block->count - spot.slot) * sizeof(*at));
    *at = (struct place){
        .key = key,
        .prefix = prefix,
        .seen = places->tick & TICK_MASK,
        .due = now_s_of(places) % SECONDS,
    };
    block->count++;
    places->count++;
    count(places, block, at, 1);
    if (places->block_count > blocks_before) {
        settle(places, found + 1);
        settle(places, found);
    }
    return 0;
}

void places_remove(struct places *places, struct spot spot)
{
    struct block *block = &places->blocks[spot.block];
    struct place *at = &block->places[spot.slot];
    count(places, block, at, -1);
    block->count--;
    places->count--;
    memmove(at, at + 1, (block->count - spot.slot) * sizeof(*at));
    settle(places, spot.block);
}

void places_see(struct places *places, struct spot spot)
{
    struct block *block = &places->blocks[spot.block];
    struct place *place = &block->places[spot.slot];
    count(places, block, place, -1);
    place->seen = places->tick & TICK_MASK;
    count(places, block, place, 1);
}

void places_expect(struct places *places, struct spot spot, uint32_t ahead_s)
{
    struct block *block = &places->blocks[spot.block];
    struct place *place = &block->places[spot.slot];
    count(places, block, place, -1);
    place->due = (now_s_of(places) + ahead_s) % SECONDS;
    count(places, block, place, 1);
}

uint32_t places_ahead_s(const struct places *places, struct spot spot)
{
    uint32_t ahead_s = (places_at(places, spot)->due - now_s_of(places)) % SECONDS;
    return ahead_s <= PLACES_DUE_AHEAD_MAX_S ? ahead_s : 0;
}

bool places_is_fresh(const struct places *places, struct spot spot)
{
    return is_fresh(places, places_at(places, spot));
}

bool places_is_lapsed(const struct places *places, struct spot spot)
{
    return is_lapsed(places, places_at(places, spot));
}

uint32_t places_rank(const struct places *places, struct spot spot)
{
    uint32_t rank = spot.slot;
    for (uint32_t i = 0; i < spot.block; i++)
        rank += places->blocks[i].count;
    return rank;
}

uint32_t places_fresh_before(const struct places *places, struct spot spot)
{
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < spot.block; i++)
        fresh += places->blocks[i].fresh;
    const struct block *block = &places->blocks[spot.block];
    for (uint32_t slot = 0; slot < spot.slot; slot++)
        fresh += is_fresh(places, &block->places[slot]);
    return fresh;
}

uint32_t places_there_before(const struct places *places, struct spot spot)
{
    uint32_t there = 0;
    for (uint32_t i = 0; i < spot.block; i++)
        there += places->blocks[i].there;
    const struct block *block = &places->blocks[spot.block];
    for (uint32_t slot = 0; slot < spot.slot; slot++)
        there += is_there(places, &block->places[slot]);
    return there;
}

uint32_t places_there(const struct places *places)
{
    uint32_t there = 0;
    for (uint32_t i = 0; i < places->block_count; i++)
        there += places->blocks[i].there;
    return there;
}

/* Moves out `max` lapsed places at most; those that stay close up. */
static uint32_t take_from(const struct places *places, struct block *block, struct place *out,
                          uint32_t max)
{
    uint32_t taken = 0;
    for (uint32_t slot = 0; slot < block->count; slot++) {
        const struct place *place = &block->places[slot];
        if (taken < max && is_lapsed(places, place))
            out[taken++] = *place;
        else
            block->places[slot - taken] = *place;
    }
    block->count = (uint16_t)(block->count - taken);
    return taken;
}

uint32_t places_take_lapsed(struct places *places, struct place out[PLACES_LAPSED_MAX])
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < SEARCHED_BLOCKS && i < places->block_count; i++) {
        if (taken == PLACES_LAPSED_MAX)
            break;
        if (places->sweep_block >= places->block_count)
            places->sweep_block = 0;
        uint32_t blocks_before = places->block_count;
        uint32_t more = take_from(places, &places->blocks[places->sweep_block], out + taken,
                                  PLACES_LAPSED_MAX - taken);
        taken += more;
        places->count -= more;
        if (more > 0)
            settle(places, places->sweep_block);
        if (places->block_count == blocks_before) /* or else another one has come into its place */
            places->sweep_block++;
    }
    return taken;
}

size_t places_bytes(const struct places *places)
{
    return places->blocks_max * sizeof(*places->blocks) +
           places->blocks_peak * PLACES_BLOCK_MAX * sizeof(struct place);
}
