/* hash.h - a number for some bytes, to tell them from others. Nothing that an attacker may not choose
 * rests on it.
 *
 * Owner    none
 * Thread   any
 * Units    bytes
 * Errors   none
 * Spec     FNV-1a, 64 bits
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 14695981039346656037u

/* Goes on from `hash`: HASH_START, or what an earlier call returned. */
uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes);

#endif
