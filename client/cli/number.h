/* number.h - a number as people write it on a command line.
 *
 * Owner    values
 * Thread   any; pure
 * Units    none
 * Errors   false
 * Spec     none
 */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUMBER_DIGITS_MAX = 9 };

/* The first `chars` of `text` are digits, 1..NUMBER_DIGITS_MAX of them; else `out` is left as it was. */
bool number_read(uint32_t *out, const char *text, size_t chars);
/* All of it, and least..most. */
bool number_in(uint32_t *out, const char *text, uint32_t least, uint32_t most);

#endif
