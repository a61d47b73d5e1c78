/* slug.h - a room's name in links: what it may look like.
 *
 * Owner    none
 * Thread   any
 * Units    characters
 * Errors   none
 * Spec     lower-case letters and digits, single hyphens between them, at most SLUG_MAX
 */
#ifndef BASE_SLUG_H
#define BASE_SLUG_H

#include <stdbool.h>

enum { SLUG_MAX = 63 };

bool slug_is_valid(const char *slug);

#endif
