#include "admission/admission.h"

#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>

struct admission {
    uint32_t node_seats;
    uint32_t taken;
    uint32_t joining; /* of them */
    uint64_t joins;
};

int admission_create(struct admission **out, uint32_t node_seats)
{
    if (node_seats == 0)
        return ERR_INVAL;
    struct admission *admission = calloc(1, sizeof(*admission));
    if (!admission)
        return ERR_NOMEM;
    admission->node_seats = node_seats;
    *out = admission;
    return 0;
}

void admission_destroy(struct admission *admission)
{
    free(admission);
}

enum admission_answer admission_take_seat(struct admission *admission, uint32_t room_cap,
                                          uint32_t room_taken)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (admission->taken >= admission->node_seats)
        return ADMISSION_FULL;
    if (room_cap > 0 && room_taken >= room_cap)
        return ADMISSION_FULL;
    if (admission->joining >= ADMISSION_JOINING_MAX)
        return ADMISSION_BUSY;
    admission->taken++;
    admission->joining++;
    return ADMISSION_SEAT;
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

uint64_t admission_joins(const struct admission *admission)
{
    return admission->joins;
}

void admission_return_seat(struct admission *admission, bool is_joining)
{
    ASSERT_THREAD(THREAD_CONTROL);
    assert(admission->taken > 0);
    admission->taken--;
    if (is_joining)
        leave_joining(admission);
}

uint32_t admission_seats_taken(const struct admission *admission)
{
    return admission->taken;
}
