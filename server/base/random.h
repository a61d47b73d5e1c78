/* random.h - unguessable bytes and identifiers from the kernel's generator.
 *
 * Owner    nobody
 * Thread   any
 * Units    bytes, characters
 * Errors   none: the process ends if the kernel has no randomness, for nothing is safe without it
 * Spec     getrandom(2); ice-char of RFC 8839 section 5.4 (A-Z a-z 0-9 + /)
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t bytes);
uint32_t random_u32(void);
/* Writes `chars` random ice-chars (6 bits each) and a terminating zero. out holds chars + 1. */
void random_ice_chars(char *out, size_t chars);
/* The same with the URL-safe alphabet (A-Z a-z 0-9 - _), for tokens and session ids. */
void random_url_chars(char *out, size_t chars);

#endif
