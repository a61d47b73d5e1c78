#include "rehearse/stands.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 256, SECOND_US = 1000 * 1000 };

/* ---- keeping ---- */

void stands_clear(struct stands *stands)
{
    free(stands->list);
    *stands = (struct stands){0};
}

static bool grow(struct stands *stands)
{
    uint32_t capacity = stands->capacity == 0 ? FIRST_CAPACITY : stands->capacity * 2;
    if (capacity > STANDS_MAX)
        capacity = STANDS_MAX;
    if (capacity == stands->capacity)
        return false;
    struct stand *list = realloc(stands->list, capacity * sizeof(*list));
    if (list == NULL)
        return false;
    stands->list = list;
    stands->capacity = capacity;
    return true;
}

uint32_t stands_open(struct stands *stands, const struct stand *stand)
{
    if (stands->count == stands->capacity && !grow(stands)) {
        stands->dropped++;
        return STANDS_NONE;
    }
    stands->list[stands->count] = *stand;
    return stands->count++;
}

struct stand *stands_at(struct stands *stands, uint32_t index)
{
    return index < stands->count ? &stands->list[index] : NULL;
}

/* ---- order ---- */

/* `second` sat while `first` was in line already and still asked afterwards. */
static bool is_inversion(const struct stand *first, const struct stand *second)
{
    /* That it asked once more after the other was seated proves that it was passed over. */
    uint64_t later_ask_us = first->seat_us != 0 ? first->seat_ask_us : first->again_us;
    bool was_there = first->placed_us <= second->seat_ask_us &&
                     (first->end_us == 0 || second->seat_us < first->end_us);
    return second->seat_us != 0 && was_there &&
           later_ask_us > second->seat_us + STANDS_RESOLUTION_US;
}

/* `first` sat while `second` was there and waited longer. */
static bool is_in_order(const struct stand *first, const struct stand *second)
{
    bool was_rival = first->seat_us != 0 && second->ask_us < first->seat_us;
    return was_rival &&
           (second->seat_us == 0 || second->seat_ask_us > first->seat_us + STANDS_RESOLUTION_US);
}

static void compare(const struct stand *first, const struct stand *second, struct stands_order *out)
{
    bool ranks_before = first->since_answer_us < second->since_us;
    if (!ranks_before || first->placed_us == 0)
        return;
    bool is_turned = is_inversion(first, second);
    out->inversions += is_turned;
    out->pairs += is_turned || is_in_order(first, second);
}

static bool is_compared(const struct stand *stand, enum stand_class who)
{
    return stand->who == who && stand->since_answer_us != 0;
}

void stands_order(const struct stands *stands, enum stand_class who, struct stands_order *out)
{
    uint32_t people = 0, chosen[STANDS_COMPARED_MAX];
    *out = (struct stands_order){0};
    for (uint32_t i = 0; i < stands->count; i++)
        people += is_compared(&stands->list[i], who);
    for (uint32_t i = 0, seen = 0; i < stands->count; i++) {
        if (!is_compared(&stands->list[i], who))
            continue;
        uint64_t before = (uint64_t)seen * STANDS_COMPARED_MAX / (people + 1);
        uint64_t after = (uint64_t)++seen * STANDS_COMPARED_MAX / (people + 1);
        if ((people <= STANDS_COMPARED_MAX || after > before) && out->people < STANDS_COMPARED_MAX)
            chosen[out->people++] = i;
    }
    for (uint32_t i = 0; i < out->people; i++)
        for (uint32_t j = 0; j < out->people; j++)
            compare(&stands->list[chosen[i]], &stands->list[chosen[j]], out);
}

/* ---- waits ---- */

static bool is_right(const struct stand *stand, double waited_s)
{
    double middle_s = ((double)stand->from_s + stand->to_s) / 2;
    double least_s = middle_s / 2 < stand->from_s ? middle_s / 2 : stand->from_s;
    return waited_s >= least_s && waited_s <= middle_s * 2;
}

