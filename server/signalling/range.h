/* range.h - one byte range, and the conditions on a representation's entity tag. Pure.
 *
 * Owner    values
 * Thread   any
 * Units    bytes; `last` is included
 * Errors   none: what is not understood is ignored, as the RFC wishes
 * Spec     RFC 9110 sections 8.8.3, 13.1, 14.1.2, 14.2
 */
#ifndef SIGNALLING_RANGE_H
#define SIGNALLING_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum range_answer {
    RANGE_WHOLE,         /* none asked, several asked, or not understood: 200 with everything */
    RANGE_PART,          /* 206 */
    RANGE_UNSATISFIABLE, /* 416 */
};

struct range {
    uint64_t first, last;
};

/* `header` is the value of Range, "" when absent; `bytes` the length of the representation. *out is written
 * for RANGE_PART only. */
enum range_answer range_parse(const char *header, uint64_t bytes, struct range *out);

/* If-None-Match: weak comparison with each member, or "*". "" never matches. */
bool etag_is_listed(const char *list, const char *etag);
/* If-Match: strong comparison. */
bool etag_is_listed_strongly(const char *list, const char *etag);
/* If-Range: true when the range may be served: absent, or exactly our strong tag. A date never matches, for
 * we send none. */
bool etag_allows_range(const char *if_range, const char *etag);

#endif
