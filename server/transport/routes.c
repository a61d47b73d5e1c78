#include "transport/routes.h"

#include <stdlib.h>

enum {
    FIRST_CAPACITY = 256,
    FOREIGN_BUCKETS_MIN = 128, /* powers of two */
    FOREIGN_BUCKETS_MAX = 8192,
    FOREIGN_WAYS = 4,
};

/* The table is kept at most three quarters full, so that a search ends soon. */
static size_t usable(size_t capacity)
{
    return capacity - capacity / 4;
}

void routes_clear(struct routes *routes)
{
    free(routes->table);
    free(routes->foreign);
    *routes = (struct routes){0};
}

/* Where the address stands, or the free place where it would. */
static size_t find(const struct routes *routes, const struct address *address)
{
    size_t mask = routes->capacity - 1;
    size_t at = address_hash(address) & mask;
    while (routes->table[at].value && !address_equal(&routes->table[at].address, address))
        at = (at + 1) & mask;
    return at;
}

static int grow(struct routes *routes)
{
    struct routes grown = *routes;
    grown.capacity = routes->capacity > 0 ? routes->capacity * 2 : FIRST_CAPACITY;
    grown.table = calloc(grown.capacity, sizeof(*grown.table));
    if (!grown.table)
        return ERR_NOMEM;
    for (size_t i = 0; i < routes->capacity; i++)
        if (routes->table[i].value)
            grown.table[find(&grown, &routes->table[i].address)] = routes->table[i];
    free(routes->table);
    *routes = grown;
    return 0;
}

int routes_init(struct routes *routes, bool has_others)
{
    *routes = (struct routes){0};
    if (has_others) {
        routes->foreign_buckets = FOREIGN_BUCKETS_MIN;
        routes->foreign = calloc(routes->foreign_buckets * FOREIGN_WAYS, sizeof(*routes->foreign));
        if (!routes->foreign)
            return ERR_NOMEM;
    }
    return grow(routes);
}

int routes_put(struct routes *routes, const struct address *address, void *value)
{
    struct route *route = &routes->table[find(routes, address)];
    if (!route->value) {
        if (routes->count >= usable(routes->capacity)) {
            int err = grow(routes);
            if (err)
                return err;
            route = &routes->table[find(routes, address)];
        }
        routes->count++;
    }
    *route = (struct route){.value = value, .address = *address};
    return 0;
}

void *routes_get(const struct routes *routes, const struct address *address)
{
    return routes->table[find(routes, address)].value;
}

/* Deletion by backward shift: what follows moves up unless it would leave its own place. */
void routes_remove(struct routes *routes, const struct address *address, const void *value)
{
    size_t mask = routes->capacity - 1;
    size_t hole = find(routes, address);
    if (!routes->table[hole].value || routes->table[hole].value != value)
        return;
    for (size_t at = (hole + 1) & mask; routes->table[at].value; at = (at + 1) & mask) {
        size_t home = address_hash(&routes->table[at].address) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            routes->table[hole] = routes->table[at];
            hole = at;
        }
    }
    routes->table[hole].value = NULL;
    routes->count--;
}

static struct foreign_route *bucket_of(const struct routes *routes, const struct address *address)
{
    return routes->foreign + (address_hash(address) & (routes->foreign_buckets - 1)) * FOREIGN_WAYS;
}

/* A bucket's entries come to two of the new ones, so each finds a place. Without memory the table
 * stays as it is: it forgets sooner. */
static void grow_foreign(struct routes *routes)
{
    struct routes grown = *routes;
    grown.foreign_buckets = routes->foreign_buckets * 2;
    grown.foreign = calloc(grown.foreign_buckets * FOREIGN_WAYS, sizeof(*grown.foreign));
    if (!grown.foreign)
        return;
    for (size_t i = 0; i < routes->foreign_buckets * FOREIGN_WAYS; i++) {
        const struct foreign_route *former = &routes->foreign[i];
        if (former->worker_plus_one == 0)
            continue;
        struct foreign_route *place = bucket_of(&grown, &former->address);
        while (place->worker_plus_one != 0)
            place++;
        *place = *former;
    }
    free(routes->foreign);
    *routes = grown;
}

void routes_learn(struct routes *routes, const struct address *address, unsigned worker)
{
    if (!routes->foreign)
        return;
    /* Half full: that a bucket overflows is rare until then. */
    if (routes->foreign_count * 2 > routes->foreign_buckets * FOREIGN_WAYS &&
        routes->foreign_buckets < FOREIGN_BUCKETS_MAX)
        grow_foreign(routes);
    struct foreign_route *bucket = bucket_of(routes, address);
    struct foreign_route *chosen = &bucket[0];
    for (unsigned i = 0; i < FOREIGN_WAYS; i++) {
        if (bucket[i].worker_plus_one != 0 && address_equal(&bucket[i].address, address)) {
            chosen = &bucket[i];
            break;
        }
        if (chosen->worker_plus_one != 0 &&
            (bucket[i].worker_plus_one == 0 || bucket[i].age > chosen->age))
            chosen = &bucket[i];
    }
    for (unsigned i = 0; i < FOREIGN_WAYS; i++)
        if (bucket[i].age < UINT8_MAX)
            bucket[i].age++;
    if (chosen->worker_plus_one == 0)
        routes->foreign_count++;
    *chosen = (struct foreign_route){.address = *address, .worker_plus_one = (uint8_t)(worker + 1)};
}

bool routes_find_worker(const struct routes *routes, const struct address *address,
                        unsigned *worker)
{
    if (!routes->foreign)
        return false;
    const struct foreign_route *bucket = bucket_of(routes, address);
    for (unsigned i = 0; i < FOREIGN_WAYS; i++)
        if (bucket[i].worker_plus_one != 0 && address_equal(&bucket[i].address, address)) {
            *worker = bucket[i].worker_plus_one - 1u;
            return true;
        }
    return false;
}
