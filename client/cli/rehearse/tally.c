#include "rehearse/tally.h"

#include "rehearse/plain.h"

#include <string.h>

/* ---- histogram ----
 *
 * Above HISTOGRAM_EXACT every power of two is cut into STEPS buckets whose tops grow by 2^(1/STEPS),
 * 3.2 %. Integers only, so that a value and the top of its bucket never disagree by a rounding. */

enum {
    STEPS = 22,
    EXACT_BITS = 5, /* 2^5 = HISTOGRAM_EXACT */
    MANTISSA_BITS = 15,
};

/* Where step i begins: 2^(i/22) in Q15. */
static const uint32_t step_begins_q15[STEPS] = {
    32768, 33817, 34899, 36016, 37169, 38359, 39587, 40854, 42161, 43511, 44904,
    46341, 47824, 49355, 50935, 52565, 54248, 55984, 57776, 59625, 61534, 63503,
};

static unsigned highest_bit(uint64_t value)
{
    return 63 - (unsigned)__builtin_clzll(value);
}

static unsigned bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_EXACT)
        return (unsigned)value;
    unsigned bit = highest_bit(value);
    uint64_t mantissa =
        bit > MANTISSA_BITS ? value >> (bit - MANTISSA_BITS) : value << (MANTISSA_BITS - bit);
    unsigned step = STEPS - 1;
    while (step_begins_q15[step] > mantissa)
        step--;
    unsigned bucket = HISTOGRAM_EXACT + (bit - EXACT_BITS) * STEPS + step;
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value in it. */
static uint64_t bucket_top(unsigned bucket)
{
    if (bucket < HISTOGRAM_EXACT)
        return bucket;
    unsigned next = bucket - HISTOGRAM_EXACT + 1;
    unsigned bit = EXACT_BITS + next / STEPS;
    uint64_t begin = step_begins_q15[next % STEPS];
    if (bit >= MANTISSA_BITS)
        return (begin << (bit - MANTISSA_BITS)) - 1;
    unsigned shift = MANTISSA_BITS - bit;
    return ((begin + (1u << shift) - 1) >> shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value_us)
{
    histogram->count++;
    histogram->sum_us += value_us;
    if (value_us > histogram->max_us)
        histogram->max_us = value_us;
    histogram->buckets[bucket_of(value_us)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    into->sum_us += from->sum_us;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

/* How many of `count` are `permille` of them; at least one. */
static uint64_t rank_of(uint64_t count, unsigned permille)
{
    uint64_t rank = (count * permille + 999) / 1000;
    return rank > 0 ? rank : 1;
}

uint64_t histogram_at(const struct histogram *histogram, unsigned permille)
{
    if (histogram->count == 0)
        return 0;
    uint64_t rank = rank_of(histogram->count, permille), seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank)
            return bucket_top(i) < histogram->max_us ? bucket_top(i) : histogram->max_us;
    }
    return histogram->max_us; /* the last bucket has no top */
}

/* ---- reasons ---- */

static struct tally_reason *find_reason(struct tally_reasons *reasons, const char *name)
{
    for (unsigned i = 0; i < reasons->used; i++)
        if (strcmp(reasons->list[i].name, name) == 0)
            return &reasons->list[i];
    return NULL;
}

static struct tally_reason *new_reason(struct tally_reasons *reasons, const char *name)
{
    struct tally_reason *reason = &reasons->list[reasons->used++];
    *reason = (struct tally_reason){0};
    plain_copy(reason->name, sizeof(reason->name), name);
    return reason;
}

void tally_reason(struct tally_reasons *reasons, const char *name, uint32_t more)
{
    char plain[TALLY_REASON_CHARS];
    plain_copy(plain, sizeof(plain), name);
    struct tally_reason *reason = find_reason(reasons, plain);
    if (reason == NULL && reasons->used < TALLY_REASONS - 1)
        reason = new_reason(reasons, plain);
    if (reason == NULL)
        reason = find_reason(reasons, "other");
    if (reason == NULL)
        reason = new_reason(reasons, "other");
    reason->count += more;
}

static void merge_reasons(struct tally_reasons *into, const struct tally_reasons *from)
{
    for (unsigned i = 0; i < from->used; i++)
        tally_reason(into, from->list[i].name, from->list[i].count);
}

/* ---- nodes ---- */

void tally_node(struct tally_nodes *nodes, const char *url, uint64_t more)
{
    char plain[TALLY_NODE_CHARS];
    plain_copy(plain, sizeof(plain), url);
    unsigned i = 0;
    while (i < nodes->used && strcmp(nodes->list[i].url, plain) != 0)
        i++;
    if (i == TALLY_NODES) {
        nodes->others += more;
        return;
    }
    if (i == nodes->used) {
        nodes->list[i] = (struct tally_node){0};
        plain_copy(nodes->list[i].url, sizeof(nodes->list[i].url), plain);
        nodes->used++;
    }
    nodes->list[i].heard += more;
}

static void merge_nodes(struct tally_nodes *into, const struct tally_nodes *from)
{
    for (unsigned i = 0; i < from->used; i++)
        tally_node(into, from->list[i].url, from->list[i].heard);
    into->others += from->others;
}

/* ---- seconds and sums ---- */

unsigned tally_second_late_ms(const struct tally_second *second, unsigned permille)
{
    enum { STEPS_MS = sizeof(second->late) / sizeof(second->late[0]) };
    uint64_t count = 0, seen = 0;
    for (unsigned i = 0; i < STEPS_MS; i++)
        count += second->late[i];
    if (count == 0)
        return 0;
    uint64_t rank = rank_of(count, permille);
    for (unsigned i = 0; i < STEPS_MS - 1; i++) {
        seen += second->late[i];
        if (seen >= rank)
            return i + 1;
    }
    return STEPS_MS;
}

static void add_second(struct tally_second *into, const struct tally_second *from)
{
    into->hearing += from->hearing;
    into->joins += from->joins;
    into->packets += from->packets;
    into->lost += from->lost;
    into->gaps += from->gaps;
    for (unsigned i = 0; i < sizeof(into->late) / sizeof(into->late[0]); i++)
        into->late[i] += from->late[i];
}

static void add_counters(struct tally *into, const struct tally *from)
{
    into->attempts += from->attempts;
    into->joined += from->joined;
    into->refused += from->refused;
    into->failed += from->failed;
    into->disconnects += from->disconnects;
    into->hops += from->hops;
    into->moved += from->moved;
    into->packets += from->packets;
    into->lost += from->lost;
    into->dropped += from->dropped;
    into->duplicates += from->duplicates;
    into->repaired += from->repaired;
    into->damaged += from->damaged;
    into->verified += from->verified;
    into->gaps += from->gaps;
    into->reports_sent += from->reports_sent;
    into->nacks_sent += from->nacks_sent;
    into->checks_sent += from->checks_sent;
}

void tally_merge_asks(struct tally_asks *into, const struct tally_asks *from)
{
    into->asked += from->asked;
    into->answered += from->answered;
    into->late += from->late;
    into->unanswered += from->unanswered;
    into->check_ins += from->check_ins;
    into->newcomers += from->newcomers;
    histogram_merge(&into->times, &from->times);
}

void tally_merge(struct tally *into, const struct tally *from)
{
    add_counters(into, from);
    for (unsigned i = 0; i < TALLY_PARTS; i++)
        tally_merge_asks(&into->asks[i], &from->asks[i]);
    histogram_merge(&into->signalling, &from->signalling);
    histogram_merge(&into->first_sound, &from->first_sound);
    histogram_merge(&into->lateness, &from->lateness);
    histogram_merge(&into->jitter, &from->jitter);
    histogram_merge(&into->longest_gap, &from->longest_gap);
    merge_reasons(&into->reasons, &from->reasons);
    merge_reasons(&into->losses, &from->losses);
    merge_nodes(&into->nodes, &from->nodes);
    if (into->per_second == NULL || from->per_second == NULL)
        return;
    for (uint32_t i = 0; i < from->seconds && i < TALLY_SECONDS_MAX; i++)
        add_second(&into->per_second[i], &from->per_second[i]);
    if (from->seconds > into->seconds)
        into->seconds = from->seconds;
}
