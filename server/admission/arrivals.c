#include "admission/arrivals.h"

#include "base/random.h"
#include "base/thread.h"

void arrivals_clear(struct arrivals *arrivals)
{
    busiest_destroy(arrivals->networks);
    arrivals->networks = NULL;
}

void arrivals_keep_networks(struct arrivals *arrivals)
{
    uint64_t key;
    random_bytes(&key, sizeof(key));
    if (!arrivals->networks && busiest_create(&arrivals->networks, key) != 0)
        arrivals->networks = NULL;
}

void arrivals_count(struct arrivals *arrivals, enum arrival arrival, uint64_t network)
{
    ASSERT_THREAD(THREAD_CONTROL);
    uint32_t *count = &arrivals->counts.of[arrival];
    *count += *count < UINT32_MAX;
    if (!arrivals->networks || network == 0)
        return;
    busiest_count(arrivals->networks, arrival, network);
    arrivals->networks_changed = true;
}

void arrivals_take(struct arrivals *arrivals, struct arrival_counts *out)
{
    *out = arrivals->counts;
    arrivals->counts = (struct arrival_counts){0};
}
