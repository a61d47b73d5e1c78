/* tokens.h - invitation and admin tokens: made once, shown once, kept only as a SHA-256.
 *
 * Owner    values
 * Thread   any
 * Units    characters, bytes
 * Errors   as named
 * Spec     192 random bits in the URL-safe alphabet of RFC 4648 section 5
 */
#ifndef ADMISSION_TOKENS_H
#define ADMISSION_TOKENS_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { TOKEN_CHARS = 32, TOKEN_HASH_BYTES = 32 };

struct token_hash {
    uint8_t bytes[TOKEN_HASH_BYTES];
};

void token_make(char out[TOKEN_CHARS + 1]);
bool token_is_well_formed(const char *token); /* 20..128 URL-safe characters */
struct token_hash token_hash(const char *token);
bool token_hash_equal(const struct token_hash *a, const struct token_hash *b); /* constant time */
/* Reads the admin token from path (0600), or makes it there. ERR_IO, ERR_DAMAGED. */
MUST_CHECK int token_load_or_make(char out[TOKEN_CHARS + 1], const char *path);

#endif
