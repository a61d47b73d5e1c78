#include "transport/half_open.h"

#include <assert.h>

/* The map's values are the counts themselves. */
static uintptr_t count_of(const struct half_open *half_open, uint64_t number)
{
    return (uintptr_t)map_get(&half_open->counts, number);
}

static bool set_count(struct half_open *half_open, uint64_t number, uintptr_t count)
{
    if (count == 0) {
        (void)map_remove(&half_open->counts, number);
        return true;
    }
    return map_put(&half_open->counts, number, (void *)count) == 0;
}

void half_open_init(struct half_open *half_open, unsigned per_prefix, unsigned per_network)
{
    *half_open = (struct half_open){.per_prefix = per_prefix, .per_network = per_network};
    map_init(&half_open->counts, 0);
}

void half_open_clear(struct half_open *half_open)
{
    map_clear(&half_open->counts);
}

bool half_open_enter(struct half_open *half_open, const struct address *from)
{
    uint64_t prefix = address_prefix(from), network = address_network(from);
    if (prefix == 0)
        return true;
    uintptr_t of_prefix = count_of(half_open, prefix), of_network = count_of(half_open, network);
    if (of_prefix >= half_open->per_prefix || of_network >= half_open->per_network ||
        !set_count(half_open, prefix, of_prefix + 1))
        return false;
    if (set_count(half_open, network, of_network + 1))
        return true;
    (void)set_count(half_open, prefix, of_prefix);
    return false;
}

static void take_one_off(struct half_open *half_open, uint64_t number)
{
    uintptr_t count = count_of(half_open, number);
    assert(count > 0);
    if (count > 0)
        (void)set_count(half_open, number, count - 1);
}

void half_open_leave(struct half_open *half_open, const struct address *from)
{
    uint64_t prefix = address_prefix(from);
    if (prefix == 0)
        return;
    take_one_off(half_open, prefix);
    take_one_off(half_open, address_network(from));
}
