/* prefixes.h - how many places each address prefix holds in a line.
 *
 * A table of hashes, six bytes each and filled to four fifths: base/map.h would take 4 MB for the 100,000
 * prefixes that may stand in one line. The hash is keyed, so nobody can choose to share one with others;
 * in a line of 100,000 about one pair of prefixes does by chance, and shares its limit.
 *
 * Owner    the line
 * Thread   control
 * Units    places
 * Errors   prefixes_init: ERR_NOMEM
 * Spec     open addressing, linear probing, deletion by backward shift
 */
#ifndef ADMISSION_PREFIXES_H
#define ADMISSION_PREFIXES_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefixes {
    uint32_t slots;
    uint32_t *hashes; /* owned; 0: free */
    uint16_t *places; /* owned */
    uint64_t key;
};

MUST_CHECK int prefixes_init(struct prefixes *prefixes, uint32_t prefixes_max, uint64_t key);
void prefixes_clear(struct prefixes *prefixes); /* fine on a zeroed one */
/* The number by which the others know a prefix; never 0. */
uint32_t prefixes_hash(const struct prefixes *prefixes, uint64_t prefix);
uint16_t prefixes_count(const struct prefixes *prefixes, uint32_t hash);
void prefixes_add(struct prefixes *prefixes, uint32_t hash);    /* of at most prefixes_max */
void prefixes_remove(struct prefixes *prefixes, uint32_t hash); /* one that was added */
size_t prefixes_bytes(const struct prefixes *prefixes);

#endif