static void judge_wait(const struct stand *stand, uint64_t now_us, struct stands_waits *out)
{
    uint64_t until_us = stand->end_us != 0 ? stand->end_us : now_us;
    if (stand->seat_us != 0)
        until_us = stand->seat_us;
    double waited_s = (double)(until_us - stand->shown_us) / SECOND_US;
    double middle_s = ((double)stand->from_s + stand->to_s) / 2;
    if (stand->seat_us != 0 && is_right(stand, waited_s))
        out->right++;
    else if (stand->seat_us != 0 || waited_s > middle_s * 2)
        out->wrong++;
    else
        out->undecided++;
}

void stands_waits(const struct stands *stands, uint64_t now_us, struct stands_waits *out)
{
    *out = (struct stands_waits){0};
    for (uint32_t i = 0; i < stands->count; i++) {
        const struct stand *stand = &stands->list[i];
        if (stand->placed_us == 0)
            continue;
        out->places++;
        if (stand->has_wait)
            judge_wait(stand, now_us, out);
        else
            out->unknown++;
    }
}

/* ---- coming back ---- */

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t time_at(const uint64_t *times, const struct stands_back *back, uint32_t percent)
{
    uint32_t rank = (uint32_t)(((uint64_t)back->lost * percent + 99) / 100);
    if (rank == 0)
        return 0;
    return rank > back->heard ? STANDS_NEVER : times[rank - 1];
}

static bool is_back(const struct stand *stand, uint64_t from_us, uint64_t to_us)
{
    return stand->who == STAND_RETURNING && stand->lost_us >= from_us && stand->lost_us < to_us;
}

static uint32_t count_strangers(const struct stands *stands, uint64_t from_us, uint64_t until_us)
{
    uint32_t strangers = 0;
    for (uint32_t i = 0; i < stands->count; i++) {
        const struct stand *stand = &stands->list[i];
        strangers += stand->who == STAND_NEWCOMER && stand->seat_ask_us > from_us &&
                     stand->seat_us < until_us;
    }
    return strangers;
}

int stands_back(const struct stands *stands, uint64_t from_us, uint64_t to_us,
                struct stands_back *out)
{
    struct stands_back back = {0};
    uint64_t *times = calloc((size_t)stands->count + 1, sizeof(*times));
    uint64_t first_lost_us = UINT64_MAX, last_ask_us = 0;
    if (times == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < stands->count; i++) {
        const struct stand *stand = &stands->list[i];
        if (!is_back(stand, from_us, to_us))
            continue;
        back.lost++;
        if (stand->lost_us < first_lost_us)
            first_lost_us = stand->lost_us;
        if (stand->seat_ask_us > last_ask_us)
            last_ask_us = stand->seat_ask_us;
        if (stand->sound_us != 0)
            times[back.heard++] = stand->sound_us - stand->lost_us;
    }
    qsort(times, back.heard, sizeof(*times), compare_times);
    back.p50_us = time_at(times, &back, 50);
    back.p95_us = time_at(times, &back, 95);
    back.max_us = time_at(times, &back, 100);
    back.strangers = count_strangers(stands, first_lost_us, last_ask_us);
    free(times);
    *out = back;
    return 0;
}

static const char *write_time(char out[24], uint64_t us)
{
    if (us == STANDS_NEVER)
        return "never";
    (void)snprintf(out, 24, "%.1f s", (double)us / SECOND_US);
    return out;
}

const char *stands_back_times(char out[STANDS_TIMES_CHARS], const struct stands_back *back)
{
    char p50[24], p95[24], longest[24];
    (void)snprintf(out, STANDS_TIMES_CHARS, "p50 %s, p95 %s, longest %s",
                   write_time(p50, back->p50_us), write_time(p95, back->p95_us),
                   write_time(longest, back->max_us));
    return out;
}
