#include "admission/moves.h"

#include <math.h>

#define SECOND_US UINT64_C(1000000)

enum {
    ENOUGH = 5,
    PLENTY = 20,    /* chance makes a fifth of their rate */
    ENOUGH_S = 4,   /* a crowd that is let in at once says nothing about those behind it */
    JUST_NOW_S = 5, /* a halt shows here long before it shows in the other windows */
};

struct sum {
    uint32_t seated;
    uint32_t gone;
    double took_s;
};

static struct moves_second *this_second(struct moves *moves, uint64_t now_us)
{
    uint64_t now_s = now_us / SECOND_US;
    if (now_s > moves->newest_s) {
        uint64_t stale = now_s - moves->newest_s;
        for (uint64_t i = 0; i < stale && i < MOVES_LONG_S; i++)
            moves->seconds[(now_s - i) % MOVES_LONG_S] = (struct moves_second){0};
        moves->newest_s = now_s;
    }
    return &moves->seconds[moves->newest_s % MOVES_LONG_S];
}

void moves_seated(struct moves *moves, uint64_t now_us)
{
    this_second(moves, now_us)->seated++;
}

void moves_gone(struct moves *moves, uint64_t now_us)
{
    this_second(moves, now_us)->gone++;
}

static uint64_t window_start_s(uint64_t now_s, unsigned window_s)
{
    return now_s >= window_s ? now_s - window_s + 1 : 0;
}

/* The first second of the last five minutes in which somebody was seated; after the newest: none. */
static uint64_t first_seated_s(const struct moves *moves, uint64_t now_us)
{
    uint64_t first_s = window_start_s(now_us / SECOND_US, MOVES_LONG_S);
    while (first_s <= moves->newest_s && moves->seconds[first_s % MOVES_LONG_S].seated == 0)
        first_s++;
    return first_s;
}

/* What happened within the window, whose last second is the present one. Where nobody was seated in the
 * minutes before, doors have just opened: the time counts from the second after the first one. */
static struct sum sum_of(const struct moves *moves, uint64_t first_s, uint64_t now_us,
                         unsigned window_s)
{
    uint64_t begin_s = window_start_s(now_us / SECOND_US, window_s);
    if (first_s >= begin_s)
        begin_s = first_s + 1;
    struct sum sum = {.took_s = (double)now_us / (double)SECOND_US - (double)begin_s};
    for (uint64_t second = begin_s; second <= moves->newest_s; second++) {
        const struct moves_second *moved = &moves->seconds[second % MOVES_LONG_S];
        sum.seated += moved->seated;
        sum.gone += moved->gone;
    }
    return sum;
}

/* The highest rate that so few people leave credible: two standard deviations of a random stream. */
static double credible_rate(const struct sum *sum)
{
    return (sum->seated + 2 * sqrt(sum->seated) + 3) / sum->took_s;
}

struct rates {     /* per second */
    double seated; /* 0: unknown */
    double gone;
};

/* The shortest window with plenty, which follows a change soonest; the longest, if there is none. With few
 * in it a short one would count only when chance made it look fast. */
static struct sum telling_sum(const struct moves *moves, uint64_t first_s, uint64_t now_us)
{
    for (unsigned window_s = MOVES_SHORT_S; window_s < MOVES_LONG_S; window_s *= 2) {
        struct sum sum = sum_of(moves, first_s, now_us, window_s);
        if (sum.seated >= PLENTY && sum.took_s >= ENOUGH_S)
            return sum;
    }
    return sum_of(moves, first_s, now_us, MOVES_LONG_S);
}

static struct rates rates_of(const struct moves *moves, uint64_t now_us)
{
    uint64_t first_s = first_seated_s(moves, now_us);
    struct sum chosen = telling_sum(moves, first_s, now_us);
    if (chosen.seated < ENOUGH || chosen.took_s < ENOUGH_S)
        return (struct rates){0};
    struct sum brief = sum_of(moves, first_s, now_us, MOVES_SHORT_S);
    struct sum just_now = sum_of(moves, first_s, now_us, JUST_NOW_S);
    double credible = fmin(credible_rate(&brief), credible_rate(&just_now));
    return (struct rates){
        .seated = fmin(chosen.seated / chosen.took_s, credible),
        .gone = chosen.gone / chosen.took_s,
    };
}

double moves_rate(const struct moves *moves, uint64_t now_us)
{
    return rates_of(moves, now_us).seated;
}

/* Coarser, the longer it is: nobody plans their evening by the second. */
static double step_of(double wait_s)
{
    return wait_s < 30     ? 5
           : wait_s < 120  ? 10
           : wait_s < 300  ? 30
           : wait_s < 900  ? 60
           : wait_s < 3600 ? 300
                           : 900;
}

bool moves_wait(const struct moves *moves, uint32_t ahead, uint32_t waiting, uint64_t now_us,
                uint32_t *from_s, uint32_t *to_s)
{
    struct rates rates = rates_of(moves, now_us);
    if (rates.seated <= 0)
        return false;
    double wait_s = (ahead + 1.0) / rates.seated;
    /* Of those who go, only those ahead bring one forward, and they are fewer, the nearer one comes. With
     * the share of all who go in a second the same everywhere, this is when nobody is ahead any more. */
    double share = waiting > 0 ? rates.gone / waiting : 0;
    if (share > 0)
        wait_s = log1p(share * wait_s) / share;
    double low_s = 0.7 * wait_s;
    double high_s = 1.4 * wait_s;
    if (high_s > MOVES_WAIT_MAX_S)
        return false;
    double low_step = low_s < 10 ? 1 : step_of(low_s);
    *from_s = (uint32_t)(floor(low_s / low_step) * low_step);
    *to_s = (uint32_t)(ceil(high_s / step_of(high_s)) * step_of(high_s));
    return true;
}
