/* plain.h - words from the network, fit for a terminal and for JSON.
 *
 * Owner    the caller's buffer
 * Thread   any; pure
 * Units    bytes, with the terminating zero
 * Errors   none
 * Spec     printable ASCII
 */
#ifndef REHEARSE_PLAIN_H
#define REHEARSE_PLAIN_H

#include <stddef.h>

/* Copies, cut to fit; what is not printable ASCII becomes '?'. out_bytes: at least 1. */
void plain_copy(char *out, size_t out_bytes, const char *text);

#endif
