#include "admission/admission.h"

#include "base/random.h"
#include "base/thread.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Those at the front of a line ask once a second: whom a second's joins are meant for must find
     * them there, and one that came a little late, too. */
    BURST_S = 2,
    BURST_MIN = 10,
    FILLED_WITHIN_US = 10 * 1000 * 1000,
    NUMBER_RANDOM_BITS = 20, /* the time above them has room until 2109, below 2^62 */
    NUMBER_STEP_MAX = 1024,
};

struct admission {
    struct admission_params params;
    uint32_t seats; /* that are served well, never more than params.seats */
    uint32_t joins_per_s;
    uint64_t joins_left_micro; /* millionths of a join */
    uint64_t filled_us;
    uint32_t taken;
    uint32_t joining; /* of them */
    uint64_t joins;
    _Atomic uint64_t last_number;
};

int admission_create(struct admission **out, const struct admission_params *params)
{
    if (params->seats == 0)
        return ERR_INVAL;
    struct admission *admission = calloc(1, sizeof(*admission));
    if (!admission)
        return ERR_NOMEM;
    admission->params = *params;
    admission->seats = params->seats;
    admission->joins_per_s = ADMISSION_JOINS_UNLIMITED;
    *out = admission;
    return 0;
}

void admission_destroy(struct admission *admission)
{
    if (!admission)
        return;
    explicit_bzero(&admission->params.key, sizeof(admission->params.key));
    free(admission);
}

void admission_set_limits(struct admission *admission, uint32_t seats, uint32_t joins_per_s)
{
    ASSERT_THREAD(THREAD_CONTROL);
    admission->seats = seats < admission->params.seats ? seats : admission->params.seats;
    admission->joins_per_s =
        joins_per_s < ADMISSION_JOINS_UNLIMITED ? joins_per_s : ADMISSION_JOINS_UNLIMITED;
}

uint32_t admission_seats(const struct admission *admission)
{
    return admission->seats;
}

uint32_t admission_joins_per_s(const struct admission *admission)
{
    return admission->joins_per_s;
}

uint32_t admission_seats_taken(const struct admission *admission)
{
    return admission->taken;
}

uint32_t admission_joining(const struct admission *admission)
{
    return admission->joining;
}

uint64_t admission_joins(const struct admission *admission)
{
    return admission->joins;
}

uint32_t admission_free(const struct admission *admission)
{
    return admission->taken < admission->seats ? admission->seats - admission->taken : 0;
}

static uint64_t burst_micro(const struct admission *admission)
{
    uint64_t burst = (uint64_t)admission->joins_per_s * BURST_S;
    if (admission->joins_per_s > 0 && burst < BURST_MIN)
        burst = BURST_MIN;
    return burst * 1000000;
}

uint32_t admission_may_join(struct admission *admission, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (admission->joins_per_s == 0 || admission->joining >= ADMISSION_JOINING_MAX)
        return 0;
    uint64_t most = burst_micro(admission);
    if (now_us >= admission->filled_us + FILLED_WITHIN_US)
        admission->joins_left_micro = most;
    else if (now_us > admission->filled_us)
        admission->joins_left_micro += (now_us - admission->filled_us) * admission->joins_per_s;
    if (now_us > admission->filled_us)
        admission->filled_us = now_us;
    if (admission->joins_left_micro > most)
        admission->joins_left_micro = most;
    uint32_t left = (uint32_t)(admission->joins_left_micro / 1000000);
    uint32_t room = ADMISSION_JOINING_MAX - admission->joining;
    return left < room ? left : room;
}

void admission_hold(struct admission *admission)
{
    ASSERT_THREAD(THREAD_CONTROL);
    assert(admission->taken < admission->seats);
    admission->taken++;
    admission->joins_left_micro -=
        admission->joins_left_micro < 1000000 ? admission->joins_left_micro : 1000000;
}

void admission_begin_join(struct admission *admission)
{
    ASSERT_THREAD(THREAD_CONTROL);
    admission->joining++;
}

static void leave_joining(struct admission *admission)
{
    assert(admission->joining > 0);
    admission->joining--;
}

void admission_joined(struct admission *admission)
{
    ASSERT_THREAD(THREAD_CONTROL);
    leave_joining(admission);
    admission->joins++;
}

void admission_return_seat(struct admission *admission, bool is_joining)
{
    ASSERT_THREAD(THREAD_CONTROL);
    assert(admission->taken > 0);
    admission->taken--;
    if (is_joining)
        leave_joining(admission);
}

uint64_t admission_new_number(struct admission *admission, int64_t wall_ms)
{
    uint32_t random = random_u32();
    uint64_t now = (uint64_t)wall_ms << NUMBER_RANDOM_BITS | random >> (32 - NUMBER_RANDOM_BITS);
    uint64_t last = atomic_load(&admission->last_number);
    uint64_t next, number;
    do {
        next = last + 1 + random % NUMBER_STEP_MAX;
        number = now > next ? now : next;
    } while (!atomic_compare_exchange_weak(&admission->last_number, &last, number));
    return number;
}

int admission_write_asked(struct admission *admission, int64_t wall_ms, char out[TICKET_CHARS + 1])
{
    uint32_t now_s = (uint32_t)(wall_ms / 1000);
    struct ticket ticket = {.kind = TICKET_ASKED,
                            .number = admission_new_number(admission, wall_ms),
                            .issued_s = now_s,
                            .expires_s = now_s + ADMISSION_ASKED_S};
    return ticket_write(&admission->params.key, &ticket, out);
}

const struct ticket_key *admission_key(const struct admission *admission)
{
    return &admission->params.key;
}
