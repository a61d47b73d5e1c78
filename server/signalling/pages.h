/* pages.h - the pages' files, read once at start: what is not in memory then is never served.
 *
 * Owner    signalling
 * Thread   control
 * Units    bytes
 * Errors   pages_load: ERR_NOMEM; a missing folder gives no pages and a warning
 * Spec     RFC 9110 section 13.1.2 (If-None-Match), CSP level 3
 */
#ifndef SIGNALLING_PAGES_H
#define SIGNALLING_PAGES_H

#include "rostrum/error.h"

struct pages;

/* Allocates; release with pages_destroy(). */
MUST_CHECK int pages_load(struct pages **out, const char *folder);
void pages_destroy(struct pages *pages); /* NULL is fine */

#endif
