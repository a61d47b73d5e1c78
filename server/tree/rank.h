/* rank.h - a node's place in an order that everybody computes alike: rendezvous hashing.
 *
 * Owner    none
 * Thread   any; pure
 * Units    none
 * Errors   none
 * Spec     FNV-1a, and the finalizer of MurmurHash3, without which similar ids lie side by side
 */
#ifndef TREE_RANK_H
#define TREE_RANK_H

#include <stdint.h>

/* Evenly spread over 32 bits. `of`: what the order is for. */
uint32_t rank_of(uint64_t of, const char *id);

#endif
